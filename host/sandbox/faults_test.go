package sandbox

import (
	"strings"
	"testing"
	"time"
)

func TestFaultsOfAWholeVendor(t *testing.T) {
	put := func(c *client, body string) answer { return c.send(c.request("PUT", "/_sandbox/faults", body)) }
	t.Run("a transport fault strikes logins too and no other vendor", func(t *testing.T) {
		c := start(t)
		put(c, `{"celerity":{"fault":"http_500"}}`)
		if a := c.send(c.request("POST", celerityLoginPath, `{}`)); a.status != 500 {
			t.Errorf("%d", a.status)
		}
		if a := c.jdMatch(); a.status != 200 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("an answer replaces the person's, on verifying calls alone", func(t *testing.T) {
		c := start(t)
		put(c, `{"celerity":{"fault":"busy"},"jdcloud":{"fault":"no_record"}}`)
		v := c.celerity(c.celerityLogin(), celerityBody(c.listed(match), false)).json(t)
		if at(v, "data", "result", "responseJson", "Response", "Result") != "-11" {
			t.Errorf("%v", v)
		}
		if v := c.jdMatch().json(t); at(v, "result", "code") != "SANDBOX_NO_RECORD" {
			t.Errorf("%v", v)
		}
	})
	t.Run("a slow vendor still says what it says", func(t *testing.T) {
		c := start(t)
		put(c, `{"jdcloud":{"fault":"slow"}}`)
		p := c.listed(mismatch)
		if v := c.jd(jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber})).json(t); at(v, "result", "success") != false {
			t.Errorf("%v", v)
		}
	})
	t.Run("a rate of nought strikes nobody", func(t *testing.T) {
		c := start(t)
		put(c, `{"jdcloud":{"fault":"reset","rate":0}}`)
		for range 20 {
			if a := c.jdMatch(); a.status != 200 {
				t.Fatalf("%d %v", a.status, a.err)
			}
		}
	})
	t.Run("half a rate strikes some", func(t *testing.T) {
		c := start(t)
		put(c, `{"jdcloud":{"fault":"http_500","rate":0.5}}`)
		seen := map[int]int{}
		for range 100 {
			seen[c.jdMatch().status]++
		}
		if seen[500] < 10 || seen[200] < 10 || seen[500]+seen[200] != 100 {
			t.Errorf("%v", seen)
		}
	})
	t.Run("it ends when its time is over", func(t *testing.T) {
		c := start(t)
		put(c, `{"jdcloud":{"fault":"http_500","for":"30s"}}`)
		c.now = clock.Add(30*time.Second - 1)
		if a := c.jdMatch(); a.status != 500 {
			t.Errorf("within: %d", a.status)
		}
		c.now = clock.Add(30 * time.Second)
		if a := c.jdMatch(); a.status != 200 {
			t.Errorf("after: %d", a.status)
		}
		if a := c.send(c.request("GET", "/_sandbox/faults", "")); string(a.body) != "{}\n" {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("beyond the cap on calls a second the vendor is busy", func(t *testing.T) {
		c := start(t)
		put(c, `{"jdcloud":{"qps":2},"kycloud":{"qps":1}}`)
		for i, want := range []int{200, 200, 429, 429} {
			if a := c.jdMatch(); a.status != want {
				t.Errorf("call %d: %d, want %d", i+1, a.status, want)
			}
		}
		q := c.kycloudParameters(map[string]string{"cardNumber": c.listed(match).IDNumber})
		c.kycloudSign(q)
		for i, want := range []int{200, 503} {
			if a := c.kycloud(q); a.status != want {
				t.Errorf("kycloud call %d: %d, want %d", i+1, a.status, want)
			}
		}
		c.now = c.now.Add(time.Second)
		if a := c.jdMatch(); a.status != 200 {
			t.Errorf("a second later: %d", a.status)
		}
	})
	t.Run("what was put can be got, replaced and deleted", func(t *testing.T) {
		c := start(t)
		const one = `{"celerity":{"fault":"reset","rate":0.5,"for":"30s","qps":9}}`
		if a := put(c, one); a.status != 200 || strings.TrimSpace(string(a.body)) != one {
			t.Errorf("%d %s", a.status, a.body)
		}
		put(c, `{"jdcloud":{"fault":"empty"}}`)
		if a := c.send(c.request("GET", "/_sandbox/faults", "")); string(a.body) != `{"jdcloud":{"fault":"empty"}}`+"\n" {
			t.Errorf("%s", a.body)
		}
		c.send(c.request("DELETE", "/_sandbox/faults", ""))
		if a := c.jdMatch(); a.status != 200 || len(a.body) == 0 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	for name, body := range map[string]string{
		"an unknown vendor": `{"tencent":{"fault":"reset"}}`, "an unknown fault": `{"jdcloud":{"fault":"explode"}}`,
		"a fault the vendor cannot have": `{"kycloud":{"fault":"busy"}}`, "an unknown field": `{"jdcloud":{"falt":"reset"}}`,
		"a rate above one": `{"jdcloud":{"fault":"reset","rate":1.5}}`, "a duration without unit": `{"jdcloud":{"fault":"reset","for":"30"}}`,
		"a negative cap": `{"jdcloud":{"qps":-1}}`, "no JSON": `reset`, "two values": `{}{}`,
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			c := start(t)
			put(c, `{"celerity":{"fault":"empty"}}`)
			if a := put(c, body); a.status != 400 || at(a.json(t), "error") == nil {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a := c.send(c.request("GET", "/_sandbox/faults", "")); !strings.Contains(string(a.body), "celerity") {
				t.Errorf("the old faults are gone: %s", a.body)
			}
		})
	}
}
