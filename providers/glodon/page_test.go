package glodon

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/providertest"
)

func TestPage(t *testing.T) {
	p := provider(t, `{"appKey":["k"],"appSecret":["s"],"returnUrl":"http://127.0.0.1:8080/back",
		"pageHosts":["Page.example","page.example:8443","http://127.0.0.1:8081","[2001:db8::1]"]}`, providertest.Env(t))
	for _, c := range []struct{ name, url, want string }{
		{"a listed host", "https://page.example/a?b=c==&d#e", "https://page.example/a?b=c==&d#e"},
		{"a listed host in capitals", "HTTPS://PAGE.example/a", "https://page.example/a"},
		{"its own port is dropped", "https://page.example:443/a", "https://page.example/a"},
		{"a listed port", "https://page.example:8443/a", "https://page.example:8443/a"},
		{"a listed page in clear text", "http://127.0.0.1:8081/page?x=1", "http://127.0.0.1:8081/page?x=1"},
		{"a listed address of six", "https://[2001:db8::1]/a", "https://[2001:db8::1]/a"},
		{"no URL", "", ""},
		{"a host that is not listed", "https://evil.example/", ""},
		{"clear text on a host listed without", "http://page.example/", ""},
		{"https on a host listed in clear text", "https://127.0.0.1:8081/", ""},
		{"a port that is not listed", "https://page.example:444/", ""},
		{"a port with a zero in front", "https://page.example:0443/", ""},
		{"another port in clear text", "http://127.0.0.1:8082/", ""},
		{"a longer host", "https://page.example.evil.example/", ""},
		{"a subdomain", "https://a.page.example/", ""},
		{"a trailing dot", "https://page.example./", ""},
		{"a user that looks like the host", "https://page.example@evil.example/", ""},
		{"a user on the right host", "https://evil@page.example/", ""},
		{"a backslash", `https://evil.example\@page.example/`, ""},
		{"a backslash behind", `https://page.example\.evil.example/`, ""},
		{"three slashes", "https:///page.example/", ""},
		{"one slash", "https:/page.example/", ""},
		{"no scheme", "//page.example/", ""},
		{"a script", "javascript:alert(1)//https://page.example/", ""},
		{"an escaped host", "https://page%2eexample/", ""},
		{"a line break", "https://page.example/\r\nx: y", ""},
		{"a tab", "https://page.example/\tx", ""},
		{"a space", "https://page.example/ x", ""},
		{"a quote", `https://page.example/"onload=`, ""},
		{"letters that are not ASCII", "https://pаge.example/", ""},
		{"too long", "https://page.example/" + strings.Repeat("a", maxPage), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := p.page(c.url)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if err != nil && c.url != "" && strings.Contains(err.Error(), c.url) {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
}
