// Package jdsdk drives JD Cloud's own Go SDK and our provider against the same simulator, and compares what the two send.
// It is a module of its own, so that nobody inherits the SDK.
package jdsdk

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jdcloud-api/jdcloud-sdk-go/core"
	"github.com/jdcloud-api/jdcloud-sdk-go/services/cloudauth/apis"
	"github.com/jdcloud-api/jdcloud-sdk-go/services/cloudauth/client"
	"github.com/jdcloud-api/jdcloud-sdk-go/services/cloudauth/models"

	"github.com/idvgate/idvgate/host/sandbox"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/jdcloud"
	"github.com/idvgate/idvgate/providers/providertest"
)

// received is a request as it came over the wire.
type received struct {
	method, uri, host string
	header            http.Header
	body              string
}

// vendor is the simulator, which keeps what it is sent.
type vendor struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	simulator, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := &vendor{}
	handler := simulator.Handler()
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v.mu.Lock()
		v.got = append(v.got, received{r.Method, r.RequestURI, r.Host, r.Header.Clone(), string(body)})
		v.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		simulator.Close()
		v.Close()
	})
	return v
}

// last is the newest request.
func (v *vendor) last(t *testing.T) received {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.got) == 0 {
		t.Fatal("nothing was sent")
	}
	return v.got[len(v.got)-1]
}

// person is one of the simulator's people.
type person struct {
	Person, Name, IDNumber, Mobile, BankCard string
	Answers                                  map[string]string
}

func (v *vendor) people(t *testing.T) []person {
	t.Helper()
	response, err := http.Get(v.URL + "/_sandbox/identities")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var all struct{ People []person }
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil || len(all.People) == 0 {
		t.Fatalf("%d people, %v", len(all.People), err)
	}
	return all.People
}

func (p person) claims(t *testing.T) identity.Person {
	t.Helper()
	return providertest.Person(t, providertest.Claims{
		Name: p.Name, IDNumber: p.IDNumber, Mobile: p.Mobile, BankCard: p.BankCard, FaceImage: "sample",
	})
}

// question is a check as the SDK's user would write it, by the vendor's page.
type question struct {
	check     providers.Check
	checkType int
	fields    string
}

var questions = []question{
	{providers.Bank4, 0, "idCard bankcard mobile"},
	{providers.Bank3, 1, "idCard bankcard"},
	{providers.ID2, 2, "idCard"},
	{providers.Face3, 3, "idCard imgBase64"},
	{providers.Mobile3, 4, "idCard mobile"},
	{providers.Mobile2, 25, "mobile"},
}

// ask puts the question by the SDK.
func (q question) ask(v *vendor, c identity.Person, accessKey, secretKey string) (*apis.PersonalAuthResponse, error) {
	set := func(field, value string) *string {
		if strings.Contains(q.fields, field) {
			return &value
		}
		return nil
	}
	config := core.NewConfig()
	config.SetScheme("http")
	config.SetEndpoint(strings.TrimPrefix(v.URL, "http://"))
	sdk := client.NewCloudauthClient(core.NewCredentials(accessKey, secretKey))
	sdk.SetConfig(config)
	sdk.DisableLogger()
	return sdk.PersonalAuth(apis.NewPersonalAuthRequestWithAllParams(&models.PersonalSpec{
		CheckType: q.checkType,
		PersonalUser: &models.PersonalUser{
			Name:      c.Name.String(),
			IdCard:    set("idCard", c.ID.String()),
			Bankcard:  set("bankcard", c.Card.String()),
			Mobile:    set("mobile", c.Mobile.String()),
			ImgBase64: set("imgBase64", c.Face.Base64()),
		},
	}))
}

var credentials = sandbox.DefaultCredentials()

// provider is ours below a base URL, with the clock and the randomness that give the date and the nonce the SDK used.
func provider(t *testing.T, base string, at time.Time, nonce string) providers.Provider {
	t.Helper()
	random, err := hex.DecodeString(strings.ReplaceAll(nonce, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{
		"accessKey": []string{credentials.JDAccessKey},
		"secretKey": []string{credentials.JDSecretKey},
		"outcomes":  map[string]string{"SANDBOX_NO_RECORD": "no_record", "SANDBOX_LIMITED": "limited"},
	})
	if err != nil {
		t.Fatal(err)
	}
	env := providertest.Env(t)
	env.Endpoint, env.Random = base, bytes.NewReader(random)
	env.Now = func() time.Time { return at }
	p, err := jdcloud.New(config, env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTheSDKIsUnderstoodAndOursSendsTheSameBytes asks every check about a person by the SDK, which the simulator must
// answer, and by our provider at the same moment with the same nonce, which must send the very same request.
func TestTheSDKIsUnderstoodAndOursSendsTheSameBytes(t *testing.T) {
	v := newVendor(t)
	match := find(t, v, "match")
	for _, q := range questions {
		t.Run(string(q.check), func(t *testing.T) {
			answer, err := q.ask(v, match.claims(t), credentials.JDAccessKey, credentials.JDSecretKey)
			if err != nil || answer.Error.Code != 0 || !answer.Result.Success || answer.Result.HasException {
				t.Fatalf("the SDK reads %+v, %v; want success", answer, err)
			}
			sdk := v.last(t)
			date, nonce := sdk.header.Get("X-Jdcloud-Date"), sdk.header.Get("X-Jdcloud-Nonce")
			at, err := time.Parse("20060102T150405Z", date)
			if err != nil || !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(nonce) {
				t.Fatalf("date %q, nonce %q: %v", date, nonce, err)
			}
			// The vendor refuses a nonce that comes twice, so ours is caught before it is sent.
			do := providertest.NewDoer(providertest.Fail(callout.Blocked))
			if _, err := provider(t, v.URL, at, nonce).Verify(t.Context(), do, providers.Query{Check: q.check, Person: match.claims(t)}); err == nil {
				t.Error("an answer to a request that was not sent")
			}
			r := do.Requests()[0]
			if r.Method != sdk.method || r.URL != v.URL+sdk.uri || v.URL != "http://"+sdk.host {
				t.Errorf("ours is %s %s, the SDK's %s %s to %s", r.Method, r.URL, sdk.method, sdk.uri, sdk.host)
			}
			if string(r.Body) != sdk.body {
				t.Errorf("body\nours %s\n SDK %s", r.Body, sdk.body)
			}
			ours := http.Header{}
			for _, h := range r.Header {
				ours.Add(h.Name, h.Value)
			}
			for _, name := range []string{"Content-Type", "X-Jdcloud-Date", "X-Jdcloud-Nonce", "Authorization"} {
				if got, want := ours.Values(name), sdk.header.Values(name); strings.Join(got, "|") != strings.Join(want, "|") || len(got) != 1 {
					t.Errorf("%s\nours %q\n SDK %q", name, got, want)
				}
			}
			if len(ours) != 4 {
				t.Errorf("ours has the headers %v", ours)
			}
		})
	}
}

// TestBothReadTheSimulatorsAnswers asks about everybody whose answer is JSON, by the SDK and by our provider; both must
// hear the same, but for the nested reply, which the SDK silently reads as a no.
func TestBothReadTheSimulatorsAnswers(t *testing.T) {
	v := newVendor(t)
	want := map[string]string{
		"match": "match", "drift": "match", "mismatch": "mismatch", "no_record": "no_record", "limited": "limited",
		"invalid_input": "invalid_input", "busy": "unanswered", "unknown_code": "unanswered",
	}
	for answer, outcome := range want {
		t.Run(answer, func(t *testing.T) {
			q, claims := questions[4], find(t, v, answer).claims(t)
			said, err := q.ask(v, claims, credentials.JDAccessKey, credentials.JDSecretKey)
			if err != nil {
				t.Fatalf("the SDK cannot read the reply: %v", err)
			}
			if sdkSays := said.Result.Success; sdkSays != (outcome == "match" && answer != "drift") {
				t.Errorf("the SDK reads success %v", sdkSays)
			}
			p := provider(t, v.URL+"/jdcloud", time.Now(), "00112233-4455-4677-8899-"+hex.EncodeToString([]byte((answer + "______")[:6])))
			got, err := p.Verify(t.Context(), over(v), providers.Query{Check: q.check, Person: claims})
			if got.Outcome.String() != outcome || (err != nil) != (outcome == "unanswered") {
				t.Errorf("ours reads %s, %v; want %s", got.Outcome, err, outcome)
			}
		})
	}
}

// TestWhatTheVendorRefuses proves that the simulator checks: a wrong secret, an unknown key, a nonce that comes twice.
func TestWhatTheVendorRefuses(t *testing.T) {
	v := newVendor(t)
	claims := find(t, v, "match").claims(t)
	for _, c := range []struct{ accessKey, secretKey, status string }{
		{credentials.JDAccessKey, "another", "APIGW_SIGN_RESULT_NOT_SAME"},
		{"another", credentials.JDSecretKey, "APIGW_KEY_NOT_EXITST"},
	} {
		answer, err := questions[2].ask(v, claims, c.accessKey, c.secretKey)
		if err != nil || answer.Error.Status != c.status || answer.Result.Success {
			t.Errorf("the SDK reads %+v, %v; want %s", answer, err, c.status)
		}
	}
	const nonce = "00112233-4455-4677-8899-aabbccddeeff"
	now, query := time.Now(), providers.Query{Check: providers.ID2, Person: claims}
	if got, err := provider(t, v.URL, now, nonce).Verify(t.Context(), over(v), query); err != nil || got.Outcome != providers.Match {
		t.Errorf("got %s, %v; want match", got.Outcome, err)
	}
	if _, err := provider(t, v.URL, now, nonce).Verify(t.Context(), over(v), query); providers.AsError(err).Code != "APIGW_NONCE_CONFLICT" {
		t.Errorf("a nonce that comes twice: %v", err)
	}
}

// find is the person with that answer for jdcloud.
func find(t *testing.T, v *vendor, answer string) person {
	t.Helper()
	for _, p := range v.people(t) {
		if a, named := p.Answers["jdcloud"]; a == answer || !named && p.Answers["*"] == answer {
			return p
		}
	}
	t.Fatalf("nobody's answer is %s", answer)
	return person{}
}

// over sends a callout by net/http.
func over(v *vendor) providertest.DoerFunc {
	return func(ctx context.Context, r *callout.Request) (*callout.Response, error) {
		request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
		if err != nil {
			return nil, &callout.Error{Kind: callout.Blocked}
		}
		for _, h := range r.Header {
			request.Header.Add(h.Name, h.Value)
		}
		response, err := v.Client().Do(request)
		if err != nil {
			return nil, &callout.Error{Kind: callout.Unreachable}
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, &callout.Error{Kind: callout.Unreachable}
		}
		return &callout.Response{Status: response.StatusCode, Body: body}, nil
	}
}
