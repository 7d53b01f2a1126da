package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// jdVector is one of testdata/jdcloud_sign.json, made by the vendor's SDK with throw-away keys.
type jdVector struct {
	Name          string
	AccessKey     string `json:"access_key"`
	SecretKey     string `json:"secret_key"`
	Method, URL   string
	Headers       [][2]string `json:"headers_before_signing"`
	Body          string
	Date          string `json:"x_jdcloud_date"`
	Nonce         string `json:"x_jdcloud_nonce"`
	RequestURI    string `json:"wire_request_uri"`
	Authorization string

	Host        string            // of the two references that are not the SDK's
	ContentType string            `json:"content_type"`
	Canonical   string            `json:"canonical_request"`
	Signed      map[string]string `json:"signed_header_values"`
}

// request is the vector as it arrives over the wire.
func (v jdVector) request(t *testing.T) *http.Request {
	t.Helper()
	target, host := v.RequestURI, v.Host
	if target == "" { // the documentation's example: what it signs is what it sends
		parts := strings.SplitN(v.Canonical, "\n", 4)
		target = parts[1] + "?" + parts[2]
	}
	if v.URL != "" {
		u, err := url.Parse(v.URL)
		if err != nil {
			t.Fatal(err)
		}
		host = u.Host
	}
	r := httptest.NewRequest(v.Method, target, strings.NewReader(v.Body))
	r.Host = host
	for name, value := range v.Signed {
		r.Header.Set(name, strings.TrimSpace(value))
	}
	if v.ContentType != "" {
		r.Header.Set("Content-Type", v.ContentType)
	}
	for _, h := range v.Headers {
		r.Header.Add(h[0], strings.TrimSpace(h[1]))
	}
	r.Header.Set("X-Jdcloud-Date", v.Date)
	r.Header.Set("X-Jdcloud-Nonce", v.Nonce)
	r.Header.Set("Authorization", v.Authorization)
	return r
}

func TestJDAcceptsWhatTheVendorsSDKSigned(t *testing.T) {
	b, err := os.ReadFile("testdata/jdcloud_sign.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors    []jdVector
		References []jdVector `json:"reference_vectors_not_from_sdk"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	all := append(file.Vectors, file.References...)
	if len(all) < 11 {
		t.Fatalf("only %d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			now, err := time.Parse("20060102T150405Z", v.Date)
			if err != nil {
				t.Fatal(err)
			}
			verifier := newJDVerifier(map[string]string{v.AccessKey: v.SecretKey}, func() time.Time { return now })
			want := ""
			if v.Name == "host_with_port_extra_headers_spaces" {
				want = "APIGW_SIGN_RESULT_NOT_SAME" // the SDK signs a leading space that HTTP does not carry
			}
			r := v.request(t)
			if _, code := verifier.verify(r, []byte(v.Body)); code != want {
				t.Errorf("refused with %q, want %q", code, want)
			}
			if _, code := verifier.verify(r, []byte(v.Body+" ")); code != "APIGW_SIGN_RESULT_NOT_SAME" {
				t.Errorf("another body: %q", code)
			}
		})
	}
}

func TestJDRefusesWhatTheVendorsGatewayRefuses(t *testing.T) {
	body := func(c *client) string {
		p := c.listed(match)
		return jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber})
	}
	cases := []struct {
		name   string
		status int
		code   string
		spoil  func(c *client, r *http.Request) // after signing
		twist  func(c *client)                  // before signing
	}{
		{"no signature", 401, "APIGW_LACK_PARAMS", func(_ *client, r *http.Request) { r.Header.Del("Authorization") }, nil},
		{"another algorithm", 401, "APIGW_ILLEGAL_HEADER", func(_ *client, r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		}, nil},
		{"an unknown access key", 401, "APIGW_KEY_NOT_EXITST", nil, func(c *client) { c.s.credentials.JDAccessKey = "STRANGER" }},
		{"a wrong secret", 401, "APIGW_SIGN_RESULT_NOT_SAME", nil, func(c *client) { c.s.credentials.JDSecretKey = "wrong" }},
		{"no date", 401, "APIGW_LACK_PARAMS", func(_ *client, r *http.Request) { r.Header.Del("X-Jdcloud-Date") }, nil},
		{"no nonce", 401, "APIGW_LACK_PARAMS", func(_ *client, r *http.Request) { r.Header.Del("X-Jdcloud-Nonce") }, nil},
		{"a nonce that is not signed", 401, "APIGW_LACK_PARAMS", func(_ *client, r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";x-jdcloud-nonce", "", 1))
		}, nil},
		{"another nonce than signed", 401, "APIGW_SIGN_RESULT_NOT_SAME", func(_ *client, r *http.Request) {
			r.Header.Set("X-Jdcloud-Nonce", requestID())
		}, nil},
		{"a session token that is not signed", 401, "APIGW_ILLEGAL_HEADER", func(_ *client, r *http.Request) {
			r.Header.Set("X-Jdcloud-Security-Token", "dG9rZW4=")
		}, nil},
		{"the path without its prefix signed", 401, "APIGW_SIGN_RESULT_NOT_SAME", func(_ *client, r *http.Request) { r.URL.Path = "/v1/personal" }, nil},
		{"a path escaped on the wire alone", 401, "APIGW_SIGN_RESULT_NOT_SAME", func(_ *client, r *http.Request) {
			r.URL.RawPath = "/jdcloud/v1/person%61l"
		}, nil},
		{"a query added on the way", 401, "APIGW_SIGN_RESULT_NOT_SAME", func(_ *client, r *http.Request) { r.URL.RawQuery = "a=b" }, nil},
		{"a clock sixteen minutes slow", 401, "UNAUTHENTICATED", func(c *client, _ *http.Request) { c.now = c.now.Add(16 * time.Minute) }, nil},
		{"a clock sixteen minutes fast", 401, "UNAUTHENTICATED", func(c *client, _ *http.Request) { c.now = c.now.Add(-16 * time.Minute) }, nil},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			c := start(t)
			if x.twist != nil {
				x.twist(c)
			}
			b := body(c)
			r := c.request("POST", "/jdcloud/v1/personal", b)
			c.jdSign(r, b, requestID())
			if x.spoil != nil {
				x.spoil(c, r)
			}
			a := c.send(r)
			v := a.json(t)
			if a.status != x.status || at(v, "error", "status") != x.code || at(v, "error", "code") != float64(x.status) || at(v, "requestId") == "" {
				t.Errorf("%d %v, want %d %s", a.status, v, x.status, x.code)
			}
			if _, totals := c.calls(); totals[jdcloudVendor] != (total{Verify: 1}) {
				t.Errorf("totals %+v: a refused call is one call and not billed", totals[jdcloudVendor])
			}
		})
	}
	t.Run("a clock fourteen minutes off is in time", func(t *testing.T) {
		c := start(t)
		b := body(c)
		r := c.request("POST", "/jdcloud/v1/personal", b)
		c.jdSign(r, b, requestID())
		c.now = c.now.Add(14 * time.Minute)
		if a := c.send(r); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a nonce is good once, as long as its date is in time", func(t *testing.T) {
		c := start(t)
		b := body(c)
		send := func() answer {
			r := c.request("POST", "/v1/personal", b)
			now := c.now
			c.now = clock
			c.jdSign(r, b, "one and the same")
			c.now = now
			return c.send(r)
		}
		if a := send(); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, later := range []time.Duration{0, 15 * time.Minute} {
			c.now = clock.Add(later)
			if a := send(); a.status != 403 || at(a.json(t), "error", "status") != "APIGW_NONCE_CONFLICT" {
				t.Errorf("after %v: %d %s", later, a.status, a.body)
			}
		}
	})
}

func TestJDJudgesTheFieldsOfEachCheck(t *testing.T) {
	c := start(t)
	p := c.listed(match)
	whole := func() map[string]any {
		return map[string]any{"name": p.Name, "idCard": p.IDNumber, "bankcard": p.BankCard, "mobile": p.Mobile, "imgBase64": face(6000)}
	}
	without := func(fields ...string) map[string]any {
		u := whole()
		for _, f := range fields {
			delete(u, f)
		}
		return u
	}
	with := func(field, value string) map[string]any {
		u := whole()
		u[field] = value
		return u
	}
	cases := []struct {
		name      string
		checkType int
		user      map[string]any
		want      string
	}{
		{"bank4 needs the mobile", 0, without("mobile"), "ARGUMENT_NOT_FOUND"},
		{"bank3 does not need the mobile", 1, without("mobile", "imgBase64"), "SANDBOX_MATCH"},
		{"bank3 needs the card", 1, without("bankcard"), "ARGUMENT_NOT_FOUND"},
		{"id2 needs the ID number", 2, without("idCard"), "ARGUMENT_NOT_FOUND"},
		{"id2 ignores what it does not check", 2, with("mobile", "13900000000"), "SANDBOX_MATCH"},
		{"face3 needs the image", 3, without("imgBase64"), "ARGUMENT_NOT_FOUND"},
		{"face3 compares the card when there is one", 3, with("bankcard", "6222020000000001016"), "SANDBOX_MISMATCH"},
		{"face3 by card alone, as the page of 2020 has it", 3, without("idCard", "mobile"), "SANDBOX_MATCH"},
		{"an image of 4 KB is too small", 3, with("imgBase64", face(4096)), "INVALID_ARGUMENT"},
		{"an image of 151 KB is too large", 3, with("imgBase64", face(151<<10)), "INVALID_ARGUMENT"},
		{"an image of 150 KB is not", 3, with("imgBase64", face(150<<10)), "SANDBOX_MATCH"},
		{"an image is a JPEG or PNG", 3, with("imgBase64", strings.Repeat("QUJD", 2000)), "INVALID_ARGUMENT"},
		{"mobile3 needs the mobile", 4, without("mobile"), "ARGUMENT_NOT_FOUND"},
		{"mobile2 finds by mobile", 25, without("idCard", "bankcard", "imgBase64"), "SANDBOX_MATCH"},
		{"mobile2 with another's name", 25, with("name", "韩梅梅"), "SANDBOX_MISMATCH"},
		{"mobile2 of nobody listed", 25, with("mobile", "13900000000"), "SANDBOX_NO_RECORD"},
		{"another name", 2, with("name", "韩梅梅"), "SANDBOX_MISMATCH"},
		{"another card", 1, with("bankcard", "6222020000000001016"), "SANDBOX_MISMATCH"},
		{"another mobile", 4, with("mobile", "13800001001"), "SANDBOX_MISMATCH"},
		{"a valid person who is not listed", 2, with("idCard", "11010519491231002X"), "SANDBOX_NO_RECORD"},
		{"a lower-case x", 2, with("idCard", "11010519491231002x"), "SANDBOX_NO_RECORD"},
		{"a wrong check character", 2, with("idCard", "110105194912310021"), "INVALID_ARGUMENT"},
		{"a short mobile", 4, with("mobile", "1391234567"), "INVALID_ARGUMENT"},
		{"a check type nobody knows", 7, whole(), "OUT_OF_RANGE"},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			v := c.jd(jdBody(x.checkType, x.user)).json(t)
			got := at(v, "error", "status")
			if got == nil {
				got = at(v, "result", "code")
			}
			if got != x.want {
				t.Errorf("%v, want %s", v, x.want)
			}
		})
	}
	for name, b := range map[string]string{
		"no spec": `{}`, "no user": `{"personalSpec":{"checkType":2}}`, "no check type": `{"personalSpec":{"personalUser":{}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if a := c.jd(b); a.status != 400 || at(a.json(t), "error", "status") != "ARGUMENT_NOT_FOUND" {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	t.Run("no JSON", func(t *testing.T) {
		if a := c.jd("name=x"); a.status != 400 || at(a.json(t), "error", "status") != "ARGUMENT_WRONG_FORMAT" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a middle dot may be written in any of its ways", func(t *testing.T) {
		q := c.listed("middle_dot")
		for _, dot := range []string{"·", "•", "‧", "・", "."} {
			name := strings.Replace(q.Name, "·", dot, 1)
			if v := c.jd(jdBody(2, map[string]any{"name": name, "idCard": q.IDNumber})).json(t); at(v, "result", "success") != true {
				t.Errorf("%q: %v", dot, v)
			}
		}
	})
	t.Run("the answer's detail is JSON text that tells the charge", func(t *testing.T) {
		for name, want := range map[string]string{match: "1", mismatch: "1", noRecord: "0", limited: "0"} {
			q := c.listed(name)
			v := c.jd(jdBody(2, map[string]any{"name": q.Name, "idCard": q.IDNumber})).json(t)
			var detail map[string]string
			if err := json.Unmarshal([]byte(at(v, "result", "detail").(string)), &detail); err != nil || detail["chargeFlag"] != want || detail["orderNumber"] == "" {
				t.Errorf("%s: %v %v", name, detail, err)
			}
		}
	})
}
