package plugin

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
)

// upstreamMux is an upstream with a handler for each pattern of fuzzPatterns.
func upstreamMux() *http.ServeMux {
	mux := http.NewServeMux()
	none := func(http.ResponseWriter, *http.Request) {}
	for _, p := range []string{"/v1/realname", "/v1/realname/{$}", "/v1/{id}/name", "/v1/{id}/name/{$}", "/v2/{rest...}"} {
		mux.HandleFunc(p, none)
	}
	return mux
}

var fuzzPatterns = map[string][]policy.Segment{
	"/v1/realname":  {{Text: "v1"}, {Text: "realname"}},
	"/v1/{id}/name": {{Text: "v1"}, {Kind: policy.One}, {Text: "name"}},
	"/v2/{rest...}": {{Text: "v2"}, {Kind: policy.Rest}},
}

// FuzzReadPath: a path that is accepted is the path net/url reads, clean already, with nothing left to decode, and the
// rule that covers it is the handler net/http routes it to. What net/url refuses is refused.
func FuzzReadPath(f *testing.F) {
	for _, s := range []string{
		"/", "/v1/realname", "/v1/realname/?a=/../b", "/v1/realn%61me", "/v1/7/name", "/v2", "/v2/a/b/", "/v1//realname", "/v1/./realname",
		"/v1/x/../realname", "/v1/%2e%2e/x", "/v1%2frealname", "/v1%5crealname", `/v1\realname`, "/v1/realname;x=1", "/v1/realname%3b", "/v1/%2561",
		"/v1/realname%00", "/v1/realname%3fx", "/v1/realname%23x", "/v1/realname#x", "/v1/%c0%af", "/v1/\xff", "/v1/é", "http://a/v1/realname", "*", "", "/v1/%zz",
		"/v1/:/name", "//v1/realname", "/v1/realname%20", "/v1/realname%0a", "/v1/%2Fname/name",
	} {
		f.Add(s)
	}
	mux := upstreamMux()
	f.Fuzz(func(t *testing.T, target string) {
		got, ok := readPath(target)
		if !ok {
			return
		}
		raw, _, _ := strings.Cut(target, "?")
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.Host != "" || u.Path != got {
			t.Fatalf("%q is read as %q, by net/url as %q, %v", target, got, u, err)
		}
		if clean := path.Clean(got); clean != strings.TrimSuffix(got, "/") && got != "/" {
			t.Fatalf("%q is read as %q, which cleaned is %q", target, got, clean)
		}
		if again, err := url.PathUnescape(got); err != nil || again != got {
			t.Fatalf("%q is read as %q, which decodes again to %q", target, got, again)
		}
		if strings.ContainsAny(got, "?#;\\\x00") || !utf8.ValidString(got) {
			t.Fatalf("%q is read as %q", target, got)
		}
		_, handler := mux.Handler(&http.Request{Method: "GET", URL: u, Host: "a"})
		handler = strings.TrimSuffix(handler, "/{$}")
		for name, pattern := range fuzzPatterns {
			if coversPath(pattern, got, false) != (handler == name) {
				t.Fatalf("%q is read as %q; the upstream routes it to %q, the rule of %q says %v", target, got, handler, name, handler != name)
			}
		}
	})
}

// FuzzReadHost: a host that is accepted is the one net/url reads, port aside.
func FuzzReadHost(f *testing.F) {
	for _, s := range []string{
		"play.example.cn", "Play.Example.CN:8443", "play.example.cn.", "a,b", "[::1]", "[::1]:80", "[:", "[a]b:1", "a:1:2", "a:", ":80", "a@b", "127.0.0.1:1",
		"a b", "", "a]", "[]", "xn--fiq.cn", "a..b", "[::1]x", "a:-1",
	} {
		f.Add(s, "")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, host, second string) {
		h := &Head{Host: host}
		if second != "" {
			h.Header = []callout.Header{{Name: "Host", Value: second}}
		}
		got, ok := readHost(h)
		if !ok {
			return
		}
		if second != "" && second != host {
			t.Fatalf("%q and %q are read as one host", host, second)
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil {
			t.Fatalf("%q is read as %q; net/url refuses it: %v", host, got, err)
		}
		want := strings.ToLower(u.Hostname())
		if strings.HasPrefix(host, "[") {
			want = "[" + want + "]"
		}
		if got != want || u.User != nil || u.Path != "/" || strings.HasSuffix(got, ".") {
			t.Fatalf("%q is read as %q, by net/url as %q", host, got, want)
		}
	})
}

// FuzzStrip: what a CGI-like upstream would take for a header of the gateway is stripped, and nothing else.
func FuzzStrip(f *testing.F) {
	for _, s := range []string{
		"x-idv-outcome", "X_IDV_OUTCOME", "x.idv.check", "x-idv", "x-idvendor", "X-ID-V", "y-x-idv-a", "x~idv-", "x-id", "", "x--idv-outcome", "\u212a-idv", "x-ıdv-a", "idv-pending", "Idv_Pending", "idv-pendings",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		h := &Head{Header: []callout.Header{{Name: "accept", Value: "*/*"}, {Name: name, Value: "1"}, {Name: "X-Idv-Outcome", Value: "2"}, {Name: name, Value: "3"}}}
		var cgi strings.Builder
		for i := range len(name) {
			c := name[i]
			switch {
			case c >= 'a' && c <= 'z':
				c -= 'a' - 'A'
			case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			default:
				c = '_'
			}
			cgi.WriteByte(c)
		}
		want := []string{"X-Idv-Outcome"}
		if v := cgi.String(); v == "X_IDV" || strings.HasPrefix(v, "X_IDV_") || v == "IDV_PENDING" {
			want = []string{name, "X-Idv-Outcome", name}
		}
		if got := strip(h); !slices.Equal(got, want) {
			t.Fatalf("%q: stripped %q, not %q", name, got, want)
		}
	})
}
