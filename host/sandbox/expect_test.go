package sandbox

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A row of data/expect.json.
type row struct {
	Person, Route, Reason, Outcome string
	Status                         int
	Calls                          map[string]int
}

func rows(t *testing.T) []row {
	t.Helper()
	var d struct{ Rows []row }
	if err := json.Unmarshal(expect, &d); err != nil {
		t.Fatal(err)
	}
	return d.Rows
}

// TestAFaithfulClientSeesTheTableOfTheDemo plays every row that asks a vendor with a client that retries once when busy
// and renews a refused token once.
func TestAFaithfulClientSeesTheTableOfTheDemo(t *testing.T) {
	byPerson := map[string][]row{}
	played := 0
	for _, r := range rows(t) {
		if r.Reason != "age_requirement" { // judged before anybody is asked
			byPerson[r.Person] = append(byPerson[r.Person], r)
			played++
		}
	}
	if played < 350 {
		t.Fatalf("only %d rows", played)
	}
	for name, list := range byPerson {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.http.Timeout = 30 * time.Second
			p := c.listed(name)
			for _, r := range list {
				if name == timeout || name == "fallback_down" {
					c.http.Timeout = 100 * time.Millisecond
				}
				c.s.calls.clear()
				got := c.route(r.Route, p)
				calls := map[string]int{}
				_, totals := c.s.calls.read()
				for vendor := range r.Calls {
					calls[vendor] = totals[vendor].Verify
				}
				if got != r.Outcome || !maps.Equal(calls, r.Calls) {
					t.Errorf("%s: got %s after %v, want %s after %v", r.Route, got, calls, r.Outcome, r.Calls)
				}
			}
		})
	}
}

// route asks as the demo's policy says.
func (c *client) route(route string, p *person) string {
	jdCheck := map[string]int{"/v1/bank4": 0, "/v1/bank3": 1, "/v1/id2": 2, "/v1/face3": 3, "/v1/mobile3": 4, "/v1/mobile2": 25}
	jd := func(check int) string { return again(func() string { return c.jdOutcome(check, p) }) }
	celerity := func() string { return again(func() string { return c.celerityOutcome(p) }) }
	switch route {
	case "/v1/celerity/mobile3", "/v1/adults/mobile3":
		return celerity()
	case "/v1/kycloud/id2":
		return again(func() string { return c.kycloudOutcome(p) })
	case "/v1/glodon/mobile3":
		return again(func() string { return c.glodonOutcome(p) })
	case "/v1/chain/mobile3":
		first := celerity()
		if first != noRecord && first != limited && first != unanswered {
			return first
		}
		second := jd(4)
		if first == unanswered && (second == noRecord || second == limited) || first == limited && second == noRecord {
			return first
		}
		return second
	}
	check, ok := jdCheck[route]
	if !ok {
		c.t.Fatalf("no route %s", route)
	}
	return jd(check)
}

const unanswered = "unanswered"

// again asks once more when the vendor was busy.
func again(ask func() string) string {
	got := ask()
	if got == busy {
		got = ask()
	}
	if got == busy {
		return unanswered
	}
	return got
}

// read is the reply as an object; nil when nobody answered.
func read(a answer) map[string]any {
	var v map[string]any
	if a.err != nil || a.status >= 500 || len(a.body) > 1<<20 || json.Unmarshal(a.body, &v) != nil {
		return nil
	}
	return v
}

func (c *client) jdOutcome(check int, p *person) string {
	user := map[string]any{"name": p.Name}
	if check != 25 {
		user["idCard"] = p.IDNumber
	}
	switch check {
	case 0:
		user["bankcard"], user["mobile"] = p.BankCard, p.Mobile
	case 1:
		user["bankcard"] = p.BankCard
	case 3:
		user["imgBase64"] = face(6000)
	case 4, 25:
		user["mobile"] = p.Mobile
	}
	a := c.jd(jdBody(check, user))
	v := read(a)
	if code := at(v, "error", "status"); code != nil {
		return map[any]string{"INVALID_ARGUMENT": invalidInput, "RATE_LIMIT_EXCEEDED": busy}[code]
	}
	info := at(v, "result", "authInfo")
	if info == nil {
		info = at(v, "result")
	}
	code := at(info, "code")
	switch {
	case at(info, "hasException") != false:
		return unanswered
	case at(info, "success") == true:
		return match
	case code == "SANDBOX_NO_RECORD":
		return noRecord
	case code == "SANDBOX_LIMITED":
		return limited
	}
	return mismatch
}

func (c *client) celerityOutcome(p *person) string {
	a := c.celerity(c.celerityLogin(), celerityBody(p, false))
	if a.status == http.StatusUnauthorized {
		a = c.celerity(c.celerityLogin(), celerityBody(p, false))
	}
	v := read(a)
	if v == nil || at(v, "errcode") != 0.0 {
		return unanswered
	}
	result := at(v, "data", "result")
	if inner, ok := result.(string); ok {
		var m map[string]any
		if json.Unmarshal([]byte(inner), &m) != nil {
			return unanswered
		}
		result = m
	}
	code := at(result, "responseJson", "Response", "Result")
	if code == nil {
		code = at(result, "responseJson", "Result")
	}
	known := map[any]string{"0": match, "-4": mismatch, "-7": invalidInput, "-9": noRecord, "-11": busy, "-12": limited}
	if o, ok := known[code]; ok {
		return o
	}
	return unanswered
}

func (c *client) kycloudOutcome(p *person) string {
	params := c.kycloudParameters(map[string]string{"cardNumber": p.IDNumber})
	c.kycloudSign(params)
	v := read(c.kycloud(params))
	yes := func(x any) bool { return x == true || x == "true" }
	o := at(v, "object")
	switch {
	case at(v, "code") == "open_auth_user_not_existed_error":
		return noRecord
	case !yes(at(v, "success")) || o == nil:
		return unanswered
	case !yes(at(o, "isAuth")):
		return noRecord
	case at(o, "name") != p.Name || at(o, "entTime").(string) < c.now.Format("2006-01-02"):
		return mismatch
	}
	return match
}

// keptAccount is the person's account, made once: a faithful client keeps it, since the vendor refuses the second.
func (c *client) keptAccount(token string, p *person) string {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if id := c.kept[p.IDNumber]; id != "" {
		return id
	}
	id, _ := at(read(c.account(token, p)), "data", "accountId").(string)
	if c.kept == nil {
		c.kept = map[string]string{}
	}
	c.kept[p.IDNumber] = id
	return id
}

func (c *client) glodonOutcome(p *person) string {
	token := c.glodonLogin()
	account := c.keptAccount(token, p)
	if account == "" {
		return unanswered
	}
	a := c.step2(token, account, p)
	if a.status == http.StatusUnauthorized {
		a = c.step2(c.glodonLogin(), account, p)
	}
	v := read(a)
	switch code := at(v, "code"); {
	case code == "20020" || code == 20020.0:
		return match
	case code == "40010":
		return mismatch
	case code == "10005":
		return busy
	case code == "10000" && at(v, "data", "url") != nil:
		return pending
	}
	return unanswered
}

func TestTransportFaultsAreWhatTheyAreCalled(t *testing.T) {
	c := start(t)
	ask := func(name string) answer {
		p := c.listed(name)
		return c.jd(jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber}))
	}
	t.Run("a reset connection gives no reply", func(t *testing.T) {
		var broken *url.Error
		if a := ask(reset); !errors.As(a.err, &broken) || !strings.Contains(a.err.Error(), "reset") {
			t.Errorf("error %v", a.err)
		}
	})
	t.Run("a server's fault is a page", func(t *testing.T) {
		if a := ask(http500); a.status != 500 || !strings.Contains(string(a.body), "<html>") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := ask(html200); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("an empty reply is empty and whole", func(t *testing.T) {
		if a := ask(empty); a.err != nil || a.status != 200 || len(a.body) != 0 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a cut reply is the length it says and no JSON", func(t *testing.T) {
		if a := ask(truncated); a.err != nil || a.status != 200 || json.Valid(a.body) || a.body[0] != '{' {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a huge reply is a match of 8 MiB", func(t *testing.T) {
		if a := ask(huge); len(a.body) != 8<<20 || at(a.json(t), "result", "success") != true {
			t.Errorf("%d bytes", len(a.body))
		}
	})
}
