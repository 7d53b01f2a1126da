package glodon

import (
	"fmt"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

const (
	config     = `{"appKey":["key"],"appSecret":["secret"],"returnUrl":"https://play.example.cn/back","pageHosts":["realnameverify.example.cn"]}`
	certConfig = `{"appKey":["key"],"appSecret":["secret"],"returnUrl":"https://play.example.cn/back","pageHosts":["realnameverify.example.cn"],"certificate":true}`
	accountID  = "acct120901867004755968"
	certID     = "cert3456783650364543"
	pageURL    = "https://realnameverify.example.cn/v1/synsAuthentication.action?transaction_no=27B0&sign=RENCNkEw==&app_id=402558&timestamp=1590736765455"
)

func login(token string) providertest.Reply {
	return providertest.JSON(200, fmt.Sprintf(`{"access_token":%q,"token_type":"bearer","expires_in":359420,"scope":"a b"}`, token))
}

// code is a reply with that code, which is JSON, and no data.
func code(c string) providertest.Reply {
	return providertest.JSON(200, `{"code":`+c+`,"message":"x"}`)
}

// ok is a reply with 10000 as text and that data.
func ok(data string) providertest.Reply {
	return providertest.JSON(200, `{"code":"10000","data":`+data+`,"message":"成功"}`)
}

func created() providertest.Reply { return ok(`{"accountId":"` + accountID + `"}`) }

func page(url string) providertest.Reply { return ok(fmt.Sprintf(`{"url":%q}`, url)) }

func replies(r ...providertest.Reply) []providertest.Reply { return r }

func match(reference string) providers.Result {
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes, Reference: reference, Trace: accountID}
}

func failed(kind providers.ErrorKind, status int, code string, billed providers.Billing) *providers.Error {
	return &providers.Error{Kind: kind, Status: status, Code: code, Billed: billed}
}

func TestProvider(t *testing.T) {
	yes, no, maybe := providers.BilledYes, providers.BilledNo, providers.BilledUnknown
	refuse, busy, malformed, down := providers.Refused, providers.Busy, providers.Malformed, providers.Unavailable
	handle := handleOf(t, config)
	pending := providers.Result{
		Outcome: providers.Pending, Reference: accountID, Trace: accountID,
		Pending: &providers.Continuation{URL: pageURL, Handle: handle},
	}
	mismatch := providers.Result{Outcome: providers.Mismatch, Billed: yes, Reference: accountID, Trace: accountID}
	rows := []providertest.Row{
		{Name: "a page is pending", Code: "10000", Replies: replies(page(pageURL)), Want: pending},
		{Name: "real-named is a match for an account we created", Code: "20020", Replies: replies(code(`"20020"`)), Want: match(accountID)},
		{Name: "a code as number is read in step 2", Replies: replies(code(`20020`)), Want: match(accountID)},
		{Name: "40010 is a mismatch", Code: "40010", Replies: replies(code(`"40010"`)), Want: mismatch},
		{Name: "10005 is busy", Code: "10005", Replies: replies(code(`"10005"`)), Error: failed(busy, 200, "10005", no)},
		{Name: "an account elsewhere is an error and nobody is verified", Code: "20010", Alone: true, Replies: replies(login("t1"), code(`"20010"`)), Error: failed(refuse, 200, "20010", no)},
		{Name: "an account elsewhere is an error with a number too", Alone: true, Replies: replies(login("t1"), code(`20010`)), Error: failed(refuse, 200, "20010", no)},
		{Name: "busy in step 1 is busy", Alone: true, Replies: replies(login("t1"), code(`"10005"`)), Error: failed(busy, 200, "10005", no)},
		{Name: "real-named in step 1 proves nothing", Alone: true, Replies: replies(login("t1"), code(`"20020"`)), Error: failed(malformed, 200, "20020", no)},
		{Name: "a code as number is read in step 1", Alone: true, Replies: replies(login("t1"), providertest.JSON(200, `{"code":10000,"data":{"accountId":"`+accountID+`"}}`), code(`"20020"`)), Want: match(accountID)},
		{Name: "no accountId is unreadable", Alone: true, Replies: replies(login("t1"), ok(`{}`)), Error: failed(malformed, 200, "", no)},
		{Name: "no code in step 1 is unreadable", Alone: true, Replies: replies(login("t1"), providertest.JSON(200, `{"data":{"accountId":"a"}}`)), Error: failed(malformed, 200, "", no)},
		{Name: "500 in step 1 costs nothing", Alone: true, Replies: replies(login("t1"), providertest.HTML(500)), Error: failed(down, 500, "", no)},
		{Name: "a time-out in step 1 costs nothing", Alone: true, Replies: replies(login("t1"), providertest.Fail(callout.Timeout)), Error: failed(down, 0, "", no)},
		{Name: "a failure with text for data is read", Replies: replies(providertest.JSON(200, `{"code":"10060","data":"","message":"x"}`)), Error: failed(refuse, 200, "10060", no)},
		{Name: "an unknown code is shown and counted", Replies: replies(code(`"99999"`)), Error: &providers.Error{Kind: malformed, Status: 200, Code: "99999", UnknownCode: true}},
		{Name: "a code that is no short number is not shown", Replies: replies(code(`"13800001000"`)), Error: &providers.Error{Kind: malformed, Status: 200, UnknownCode: true}},
		{Name: "a null code is a missing one", Replies: replies(code(`null`)), Error: failed(malformed, 200, "", maybe)},
		{Name: "a certificate's code in step 2 is out of place", Replies: replies(code(`"20065"`)), Error: failed(malformed, 200, "20065", maybe)},

		{Name: "no page is unreadable", Replies: replies(ok(`{}`)), Error: failed(malformed, 200, "", maybe)},
		{Name: "a page on another host is not given out", Replies: replies(page("https://evil.example/?x=realnameverify.example.cn")), Error: failed(malformed, 200, "", maybe)},

		{Name: "a certificate's number is the reference", Config: certConfig, Replies: replies(code(`"20020"`), providertest.JSON(200, `{"code":10000,"message":"成功","data":{"accountId":"acct1155782836133822465","certId":"`+certID+`"}}`)), Want: match(certID)},
		{Name: "a certificate's code as text is read", Config: certConfig, Replies: replies(code(`"20020"`), ok(`{"certId":"`+certID+`"}`)), Want: match(certID)},
		{Name: "a certificate applied for before is a match without its number", Code: "20065", Config: certConfig, Replies: replies(code(`"20020"`), code(`20065`)), Want: match("")},
		{Name: "no certificate for somebody who is not real-named after all", Code: "20021", Config: certConfig, Replies: replies(code(`"20020"`), code(`20021`)), Error: failed(down, 200, "20021", maybe)},
		{Name: "a certificate that fails is an error", Code: "20060", Config: certConfig, Replies: replies(code(`"20020"`), code(`20060`)), Error: failed(down, 200, "20060", maybe)},
		{Name: "a certificate without certId is unreadable", Config: certConfig, Replies: replies(code(`"20020"`), code(`10000`)), Error: failed(malformed, 200, "", maybe)},
		{Name: "a blocked certificate does not make the match free", Config: certConfig, Replies: replies(code(`"20020"`), providertest.Fail(callout.Blocked)), Error: failed(down, 0, "", maybe)},
		{Name: "no certificate is asked for a mismatch", Config: certConfig, Replies: replies(code(`"40010"`)), Want: mismatch},
		{Name: "no certificate is asked for while pending", Config: certConfig, Replies: replies(page(pageURL)), Want: pending},

		{Name: "401 in step 2 logs in anew and repeats step 2 alone", Replies: replies(providertest.HTML(401), login("t2"), code(`"20020"`)), Want: match(accountID)},
		{Name: "a second 401 in step 2 refuses us", Replies: replies(providertest.HTML(401), login("t2"), providertest.HTML(401)), Error: failed(refuse, 401, "", no)},
		{Name: "401 in step 1 logs in anew and repeats step 1", Alone: true, Replies: replies(login("t1"), providertest.HTML(401), login("t2"), created(), code(`"20020"`)), Want: match(accountID)},
		{Name: "each step may meet a token that ran out", Config: certConfig, Replies: replies(providertest.HTML(401), login("t2"), code(`"20020"`), providertest.HTML(401), login("t3"), ok(`{"certId":"`+certID+`"}`)), Want: match(certID)},
		{Name: "a login that fails after 401 leaves nothing billed", Replies: replies(providertest.HTML(401), providertest.HTML(503)), Error: failed(down, 503, "", no)},

		{Name: "resumed while the page is open it is still pending", Alone: true, Resume: handle, Replies: replies(login("t1"), page(pageURL)), Want: pending},
		{Name: "resumed after the page is done it is a match", Alone: true, Resume: handle, Replies: replies(login("t1"), code(`"20020"`)), Want: match(accountID)},
		{Name: "resumed with a certificate", Alone: true, Config: certConfig, Resume: handle, Replies: replies(login("t1"), code(`"20020"`), ok(`{"certId":"`+certID+`"}`)), Want: match(certID)},
		{Name: "a handle that was made up asks nobody", Alone: true, Resume: []byte(accountID + ".AAAAAAAAAAAAAAAAAAAAAA"), Error: failed(refuse, 0, "", no)},
		{Name: "a handle for another account asks nobody", Alone: true, Resume: append([]byte("acct1"), handle[len(accountID):]...), Error: failed(refuse, 0, "", no)},
		{Name: "a handle without a proof asks nobody", Alone: true, Resume: []byte(accountID), Error: failed(refuse, 0, "", no)},
		{Name: "an empty handle asks nobody", Alone: true, Resume: []byte{}, Error: failed(refuse, 0, "", no)},

		{Name: "a login refused by 401 refuses us", Alone: true, Replies: replies(providertest.JSON(401, `{"error":"invalid_client"}`)), Error: failed(refuse, 401, "invalid_client", no)},
		{Name: "a login refused with 200 refuses us", Alone: true, Replies: replies(providertest.JSON(200, `{"error":"invalid_client"}`)), Error: failed(refuse, 200, "invalid_client", no)},
		{Name: "a login answered by 500 costs nothing", Alone: true, Replies: replies(providertest.HTML(500)), Error: failed(down, 500, "", no)},
		{Name: "a token of another type is unreadable", Alone: true, Replies: replies(providertest.JSON(200, `{"access_token":"t","token_type":"mac","expires_in":60}`)), Error: failed(malformed, 200, "", no)},
		{Name: "a token that has expired already is unreadable", Alone: true, Replies: replies(providertest.JSON(200, `{"access_token":"t","expires_in":0}`)), Error: failed(malformed, 200, "", no)},
		{Name: "a token that would split a header is unreadable", Alone: true, Replies: replies(login("t\r\nx: y")), Error: failed(malformed, 200, "", no)},
		{Name: "a token without type and life is good", Alone: true, Replies: replies(providertest.JSON(200, `{"access_token":"t"}`), created(), code(`"20020"`)), Want: match(accountID)},
	}
	rows = append(rows, failures()...)
	providertest.Run(t, providertest.Suite{
		Info:        Info(),
		Config:      config,
		Setup:       replies(login("t1"), created()),
		Match:       code(`"20020"`),
		UnknownCode: code(`"99999"`),
		MissingCode: providertest.JSON(200, `{"message":"x","data":{}}`),
		Rows:        rows,
		BadConfigs:  badConfigs(),
	})
}

// failures is the codes that are errors in step 2, by what becomes of them.
func failures() []providertest.Row {
	var rows []providertest.Row
	for _, group := range []struct {
		what   string
		kind   providers.ErrorKind
		billed providers.Billing
		codes  []string
	}{
		{"refuses us", providers.Refused, providers.BilledNo, []string{
			"10002", "10003", "10004", "10010", "10020", "10030", "10040", "10050", "10055", "10060", "20030", "20035",
			"20045", "20050", "20090", "20210", "20220", "20230", "20240", "20250", "20260", "20270", "20310", "20320",
			"40020", "40030",
		}},
		{"is a failure of the vendor's", providers.Unavailable, providers.BilledUnknown, []string{
			"10001", "20021", "20060", "20070", "20075", "20078", "20080", "20110", "20280", "20290", "40011", "40012",
		}},
		{"is a failure that costs nothing", providers.Unavailable, providers.BilledNo, []string{"20040"}},
	} {
		for _, c := range group.codes {
			rows = append(rows, providertest.Row{
				Name: c + " " + group.what, Code: c,
				Replies: replies(code(`"` + c + `"`)), Error: failed(group.kind, 200, c, group.billed),
			})
		}
	}
	return rows
}

func badConfigs() []providertest.BadConfig {
	with := func(returnURL, hosts, more string) string {
		return `{"appKey":["k"],"appSecret":["s"],"returnUrl":"` + returnURL + `","pageHosts":` + hosts + more + `}`
	}
	const back, hosts = "https://a.example/back", `["b.example"]`
	return []providertest.BadConfig{
		{Name: "no key", Config: `{}`, Field: "appKey"},
		{Name: "no secret", Config: `{}`, Field: "appSecret"},
		{Name: "no returnUrl", Config: `{}`, Field: "returnUrl"},
		{Name: "no pageHosts", Config: `{}`, Field: "pageHosts"},
		{Name: "a key with a colon", Config: `{"appKey":["k:1"]}`, Field: "appKey"},
		{Name: "an empty old secret", Config: `{"appSecret":["new",""]}`, Field: "appSecret"},
		{Name: "a returnUrl with three slashes", Config: with("http:///114.115.148.211:8900/swagger-ui.html", hosts, ""), Field: "returnUrl"},
		{Name: "a returnUrl without a scheme", Config: with("//a.example/back", hosts, ""), Field: "returnUrl"},
		{Name: "a returnUrl that is a script", Config: with("javascript:alert(1)", hosts, ""), Field: "returnUrl"},
		{Name: "a returnUrl with a user", Config: with("https://a.example@evil.example/", hosts, ""), Field: "returnUrl"},
		{Name: "a returnUrl with a backslash", Config: with(`https:\\\\a.example`, hosts, ""), Field: "returnUrl"},
		{Name: "empty pageHosts", Config: with(back, `[]`, ""), Field: "pageHosts"},
		{Name: "a host pattern", Config: with(back, `["b.example","*.example"]`, ""), Field: "pageHosts[1]"},
		{Name: "a host with a path", Config: with(back, `["b.example/pages"]`, ""), Field: "pageHosts[0]"},
		{Name: "an empty host", Config: with(back, `[""]`, ""), Field: "pageHosts[0]"},
		{Name: "a host of another scheme", Config: with(back, `["ftp://b.example"]`, ""), Field: "pageHosts[0]"},
		{Name: "a token server without a host", Config: with(back, hosts, `,"tokenEndpoint":"https:///x"`), Field: "tokenEndpoint"},
		{Name: "a token server that is a slash", Config: with(back, hosts, `,"tokenEndpoint":"/"`), Field: "tokenEndpoint"},
		{Name: "a token server with a query", Config: with(back, hosts, `,"tokenEndpoint":"https://t.example/?a=b"`), Field: "tokenEndpoint"},
		{Name: "an unknown field", Config: with(back, hosts, `,"certificat":true`), Field: "certificat"},
		{Name: "a wrong type", Config: with(back, `"b.example"`, ""), Field: "pageHosts"},
		{Name: "no object", Config: `[`, Field: ""},
	}
}

// handleOf is the handle of the sample person's account under that configuration.
func handleOf(t *testing.T, config string) []byte {
	t.Helper()
	env := providertest.Env(t)
	env.Endpoint = defaultEndpoint
	p, err := New([]byte(config), env)
	if err != nil {
		t.Fatal(err)
	}
	q := providers.Query{Check: providers.Mobile3, Person: providertest.Sample(t)}
	do := providertest.NewDoer(login("t1"), created(), page(pageURL))
	r, err := p.Verify(t.Context(), do, q)
	if err != nil || r.Pending == nil {
		t.Fatalf("got %s, %v, want pending", r.Outcome, err)
	}
	return r.Pending.Handle
}
