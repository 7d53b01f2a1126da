package plugin_test

import (
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

const breaks = `,"breaker":{"after":3,"rest":"30s"}`

func TestABreakerLeavesAloneWhoDoesNotAnswerAndTriesOneAfterTheRest(t *testing.T) {
	m := newMemo(t, spends(breaks, ""))
	down := func(n, asked int, fault string) {
		t.Helper()
		m.guess(here, somebody(t, n))
		m.fail(callout.Timeout)
		last := m.lines[len(m.lines)-1]["attempts"].([]any)[0].(map[string]any)["error"]
		if last != fault || m.asked != asked {
			t.Errorf("%d: %v after %d questions; not %s after %d", n, last, m.asked, fault, asked)
		}
	}
	const silent, left = "unavailable", "unavailable breaker"
	open := func(want float64) {
		t.Helper()
		if got, set := m.gauges["idv_breaker_open provider v"]; !set || got != want {
			t.Errorf("the gauge is %v, not %v", got, want)
		}
	}
	down(0, 1, silent)
	down(1, 2, silent)
	m.wantEnd(2, "mismatch", "identity_not_verified", "") // an answer, whatever it is, begins the count anew
	open(0)
	down(3, 4, silent)
	down(4, 5, silent)
	down(5, 6, silent)
	open(1)
	down(6, 6, left)
	m.later(29 * time.Second)
	down(7, 6, left)
	m.later(time.Second)
	probe := m.guess(here, somebody(t, 8))
	if m.is(m.guess(here, somebody(t, 9)), "verification_unavailable"); m.asked != 7 {
		t.Errorf("asked %d times while the probe is on its way", m.asked)
	}
	m.fail(callout.Timeout)
	m.is(probe, "verification_unavailable")
	down(10, 7, left)
	m.later(30 * time.Second)
	m.wantEnd(11, "match", "match", "")
	open(0)
	m.wantEnd(12, "match", "match", "")
}

func TestABreakerDoesNotCountWhatIsOurs(t *testing.T) {
	m := newMemo(t, spends(breaks, ""))
	for i := range 5 {
		f := m.guess(here, somebody(t, i))
		m.fail(callout.Blocked)
		m.is(f, "verification_unavailable")
	}
	if m.asked != 5 {
		t.Errorf("asked %d times, not 5", m.asked)
	}
}

func TestADenialTakesItsTime(t *testing.T) {
	m := newMemo(t, `{"version":1,"providers":{"v":{"use":"oracle"}},"state":{"key":{"secret":"KEY"}},"rules":[`+
		memoRule("r", "v", `{"match":"1h","mismatch":"1h"}`, `,"denyFloor":"800ms"`)+`]}`)
	undecided := func(f uint64, what string) {
		t.Helper()
		if d, ok := m.decided[f]; ok {
			t.Errorf("%s: decided already, %s", what, d.Reason)
		}
	}
	first := m.ask("/r", someone)
	m.later(300 * time.Millisecond)
	m.reply("mismatch")
	undecided(first, "a fresh no")
	m.later(499 * time.Millisecond)
	undecided(first, "a fresh no, a moment before")
	m.later(time.Millisecond)
	m.is(first, "identity_not_verified")
	again := m.ask("/r", someone)
	undecided(again, "a remembered no")
	m.later(800 * time.Millisecond)
	m.is(again, "identity_not_verified")
	match := m.ask("/r", another)
	m.reply("match")
	m.is(match, "match") // at once
}
