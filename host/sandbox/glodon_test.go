package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestGlodonLogin(t *testing.T) {
	c := start(t)
	login := func(query, key, secret string) answer {
		r := c.request("POST", "/oauth2/token"+query, "")
		r.SetBasicAuth(key, secret)
		return c.send(r)
	}
	k, s := c.s.credentials.GlodonKey, c.s.credentials.GlodonSecret
	if v := login("?grant_type=client_credentials", k, s).json(t); at(v, "token_type") != "bearer" || at(v, "expires_in") != 359420.0 {
		t.Errorf("%v", v)
	}
	if a := login("?grant_type=client_credentials", k, "wrong"); a.status != 401 || at(a.json(t), "error") != "invalid_client" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := login("", k, s); a.status != 400 || at(a.json(t), "error") != "unsupported_grant_type" {
		t.Errorf("%d %s", a.status, a.body)
	}
	token := c.glodonLogin()
	p := c.listed(match)
	c.now = c.now.Add(359419 * time.Second)
	if a := c.account(token, p); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.now = c.now.Add(time.Second)
	if a := c.account(token, p); a.status != 401 || at(a.json(t), "code") != "10055" {
		t.Errorf("an expired token: %d %s", a.status, a.body)
	}
	if a := c.step2("stranger", "acct", p); a.status != 401 {
		t.Errorf("an unknown token: %d %s", a.status, a.body)
	}
}

// accountID creates an account and fails the test when it cannot.
func (c *client) accountID(token string, p *person) string {
	c.t.Helper()
	v := c.account(token, p).json(c.t)
	id, _ := at(v, "data", "accountId").(string)
	if at(v, "code") != "10000" || !strings.HasPrefix(id, "acct") {
		c.t.Fatalf("%v", v)
	}
	return id
}

func TestGlodonJudgesTheRequest(t *testing.T) {
	c := start(t)
	token := c.glodonLogin()
	p, other := c.listed(match), c.listed(mismatch)
	account := c.accountID(token, p)
	if v := c.account(token, p).json(t); at(v, "code") != "20010" || at(v, "data") != nil {
		t.Errorf("a second account: %v", v)
	}
	with := func(pairs ...any) map[string]any {
		q := map[string]any{"accountId": account, "name": p.Name, "idNum": p.IDNumber, "mobile": p.Mobile, "returnUrl": "https://play.example.cn/back"}
		for i := 0; i < len(pairs); i += 2 {
			q[pairs[i].(string)] = pairs[i+1]
		}
		return q
	}
	const step1, step2 = glodonAccountPath, glodonVerifyPath
	cases := []struct {
		name, path string
		body       any
		code       string
	}{
		{"numbers instead of strings", step1, with("idNum", 110101199003070134, "mobile", 13900000001), "10000"},
		{"another person with that mobile", step1, with("idNum", other.IDNumber, "mobile", "13900000001"), "20010"},
		{"no name", step1, with("name", ""), "10003"},
		{"a wrong check character", step1, with("idNum", "110101199003070004"), "10002"},
		{"no JSON object", step1, "text", "10030"},
		{"already real-named", step2, with(), "20020"},
		{"numbers instead of strings in step 2", step2, with("idNum", 110101199003070003, "mobile", 13800001000), "20020"},
		{"another mobile than the account's and the person's", step2, with("mobile", "13800001001"), "40010"},
		{"an account nobody created", step2, with("accountId", "acct1"), "20030"},
		{"somebody else's account", step2, with("name", other.Name, "idNum", other.IDNumber, "mobile", other.Mobile), "10002"},
		{"no returnUrl", step2, with("returnUrl", ""), "10003"},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			if v := c.glodon(token, x.path, x.body).json(t); at(v, "code") != x.code {
				t.Errorf("%v, want %s", v, x.code)
			}
		})
	}
	t.Run("a person who is not listed is a mismatch, for there is no other no", func(t *testing.T) {
		stranger := &person{Name: "王小明", IDNumber: "11010519491231002X", Mobile: "13900000000"}
		if v := c.step2(token, c.accountID(token, stranger), stranger).json(t); at(v, "code") != "40010" {
			t.Errorf("%v", v)
		}
	})
	t.Run("registered by somebody else", func(t *testing.T) {
		if v := c.account(token, c.listed(registered)).json(t); at(v, "code") != "20010" || at(v, "data") != nil {
			t.Errorf("%v", v)
		}
	})
	t.Run("the other shape of a code is a number", func(t *testing.T) {
		q := c.listed(drift)
		if v := c.step2(token, c.accountID(token, q), q).json(t); at(v, "code") != 20020.0 {
			t.Errorf("%v", v)
		}
	})
}

func TestGlodonCertificates(t *testing.T) {
	c := start(t)
	token := c.glodonLogin()
	p := c.listed(match)
	account := c.accountID(token, p)
	apply := func(id string) map[string]any {
		return c.glodon(token, glodonCertPath, map[string]string{"accountId": id}).json(t)
	}
	if v := apply(account); at(v, "code") != 20021.0 {
		t.Errorf("before step 2: %v", v)
	}
	c.step2(token, account, p)
	if v := apply(account); at(v, "code") != 10000.0 || !strings.HasPrefix(at(v, "data", "certId").(string), "cert") {
		t.Errorf("after step 2: %v", v)
	}
	if v := apply(account); at(v, "code") != 20065.0 {
		t.Errorf("again: %v", v)
	}
	if v := apply("acct1"); at(v, "code") != 20030.0 {
		t.Errorf("nobody's account: %v", v)
	}
	list, totals := c.calls()
	if last := list[len(list)-1]; last.Step != stepCertificate || last.Billed || totals[glodonVendor] != (total{Verify: 1, Login: 1, Billed: 1}) {
		t.Errorf("%+v %+v", last, totals)
	}
}

func TestThePageThatAPersonCompletes(t *testing.T) {
	c := start(t)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	token := c.glodonLogin()
	p := c.listed(pending)
	account := c.accountID(token, p)
	ask := func() (string, *url.URL) {
		v := c.step2(token, account, p).json(t)
		address, _ := at(v, "data", "url").(string)
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return at(v, "code").(string), u
	}
	code, u := ask()
	for _, name := range []string{"transaction_no", "sign", "app_id", "timestamp"} {
		if u.Query().Get(name) == "" {
			t.Errorf("no %s in the page's address", name)
		}
	}
	if code != "10000" || "http://"+u.Host != c.base {
		t.Fatalf("code %s, page at %s", code, u.Host)
	}
	if again, fresh := ask(); again != "10000" || fresh.String() == u.String() {
		t.Errorf("asked again: %s and the same page", again)
	}
	show := c.send(c.request("GET", u.RequestURI(), ""))
	if show.status != 200 || !strings.Contains(string(show.body), "approve") || strings.Contains(string(show.body), p.IDNumber) {
		t.Errorf("%d %s", show.status, show.body)
	}
	forged := strings.Replace(u.RequestURI(), u.Query().Get("sign"), requestID(), 1)
	if a := c.send(c.request("POST", forged, "")); a.status != 404 {
		t.Errorf("a forged page: %d", a.status)
	}
	if code, _ := ask(); code != "10000" {
		t.Fatalf("completed by a forged page: %s", code)
	}
	done := c.send(c.request("POST", u.RequestURI(), ""))
	if done.status != 303 || done.header.Get("Location") != "https://play.example.cn/back" {
		t.Errorf("%d to %q", done.status, done.header.Get("Location"))
	}
	if code, _ := ask(); code != "20020" {
		t.Errorf("after the page: %s", code)
	}
	list := c.send(c.request("GET", "/_sandbox/pages", "")).json(t)["pages"].([]any)
	if len(list) != 3 || at(list[2], "said") != approved || at(list[0], "person") != pending {
		t.Errorf("%v", list)
	}
	decline := c.request("POST", u.RequestURI(), "said=declined")
	decline.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := c.send(decline); a.status != 303 {
		t.Errorf("declined: %d", a.status)
	}
	if code, _ := ask(); code != "40010" {
		t.Errorf("after the person declined: %s", code)
	}
	odd := c.request("POST", u.RequestURI(), "said=perhaps")
	odd.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := c.send(odd); a.status != 400 {
		t.Errorf("an odd answer: %d", a.status)
	}
	if a := c.send(c.request("DELETE", "/_sandbox/pages", "")); a.status != 204 {
		t.Errorf("%d", a.status)
	}
	if code, _ := ask(); code != "10000" {
		t.Errorf("after all was forgotten: %s", code)
	}
}

func TestAccountsAreListedAndForgotten(t *testing.T) {
	c := start(t)
	token, p := c.glodonLogin(), c.listed(match)
	id := c.accountID(token, p)
	c.step2(token, id, p)
	list := c.send(c.request("GET", "/_sandbox/accounts", "")).json(t)["accounts"].([]any)
	if len(list) != 1 || at(list[0], "accountId") != id || at(list[0], "person") != match || at(list[0], "verified") != true || at(list[0], "certified") != false {
		t.Errorf("%v", list)
	}
	if a := c.send(c.request("DELETE", "/_sandbox/accounts", "")); a.status != 204 {
		t.Errorf("%d", a.status)
	}
	if c.accountID(token, p) == id {
		t.Error("the account was not forgotten")
	}
}

func TestAPageIsBelowThePublicURLAndStaysWithoutAWayBack(t *testing.T) {
	c := start(t)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.s.publicURL = "https://sandbox.example.cn"
	token := c.glodonLogin()
	p := c.listed(pending)
	v := c.glodon(token, glodonVerifyPath, map[string]string{
		"accountId": c.accountID(token, p), "name": p.Name,
		"idNum": p.IDNumber, "mobile": p.Mobile, "returnUrl": "http:///114.115.148.211:8900/swagger-ui.html",
	}).json(t)
	u, err := url.Parse(at(v, "data", "url").(string))
	if err != nil || u.Host != "sandbox.example.cn" || u.Scheme != "https" {
		t.Fatalf("%v %v", u, err)
	}
	if a := c.send(c.request("POST", u.RequestURI(), "")); a.status != 303 || a.header.Get("Location") != u.RequestURI() {
		t.Errorf("%d to %q", a.status, a.header.Get("Location"))
	}
}
