package celerity

import (
	"fmt"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/providertest"
)

const (
	loginConfig = `{"login":{"sysName":"gate","userCode":"u1","password":["pw"]}}`
	fixedConfig = `{"token":["fixed-token"]}`
	requestID   = "a5fdb909-5ee6-43ff-a152-bb1b9744ee8b"
	traceNo     = "1529628301297995777"
)

func loginReplyOf(token string) providertest.Reply {
	return providertest.JSON(200, fmt.Sprintf(`{"errcode":0,"data":{"accessToken":%q,"refreshToken":"r"},"errmsg":"SUCCESS"}`, token))
}

// replyOf is the seed's reply with that Result, which is JSON, and Isp.
func replyOf(result, isp string) providertest.Reply {
	return providertest.JSON(200, `{"errcode":0,"data":{"traceNo":"`+traceNo+`","result":{"responseJson":{"Response":{"Result":`+result+
		`,"Description":"x","Isp":"`+isp+`","RequestId":"`+requestID+`"}}},"status":"success"},"errmsg":"SUCCESS"}`)
}

func okData(inner string) providertest.Reply {
	return providertest.JSON(200, `{"errcode":0,"data":`+inner+`,"errmsg":"SUCCESS"}`)
}

func one(r providertest.Reply) []providertest.Reply { return []providertest.Reply{r} }

// said is a Result with the seed's numbers.
func said(outcome providers.Outcome, billed providers.Billing, change ...func(*providers.Result)) providers.Result {
	r := providers.Result{Outcome: outcome, Billed: billed, Reference: requestID, Trace: traceNo}
	for _, c := range change {
		c(&r)
	}
	return r
}

func claim(c identity.Claim) func(*providers.Result) {
	return func(r *providers.Result) { r.Claim = c }
}

func reason(s string) func(*providers.Result) { return func(r *providers.Result) { r.Reason = s } }

func carriedBy(s string) func(*providers.Result) { return func(r *providers.Result) { r.Carrier = s } }

func failed(kind providers.ErrorKind) *providers.Error {
	return &providers.Error{Kind: kind, Status: 200}
}

func TestProvider(t *testing.T) {
	yes, no := providers.BilledYes, providers.BilledNo
	match := said(providers.Match, yes)
	pending := providers.Result{Outcome: providers.Pending, Trace: traceNo, Pending: &providers.Continuation{}}
	busy := &providers.Error{Kind: providers.Busy, Status: 429, Retry: 7 * time.Second, Billed: no}
	rows := []providertest.Row{
		{Name: "0 is a match", Code: "0", Replies: one(replyOf(`"0"`, "")), Want: match},
		{Name: "-4 is a mismatch", Code: "-4", Replies: one(replyOf(`"-4"`, "")), Want: said(providers.Mismatch, yes)},
		{Name: "-5 is a mismatch: nobody's mobile", Code: "-5", Replies: one(replyOf(`"-5"`, "")), Want: said(providers.Mismatch, yes, reason("mobile_not_real_named"))},
		{Name: "-6 refuses the mobile", Code: "-6", Replies: one(replyOf(`"-6"`, "")), Want: said(providers.InvalidInput, no, claim(identity.ClaimMobile))},
		{Name: "-7 refuses the ID number", Code: "-7", Replies: one(replyOf(`"-7"`, "")), Want: said(providers.InvalidInput, no, claim(identity.ClaimIDNumber))},
		{Name: "-8 refuses the name", Code: "-8", Replies: one(replyOf(`"-8"`, "")), Want: said(providers.InvalidInput, no, claim(identity.ClaimName))},
		{Name: "-9 is no record", Code: "-9", Replies: one(replyOf(`"-9"`, "")), Want: said(providers.NoRecord, no)},
		{Name: "-10 is an error", Code: "-10", Replies: one(replyOf(`"-10"`, "")), Error: &providers.Error{Kind: providers.Unavailable, Status: 200, Code: "-10", Billed: no}},
		{Name: "-11 is busy", Code: "-11", Replies: one(replyOf(`"-11"`, "")), Error: &providers.Error{Kind: providers.Busy, Status: 200, Code: "-11", Billed: no}},
		{Name: "-12 is the day's limit", Code: "-12", Replies: one(replyOf(`"-12"`, "")), Want: said(providers.Limited, no)},
		{Name: "-13 is no record: unknown segment", Code: "-13", Replies: one(replyOf(`"-13"`, "")), Want: said(providers.NoRecord, no, reason("segment_unsupported"))},
		{Name: "an unknown code is shown and counted", Replies: one(replyOf(`"-99"`, "")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "-99", UnknownCode: true}},
		{Name: "a number as Result is read", Replies: one(replyOf(`0`, "")), Want: match},
		{Name: "a negative number as Result is read", Replies: one(replyOf(`-4`, "")), Want: said(providers.Mismatch, yes)},
		{Name: "0.0 is not 0", Replies: one(replyOf(`0.0`, "")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, UnknownCode: true}},
		{Name: "-0 is not 0", Replies: one(replyOf(`-0`, "")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "-0", UnknownCode: true}},
		{Name: "an empty Result is no match", Replies: one(replyOf(`""`, "")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, UnknownCode: true}},
		{Name: "false is no match", Replies: one(replyOf(`false`, "")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, UnknownCode: true}},
		{Name: "null is a missing Result", Replies: one(replyOf(`null`, "")), Error: failed(providers.Malformed)},
		{Name: "移动 is mobile", Replies: one(replyOf(`"0"`, "移动")), Want: said(providers.Match, yes, carriedBy("mobile"))},
		{Name: "电信 is telecom", Replies: one(replyOf(`"0"`, "电信")), Want: said(providers.Match, yes, carriedBy("telecom"))},
		{Name: "联通 is unicom", Replies: one(replyOf(`"0"`, "联通")), Want: said(providers.Match, yes, carriedBy("unicom"))},
		{Name: "an unknown carrier is none", Replies: one(replyOf(`"0"`, "广电")), Want: match},

		{Name: "a revision without Response is read", Replies: one(okData(`{"traceNo":"` + traceNo + `","result":{"responseJson":{"Result":"0","Isp":"联通","RequestId":"` + requestID + `"}}}`)), Want: said(providers.Match, yes, carriedBy("unicom"))},
		{Name: "result as JSON text is read", Replies: one(okData(`{"traceNo":"` + traceNo + `","result":"{\"responseJson\":{\"Response\":{\"Result\":\"0\",\"RequestId\":\"` + requestID + `\"}}}"}`)), Want: match},
		{Name: "result as JSON text without Response is read", Replies: one(okData(`{"traceNo":"` + traceNo + `","result":"{\"responseJson\":{\"Result\":\"-4\",\"RequestId\":\"` + requestID + `\"}}"}`)), Want: said(providers.Mismatch, yes)},
		{Name: "result as text that is no JSON is unreadable", Replies: one(okData(`{"traceNo":"1","result":"success"}`)), Error: failed(providers.Malformed)},
		{Name: "10,000 arrays inside the text are unreadable", Replies: one(okData(`{"traceNo":"1","result":"` + nested(10_000) + `"}`)), Error: failed(providers.Malformed)},
		{Name: "two Results that differ are unreadable", Replies: one(okData(`{"result":{"responseJson":{"Result":"0","Response":{"Result":"-4"}}}}`)), Error: failed(providers.Malformed)},
		{Name: "an empty Response beside a Result is unreadable", Replies: one(okData(`{"result":{"responseJson":{"Result":"0","Response":{}}}}`)), Error: failed(providers.Malformed)},
		{Name: "a traceNo as number keeps its digits", Replies: one(okData(`{"traceNo":` + traceNo + `,"result":{"responseJson":{"Result":"0","RequestId":"` + requestID + `"}}}`)), Want: match},
		{Name: "numbers that are no tokens are dropped", Replies: one(okData(`{"traceNo":"a b","result":{"responseJson":{"Result":"0","RequestId":"a\r\nx: y"}}}`)), Want: providers.Result{Outcome: providers.Match, Billed: yes}},
		{Name: "no data is unreadable", Replies: one(providertest.JSON(200, `{"errcode":0,"errmsg":"SUCCESS"}`)), Error: failed(providers.Malformed)},
		{Name: "no result is unreadable", Replies: one(okData(`{"traceNo":"1","status":"success"}`)), Error: failed(providers.Malformed)},
		{Name: "no responseJson is unreadable", Replies: one(okData(`{"traceNo":"1","result":{}}`)), Error: failed(providers.Malformed)},

		{Name: "errcode as text is read", Replies: one(providertest.JSON(200, `{"errcode":"0","data":{"result":{"responseJson":{"Result":"0"}}}}`)), Want: providers.Result{Outcome: providers.Match, Billed: yes}},
		{Name: "an errcode beats a match", Replies: one(providertest.JSON(200, `{"errcode":40001,"data":{"result":{"responseJson":{"Result":"0"}}}}`)), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "40001", UnknownCode: true}},
		{Name: "an errcode is read whatever data is", Replies: one(providertest.JSON(200, `{"errcode":"-1","data":"","errmsg":"x"}`)), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "-1", UnknownCode: true}},
		{Name: "an errcode that is no short number is not shown", Replies: one(providertest.JSON(200, `{"errcode":"13800001000"}`)), Error: &providers.Error{Kind: providers.Malformed, Status: 200, UnknownCode: true}},
		{Name: "no errcode is no match", Replies: one(providertest.JSON(200, `{"data":{"result":{"responseJson":{"Result":"0"}}}}`)), Error: failed(providers.Malformed)},
		{Name: "a null errcode is no match", Replies: one(providertest.JSON(200, `{"errcode":null,"data":{"result":{"responseJson":{"Result":"0"}}}}`)), Error: failed(providers.Malformed)},

		{Name: "an accepted question is pending without a page", Config: asyncConfig, Replies: one(okData(`{"traceNo":"` + traceNo + `"}`)), Want: pending},
		{Name: "an accepted question with an empty result is pending", Config: asyncConfig, Replies: one(okData(`{"traceNo":"` + traceNo + `","result":""}`)), Want: pending},
		{Name: "an asynchronous question that is answered at once is answered", Config: asyncConfig, Replies: one(replyOf(`"0"`, "")), Want: match},
		{Name: "accepted without a traceNo is unreadable", Config: asyncConfig, Replies: one(okData(`{"status":"success"}`)), Error: failed(providers.Malformed)},

		{Name: "403 refuses us", Replies: one(providertest.HTML(403)), Error: &providers.Error{Kind: providers.Refused, Status: 403, Billed: no}},
		{Name: "404 refuses us", Replies: one(providertest.HTML(404)), Error: &providers.Error{Kind: providers.Refused, Status: 404, Billed: no}},
		{Name: "429 is busy", Replies: one(providertest.Reply{Status: 429, Header: []callout.Header{{Name: "Retry-After", Value: "7"}}}), Error: busy},
		{Name: "a redirect is not followed", Replies: one(providertest.HTML(302)), Error: &providers.Error{Kind: providers.Malformed, Status: 302}},
		{Name: "401 logs in anew and asks again", Replies: []providertest.Reply{providertest.HTML(401), loginReplyOf("t2"), replyOf(`"0"`, "")}, Want: match},
		{Name: "a second 401 refuses us", Replies: []providertest.Reply{providertest.HTML(401), loginReplyOf("t2"), providertest.HTML(401)}, Error: &providers.Error{Kind: providers.Refused, Status: 401, Billed: no}},
		{Name: "a login that fails after 401 leaves nothing billed", Replies: []providertest.Reply{providertest.HTML(401), providertest.HTML(500)}, Error: &providers.Error{Kind: providers.Unavailable, Status: 500, Billed: no}},
		{Name: "401 with a fixed token is final", Config: fixedConfig, Alone: true, Replies: one(providertest.HTML(401)), Error: &providers.Error{Kind: providers.Refused, Status: 401, Billed: no}},
		{Name: "a fixed token needs no login", Config: fixedConfig, Alone: true, Replies: one(replyOf(`"0"`, "")), Want: match},

		{Name: "a login refused by 400 refuses us", Alone: true, Replies: one(providertest.JSON(400, `{"errcode":1001,"errmsg":"x"}`)), Error: &providers.Error{Kind: providers.Refused, Status: 400, Code: "1001", Billed: no}},
		{Name: "a login refused by errcode refuses us", Alone: true, Replies: one(providertest.JSON(200, `{"errcode":1001,"data":"","errmsg":"x"}`)), Error: &providers.Error{Kind: providers.Refused, Status: 200, Code: "1001", Billed: no}},
		{Name: "a login answered by 500 costs nothing", Alone: true, Replies: one(providertest.HTML(500)), Error: &providers.Error{Kind: providers.Unavailable, Status: 500, Billed: no}},
		{Name: "a login that times out costs nothing", Alone: true, Replies: one(providertest.Fail(callout.Timeout)), Error: &providers.Error{Kind: providers.Unavailable, Billed: no}},
		{Name: "a login without errcode is unreadable", Alone: true, Replies: one(providertest.JSON(200, `{"data":{"accessToken":"t"}}`)), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Billed: no}},
		{Name: "a login without a token is unreadable", Alone: true, Replies: one(providertest.JSON(200, `{"errcode":0,"data":{}}`)), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Billed: no}},
		{Name: "a token that would split a header is unreadable", Alone: true, Replies: one(loginReplyOf("t\r\nx: y")), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Billed: no}},
	}
	providertest.Run(t, providertest.Suite{
		Info:        Info(),
		Config:      loginConfig,
		Setup:       one(loginReplyOf("t1")),
		Match:       replyOf(`"0"`, "移动"),
		UnknownCode: replyOf(`"-99"`, ""),
		MissingCode: okData(`{"traceNo":"1","result":{"responseJson":{"Response":{"RequestId":"x"}}}}`),
		Rows:        rows,
		BadConfigs: []providertest.BadConfig{
			{Name: "neither login nor token", Config: `{}`, Field: "login"},
			{Name: "both login and token", Config: `{"token":["t"],"login":{"sysName":"a","userCode":"b","password":["c"]}}`, Field: "token"},
			{Name: "an empty token", Config: `{"token":[""]}`, Field: "token"},
			{Name: "a token with a line break", Config: `{"token":["a\nb"]}`, Field: "token"},
			{Name: "a login without a system", Config: `{"login":{"userCode":"b","password":["c"]}}`, Field: "login.sysName"},
			{Name: "a login without a user", Config: `{"login":{"sysName":"a","password":["c"]}}`, Field: "login.userCode"},
			{Name: "a login without a password", Config: `{"login":{"sysName":"a","userCode":"b"}}`, Field: "login.password"},
			{Name: "the last of several faults", Config: `{"login":{}}`, Field: "login.password"},
			{Name: "an unknown field", Config: `{"token":["t"],"asynch":true}`, Field: "asynch"},
			{Name: "a wrong type", Config: `{"token":["t"],"async":"yes"}`, Field: "async"},
			{Name: "no object", Config: `[`, Field: ""},
		},
	})
}

const asyncConfig = `{"login":{"sysName":"gate","userCode":"u1","password":["pw"]},"async":true}`

func nested(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '['
	}
	return string(b)
}
