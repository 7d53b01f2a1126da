package sandbox

import (
	"strings"
	"testing"
	"time"
)

func TestCelerityTokens(t *testing.T) {
	c := start(t)
	body := celerityBody(c.listed(match), false)
	refused := func(t *testing.T, a answer) {
		t.Helper()
		if v := a.json(t); a.status != 401 || at(v, "errcode") == 0.0 || at(v, "errcode") == nil {
			t.Errorf("%d %v", a.status, v)
		}
	}
	granted := func(t *testing.T, a answer) {
		t.Helper()
		if v := a.json(t); a.status != 200 || at(v, "data", "result", "responseJson", "Response", "Result") != "0" {
			t.Errorf("%d %v", a.status, v)
		}
	}
	token := c.celerityLogin()
	t.Run("a granted token is good, as it is", func(t *testing.T) { granted(t, c.celerity(token, body)) })
	t.Run("the fixed token is good", func(t *testing.T) { granted(t, c.celerity(c.s.credentials.CelerityToken, body)) })
	t.Run("Bearer does not belong there", func(t *testing.T) { refused(t, c.celerity("Bearer "+token, body)) })
	t.Run("no token", func(t *testing.T) { refused(t, c.celerity("", body)) })
	t.Run("a token nobody granted", func(t *testing.T) { refused(t, c.celerity(requestID(), body)) })
	t.Run("a token lives for fifteen minutes", func(t *testing.T) {
		c.now = clock.Add(15*time.Minute - time.Second)
		granted(t, c.celerity(token, body))
		c.now = clock.Add(15 * time.Minute)
		refused(t, c.celerity(token, body))
	})
	t.Run("a wrong password", func(t *testing.T) {
		refused(t, c.send(c.request("POST", celerityLoginPath, `{"sysName":"gate","userCode":"u1","password":"wrong"}`)))
	})
	t.Run("a login without its user", func(t *testing.T) {
		v := c.send(c.request("POST", celerityLoginPath, `{"sysName":"gate","password":"x"}`)).json(t)
		if at(v, "errcode") == 0.0 || at(v, "data") != nil {
			t.Errorf("%v", v)
		}
	})
}

func TestCelerityJudgesTheRequest(t *testing.T) {
	c := start(t)
	token := c.celerityLogin()
	const good = `{"buscode":"PhoneVerification","group":"real","async":false,"data":{"IdCard":"110101199003070003","Name":"李雷","Phone":"13800001000"}}`
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	cases := []struct{ name, body, errcode, result string }{
		{"all as it should be", good, "0", "0"},
		{"no group, as in the page's sample", swap(`"group":"real",`, ""), "0", "0"},
		{"bookkeeping data", swap(`"async":false`, `"extData":{"serialNo":"1","extInfo":{"a":"b"}}`), "0", "0"},
		{"bookkeeping data of another shape", swap(`"async":false`, `"extData":{"extInfo":"b"}`), "400", ""},
		{"another group", swap(`"real"`, `"unreal"`), "400", ""},
		{"another business code", swap("PhoneVerification", "BankCard"), "400", ""},
		{"no name", swap("李雷", ""), "400", ""},
		{"no data", `{"buscode":"PhoneVerification"}`, "400", ""},
		{"no JSON", `buscode`, "400", ""},
		{"a malformed mobile", swap("13800001000", "1380000100"), "0", "-6"},
		{"a wrong check character", swap("110101199003070003", "110101199003070004"), "0", "-7"},
		{"a name of one character", swap("李雷", "李"), "0", "-8"},
		{"another name", swap("李雷", "韩梅梅"), "0", "-4"},
		{"another mobile", swap("13800001000", "13800001001"), "0", "-4"},
		{"nobody listed", swap("110101199003070003", "11010519491231002X"), "0", "-9"},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			v := c.celerity(token, x.body).json(t)
			result, _ := at(v, "data", "result", "responseJson", "Response", "Result").(string)
			if text(at(v, "errcode")) != x.errcode || result != x.result {
				t.Errorf("%v, want errcode %s, Result %q", v, x.errcode, x.result)
			}
		})
	}
	t.Run("a match names carrier, request and a trace number past 2^53", func(t *testing.T) {
		v := c.celerity(token, good).json(t)
		response := at(v, "data", "result", "responseJson", "Response")
		trace, _ := at(v, "data", "traceNo").(string)
		if at(response, "Isp") != "移动" || at(response, "RequestId") == "" || len(trace) != 19 || at(v, "errmsg") != "SUCCESS" {
			t.Errorf("%v", v)
		}
	})
	t.Run("pending only when the request is asynchronous", func(t *testing.T) {
		p := c.listed(pending)
		v := c.celerity(token, celerityBody(p, true)).json(t)
		if at(v, "errcode") != 0.0 || at(v, "data", "traceNo") == nil || at(v, "data", "result") != nil {
			t.Errorf("%v", v)
		}
		if v := c.celerity(token, celerityBody(p, false)).json(t); at(v, "data", "result", "responseJson", "Response", "Result") != "0" {
			t.Errorf("%v", v)
		}
	})
	t.Run("the other revision is JSON text without Response", func(t *testing.T) {
		v := c.celerity(token, celerityBody(c.listed(drift), false)).json(t)
		inner, _ := at(v, "data", "result").(string)
		if !strings.HasPrefix(inner, `{"responseJson":{"Result":"0",`) {
			t.Errorf("%v", v)
		}
	})
}
