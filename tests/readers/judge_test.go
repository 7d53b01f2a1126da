package readers

import (
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/idvgate/idvgate/providers/identity"
)

// judge says what is wrong: the engine let pass what the upstream reads otherwise. "" is: nothing.
func judge(a Answer, v Reading) string {
	if a.Refused != "" || v.Refused {
		return ""
	}
	routed := route(v)
	if routed == "pay" && a.Rule == "" && !above500(v.JSON["amount"]) {
		return "" // the condition is false for both
	}
	switch {
	case routed != a.Rule:
		return "the rule " + quote(a.Rule) + " matched, the upstream serves that of " + quote(routed)
	case a.Rule == "":
		return ""
	}
	var name, id, fault string
	switch a.Rule {
	case "json":
		if v.Media == "form" {
			return "the upstream takes the body for a form"
		}
		name, fault = text(v.JSON["name"], fault)
		id, fault = text(v.JSON["idNumber"], fault)
	case "form":
		if v.Media == "json" {
			return "the upstream takes the body for JSON"
		}
		both := append(slices.Clone(v.Query), v.Form...)
		name, fault = one(both, "name", sameField, fault)
		id, fault = one(both, "user.idCard", sameField, fault)
	case "query":
		for _, q := range [][][2]string{v.Query, v.RawQuery} {
			name, fault = one(q, "name", sameField, fault)
			id, fault = one(q, "user.idCard", sameField, fault)
		}
	default:
		name, fault = one(v.Headers, "x-name", sameHeader, fault)
		id, fault = one(v.Headers, "x-id-card", sameHeader, fault)
		id = strings.Trim(id, " \t") // no part of a header's value (RFC 9110, 5.5), though http.server shows it
	}
	if fault != "" {
		return fault
	}
	n, err := identity.ParseName(name)
	if err != nil || n.String() != a.Name {
		return "another name was verified than the upstream reads"
	}
	i, err := identity.ParseIDNumber(id, today)
	if err != nil || i.String() != a.IDNumber {
		return "another ID number was verified than the upstream reads"
	}
	return ""
}

// route is the rule whose handler an upstream asks. It routes as net/http does: the path decoded, in this case, a
// trailing slash apart.
func route(v Reading) string {
	host := strings.ToLower(strings.Trim(v.Host, " \t"))
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	if strings.TrimSuffix(host, ".") != "play.example.cn" || v.Path == nil {
		return ""
	}
	s := strings.Split(strings.Trim(*v.Path, "/"), "/")
	switch {
	case s[0] == "v2":
		return "rest"
	case s[0] == "v1" && len(s) == 2 && slices.Contains([]string{"json", "form", "query", "header", "pay"}, s[1]):
		return s[1]
	case s[0] == "v1" && len(s) == 4 && s[1] == "players" && s[3] == "name":
		return "star"
	}
	return ""
}

// above500 reports whether an upstream would take the amount for one above 500.
func above500(amount string) bool {
	number, ok := strings.CutPrefix(amount, "n:")
	if !ok {
		if number, ok = strings.CutPrefix(amount, "s:"); !ok {
			return amount != "" && amount != "boolean"
		}
	}
	r, ok := new(big.Rat).SetString(strings.TrimSpace(number))
	return !ok || r.Cmp(big.NewRat(500, 1)) > 0
}

// text is a JSON text the upstream read.
func text(said, before string) (string, string) {
	s, ok := strings.CutPrefix(said, "s:")
	if !ok && before == "" {
		before = "the upstream reads no text where one was verified"
	}
	return s, before
}

// one is the value of the only pair with that name. A second one, or one whose name could be taken for it, is a fault.
func one(list [][2]string, name string, same func(a, b string) bool, before string) (value, fault string) {
	n := 0
	for _, p := range list {
		if !same(p[0], name) {
			continue
		}
		value = p[1]
		if n++; p[0] != name && before == "" {
			before = "the upstream can take " + quote(p[0]) + " for " + quote(name)
		}
	}
	if n != 1 && before == "" {
		before = "the upstream has not one " + quote(name)
	}
	return value, before
}

// sameField reports whether somebody takes the field name a for b: other case, signs that languages cannot have in
// names, elements of lists, what readers drop.
func sameField(a, b string) bool {
	b = plain(b)
	return plain(a) == b || strings.HasPrefix(plain(a), b+"_") && strings.Contains(a, "[")
}

func plain(s string) string {
	s = strings.Trim(s, "?\ufeff \t\r\n\v\f\u00a0")
	return strings.Map(func(r rune) rune {
		switch r {
		case ']':
			return -1
		case '[', '.', '_', '-', ' ':
			return '_'
		}
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			if f < unicode.MaxASCII {
				return unicode.ToLower(f)
			}
		}
		return unicode.ToLower(r)
	}, s)
}

// sameHeader reports whether a CGI-like upstream takes the header a for b.
func sameHeader(a, b string) bool {
	cgi := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, strings.ToLower(s))
	}
	return cgi(a) == cgi(b)
}

func quote(s string) string { return `"` + s + `"` }

// keep leaves of a reading what judge looks at.
func keep(v Reading) Reading {
	pick := func(list [][2]string, same func(a, b string) bool, names ...string) [][2]string {
		var kept [][2]string
		for _, p := range list {
			if slices.ContainsFunc(names, func(n string) bool { return same(p[0], n) }) {
				kept = append(kept, p)
			}
		}
		slices.SortStableFunc(kept, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		return kept
	}
	if strings.HasPrefix(v.Host, "127.0.0.1:") {
		v.Host = "the upstream's own" // there was none to forward
	}
	v.Headers = pick(v.Headers, sameHeader, "x-name", "x-id-card")
	v.Query = pick(v.Query, sameField, "name", "user.idCard")
	v.RawQuery = pick(v.RawQuery, sameField, "name", "user.idCard")
	v.Form = pick(v.Form, sameField, "name", "user.idCard")
	if len(v.RawQuery) == 0 {
		v.RawQuery = v.Query
	}
	if v.Media != "form" && route(v) != "form" {
		v.Form = nil
	}
	for name, s := range v.JSON {
		if s == "" || v.Media == "form" {
			delete(v.JSON, name)
		}
	}
	if len(v.JSON) == 0 {
		v.JSON = nil
	}
	return v
}
