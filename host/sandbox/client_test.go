package sandbox

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// clock is the vendors' in tests: noon of 2026-11-22 (+08:00).
var clock = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// A client of the sandbox, written for these tests with the standard library alone.
type client struct {
	t    *testing.T
	s    *Sandbox
	base string
	http *http.Client
	now  time.Time

	keeping sync.Mutex
	kept    map[string]string // Glodon's accounts by ID number
}

func start(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, now: clock, http: &http.Client{}}
	s, err := New(Options{Now: func() time.Time { return c.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.slow = 10 * time.Millisecond
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	c.s, c.base = s, server.URL
	return c
}

// An answer is the whole of what came back; err when nothing whole did.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if a.err != nil {
		t.Fatal(a.err)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("reply of status %d is not JSON: %v: %.200s", a.status, err, a.body)
	}
	return v
}

// at is the value at a path of keys, nil when there is none.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func (c *client) send(r *http.Request) answer {
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body, err}
}

func (c *client) request(method, path, body string, header ...string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}

// jdSign signs as the vendor's SDK does.
func (c *client) jdSign(r *http.Request, body, nonce string) {
	cred := c.s.credentials
	date := c.now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Jdcloud-Date", date)
	r.Header.Set("X-Jdcloud-Nonce", nonce)
	digest := func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	const names = "content-type;host;x-jdcloud-date;x-jdcloud-nonce"
	canonical := r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\ncontent-type:" + r.Header.Get("Content-Type") +
		"\nhost:" + r.URL.Host + "\nx-jdcloud-date:" + date + "\nx-jdcloud-nonce:" + nonce + "\n\n" + names + "\n" + digest(body)
	scope := date[:8] + "/jdcloud-api/cloudauth/jdcloud2_request"
	key := []byte("JDCLOUD2" + cred.JDSecretKey)
	for _, part := range append(strings.Split(scope, "/"), "JDCLOUD2-HMAC-SHA256\n"+date+"\n"+scope+"\n"+digest(canonical)) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	r.Header.Set("Authorization", "JDCLOUD2-HMAC-SHA256 Credential="+cred.JDAccessKey+"/"+scope+
		", SignedHeaders="+names+", Signature="+hex.EncodeToString(key))
}

func (c *client) jd(body string) answer {
	c.t.Helper()
	r := c.request("POST", "/jdcloud/v1/personal", body)
	c.jdSign(r, body, requestID())
	return c.send(r)
}

func jdBody(checkType int, user map[string]any) string {
	all := map[string]any{"name": nil, "idCard": nil, "bankcard": nil, "mobile": nil, "imgBase64": nil}
	for k, v := range user {
		all[k] = v
	}
	return text(map[string]any{"personalSpec": map[string]any{"checkType": checkType, "personalUser": all}})
}

// face is a JPEG of n bytes, as far as its first bytes tell.
func face(n int) string {
	image := make([]byte, n)
	copy(image, "\xff\xd8\xff\xe0")
	return base64.StdEncoding.EncodeToString(image)
}

// login is a celerity token.
func (c *client) celerityLogin() string {
	c.t.Helper()
	cred := c.s.credentials
	v := c.send(c.request("POST", "/celerity/core/auth/getVirtualToken", text(map[string]string{
		"sysName": cred.CelerityUser, "userCode": cred.CelerityUserCode, "password": cred.CelerityPassword,
	}))).json(c.t)
	token, _ := at(v, "data", "accessToken").(string)
	if token == "" || at(v, "errcode") != 0.0 {
		c.t.Fatalf("no token: %v", v)
	}
	return token
}

func celerityBody(p *person, async bool) string {
	return text(map[string]any{
		"buscode": "PhoneVerification", "group": "real", "async": async,
		"data": map[string]string{"IdCard": p.IDNumber, "Name": p.Name, "Phone": p.Mobile},
	})
}

func (c *client) celerity(token, body string) answer {
	return c.send(c.request("POST", "/celerity/tech/ai/celerity/universal", body, "Authorization", token))
}

func (c *client) glodonLogin() string {
	c.t.Helper()
	r := c.request("POST", "/glodon-account/oauth2/token?grant_type=client_credentials", "")
	r.SetBasicAuth(c.s.credentials.GlodonKey, c.s.credentials.GlodonSecret)
	token, _ := at(c.send(r).json(c.t), "access_token").(string)
	if !strings.HasPrefix(token, "cn-") {
		c.t.Fatalf("token %q", token)
	}
	return token
}

func (c *client) glodon(token, path string, body any) answer {
	return c.send(c.request("POST", "/glodon"+path, text(body), "Authorization", "Bearer "+token,
		"Accept", "application/json;charset=UTF-8"))
}

// account is step 1, step2 the person's question about that account.
func (c *client) account(token string, p *person) answer {
	return c.glodon(token, "/api/v2/account/person", map[string]string{"name": p.Name, "idNum": p.IDNumber, "mobile": p.Mobile})
}

func (c *client) step2(token, account string, p *person) answer {
	return c.glodon(token, "/api/v2/identify/person/3/async", map[string]string{
		"accountId": account,
		"name":      p.Name, "idNum": p.IDNumber, "mobile": p.Mobile, "returnUrl": "https://play.example.cn/back",
	})
}

// demoEnv is examples/policies/demo.env.
func demoEnv(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../examples/policies/demo.env")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	return env
}

func kycloudKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(demoEnv(t)["KYCLOUD_PRIVATE_KEY"])
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// kycloudParameters is a question, not yet signed.
func (c *client) kycloudParameters(biz any) map[string]string {
	return map[string]string{
		"companyId": c.s.credentials.KycloudCompany, "charset": "utf-8", "signType": "RSA2",
		"bizContent": text(biz), "timestamp": c.now.In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05"),
	}
}

// kycloudSign signs the bytes of the parameters in their character set.
func (c *client) kycloudSign(p map[string]string) {
	c.t.Helper()
	signed := gbkBytes(c.t, p["charset"], "bizContent="+p["bizContent"]+"&charset="+p["charset"]+"&companyId="+p["companyId"]+
		"&signType="+p["signType"]+"&timestamp="+p["timestamp"])
	hash, sum := crypto.SHA256, sha256.New()
	if p["signType"] == "RSA" {
		hash, sum = crypto.SHA1, sha1.New()
	}
	sum.Write(signed)
	sign, err := rsa.SignPKCS1v15(rand.Reader, kycloudKey(c.t), hash, sum.Sum(nil))
	if err != nil {
		c.t.Fatal(err)
	}
	p["sign"] = base64.StdEncoding.EncodeToString(sign)
}

// gbkBytes is s in GBK when the character set says so.
func gbkBytes(t *testing.T, charset, s string) []byte {
	t.Helper()
	if charset != "gbk" {
		return []byte(s)
	}
	b, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *client) kycloud(p map[string]string) answer {
	return c.send(c.request("POST", "/kycloud/api/kycloud/open/v1.0/auth/idcard/check", text(p)))
}

// calls is what /_sandbox/calls says.
func (c *client) calls() (list []call, totals map[string]total) {
	c.t.Helper()
	var v struct {
		Calls  []call
		Totals map[string]total
	}
	a := c.send(c.request("GET", "/_sandbox/calls", ""))
	if err := json.Unmarshal(a.body, &v); err != nil {
		c.t.Fatal(err)
	}
	return v.Calls, v.Totals
}

// listed is the person of that name.
func (c *client) listed(name string) *person {
	c.t.Helper()
	for _, p := range c.s.people.byID {
		if p.Person == name {
			return p
		}
	}
	c.t.Fatalf("nobody is listed as %s", name)
	return nil
}
