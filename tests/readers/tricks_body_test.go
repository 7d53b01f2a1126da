package readers

import (
	"sort"
	"strings"
)

func jsonTricks() []trick {
	var all []trick
	add := func(name, body string) {
		all = append(all, trick{"json", name, request("POST", "/v1/json", jsonType, body)})
	}
	user := func(inside string) string { return `{"name":"` + nameA + `","user":{` + inside + `}}` }
	top := func(inside string) string {
		return `{"name":"` + nameA + `",` + inside + `,"user":{"idCard":"` + idA + `"}}`
	}
	a, b := `"idCard":"`+idA+`"`, `"idCard":"`+idB+`"`
	add("as it is", wholeJSON)
	add("white space everywhere", " \t\r\n{ \"name\" :\n\""+nameA+"\" , \"user\":\t{ "+a+" } } \r\n")
	add("the key twice", user(a+","+b))
	add("the key twice, the other first", user(b+","+a))
	add("the key three times", user(a+","+b+","+a))
	add("the key twice, the second null", user(a+`,"idCard":null`))
	add("the key twice, once escaped", user(a+`,"id\u0043ard":"`+idB+`"`))
	add("the key escaped alone", user(`"\u0069dCard":"`+idA+`"`))
	add("the key escaped with hex in capitals", user(`"id\u0043ar\u0064":"`+idA+`"`))
	add("the parent twice", `{"name":"`+nameA+`","user":{`+a+`},"user":{`+b+`}}`)
	add("the parent twice, the second without the claim", `{"name":"`+nameA+`","user":{`+a+`},"user":{}}`)
	add("the parent twice, merged by some", `{"name":"`+nameA+`","user":{"x":1},"user":{`+a+`}}`)
	add("the parent in another case", `{"name":"`+nameA+`","user":{`+a+`},"User":{`+b+`}}`)
	add("the name twice at the top", top(`"name":"`+nameB+`"`))
	add("another case beside it", user(a+`,"IDCARD":"`+idB+`"`))
	add("another case before it", user(`"idcard":"`+idB+`",`+a))
	add("another case alone", user(`"IdCard":"`+idA+`"`))
	add("a long s in the parent's key", `{"name":"`+nameA+`","user":{`+a+`},"uſer":{`+b+`}}`)
	add("a long s in the parent's key, escaped", `{"name":"`+nameA+`","user":{`+a+`},"u\u017fer":{`+b+`}}`)
	add("a long s in the parent's key, alone", `{"name":"`+nameA+`","uſer":{`+a+`}}`)
	add("a dotless i in the key", user(a+`,"ıdCard":"`+idB+`"`))
	add("a dotted capital i in the key", user(a+`,"İdCard":"`+idB+`"`))
	add("a combining mark after the key", user(a+`,"idCard\u0301":"`+idB+`"`))
	add("a zero-width space in the key", user(a+`,"id\u200bCard":"`+idB+`"`))
	add("a byte order mark in the key", user(a+`,"\ufeffidCard":"`+idB+`"`))
	add("full-width letters in the key", user(a+`,"ｉｄＣａｒｄ":"`+idB+`"`))
	add("a space after the key", user(a+`,"idCard ":"`+idB+`"`))
	add("a NUL after the key", user(a+`,"idCard\u0000":"`+idB+`"`))
	add("an empty key", user(a+`,"":"`+idB+`"`))
	add("an unrelated key twice beside the claim", user(a+`,"x":1,"x":2`))
	add("an unrelated key twice off the path", top(`"other":{"x":1,"x":2}`))
	add("the path as one key", `{"name":"`+nameA+`","user":{`+a+`},"user.idCard":"`+idB+`"}`)
	add("the path as one key, alone", `{"name":"`+nameA+`","user.idCard":"`+idA+`"}`)
	add("__proto__ beside it", user(a+`,"__proto__":{`+b+`}`))
	add("__proto__ instead of it", user(`"__proto__":{`+a+`}`))
	add("__proto__ at the top", top(`"__proto__":{"name":"`+nameB+`"}`))
	add("constructor at the top", top(`"constructor":{"prototype":{"name":"`+nameB+`"}}`))
	add("a toJSON", top(`"toJSON":"x"`))
	add("the claim a number", user(`"idCard":`+idA))
	add("the claim a number in scientific notation", user(`"idCard":1.10101199003070003e17`))
	add("the claim a list", user(`"idCard":["`+idA+`"]`))
	add("the claim an object", user(`"idCard":{"":"`+idA+`"}`))
	add("the claim null", user(`"idCard":null`))
	add("the claim true", user(`"idCard":true`))
	add("the claim empty", user(`"idCard":""`))
	add("the parent a list", `{"name":"`+nameA+`","user":[{`+a+`}]}`)
	add("the parent a text of JSON", `{"name":"`+nameA+`","user":"{\"idCard\":\"`+idA+`\"}"}`)
	add("the parent null", `{"name":"`+nameA+`","user":null}`)
	add("a list around it", `[`+wholeJSON+`]`)
	add("a text around it", `"{\"name\":\"`+nameA+`\"}"`)
	add("space around the value", user(`"idCard":" `+idA+` "`))
	add("a line feed after the value", user(`"idCard":"`+idA+`\n"`))
	add("a NUL after the value", user(`"idCard":"`+idA+`\u0000"`))
	add("a NUL and another after the value", user(`"idCard":"`+idA+`\u0000`+idB+`"`))
	add("a backspace in the value", user(`"idCard":"1`+"\\b"+idA+`"`))
	add("the value escaped", user(`"idCard":"\u0031\u0031`+idA[2:]+`"`))
	add("full-width digits in the value", user(`"idCard":"１１`+idA[2:]+`"`))
	add("an escaped solidus in the value", user(`"idCard":"`+idA+`\/"`))
	add("a pair of surrogates in the name", `{"name":"\ud842\udfb7野","user":{`+a+`}}`)
	add("a pair of surrogates in lower and capital", `{"name":"\uD842\uDFB7野","user":{`+a+`}}`)
	add("a lone high surrogate in the name", `{"name":"`+nameA+`\ud842","user":{`+a+`}}`)
	add("a lone low surrogate in the name", `{"name":"`+nameA+`\udfb7","user":{`+a+`}}`)
	add("surrogates the wrong way round", `{"name":"`+nameA+`\udfb7\ud842","user":{`+a+`}}`)
	add("a lone surrogate in another value", top(`"x":"\ud800"`))
	add("a lone surrogate in a key beside the same one replaced", user(a+`,"idCard\ud800":"`+idB+`"`))
	add("a surrogate written in UTF-8", `{"name":"`+nameA+"\xed\xa0\x80"+`","user":{`+a+`}}`)
	add("an overlong letter in the key", user(a+`,"i`+"\xc1\xa4"+`Card":"`+idB+`"`))
	add("bytes that are no UTF-8 in the name", `{"name":"`+nameA+"\xff"+`","user":{`+a+`}}`)
	add("bytes that are no UTF-8 in a key", top("\"x\xff\":1"))
	add("the name in GBK", "{\"name\":\"\xc0\xee\xc0\xd7\",\"user\":{"+a+"}}")
	add("UTF-16 with a byte order mark", "\xff\xfe"+widen(wholeJSON))
	add("UTF-16 without a byte order mark", widen(`{"name":"LI LEI","user":{`+a+`}}`))
	add("a byte order mark first", "\xef\xbb\xbf"+wholeJSON)
	add("a NUL last", wholeJSON+"\x00")
	add("a form feed first", "\f"+wholeJSON)
	add("a no-break space first", "\u00a0"+wholeJSON)
	add("a prefix against hijacking", ")]}',\n"+wholeJSON)
	add("another document after it", wholeJSON+"\n"+strings.NewReplacer(nameA, nameB, idA, idB).Replace(wholeJSON))
	add("a record separator first", "\x1e"+wholeJSON)
	add("a form after it", wholeJSON+"&"+wholeForm)
	add("a form within it", top(`"x":"&name=`+escapedB+`&user.idCard=`+idB+`&"`))
	add("63 lists beside it", top(`"x":`+strings.Repeat("[", 63)+strings.Repeat("]", 63)))
	add("64 lists beside it", top(`"x":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)))
	add("20,000 lists beside it", top(`"x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)))
	many := strings.Builder{}
	for i := range 300 {
		many.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
	}
	add("300 keys and the claim twice, far apart", user(b+","+many.String()+a))
	add("300 keys and the claim in another case, far apart", user(`"idcard":"`+idB+`",`+many.String()+a))
	add("300 keys and the claim once", user(many.String()+a))
	return all
}

// widen is ASCII as UTF-16, little end first; other bytes are widened as they are.
func widen(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
}

// pieces are the turns of JSON's grammar, right and wrong, on which parsers are known to part.
var pieces = []string{
	`0`, `-0`, `01`, `-01`, `+1`, `1.`, `.5`, `-.5`, `-`, `1e5`, `1E+5`, `1e`, `1e+`, `1.e1`, `0e1`, `0x10`, `1_000`, `1e400`, `-1e400`, `1e-400`, `123456789012345678901234567890`,
	`NaN`, `Infinity`, `-Infinity`, `nan`, `undefined`, `True`, `NULL`, `nul`, `truee`, `None`, `１`,
	`""`, `"\x41"`, `"\u12"`, `"\u12g4"`, `"\U00000041"`, `"\'"`, `"\0"`, `"\a"`, `'x'`, "`x`", `"x`, `x"`, "\"\t\"", "\"\n\"", "\"\x00\"", "\"\x7f\"", "\"\u2028\"", `"\u0000"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\uD83D\u0041"`, "\"\xff\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", `"a" "b"`, `"a"+"b"`,
	`[]`, `[,]`, `[1,]`, `[,1]`, `[1,,2]`, `[1 2]`, `[`, `]`, `[1`, `[1}`, `{}`, `{,}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{:1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":1,,"b":2}`, `{"a"=1}`, `{"a";1}`, `{"a":1`, `}`, `{]`,
	`1//x`, `1/*x*/`, `/**/1`, `1#x`, `<!--x-->1`, "1\f", "1\v", "1\u00a0", "\ufeff1", `1;`, `1,`, `,1`, `:1`, ``, `\u0031`, `@x`, `function(){}`, `new Date()`,
}

// grammarTricks puts each piece beside a claim, before, after, and in place of one.
func grammarTricks() []trick {
	var all []trick
	seats := map[string]string{
		"beside":      `{"name":"` + nameA + `","x":` + "\x01" + `,"user":{"idCard":"` + idA + `"}}`,
		"behind":      `{"name":"` + nameA + `","user":{"idCard":"` + idA + `","x":` + "\x01" + `}}`,
		"after":       wholeJSON + "\x01",
		"in place of": `{"name":"` + nameA + `","user":{"idCard":` + "\x01" + `}}`,
		"joined to":   `{"name":"` + nameA + `","user":{"idCard":"` + idA + `"` + "\x01" + `}}`,
	}
	names := make([]string, 0, len(seats))
	for name := range seats {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, p := range pieces {
			body := strings.Replace(seats[name], "\x01", p, 1)
			all = append(all, trick{"grammar", printable(p) + " " + name + " a claim", request("POST", "/v1/json", jsonType, body)})
		}
	}
	return all
}

// printable is a piece as it can stand in a table, unlike any other.
func printable(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c > ' ' && c < 0x7f && c != '|' && c != '`' {
			b.WriteByte(c)
			continue
		}
		b.WriteString("<" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) + ">")
	}
	return b.String()
}
