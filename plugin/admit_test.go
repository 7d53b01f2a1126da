package plugin_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// guess begins a request of a client about a person.
func (m *memo) guess(client, person string, header ...string) uint64 {
	m.flows++
	head := &plugin.Head{
		Method: "POST", Scheme: "https", Host: "a", Path: "/r", Client: client,
		Header: []callout.Header{{Name: "x-name", Value: "张三"}, {Name: "x-id", Value: person}},
	}
	for i := 0; i+1 < len(header); i += 2 {
		head.Header = append(head.Header, callout.Header{Name: header[i], Value: header[i+1]})
	}
	m.table.Begin(m.flows, head, m.engine.Evaluate)
	return m.flows
}

// is checks what became of a flow.
func (m *memo) is(flow uint64, reason string) {
	m.t.Helper()
	d, ok := m.decided[flow]
	if !ok || string(d.Reason) != reason {
		m.t.Errorf("flow %d: %v, %s; not %s", flow, ok, d.Reason, reason)
	}
}

func throttled(throttle string) string {
	return `{"version":1,"providers":{"v":{"use":"oracle"}},"state":{"key":{"secret":"KEY"}},"rules":[` +
		memoRule("r", "v", `{"mismatch":"1h"}`, `,"throttle":`+throttle) + `]}`
}

const (
	here  = "192.0.2.7"
	there = "192.0.2.8"
)

// somebody is a person with a number of their own.
func somebody(t *testing.T, n int) string {
	t.Helper()
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	s := fmt.Sprintf("11010119900307%03d", n)
	sum := 0
	for i, w := range weights {
		sum += w * int(s[i]-'0')
	}
	return s + "10X98765432"[sum%11:sum%11+1]
}

func TestAClientsWrongTriesEnd(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":3,"per":"1h"}}`))
	for i := range 3 {
		f := m.guess(here, somebody(t, i))
		m.reply("mismatch")
		m.is(f, "identity_not_verified")
	}
	f := m.guess(here, somebody(t, 3))
	m.is(f, "too_many_tries")
	if d := m.decided[f]; d.Status != 429 || header(d.Header, "retry-after") != "3600" {
		t.Errorf("%d %v", d.Status, d.Header)
	}
	if line := m.lines[len(m.lines)-1]; line["detail"] != "client" || line["outcome"] != nil || m.asked != 3 {
		t.Errorf("%v, asked %d", line, m.asked)
	}
	f = m.guess(there, somebody(t, 3))
	m.reply("match")
	m.is(f, "match")
	m.later(time.Hour)
	f = m.guess(here, somebody(t, 3))
	m.reply("match")
	m.is(f, "match")
}

func header(all []callout.Header, name string) string {
	for _, h := range all {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

func TestWhichAnswersCount(t *testing.T) {
	for _, c := range []struct {
		answer        string
		counts, inAll bool
	}{
		{"match", false, true},
		{"pending", false, true},
		{"nonsense", false, true},
		{"mismatch", true, true},
		{"no_record", true, true},
		{"invalid_input", true, true},
		{"limited", true, true},
	} {
		for count, want := range map[string]bool{"mismatch": c.counts, "all": c.inAll} {
			m := newMemo(t, throttled(`{"client":{"max":1,"per":"1h","count":"`+count+`"}}`))
			m.guess(here, somebody(t, 0))
			m.reply(c.answer)
			f := m.guess(here, somebody(t, 1))
			m.reply("match")
			if stopped := m.decided[f].Reason == plugin.TooManyTries; stopped != want {
				t.Errorf("%s with count: %s counts: %v", c.answer, count, stopped)
			}
		}
	}
}

func TestARememberedNoCountsLikeAFreshOne(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":2,"per":"1h"}}`))
	m.guess(here, someone)
	m.reply("mismatch")
	m.is(m.guess(here, someone), "identity_not_verified")
	if m.asked != 1 {
		t.Errorf("asked %d times", m.asked)
	}
	m.is(m.guess(here, someone), "too_many_tries")
}

func TestGuessesAtOnceGetNoFurtherThanOneAfterTheOther(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":5,"per":"1h"}}`))
	for i := range 100 {
		m.guess(here, somebody(t, i))
	}
	if m.asked != 5 {
		t.Errorf("asked %d times", m.asked)
	}
	m.reply("match") // none of them was wrong
	f := m.guess(here, somebody(t, 200))
	m.reply("match")
	m.is(f, "match")
}

func TestAPersonsTriesAreOneClients(t *testing.T) {
	m := newMemo(t, throttled(`{"person":{"max":2,"per":"24h"}}`))
	for range 2 {
		m.guess(here, someone)
		m.reply("mismatch")
	}
	f := m.guess(here, someone)
	m.is(f, "too_many_tries")
	if line := m.lines[len(m.lines)-1]; line["detail"] != "person" {
		t.Errorf("%v", line)
	}
	m.is(m.guess(there, someone), "identity_not_verified") // remembered: the victim is not locked out, by somebody else's tries
	f = m.guess(here, another)
	m.reply("match")
	m.is(f, "match")
}

func TestATryThatThePersonsLimitStopsIsNotTheClients(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":3,"per":"24h","count":"all"},"person":{"max":1,"per":"24h","count":"all"}}`))
	m.guess(here, someone)
	m.reply("match")
	for range 10 {
		m.is(m.guess(here, someone), "too_many_tries")
	}
	for _, p := range []string{another, somebody(t, 1)} {
		f := m.guess(here, p)
		m.reply("match")
		m.is(f, "match")
	}
}

func TestWhoAClientIs(t *testing.T) {
	byHeader := `{"client":{"by":{"header":"x-key"},"max":1,"per":"1h"}}`
	for _, c := range []struct {
		name, throttle string
		first, second  [3]string // address, header, value
		same           bool
	}{
		{"one address", `{"client":{"by":"address","max":1,"per":"1h"}}`, [3]string{here}, [3]string{here}, true},
		{"two addresses", `{"client":{"max":1,"per":"1h"}}`, [3]string{here}, [3]string{there}, false},
		{"one IPv6 network", `{"client":{"max":1,"per":"1h"}}`, [3]string{"2001:db8:1:2::1"}, [3]string{"2001:db8:1:2:ffff::9"}, true},
		{"two IPv6 networks", `{"client":{"max":1,"per":"1h"}}`, [3]string{"2001:db8:1:2::1"}, [3]string{"2001:db8:1:3::1"}, false},
		{"IPv4 in IPv6", `{"client":{"max":1,"per":"1h"}}`, [3]string{here}, [3]string{"::ffff:" + here}, true},
		{"no address twice", `{"client":{"max":1,"per":"1h"}}`, [3]string{""}, [3]string{"unknown"}, true},
		{"one header", byHeader, [3]string{here, "x-key", "a"}, [3]string{there, "x-key", "a"}, true},
		{"two headers", byHeader, [3]string{here, "x-key", "a"}, [3]string{here, "x-key", "b"}, false},
		{"no header twice", byHeader, [3]string{here}, [3]string{there}, true},
		{"a header like an address", byHeader, [3]string{here, "x-key", here}, [3]string{there, "x-key", there}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemo(t, throttled(c.throttle))
			m.guess(c.first[0], somebody(t, 0), c.first[1:]...)
			m.reply("mismatch")
			f := m.guess(c.second[0], somebody(t, 1), c.second[1:]...)
			m.reply("match")
			if got := m.decided[f].Reason == plugin.TooManyTries; got != c.same {
				t.Errorf("one client: %v", got)
			}
		})
	}
}

func TestAPolicyPushGoesOnCounting(t *testing.T) {
	doc := throttled(`{"client":{"max":2,"per":"1h"}}`)
	m := newMemo(t, doc)
	for i := range 2 {
		m.guess(here, somebody(t, i))
		m.reply("mismatch")
	}
	m.push(strings.Replace(doc, `"max":2`, `"max":3`, 1))
	m.guess(here, somebody(t, 2))
	m.reply("mismatch")
	m.is(m.guess(here, somebody(t, 3)), "too_many_tries")
}

func TestWhatIsMalformedIsNoTry(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":1,"per":"1h","count":"all"}}`))
	for range 5 {
		m.is(m.guess(here, "110101199003070004"), "invalid_request")
	}
	f := m.guess(here, someone)
	m.reply("match")
	m.is(f, "match")
}

func TestAProviderThatBreaksLeavesTheTryTaken(t *testing.T) {
	m := newMemo(t, throttled(`{"client":{"max":1,"per":"1h"}}`))
	m.guess(here, someone)
	m.reply("panic")
	m.is(m.guess(here, another), "too_many_tries")
}

// What the decision tells a client is about the client alone: which of its limits, and whose, it does not say.
func TestA429IsTheSameWhateverItsLimit(t *testing.T) {
	body := func(throttle string) string {
		m := newMemo(t, throttled(throttle))
		m.guess(here, someone)
		m.reply("mismatch")
		d := m.decided[m.guess(here, someone)]
		if d.Status != 429 || d.Outcome != providers.Unanswered {
			t.Fatalf("%d %s", d.Status, d.Outcome)
		}
		return strings.ReplaceAll(string(d.Body), strconv.Quote(d.ID), "ID")
	}
	if a, b := body(`{"client":{"max":1,"per":"1h"}}`), body(`{"person":{"max":1,"per":"1h"}}`); a != b || a == "" {
		t.Errorf("%s\n%s", a, b)
	}
}
