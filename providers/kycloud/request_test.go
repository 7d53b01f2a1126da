package kycloud

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/providertest"
)

func providerReply(status int, body []byte) *callout.Response {
	return &callout.Response{Status: status, Body: body}
}

// signedAs checks a request the way the vendor would, from its bytes, and returns its parameters.
func signedAs(t *testing.T, r callout.Request) map[string]string {
	t.Helper()
	params := map[string]string{}
	if strings.HasPrefix(r.Header[0].Value, "application/json") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &fields); err != nil {
			t.Fatal(err)
		}
		for k, raw := range fields {
			params[k] = plainText(t, raw)
		}
	} else {
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range form {
			params[k] = v[0]
		}
	}
	var lines []string
	for k, v := range params {
		if k != "sign" {
			lines = append(lines, k+"="+v)
		}
	}
	slices.Sort(lines)
	text := []byte(strings.Join(lines, "&"))
	signature, err := base64.StdEncoding.DecodeString(params["sign"])
	if err != nil {
		t.Fatal(err)
	}
	pub, err := os.ReadFile("testdata/kycloud_test_pub.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pub)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	d1, d256 := sha1.Sum(text), sha256.Sum256(text)
	digest, sum := crypto.SHA256, d256[:]
	if params["signType"] == "RSA" {
		digest, sum = crypto.SHA1, d1[:]
	}
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), digest, sum, signature); err != nil {
		t.Errorf("the vendor would not take the signature of %q: %v", text, err)
	}
	return params
}

func TestRequestsInEveryConfiguration(t *testing.T) {
	for _, body := range []string{"json", "form"} {
		for _, content := range []string{"string", "object"} {
			for _, as := range []string{"string", "number"} {
				for _, signType := range []string{"RSA2", "RSA"} {
					for _, set := range []string{"utf-8", "gbk"} {
						name := strings.Join([]string{body, content, as, signType, set}, " ")
						p, err := New([]byte(config(t, `"body":"`+body+`"`, `"bizContent":"`+content+`"`, `"companyIdAs":"`+as+`"`,
							`"signType":"`+signType+`"`, `"charset":"`+set+`"`)), providertest.Env(t))
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						r, err := p.request(p.content(providertest.Sample(t)))
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						got := signedAs(t, *r)
						delete(got, "sign")
						want := map[string]string{
							"bizContent": `{"cardNumber":"110101199003070003"}`, "charset": set, "companyId": "52984126340489216",
							"signType": signType, "timestamp": "2026-11-22 12:00:00",
						}
						if g, w := jsonText(t, got), jsonText(t, want); g != w {
							t.Errorf("%s\n got %s\nwant %s", name, g, w)
						}
						if body == "json" {
							if asObject := bytes.Contains(r.Body, []byte(`"bizContent":{`)); asObject != (content == "object") {
								t.Errorf("%s: bizContent as an object: %v", name, asObject)
							}
							if asNumber := bytes.Contains(r.Body, []byte(`"companyId":5`)); asNumber != (as == "number") {
								t.Errorf("%s: companyId as a number: %v", name, asNumber)
							}
						}
					}
				}
			}
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestARequestThatExpiredIsSignedAnew(t *testing.T) {
	clock := providertest.NewClock()
	env := providertest.Env(t)
	env.Now = clock.Now
	p, err := New([]byte(config(t, `"zone":"+00:00"`)), env)
	if err != nil {
		t.Fatal(err)
	}
	script := providertest.NewDoer(failure(codeExpired), found(t, nil))
	do := providertest.DoerFunc(func(ctx context.Context, r *callout.Request) (*callout.Response, error) {
		clock.Advance(time.Minute)
		return script.Do(ctx, r)
	})
	got, err := p.Verify(t.Context(), do, providers.Query{Check: providers.ID2, Person: providertest.Sample(t)})
	if err != nil || got != match {
		t.Fatalf("%v, %v", got, err)
	}
	requests := script.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	first, second := signedAs(t, requests[0]), signedAs(t, requests[1])
	if first["timestamp"] != "2026-11-22 04:00:00" || second["timestamp"] != "2026-11-22 04:01:00" || first["sign"] == second["sign"] {
		t.Errorf("at %s, then at %s; same signature: %v", first["timestamp"], second["timestamp"], first["sign"] == second["sign"])
	}
}

func TestRepliesInGBK(t *testing.T) {
	gbk := simplifiedchinese.GBK.NewEncoder()
	inGBK := func(body string) providertest.Reply {
		b, err := gbk.Bytes([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return providertest.Reply{Status: 200, Body: b}
	}
	dotted := providertest.Person(t, providertest.Claims{Name: "阿依古丽·买买提", IDNumber: "110101199003070003"})
	backslash := providertest.Person(t, providertest.Claims{Name: "李誠", IDNumber: "110101199003070003"})
	cases := []struct {
		name   string
		person *identity.Person
		reply  providertest.Reply
		want   providers.Outcome
	}{
		{"the stored name in GBK", nil, inGBK(`{"success":true,"object":` + stored(t, nil) + `}`), providers.Match},
		{"a name with a middle dot", &dotted, inGBK(`{"success":true,"object":` + stored(t, map[string]string{"name": `"阿依古丽·买买提"`}) + `}`), providers.Match},
		{"a name with a byte that is a backslash", &backslash, inGBK(`{"success":true,"object":` + stored(t, map[string]string{"name": `"李誠"`}) + `}`), providers.Match},
		{"a stored name that the vendor could not write", nil, inGBK(`{"success":true,"object":` + stored(t, map[string]string{"name": `"李?"`}) + `}`), providers.Mismatch},
		{"bytes that are no GBK", nil, providertest.Reply{Status: 200, Body: []byte("{\"success\":true,\"message\":\"\xff\"}")}, providers.Unanswered},
	}
	for _, c := range cases {
		p, err := New([]byte(config(t, `"charset":"gbk"`)), providertest.Env(t))
		if err != nil {
			t.Fatal(err)
		}
		person := providertest.Sample(t)
		if c.person != nil {
			person = *c.person
		}
		got, err := p.Verify(t.Context(), providertest.NewDoer(c.reply), providers.Query{Check: providers.ID2, Person: person})
		if got.Outcome != c.want || (err == nil) == (c.want == providers.Unanswered) {
			t.Errorf("%s: %s, %v", c.name, got.Outcome, err)
		}
	}
}

func TestANameOutsideGBKIsNeverAsked(t *testing.T) {
	person := providertest.Person(t, providertest.Claims{Name: "㐂𠮷", IDNumber: "110101199003270005"})
	reply := found(t, map[string]string{"name": `"㐂𠮷"`, "cardNumber": `"110101199003270005"`})
	for _, c := range []struct {
		charset string
		want    providers.Result
		asked   int
	}{
		{"gbk", providers.Result{Outcome: providers.InvalidInput, Reason: "name_not_in_charset", Claim: identity.ClaimName, Billed: providers.BilledNo}, 0},
		{"utf-8", match, 1},
	} {
		p, err := New([]byte(config(t, `"charset":"`+c.charset+`"`)), providertest.Env(t))
		if err != nil {
			t.Fatal(err)
		}
		do := providertest.NewDoer(reply)
		got, err := p.Verify(t.Context(), do, providers.Query{Check: providers.ID2, Person: person})
		if err != nil || got != c.want || len(do.Requests()) != c.asked {
			t.Errorf("%s: %+v, %v, %d requests", c.charset, got, err, len(do.Requests()))
		}
	}
}

func TestASignerOutsideIsUsedOnlyIfItIsRight(t *testing.T) {
	own, err := parseKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	var asked int
	right := func(h string, key, text []byte) ([]byte, error) {
		asked++
		std, err := x509.ParsePKCS8PrivateKey(key)
		if err != nil || h != "sha256" {
			return nil, errors.Join(err, errors.New("want sha256, got "+h))
		}
		d := sha256.Sum256(text)
		return rsa.SignPKCS1v15(nil, std.(*rsa.PrivateKey), crypto.SHA256, d[:])
	}
	cases := []struct {
		name    string
		sign    providers.Signer
		outside bool
	}{
		{"none", nil, false},
		{"a right one", right, true},
		{"one that fails", func(string, []byte, []byte) ([]byte, error) { return nil, errors.New("no such function") }, false},
		{"one that answers nothing", func(string, []byte, []byte) ([]byte, error) { return nil, nil }, false},
		{"one that answers wrong", func(string, []byte, []byte) ([]byte, error) { return make([]byte, own.size), nil }, false},
		{"one that signs another text", func(h string, key, _ []byte) ([]byte, error) { return right(h, key, []byte("x")) }, false},
	}
	for _, c := range cases {
		env := providertest.Env(t)
		env.Sign = c.sign
		if c.outside {
			env.Random = nil // signing here would fail
		}
		p, err := New([]byte(config(t)), env)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.request(p.content(providertest.Sample(t)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		signedAs(t, *r)
	}
	if asked != 2 {
		t.Errorf("the right signer was asked %d times, want 2", asked)
	}
}

func TestWithoutRandomnessNothingIsAsked(t *testing.T) {
	env := providertest.Env(t)
	env.Random = bytes.NewReader(nil)
	p, err := New([]byte(config(t)), env)
	if err != nil {
		t.Fatal(err)
	}
	do := providertest.NewDoer(found(t, nil))
	_, err = p.Verify(t.Context(), do, providers.Query{Check: providers.ID2, Person: providertest.Sample(t)})
	if e := providers.AsError(err); !errors.Is(err, errRandom) || e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || do.Left() != 1 {
		t.Errorf("%v, %d requests", err, 1-do.Left())
	}
}
