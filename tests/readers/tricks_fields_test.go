package readers

func mediaTricks() []trick {
	var all []trick
	add := func(name, headers, body string) {
		for _, path := range []string{"/v1/json", "/v1/form"} {
			all = append(all, trick{"media", name + ", at " + path, request("POST", path, headers, body)})
		}
	}
	// polyglot is JSON with one person and a form with another.
	polyglot := `{"name":"` + nameA + `","user":{"idCard":"` + idA + `"},"x":"&name=` + escapedB + `&user.idCard=` + idB + `&"}`
	for name, line := range map[string]string{
		"JSON":                                "Content-Type: application/json",
		"JSON in capitals":                    "Content-Type: APPLICATION/JSON",
		"JSON in UTF-8":                       `Content-Type: application/json; charset="UTF-8"`,
		"JSON in UTF-16":                      "Content-Type: application/json; charset=utf-16",
		"JSON in GBK":                         "Content-Type: application/json; charset=gbk",
		"JSON in two charsets":                "Content-Type: application/json; charset=utf-8; charset=utf-16",
		"JSON with a parameter":               "Content-Type: application/json; profile=x",
		"JSON with a semicolon last":          "Content-Type: application/json;",
		"JSON with a parameter without value": "Content-Type: application/json; x",
		"JSON, a comma, a form":               "Content-Type: application/json, application/x-www-form-urlencoded",
		"JSON, a semicolon, a form":           "Content-Type: application/json; application/x-www-form-urlencoded",
		"JSON, a space, a form":               "Content-Type: application/json application/x-www-form-urlencoded",
		"a form, a comma, JSON":               "Content-Type: application/x-www-form-urlencoded, application/json",
		"a form, a semicolon, JSON":           "Content-Type: application/x-www-form-urlencoded; application/json",
		"a form whose type ends in +json":     "Content-Type: application/x-www-form-urlencoded+json",
		"a part of JSON's name":               "Content-Type: application/jsonp",
		"+json":                               "Content-Type: application/vnd.x+json",
		"+json alone":                         "Content-Type: +json",
		"a slash and +json":                   "Content-Type: /x+json",
		"text":                                "Content-Type: text/plain",
		"text/json":                           "Content-Type: text/json",
		"nothing":                             "X-Nothing: 1",
		"an empty type":                       "Content-Type:",
		"a form":                              "Content-Type: application/x-www-form-urlencoded",
		"a form in UTF-16":                    "Content-Type: application/x-www-form-urlencoded; charset=utf-16",
		"a multipart form":                    "Content-Type: multipart/form-data; boundary=x",
		"a multipart form that ends in +json": "Content-Type: multipart/form-data; boundary=x+json",
		"two types":                           "Content-Type: application/json\r\nContent-Type: application/x-www-form-urlencoded",
		"two types the other way round":       "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: application/json",
		"the same type twice":                 "Content-Type: application/json\r\nContent-Type: application/json",
		"an alias of the type":                "Content-Type: application/json\r\nContent_Type: application/x-www-form-urlencoded",
		"a charset quoted in part":            `Content-Type: application/json; charset="utf-8`,
		"a charset in single quotes":          "Content-Type: application/json; charset='utf-8'",
		"a quoted parameter with a charset":   `Content-Type: application/json; x="; charset=utf-16"`,
		"a charset behind a quoted semicolon": `Content-Type: application/json; x=";"; charset=utf-16`,
		"a charset with a star":               "Content-Type: application/json; charset*=utf-16",
		"gzip that is none":                   "Content-Type: application/json\r\nContent-Encoding: gzip",
		"identity":                            "Content-Type: application/json\r\nContent-Encoding: identity",
		"a type named in Connection":          "Content-Type: application/json\r\nConnection: content-type",
		"an empty coding":                     "Content-Type: application/json\r\nContent-Encoding:",
		"a folded line in the type":           "Content-Type: application/json;\r\n charset=utf-16",
	} {
		add(name, line, polyglot)
	}
	for name, line := range map[string]string{
		"two lengths":          "Content-Length: 2\r\n" + jsonType,
		"a coding in disguise": "Transfer-Encoding: xchunked\r\n" + jsonType,
		"two codings":          "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" + jsonType,
	} {
		add(name, line, polyglot)
	}
	return all
}

// fields are the tricks that a form and a query have in common.
func fields() [][2]string {
	const a, b = "user.idCard=" + idA, "user.idCard=" + idB
	name := "name=" + escapedA
	return [][2]string{
		{"as it is", wholeForm},
		{"the name in raw bytes", "name=" + nameA + "&" + a},
		{"the field twice", name + "&" + a + "&" + b},
		{"the field twice, the same", name + "&" + a + "&" + a},
		{"the field twice, once escaped", name + "&" + a + "&user%2eidCard=" + idB},
		{"the field escaped alone", "n%61me=" + escapedA + "&user%2EidCard=" + idA},
		{"another case beside it", name + "&" + a + "&USER.IDCARD=" + idB},
		{"another case alone", name + "&User.IdCard=" + idA},
		{"brackets beside it", name + "&" + a + "&user[idCard]=" + idB},
		{"brackets before it", name + "&user[idCard]=" + idB + "&" + a},
		{"brackets alone", name + "&user[idCard]=" + idA},
		{"escaped brackets beside it", name + "&" + a + "&user%5BidCard%5D=" + idB},
		{"an underscore beside it", name + "&" + a + "&user_idCard=" + idB},
		{"a space beside it", name + "&" + a + "&user+idCard=" + idB},
		{"a list beside it", name + "&" + a + "&name[]=" + escapedB},
		{"a list before it", "name[]=" + escapedB + "&" + wholeForm},
		{"an element beside it", name + "&" + a + "&name[0]=" + escapedB},
		{"an element before it", "name[0]=" + escapedB + "&" + wholeForm},
		{"an element of a key", name + "&" + a + "&name[x]=" + escapedB},
		{"an element of __proto__", name + "&" + a + "&__proto__[name]=" + escapedB},
		{"an element of an element", name + "&" + a + "&user[idCard][0]=" + idB},
		{"a bracket left open", name + "&" + a + "&user[idCard=" + idB},
		{"a space before the key", "+name=" + escapedB + "&" + wholeForm},
		{"a space after the key", "name+=" + escapedB + "&" + wholeForm},
		{"a question mark before the key", "?name=" + escapedB + "&" + wholeForm},
		{"an escaped question mark before the key", "%3Fname=" + escapedB + "&" + wholeForm},
		{"two question marks before the key", "??name=" + escapedB + "&" + wholeForm},
		{"a byte order mark before the key", "%EF%BB%BFname=" + escapedB + "&" + wholeForm},
		{"a raw byte order mark before the key", "\xef\xbb\xbfname=" + escapedB + "&" + wholeForm},
		{"a no-break space before the key", "%C2%A0name=" + escapedB + "&" + wholeForm},
		{"a line feed before the key", "%0Aname=" + escapedB + "&" + wholeForm},
		{"a NUL after the key", "name%00=" + escapedB + "&" + wholeForm},
		{"a NUL in the value", name + "%00&" + a},
		{"an ampersand escaped in the value", name + "&" + a + "&x=1%26name=" + escapedB},
		{"an ampersand as an entity", name + "&" + a + "&amp;name=" + escapedB},
		{"an equals sign in the value", "name==" + escapedA + "&" + a},
		{"an equals sign escaped in the key", "name%3D=" + escapedB + "&" + wholeForm},
		{"a semicolon between", name + "&" + a + ";name=" + escapedB},
		{"a semicolon before", "x=1;name=" + escapedB + "&" + wholeForm},
		{"an escaped semicolon", name + "&" + a + "&x=1%3Bname=" + escapedB},
		{"a comma between", name + "&" + a + ",name=" + escapedB},
		{"no value", "name&" + wholeForm},
		{"an empty value before it", "name=&" + wholeForm},
		{"an empty value after it", wholeForm + "&name="},
		{"an empty value alone", "name=&" + a},
		{"empty pairs", "&&" + wholeForm + "&&"},
		{"a pair without a key", "=" + escapedB + "&" + wholeForm},
		{"an escape cut off in the key", "name%=" + escapedB + "&" + wholeForm},
		{"an escape cut off in the value", name + "%&" + a},
		{"an escape of letters in the value", name + "%zz&" + a},
		{"an escape of letters in another value", wholeForm + "&x=%zz"},
		{"an escape of letters in another key", wholeForm + "&%zz=1"},
		{"an escape of u", "name=%u674e%u96f7&" + a},
		{"an escape of u in the key", "n%u0061me=" + escapedB + "&" + wholeForm},
		{"escaped twice", "name=%25E6%259D%258E%25E9%259B%25B7&" + a},
		{"the key escaped twice", "n%2561me=" + escapedB + "&" + wholeForm},
		{"bytes that are no UTF-8", name + "%FF&" + a},
		{"bytes that are no UTF-8 in another value", wholeForm + "&x=%FF"},
		{"bytes that are no UTF-8 in the key", "name%FF=" + escapedB + "&" + wholeForm},
		{"an overlong letter in the key", "n%C1%A1me=" + escapedB + "&" + wholeForm},
		{"the name in GBK", "name=%C0%EE%C0%D7&" + a},
		{"a charset of the form's own", "_charset_=gbk&" + wholeForm},
		{"a plus in the value", "name=+" + escapedA + "+&" + a},
		{"a long s in the key", name + "&" + a + "&u%C5%BFer.idCard=" + idB},
		{"full-width letters in the key", name + "&" + a + "&%EF%BD%8Eame=" + escapedB},
		{"a hash", wholeForm + "#&name=" + escapedB},
		{"JSON in the value", `name={"x":1}&` + a},
	}
}

func formTricks() []trick {
	var all []trick
	add := func(name, method, target, body string) {
		all = append(all, trick{"form", name, request(method, target, formType, body)})
	}
	for _, f := range fields() {
		add(f[0], "POST", "/v1/form", f[1])
	}
	add("the field in the query too", "POST", "/v1/form?name="+escapedB, wholeForm)
	add("the field in the query too, the same", "POST", "/v1/form?"+wholeForm, wholeForm)
	add("an alias in the query", "POST", "/v1/form?NAME="+escapedB, wholeForm)
	add("brackets in the query", "POST", "/v1/form?user[idCard]="+idB, wholeForm)
	add("a second question mark in the query", "POST", "/v1/form??name="+escapedB, wholeForm)
	add("the query alone", "POST", "/v1/form?"+wholeForm, "x=1")
	add("another field in the query", "POST", "/v1/form?x=1", wholeForm)
	add("a line end after it", "POST", "/v1/form", wholeForm+"\r\n")
	add("a line end between", "POST", "/v1/form", "name="+escapedA+"\r\nuser.idCard="+idA)
	add("PUT", "PUT", "/v1/form", wholeForm)
	add("DELETE", "DELETE", "/v1/form", wholeForm)
	add("GET with a body", "GET", "/v1/form", wholeForm)
	add("GET with a body and another in the query", "GET", "/v1/form?"+"name="+escapedB+"&user.idCard="+idB, wholeForm)
	return all
}

func queryTricks() []trick {
	var all []trick
	add := func(name, target, headers, body string) {
		all = append(all, trick{"query", name, request("POST", target, headers, body)})
	}
	for _, f := range fields() {
		add(f[0], "/v1/query?"+f[1], "", "")
	}
	add("a form with the same field", "/v1/query?"+wholeForm, formType, "name="+escapedB)
	add("a form with another field", "/v1/query?"+wholeForm, formType, "x=1")
	add("two question marks", "/v1/query??"+wholeForm, "", "")
	add("an escaped question mark and a real one", "/v1/query%3F"+wholeForm+"?"+wholeForm, "", "")
	add("a raw space", "/v1/query?name="+escapedA+" &user.idCard="+idA, "", "")
	add("a raw tab", "/v1/query?name="+escapedA+"\t&user.idCard="+idA, "", "")
	add("a tab within the key", "/v1/query?na\tme="+escapedB+"&"+wholeForm, "", "")
	add("a raw quote", `/v1/query?x="&`+wholeForm, "", "")
	add("a backslash", `/v1/query?x=\&`+wholeForm, "", "")
	return all
}

func headerTricks() []trick {
	var all []trick
	add := func(name, headers string) {
		all = append(all, trick{"header", name, request("GET", "/v1/header", headers, "")})
	}
	const id = "\r\nX-Id-Card: " + idA
	add("as it is", honest)
	add("names in capitals", "X-NAME: "+nameA+"\r\nX-ID-CARD: "+idA)
	add("twice", honest+"\r\nX-Name: "+nameB)
	add("twice, the other first", "X-Name: "+nameB+"\r\n"+honest)
	add("twice, the same", honest+"\r\nX-Name: "+nameA)
	add("twice in two cases", honest+"\r\nx-NAME: "+nameB)
	add("twice, the second empty", honest+"\r\nX-Name:")
	add("twice, the first empty", "X-Name:\r\n"+honest)
	add("an underscore beside it", honest+"\r\nX_Name: "+nameB)
	add("an underscore before it", "X_Name: "+nameB+"\r\n"+honest)
	add("an underscore alone", "X_Name: "+nameA+id)
	add("a dot beside it", honest+"\r\nX.Name: "+nameB)
	add("a space around the value", "X-Name:   "+nameA+"  \r\nX-Id-Card:\t"+idA+"\t")
	add("no space", "X-Name:"+nameA+id)
	add("a space before the colon", "X-Name : "+nameB+"\r\n"+honest)
	add("a tab before the colon", "X-Name\t: "+nameB+"\r\n"+honest)
	add("a space before the name", honest+"\r\n X-Name: "+nameB)
	add("a folded line", "X-Name: "+nameA+"\r\n "+nameB+id)
	add("a folded line that is the value", "X-Name:\r\n "+nameA+id)
	add("a folded line of space", "X-Name: "+nameA+"\r\n \t"+id)
	add("a list in one line", "X-Name: "+nameA+", "+nameB+id)
	add("quotes", `X-Name: "`+nameA+`"`+id)
	add("percent encoding", "X-Name: "+escapedA+id)
	add("an encoded word", "X-Name: =?utf-8?B?5p2O6Zu3?="+id)
	add("a character set of its own", "X-Name: UTF-8''"+escapedA+id)
	add("the name in GBK", "X-Name: \xc0\xee\xc0\xd7"+id)
	add("bytes that are no UTF-8", "X-Name: "+nameA+"\xff"+id)
	add("Latin letters of two bytes", "X-Name: Nguy\u1ec5n V\u0103n\r\nX-Id-Card: 911840199001010018")
	add("Latin letters of one byte", "X-Name: \xd6z \xd6z\r\nX-Id-Card: 911840199001010018")
	add("a next-line character", "X-Name: "+nameA+"\u0085"+id)
	add("a no-break space", "X-Name: \u00a0"+nameA+id)
	add("a NUL", "X-Name: "+nameA+"\x00"+id)
	add("a tab within", "X-Name: 李\t雷"+id)
	add("a bell", "X-Name: "+nameA+"\a"+id)
	add("a bare line feed", "X-Name: "+nameA+"\nX-Name: "+nameB+id)
	add("a bare carriage return", "X-Name: "+nameA+"\rX-Name: "+nameB+id)
	add("a line feed for a line end", "X-Name: "+nameA+"\nX-Id-Card: "+idA)
	add("a name beyond ASCII", honest+"\r\nX-N\u00e4me: "+nameB)
	add("a Kelvin sign in a name", honest+"\r\n\u212a-Name: "+nameB)
	add("a line without a colon", honest+"\r\nX-Name")
	add("an empty name", honest+"\r\n: "+nameB)
	add("named in Connection", honest+"\r\nConnection: x-name")
	add("named in Connection among others", honest+"\r\nConnection: keep-alive , X-ID-Card")
	add("another named in Connection", honest+"\r\nConnection: x-other")
	return all
}

func conditionTricks() []trick {
	var all []trick
	add := func(name, body string) {
		all = append(all, trick{"condition", name, request("POST", "/v1/pay", jsonType+"\r\n"+honest, body)})
	}
	for _, n := range []string{
		"500", "501", "500.01", "499.99", "5e2", "5.01e2", "50100e-2", "0.501E+3", "-501", "1e400", "-1e400", "500.00000000000000001", "500.0000000000000000000", "9007199254740993", "1e-400",
		`"501"`, `"5e3"`, `"0x1f5"`, `"500"`, "true", "null", "[501]", "[]", "{}", `{"valueOf":501}`, "501.", "0501", "+501", "NaN", "Infinity",
	} {
		add("an amount of "+n, `{"amount":`+n+`}`)
	}
	add("no amount", `{}`)
	add("the amount twice", `{"amount":1,"amount":501}`)
	add("the amount in another case", `{"amount":1,"Amount":501}`)
	add("the amount in another case alone", `{"AMOUNT":501}`)
	add("a list", `[{"amount":501}]`)
	add("no JSON", `amount=501`)
	add("something after it", `{"amount":1}{"amount":501}`)
	all = append(all,
		trick{"condition", "another type", request("POST", "/v1/pay", "Content-Type: text/plain\r\n"+honest, `{"amount":501}`)},
		trick{"condition", "no type", request("POST", "/v1/pay", honest, `{"amount":501}`)},
		trick{"condition", "no body", request("POST", "/v1/pay", jsonType+"\r\n"+honest, "")})
	return all
}
