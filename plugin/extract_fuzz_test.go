package plugin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// recorder is a provider that matches everybody and notes whom it was asked about.
type recorder struct{ asked *[]identity.Person }

func (r recorder) Verify(_ context.Context, _ callout.Doer, q providers.Query) (providers.Result, error) {
	*r.asked = append(*r.asked, q.Person)
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
}

// fuzzPolicy has a rule for each place a claim is read from; the rule's name is the place.
const fuzzPolicy = `{"version":1,"providers":{"v":{"use":"recorder"}},
	"jwt":{"header":"x-jwt","vouchedBy":"the tests"},
	"rules":[
	{"name":"body","route":{"path":"/body"},"claims":{"name":{"body":"name"},"idNumber":{"body":"user.idCard"},"mobile":{"body":"user.tels.1"}},"verify":{"check":"mobile3","by":["v"]}},
	{"name":"form","route":{"path":"/form"},"claims":{"name":{"form":"name"},"idNumber":{"form":"user.idCard"},"mobile":{"form":"tel"}},"verify":{"check":"mobile3","by":["v"]}},
	{"name":"header","route":{"path":"/header"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id-card"},"mobile":{"header":"x-tel"}},"verify":{"check":"mobile3","by":["v"]}},
	{"name":"query","route":{"path":"/query"},"claims":{"name":{"query":"name"},"idNumber":{"query":"user.idCard"},"mobile":{"query":"tel"}},"verify":{"check":"mobile3","by":["v"]}},
	{"name":"jwt","route":{"path":"/jwt"},"claims":{"name":{"jwt":"name"},"idNumber":{"jwt":"user.idCard"},"mobile":{"jwt":"tel"}},"verify":{"check":"mobile3","by":["v"]}}]}`

// today is when the fuzzed requests come.
var today = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// FuzzExtract: whatever a request is made of, the engine never panics, and where it lets the request pass, the person
// it asked about is the one that net/http, encoding/json and net/url read from that request.
func FuzzExtract(f *testing.F) {
	const (
		body  = `{"name":"李雷","user":{"idCard":"110101199003070003","tels":["",  "13800001000"]}}`
		form  = "name=%E6%9D%8E%E9%9B%B7&user.idCard=110101199003070003&tel=13800001000"
		asks  = "content-type: application/json"
		posts = "content-type: application/x-www-form-urlencoded"
		heads = "x-name: 李雷\nx-id-card: 110101199003070003\nx-tel: 13800001000"
		token = `{"name":"李雷","user":{"idCard":"110101199003070003"},"tel":"13800001000"}`
	)
	add := func(target, headers, body, jwt string) { f.Add(target, headers, []byte(body), jwt) }
	add("/body", asks, body, "")
	add("/body", asks+"; charset=utf-8", strings.Replace(body, "}}", `},"NAME":"韩梅梅"}`, 1), "")
	add("/body", asks+"\n"+posts, body, "")
	add("/body", asks, strings.Replace(body, "name", `n\u0061me`, 1), "")
	add("/form", posts, form, "")
	add("/form", posts, "?"+form, "")
	add("/form", posts, "name[]=a&"+form, "")
	add("/form?name=a", posts, form, "")
	add("/form", posts, form+"&x=%zz&y=%ff;", "")
	add("/header", heads, "", "")
	add("/header", heads+"\nX_Name: a\nX-NAME: b", "", "")
	add("/query?"+form, "", "", "")
	add("/query??"+form+"#", "", "", "")
	add("/query?"+form+"&User[idCard]=1", "", "", "")
	add("/jwt", "", "", token)
	add("/jwt", "x-jwt: "+token, "", "")
	add("/jwt", "x-jwt: eyJuYW1lIjoi5p2O6Zu3IiwidXNlciI6eyJpZENhcmQiOiIxMTAxMDExOTkwMDMwNzAwMDMifSwidGVsIjoiMTM4MDAwMDEwMDAifQ", "", "")
	var asked []identity.Person
	var audit bytes.Buffer
	e, err := plugin.Load([]byte(fuzzPolicy), providers.List{{
		Name: "recorder", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return recorder{&asked}, nil },
	}}, plugin.Env{
		Lookup: func(string) (string, bool) { return "", false }, Now: func() time.Time { return today },
		Random: rand.Reader, Audit: func(line []byte) { audit.Write(line) },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target, headers string, content []byte, jwt string) {
		asked = nil
		audit.Reset()
		h := &plugin.Head{Method: "POST", Host: "play.example.cn", Path: target, Header: split(headers)}
		if jwt != "" {
			h.JWT = []byte(jwt)
		}
		d := e.Evaluate(context.Background(), &native.Request{RequestHead: h, Content: content}, nil)
		if strings.Contains(audit.String(), `"panic`) {
			t.Fatalf("%s", audit.Bytes())
		}
		if d.Action != policy.Allow {
			if d.Status < 400 || len(d.Body) == 0 {
				t.Fatalf("denied with status %d and %d bytes", d.Status, len(d.Body))
			}
			return
		}
		if d.Rule == "" {
			return // no rule: FuzzReadPath's affair
		}
		if len(asked) != 1 {
			t.Fatalf("allowed by rule %s after %d questions", d.Rule, len(asked))
		}
		if u, err := url.ParseRequestURI(h.Path); err == nil { // else net/http answers with 400 itself
			name, id, mobile := upstreamReads(t, d.Rule, h, u, content)
			same(t, asked[0], name, id, mobile)
		}
	})
}

// split makes headers of lines. What is no header to net/http is dropped.
func split(lines string) []callout.Header {
	var list []callout.Header
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") == "" {
			list = append(list, callout.Header{Name: name, Value: strings.Trim(value, " \t")})
		}
	}
	return list
}

// upstreamReads is name, ID number and mobile as an upstream in Go reads them from the place of the rule.
func upstreamReads(t *testing.T, place string, h *plugin.Head, u *url.URL, content []byte) (name, id, mobile string) {
	t.Helper()
	r := &http.Request{Method: h.Method, URL: u, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(content))}
	for _, l := range h.Header {
		r.Header.Add(l.Name, l.Value)
	}
	switch place {
	case "body":
		return readJSON(content)
	case "jwt":
		token := h.JWT
		if token == nil {
			token = []byte(only(t, r.Header["X-Jwt"]))
			if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(token), "=")); err == nil {
				token = raw
			}
		}
		return readJSON(token)
	case "header":
		return only(t, r.Header["X-Name"]), only(t, r.Header["X-Id-Card"]), only(t, r.Header["X-Tel"])
	case "query":
		q := u.Query()
		return only(t, q["name"]), only(t, q["user.idCard"]), only(t, q["tel"])
	case "form":
		_ = r.ParseForm() // what is broken elsewhere leaves these fields as they are
		return only(t, r.Form["name"]), only(t, r.Form["user.idCard"]), only(t, r.Form["tel"])
	}
	t.Fatalf("no rule is named %q", place)
	return "", "", ""
}

func only(t *testing.T, values []string) string {
	t.Helper()
	if len(values) != 1 {
		t.Fatalf("an upstream reads %d values, %q", len(values), values)
	}
	return values[0]
}

func readJSON(data []byte) (name, id, mobile string) {
	var v struct {
		Name string `json:"name"`
		Tel  string `json:"tel"`
		User struct {
			IDCard string   `json:"idCard"`
			Tels   []string `json:"tels"`
		} `json:"user"`
	}
	_ = json.Unmarshal(data, &v) // fields of another type elsewhere leave these as they are
	if len(v.User.Tels) > 1 {
		v.Tel = v.User.Tels[1]
	}
	return v.Name, v.User.IDCard, v.Tel
}

// same compares the person who was asked about with what the upstream read.
func same(t *testing.T, p identity.Person, name, id, mobile string) {
	t.Helper()
	n, err1 := identity.ParseName(name)
	i, err2 := identity.ParseIDNumber(id, today)
	m, err3 := identity.ParseMobile(mobile)
	if err1 != nil || err2 != nil || err3 != nil || n != p.Name || i != p.ID || m != p.Mobile {
		t.Fatalf("asked about %q %q %q, the upstream reads %q %q %q", p.Name, p.ID, p.Mobile, name, id, mobile)
	}
}
