package jdcloud

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

const config = `{"accessKey":["JDC_TESTACCESSKEY0000000000000001"],"secretKey":["testSecretKey/0000+abcdefghijklmnop"],
	"outcomes":{"SANDBOX_NO_RECORD":"no_record","SANDBOX_LIMITED":"limited","SANDBOX_INVALID":"invalid_input","SANDBOX_NOBODY":"unanswered","SANDBOX_KNOWN":"no_record"}}`

const charged = `"detail":"{\"chargeFlag\":\"1\",\"message\":\"认证通过\",\"orderNumber\":\"o-1\"}"`

func result(fields string) providertest.Reply {
	return providertest.JSON(200, `{"requestId":"r-1","result":{`+fields+`}}`)
}

func TestProvider(t *testing.T) {
	providertest.Run(t, providertest.Suite{
		Info:        Info(),
		Config:      config,
		Match:       result(`"success":true,"hasException":false,"code":"ok","message":"ok",` + charged),
		UnknownCode: result(`"success":false,"hasException":true,"code":"SANDBOX_UNKNOWN","message":"m"`),
		MissingCode: result(`"hasException":false,"code":"ok","message":"ok"`),
		Rows:        append(rows(), gatewayCases(t)...),
		BadConfigs:  badConfigs,
	})
}

func rows() []providertest.Row {
	match := providers.Result{Outcome: providers.Match, Reference: "r-1", Trace: "o-1", Billed: providers.BilledYes}
	malformed := &providers.Error{Kind: providers.Malformed, Status: 200}
	row := func(name string, reply providertest.Reply, want providers.Result) providertest.Row {
		return providertest.Row{Name: name, Replies: []providertest.Reply{reply}, Want: want}
	}
	fault := func(name string, reply providertest.Reply, want *providers.Error) providertest.Row {
		return providertest.Row{Name: name, Replies: []providertest.Reply{reply}, Error: want}
	}
	no := func(outcome providers.Outcome, billed providers.Billing, unknown bool) providers.Result {
		return providers.Result{Outcome: outcome, Reference: "r-1", Billed: billed, UnknownCode: unknown}
	}
	return []providertest.Row{
		row("a code beside success true changes nothing", result(`"success":true,"hasException":false,"code":"SANDBOX_NO_RECORD",`+charged), match),
		row("a number as code and order number", result(`"success":true,"hasException":false,"code":7,"detail":"{\"chargeFlag\":1,\"orderNumber\":90071992547409931}"`),
			providers.Result{Outcome: providers.Match, Reference: "r-1", Trace: "90071992547409931", Billed: providers.BilledYes}),
		row("detail as an object", result(`"success":true,"hasException":false,"detail":{"chargeFlag":"0","orderNumber":"o-1"}`),
			providers.Result{Outcome: providers.Match, Reference: "r-1", Trace: "o-1", Billed: providers.BilledNo}),
		row("detail that is no JSON leaves billing unknown", result(`"success":true,"hasException":false,"detail":"[[[[x"`), no(providers.Match, providers.BilledUnknown, false)),
		row("a charge flag nobody has seen leaves billing unknown", result(`"success":true,"hasException":false,"detail":"{\"chargeFlag\":\"2\"}"`), no(providers.Match, providers.BilledUnknown, false)),
		row("an order number that is no token is dropped", result(`"success":true,"hasException":false,"detail":"{\"chargeFlag\":\"1\",\"orderNumber\":\"a b\"}"`), no(providers.Match, providers.BilledYes, false)),
		row("an error that is null is none", providertest.JSON(200, `{"requestId":"r-1","error":null,"result":{"success":true,"hasException":false}}`), no(providers.Match, providers.BilledUnknown, false)),
		row("an error that is zero is none", providertest.JSON(200, `{"requestId":"r-1","error":{"code":0,"status":"","message":""},"result":{"success":true,"hasException":false}}`), no(providers.Match, providers.BilledUnknown, false)),
		row("a mismatch without a code", result(`"success":false,"hasException":false`), no(providers.Mismatch, providers.BilledUnknown, false)),
		row("an unmapped code is a mismatch and counted", result(`"success":false,"hasException":false,"code":"X-1"`), no(providers.Mismatch, providers.BilledUnknown, true)),
		row("a code mapped to limited", result(`"success":false,"hasException":false,"code":"SANDBOX_LIMITED"`), no(providers.Limited, providers.BilledUnknown, false)),
		row("a code mapped to invalid_input", result(`"success":false,"hasException":false,"code":"SANDBOX_INVALID"`), no(providers.InvalidInput, providers.BilledUnknown, false)),
		row("an argument out of range in an envelope with 200", providertest.JSON(200, `{"requestId":"r-1","error":{"code":400,"status":"OUT_OF_RANGE","message":"m"}}`), no(providers.InvalidInput, providers.BilledNo, false)),
		fault("a code mapped to unanswered", result(`"success":false,"hasException":false,"code":"SANDBOX_NOBODY"`), &providers.Error{Kind: providers.Unavailable, Status: 200, Code: "SANDBOX_NOBODY"}),
		fault("an exception beats success", result(`"success":true,"hasException":true,"code":"SANDBOX_KNOWN",`+charged), &providers.Error{Kind: providers.Unavailable, Status: 200, Code: "SANDBOX_KNOWN", Billed: providers.BilledYes}),
		fault("success as text", result(`"success":"true","hasException":false`), malformed),
		fault("success as a number", result(`"success":1,"hasException":false`), malformed),
		fault("success null", result(`"success":null,"hasException":false`), malformed),
		fault("hasException absent", result(`"success":true`), malformed),
		fault("success twice", result(`"success":false,"hasException":false,"success":true`), malformed),
		fault("success in another case", result(`"Success":true,"hasException":false`), malformed),
		fault("flat and nested at once", result(`"success":true,"hasException":false,"authInfo":{"success":true,"hasException":false}`), malformed),
		fault("authInfo that is text", result(`"authInfo":"{\"success\":true,\"hasException\":false}"`), malformed),
		fault("a result and an error at once", providertest.JSON(200, `{"requestId":"r-1","error":{"code":500,"status":"INTERNAL"},"result":{"success":true,"hasException":false}}`),
			&providers.Error{Kind: providers.Unavailable, Status: 200, Code: "INTERNAL"}),
		fault("success outside result", providertest.JSON(200, `{"success":true,"hasException":false}`), malformed),
		fault("a 500 that says success", providertest.JSON(500, `{"requestId":"r-1","result":{"success":true,"hasException":false}}`), &providers.Error{Kind: providers.Unavailable, Status: 500}),
		fault("a 401 that says success", providertest.JSON(401, `{"requestId":"r-1","result":{"success":true,"hasException":false}}`), &providers.Error{Kind: providers.Refused, Status: 401}),
		fault("a 403 with nothing", providertest.JSON(403, ``), &providers.Error{Kind: providers.Refused, Status: 403}),
		fault("a 403 with HTML", providertest.HTML(403), &providers.Error{Kind: providers.Refused, Status: 403}),
		fault("a 429 with HTML", providertest.HTML(429), &providers.Error{Kind: providers.Busy, Status: 429, Billed: providers.BilledNo}),
		fault("a redirect is not followed", providertest.HTML(302), &providers.Error{Kind: providers.Malformed, Status: 302}),
		fault("a name nobody has seen with 400", providertest.JSON(400, `{"requestId":"r-1","error":{"code":400,"status":"NEW_NAME","message":"m"}}`),
			&providers.Error{Kind: providers.Refused, Status: 400, Code: "NEW_NAME", Billed: providers.BilledNo, UnknownCode: true}),
		fault("an envelope without a name is judged by its number", providertest.JSON(200, `{"requestId":"r-1","error":{"code":503,"message":"m"}}`), &providers.Error{Kind: providers.Unavailable, Status: 200}),
		fault("an envelope with a number that is no status", providertest.JSON(200, `{"requestId":"r-1","error":{"code":7,"status":"NEW_NAME"}}`),
			&providers.Error{Kind: providers.Malformed, Status: 200, Code: "NEW_NAME", UnknownCode: true}),
		fault("a server's error beats a name about an argument", providertest.JSON(500, `{"requestId":"r-1","error":{"code":400,"status":"INVALID_ARGUMENT"}}`),
			&providers.Error{Kind: providers.Unavailable, Status: 500, Code: "INVALID_ARGUMENT"}),
		fault("Retry-After in seconds", providertest.Reply{Status: 503, Header: retry("7")}, &providers.Error{Kind: providers.Unavailable, Status: 503, Retry: 7 * time.Second}),
		fault("Retry-After that is no number", providertest.Reply{Status: 503, Header: retry("soon")}, &providers.Error{Kind: providers.Unavailable, Status: 503}),
	}
}

// gatewayCases is a row per name of the gateway page, with the HTTP status that the page gives.
func gatewayCases(t *testing.T) []providertest.Row {
	t.Helper()
	var page struct{ Codes map[string]int }
	text, err := os.ReadFile("testdata/gateway_codes.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &page); err != nil || len(page.Codes) == 0 {
		t.Fatalf("testdata/gateway_codes.json: %d codes, %v", len(page.Codes), err)
	}
	var rows []providertest.Row
	for code, status := range page.Codes {
		body, err := json.Marshal(map[string]any{"requestId": "r-1", "error": map[string]any{"code": status, "status": code, "message": "m"}})
		if err != nil {
			t.Fatal(err)
		}
		row := providertest.Row{Name: "gateway says " + code, Code: code, Replies: []providertest.Reply{providertest.JSON(status, string(body))}}
		switch {
		case code == "INVALID_ARGUMENT" || code == "ARGUMENT_WRONG_FORMAT" || code == "OUT_OF_RANGE":
			row.Want = providers.Result{Outcome: providers.InvalidInput, Reference: "r-1", Billed: providers.BilledNo}
		case status == 429:
			row.Error = &providers.Error{Kind: providers.Busy, Status: status, Code: code, Billed: providers.BilledNo}
		case status >= 500:
			row.Error = &providers.Error{Kind: providers.Unavailable, Status: status, Code: code}
		default:
			row.Error = &providers.Error{Kind: providers.Refused, Status: status, Code: code, Billed: providers.BilledNo}
		}
		rows = append(rows, row)
	}
	return rows
}

var badConfigs = []providertest.BadConfig{
	{Name: "no access key", Config: `{"secretKey":["s"]}`, Field: "accessKey"},
	{Name: "an access key with a comma", Config: `{"accessKey":["a,b"],"secretKey":["s"]}`, Field: "accessKey"},
	{Name: "no secret key", Config: `{"accessKey":["a"],"secretKey":[]}`, Field: "secretKey"},
	{Name: "an empty session token", Config: `{"accessKey":["a"],"secretKey":["s"],"sessionToken":[""]}`, Field: "sessionToken"},
	{Name: "a region with a slash", Config: `{"accessKey":["a"],"secretKey":["s"],"region":"cn/north"}`, Field: "region"},
	{Name: "face fields nobody knows", Config: `{"accessKey":["a"],"secretKey":["s"],"face3Fields":"passport"}`, Field: "face3Fields"},
	{Name: "a code mapped to match", Config: `{"accessKey":["a"],"secretKey":["s"],"outcomes":{"C":"match"}}`, Field: "outcomes.C"},
	{Name: "a code mapped to pending", Config: `{"accessKey":["a"],"secretKey":["s"],"outcomes":{"C":"pending"}}`, Field: "outcomes.C"},
	{Name: "a code mapped to no word of ours", Config: `{"accessKey":["a"],"secretKey":["s"],"outcomes":{"C":"nothing"}}`, Field: "outcomes.C"},
	{Name: "an empty code", Config: `{"accessKey":["a"],"secretKey":["s"],"outcomes":{"":"no_record"}}`, Field: "outcomes"},
	{Name: "a field nobody knows", Config: `{"accessKey":["a"],"secretKey":["s"],"regoin":"x"}`, Field: "regoin"},
	{Name: "a region that is a number", Config: `{"accessKey":["a"],"secretKey":["s"],"region":1}`, Field: "region"},
	{Name: "an endpoint with a query", Config: `{"accessKey":["a"],"secretKey":["s"]}`, Field: "endpoint", Endpoint: "https://vendor.example/?a=b"},
	{Name: "an endpoint without a scheme", Config: `{"accessKey":["a"],"secretKey":["s"]}`, Field: "endpoint", Endpoint: "vendor.example"},
}

func TestEveryTryHasItsOwnNonceAndSignature(t *testing.T) {
	p := newProvider(t, config, providertest.Env(t))
	q := providers.Query{Check: providers.ID2, Person: providertest.Sample(t)}
	seen := map[string]bool{}
	for range 100 {
		r, err := p.request(q)
		if err != nil {
			t.Fatal(err)
		}
		nonce := header(r, "X-Jdcloud-Nonce")
		if len(nonce) != 36 || nonce[14] != '4' || strings.IndexByte("89ab", nonce[19]) < 0 {
			t.Fatalf("nonce %q is no UUID of version 4", nonce)
		}
		for _, v := range []string{nonce, header(r, "Authorization")} {
			if seen[v] {
				t.Fatalf("%q twice", v)
			}
			seen[v] = true
		}
	}
}

func TestAQuestionThatCannotBeAskedIsNotSent(t *testing.T) {
	person := providertest.Person(t, providertest.Claims{Name: "李雷", Mobile: "13800001000"})
	env := providertest.Env(t)
	for _, c := range []providers.Check{providers.ID2, "passport"} {
		do := providertest.NewDoer()
		_, err := newProvider(t, config, env).Verify(t.Context(), do, providers.Query{Check: c, Person: person})
		if e := providers.AsError(err); e.Kind != providers.Refused || e.Billed != providers.BilledNo || len(do.Requests()) != 0 {
			t.Errorf("%s: got %v after %d requests, want refused after none", c, err, len(do.Requests()))
		}
	}
	env.Random = strings.NewReader("too short")
	do := providertest.NewDoer()
	_, err := newProvider(t, config, env).Verify(t.Context(), do, providers.Query{Check: providers.Mobile2, Person: person})
	if e := providers.AsError(err); e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || len(do.Requests()) != 0 {
		t.Errorf("no randomness: got %v after %d requests, want unavailable after none", err, len(do.Requests()))
	}
}

func retry(value string) []callout.Header {
	return []callout.Header{{Name: "retry-after", Value: value}}
}
