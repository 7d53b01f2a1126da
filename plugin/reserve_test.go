package plugin_test

import (
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

func spends(provider, top string) string {
	return `{"version":1,"providers":{"v":{"use":"oracle","price":{"id2":"0.40 CNY"}` + provider + `},"w":{"use":"oracle","endpoint":"https://second.example.cn"}},
		"state":{"key":{"secret":"KEY"}}` + top + `,
		"rules":[{"name":"r","route":{"path":"/r"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id"}},"verify":{"check":"id2","by":["v"]}}]}`
}

// ends asks about a person of their own, and says how the request and its last attempt ended.
func (m *memo) ends(n int, word string) (reason, fault string) {
	m.t.Helper()
	f := m.guess(here, somebody(m.t, n))
	m.reply(word)
	attempts := m.lines[len(m.lines)-1]["attempts"].([]any)
	fault, _ = attempts[len(attempts)-1].(map[string]any)["error"].(string)
	return string(m.decided[f].Reason), fault
}

func (m *memo) wantEnd(n int, word, reason, fault string) {
	m.t.Helper()
	if r, f := m.ends(n, word); r != reason || f != fault {
		m.t.Errorf("%d: %s, %q; not %s, %q", n, r, f, reason, fault)
	}
}

const budgetDay = `,"budgets":[{"provider":"v","max":"1 CNY","per":"day","zone":"+08:00"}]`

func TestABudgetEndsAndTheNextDayBeginsInItsZone(t *testing.T) {
	m := newMemo(t, spends("", budgetDay))
	m.now = time.Date(2027, 1, 15, 15, 0, 0, 0, time.UTC) // 23:00 there
	m.wantEnd(0, "match", "match", "")
	if left := m.gauges["idv_budget_left provider v per day currency CNY"]; left != 0.6 {
		t.Errorf("%v CNY are left, not 0.60 of 1.00", left)
	}
	m.wantEnd(1, "mismatch", "identity_not_verified", "")
	m.wantEnd(2, "match", "verification_unavailable", "unavailable budget")
	if m.asked != 2 {
		t.Errorf("asked %d times", m.asked)
	}
	m.later(59 * time.Minute)
	m.wantEnd(3, "match", "verification_unavailable", "unavailable budget")
	m.later(time.Minute)
	m.wantEnd(4, "match", "match", "")
}

func TestWhatIsNotBilledIsGivenBackAndATimeoutIsSpent(t *testing.T) {
	m := newMemo(t, spends("", budgetDay))
	for i := range 5 {
		f := m.guess(here, somebody(t, i))
		m.fail(callout.Blocked) // never sent
		m.is(f, "verification_unavailable")
	}
	for i := range 2 {
		f := m.guess(here, somebody(t, 10+i))
		m.fail(callout.Timeout) // perhaps billed
		m.is(f, "verification_unavailable")
	}
	m.wantEnd(20, "match", "verification_unavailable", "unavailable budget")
	if m.asked != 7 {
		t.Errorf("asked %d times", m.asked)
	}
}

func TestMoneyIsReservedBeforeTheCall(t *testing.T) {
	m := newMemo(t, spends("", budgetDay))
	for i := range 50 {
		m.guess(here, somebody(t, i))
	}
	if m.asked != 2 {
		t.Errorf("asked %d times at once", m.asked)
	}
	m.reply("panic") // a provider that breaks may have been billed
	m.wantEnd(60, "match", "verification_unavailable", "unavailable budget")
}

func TestOneClientUsesUpItsShareAndNotTheOthers(t *testing.T) {
	m := newMemo(t, spends("", `,"budgets":[{"provider":"v","max":"4 CNY","per":"hour","share":"20%"}]`))
	m.wantEnd(0, "match", "match", "")
	m.wantEnd(1, "match", "match", "")
	m.wantEnd(2, "match", "verification_unavailable", "unavailable budget_share")
	f := m.guess(there, somebody(t, 3))
	m.reply("match")
	m.is(f, "match")
}

func TestABudgetGoesOnAfterAPolicyPush(t *testing.T) {
	m := newMemo(t, spends("", budgetDay))
	m.wantEnd(0, "match", "match", "")
	m.push(spends(`,"timeout":"1s"`, budgetDay))
	m.wantEnd(1, "match", "match", "")
	m.wantEnd(2, "match", "verification_unavailable", "unavailable budget")
}

func TestWhereABudgetEndsTheNextProviderIsAsked(t *testing.T) {
	doc := spends("", `,"budgets":[{"provider":"v","max":"0.40 CNY","per":"month"}]`)
	m := newMemo(t, replaceOnce(t, doc, `"by":["v"]`, `"by":["v","w"]`))
	m.wantEnd(0, "match", "match", "")
	m.wantEnd(1, "match", "match", "")
	attempts := m.lines[1]["attempts"].([]any)
	first, second := attempts[0].(map[string]any), attempts[1].(map[string]any)
	if first["error"] != "unavailable budget" || first["billed"] != "no" || second["provider"] != "w" || m.lines[1]["cost"] != nil {
		t.Errorf("%v", m.lines[1])
	}
}

func replaceOnce(t *testing.T, s, old, with string) string {
	t.Helper()
	for i := range len(s) - len(old) {
		if s[i:i+len(old)] == old {
			return s[:i] + with + s[i+len(old):]
		}
	}
	t.Fatalf("no %s", old)
	return ""
}

func TestAProviderIsAskedAsOftenASecondAsItsLimitSays(t *testing.T) {
	m := newMemo(t, spends(`,"limits":{"qps":2}`, ""))
	m.wantEnd(0, "match", "match", "")
	m.wantEnd(1, "match", "match", "")
	m.wantEnd(2, "match", "verification_unavailable", "unavailable qps")
	m.later(time.Second)
	m.wantEnd(3, "match", "match", "")
}

func TestAProviderIsAskedByAsManyAtOnceAsItsLimitSays(t *testing.T) {
	m := newMemo(t, spends(`,"limits":{"concurrent":3}`, ""))
	for i := range 10 {
		m.guess(here, somebody(t, i))
	}
	if m.asked != 3 || len(m.decided) != 7 {
		t.Fatalf("asked %d times, %d decided", m.asked, len(m.decided))
	}
	m.reply("panic")
	for i := range 3 {
		m.wantEnd(20+i, "match", "match", "")
	}
}
