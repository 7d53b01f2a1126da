package readers

import (
	"fmt"
	"slices"
	"strings"
)

// Two people: whom an attacker would have verified, and whom the upstream is to serve. Sequence 000 is given to nobody.
const (
	nameA, idA = "李雷", "110101199003070003"
	nameB, idB = "韩梅梅", "110101199203050007"

	escapedA = "%E6%9D%8E%E9%9B%B7"
	escapedB = "%E9%9F%A9%E6%A2%85%E6%A2%85"

	jsonType = "Content-Type: application/json"
	formType = "Content-Type: application/x-www-form-urlencoded"
	honest   = "X-Name: " + nameA + "\r\nX-Id-Card: " + idA

	wholeJSON = `{"name":"` + nameA + `","user":{"idCard":"` + idA + `"}}`
	wholeForm = "name=" + escapedA + "&user.idCard=" + idA
)

// A trick is one raw request.
type trick struct{ kind, name, raw string }

// request is a raw HTTP/1.1 request. Headers are lines; Host is added where none is among them.
func request(method, target, headers, body string) string {
	if !strings.HasPrefix(strings.ToLower(headers), "host:") {
		headers = strings.TrimSuffix("Host: play.example.cn\r\n"+headers, "\r\n")
	}
	length := ""
	if body != "" {
		length = fmt.Sprintf("\r\nContent-Length: %d", len(body))
	}
	return method + " " + target + " HTTP/1.1\r\n" + headers + length + "\r\nConnection: close\r\n\r\n" + body
}

// tricks is the corpus.
func tricks() []trick {
	var all []trick
	all = append(all, jsonTricks()...)
	all = append(all, grammarTricks()...)
	all = append(all, mediaTricks()...)
	all = append(all, formTricks()...)
	all = append(all, queryTricks()...)
	all = append(all, headerTricks()...)
	all = append(all, pathTricks()...)
	all = append(all, conditionTricks()...)
	slices.SortStableFunc(all, func(a, b trick) int { return strings.Compare(a.kind+a.name, b.kind+b.name) })
	return all
}

func pathTricks() []trick {
	var all []trick
	add := func(name, target string) {
		all = append(all, trick{"path", name, request("POST", target, honest, "")})
	}
	add("as it is", "/v1/header")
	add("a trailing slash", "/v1/header/")
	add("two trailing slashes", "/v1/header//")
	add("a query", "/v1/header?a=/../b")
	add("a query of slashes and dots", "/v1/header?/../../v1/free")
	add("another case", "/V1/Header")
	add("an escaped letter", "/v1/h%65ader")
	add("an escaped letter in capitals", "/v1/%48eader")
	add("every letter escaped", "/%76%31/%68%65%61%64%65%72")
	add("two slashes", "/v1//header")
	add("two slashes first", "//v1/header")
	add("two slashes first, a host after them", "//play.example.cn/v1/header")
	add("three slashes first", "///v1/header")
	add("a dot segment", "/v1/./header")
	add("a dot segment last", "/v1/header/.")
	add("two dots", "/v1/x/../header")
	add("two dots away from a rule", "/v1/header/../free")
	add("two dots last", "/v1/header/x/..")
	add("two dots above the root", "/../v1/header")
	add("escaped dots", "/v1/x/%2e%2e/header")
	add("escaped dots in capitals", "/v1/x/%2E%2E/header")
	add("one dot escaped", "/v1/x/.%2e/header")
	add("an escaped dot", "/v1/%2e/header")
	add("three dots", "/v1/.../header")
	add("a dot after the name", "/v1/header.")
	add("an ending", "/v1/header.json")
	add("an escaped slash", "/v1%2fheader")
	add("an escaped slash in capitals", "/v1%2Fheader")
	add("an escaped slash last", "/v1/header%2f")
	add("a backslash", `/v1\header`)
	add("a backslash first", `\v1\header`)
	add("a backslash after a slash", `/v1/\header`)
	add("an escaped backslash", "/v1%5cheader")
	add("two dots behind a backslash", `/v1/x\..\header`)
	add("a semicolon", "/v1/header;x=1")
	add("a semicolon in the middle", "/v1;x=1/header")
	add("an escaped semicolon", "/v1/header%3bx=1")
	add("two dots with a semicolon", "/v1/x/..;/header")
	add("an escaped NUL", "/v1/header%00")
	add("an escaped NUL and an ending", "/v1/header%00.json")
	add("an escaped line feed", "/v1/header%0a")
	add("an escaped carriage return", "/v1/head%0der")
	add("an escaped tab", "/v1/head%09er")
	add("a tab", "/v1/head\ter")
	add("an escaped space", "/v1/header%20")
	add("an escaped space first", "/%20/v1/header")
	add("a plus", "/v1/header+")
	add("an escaped question mark", "/v1/header%3fx=1")
	add("an escaped hash", "/v1/header%23x")
	add("a hash", "/v1/header#x")
	add("a hash before the path of a rule", "/v1/free#/../header")
	add("a hash in the query", "/v1/header?a#b")
	add("escaped twice", "/v1/h%2565ader")
	add("an escaped percent", "/v1/header%25")
	add("an escaped percent and dots", "/v1/x/%252e%252e/header")
	add("an escape cut off", "/v1/header%")
	add("an escape of letters", "/v1/header%zz")
	add("an escape of u", "/v1/%u0068eader")
	add("an overlong slash", "/v1%c0%afheader")
	add("an overlong dot", "/v1/x/%c0%ae%c0%ae/header")
	add("bytes that are no UTF-8", "/v1/header%ff")
	add("full-width letters", "/v1/%EF%BD%88eader")
	add("a full-width slash", "/v1%EF%BC%8Fheader")
	add("a zero-width space", "/v1/%E2%80%8Bheader")
	add("a byte order mark", "/v1/%EF%BB%BFheader")
	add("a soft hyphen", "/v1/head%C2%ADer")
	add("a Kelvin sign", "/v1/%E2%84%AAey")
	add("raw bytes above ASCII", "/v1/é")
	add("an absolute target", "http://play.example.cn/v1/header")
	add("an absolute target of another host", "http://other.example.cn/v1/header")
	add("an absolute target with a user", "http://a@play.example.cn/v1/header")
	add("an absolute target without a path", "http://play.example.cn")
	add("a target without a slash", "v1/header")
	add("a target of a star", "*")
	add("a target of nothing but a query", "?/v1/header")
	add("a colon first", "/:80/v1/header")
	add("an at sign first", "/@play.example.cn/v1/header")
	add("a star's segment", "/v1/players/7/name")
	add("a star's segment with an escaped slash", "/v1/players/7%2f8/name")
	add("a star's segment that is empty", "/v1/players//name")
	add("a star's segment of dots", "/v1/players/../name")
	add("a star's segment escaped", "/v1/players/%37%38/name")
	add("a star's segment with an escaped question mark", "/v1/players/7%3f/name")
	add("a star's segment of an umlaut", "/v1/players/%C3%A4/name")
	add("a star's two segments", "/v1/players/7/8/name")
	add("the rest", "/v2/a/b/c")
	add("the rest of nothing", "/v2")
	add("the rest of a slash", "/v2/")
	add("the rest and out of it", "/v2/../v1/free")
	add("the rest and out of it, escaped", "/v2/%2e%2e/v1/free")
	add("a path that only begins alike", "/v2x/a")
	for name, headers := range map[string]string{
		"a host in capitals":                        "Host: PLAY.Example.CN",
		"a host with a port":                        "Host: play.example.cn:8443",
		"a host with an empty port":                 "Host: play.example.cn:",
		"a host with a port of letters":             "Host: play.example.cn:http",
		"a host with a dot at its end":              "Host: play.example.cn.",
		"a host with a dot at its end and a port":   "Host: play.example.cn.:80",
		"two hosts in one":                          "Host: play.example.cn,other.example.cn",
		"a host with a user":                        "Host: a@play.example.cn",
		"a host with a path":                        "Host: play.example.cn/x",
		"a host with a space":                       "Host: play.example.cn x",
		"a host with two ports":                     "Host: play.example.cn:1:2",
		"two Host headers":                          "Host: other.example.cn\r\nHost: play.example.cn",
		"two Host headers, the first the rule's":    "Host: play.example.cn\r\nHost: other.example.cn",
		"another host":                              "Host: other.example.cn",
		"an empty host":                             "Host:",
		"a host in brackets":                        "Host: [play.example.cn]",
		"an escaped host":                           "Host: play%2eexample.cn",
		"a host in full-width letters":              "Host: play.example.ｃn",
		"a Host header with an underscore":          "Host: other.example.cn\r\nX_Host: play.example.cn",
		"a host before which is a space":            "Host:   play.example.cn  ",
		"X-Forwarded-Host":                          "Host: other.example.cn\r\nX-Forwarded-Host: play.example.cn",
		"an IPv6 host":                              "Host: [::1]:80",
		"an IPv6 host that could be shorter":        "Host: [0:0::1]",
		"an IPv6 host whose bracket is not closed":  "Host: [::1",
		"a line folded onto the host":               "Host: other.example.cn\r\n play.example.cn",
		"a Host header with a space before a colon": "Host : play.example.cn",
	} {
		all = append(all, trick{"host", name, request("POST", "/v1/header", headers+"\r\n"+honest, "")})
	}
	for name, line := range map[string]string{
		"a method in lower case":           "post /v1/header",
		"a method in mixed case":           "Post /v1/header",
		"two spaces before the target":     "POST  /v1/header",
		"a tab before the target":          "POST\t/v1/header",
		"a space after the target":         "POST /v1/header ",
		"a target with a space":            "POST /v1/header x",
		"a target with a space and a rule": "POST /v1/free /v1/header",
	} {
		raw := strings.Replace(request("POST", "/v1/header", honest, ""), "POST /v1/header", line, 1)
		all = append(all, trick{"line", name, raw})
	}
	return all
}
