package plugin_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// pager sends everybody to a page, and says match to who comes back from it.
type pager struct{ of *pages }

type pages struct {
	asked   int
	resumed []string // handles
	expires time.Duration
	fails   bool
}

func (p pager) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	p.of.asked++
	return providers.Result{Outcome: providers.Pending, Pending: &providers.Continuation{
		URL: "https://page.example.cn/", Handle: fmt.Appendf(nil, "account %d", p.of.asked), Expires: p.of.expires,
	}}, nil
}

func (p pager) Resume(_ context.Context, _ callout.Doer, _ providers.Query, handle []byte) (providers.Result, error) {
	p.of.resumed = append(p.of.resumed, string(handle))
	if p.of.fails {
		return providers.Result{}, &providers.Error{Provider: "pager", Kind: providers.Unavailable, Billed: providers.BilledUnknown}
	}
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
}

// desk is an engine of a policy with pages, and the clock it goes by.
type desk struct {
	*plugin.Engine
	now time.Time
}

func newDesk(tb testing.TB, of *pages, store *state.Store, keys, pendingFor string) *desk {
	tb.Helper()
	d := &desk{now: time.Unix(1_800_000_000, 0)}
	if pendingFor != "" {
		pendingFor = `,"pendingFor":"` + pendingFor + `"`
	}
	doc := `{"version":1,"providers":{"v":{"use":"pager"},"w":{"use":"pager","endpoint":"https://second.example.cn"}},
		"state":{"key":{"secret":` + keys + `}` + pendingFor + `},
		"rules":[` + memoRule("r", "v", "", "") + "," + memoRule("s", "v", "", "") + "," + memoRule("t", "w", "", "") + `]}`
	list := providers.List{{
		Name: "pager", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return pager{of}, nil },
	}}
	e, err := plugin.Load([]byte(doc), list, plugin.Env{
		Lookup: func(name string) (string, bool) { return "the value of " + name, true },
		Now:    func() time.Time { return d.now }, Random: rand.Reader, State: store,
	})
	if err != nil {
		tb.Fatal(err)
	}
	d.Engine = e
	return d
}

// bring asks, with a handle where there is one. It returns what was decided and the new handle.
func (d *desk) bring(path, person, client, handle string) (plugin.Decision, string) {
	head := &plugin.Head{
		Method: "POST", Scheme: "https", Host: "a", Path: path, Client: client,
		Header: []callout.Header{{Name: "x-name", Value: "张三"}, {Name: "x-id", Value: person}},
	}
	if handle != "" {
		head.Header = append(head.Header, callout.Header{Name: "Idv-Pending", Value: handle})
	}
	decision := d.Evaluate(context.Background(), headOnly{head}, nil)
	return decision, header(decision.Header, plugin.PendingHeader)
}

type headOnly struct{ head *plugin.Head }

func (r headOnly) Head() *plugin.Head     { return r.head }
func (headOnly) Body(int) ([]byte, error) { return nil, plugin.ErrGone }

func TestAHandleEnds(t *testing.T) {
	for _, c := range []struct {
		name, pendingFor string
		expires          time.Duration
		good             time.Duration
	}{
		{"after a day", "", 0, 24 * time.Hour},
		{"when the policy says", "72h", 0, 72 * time.Hour},
		{"when the page does", "72h", 2 * time.Hour, 2 * time.Hour},
		{"no later than the policy says", "1h", 2 * time.Hour, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			of := &pages{expires: c.expires}
			d := newDesk(t, of, nil, `"KEY"`, c.pendingFor)
			_, early := d.bring("/r", someone, here, "")
			_, late := d.bring("/r", someone, here, "")
			d.now = d.now.Add(c.good - time.Second)
			if got, _ := d.bring("/r", someone, here, early); got.Action != policy.Allow {
				t.Errorf("in time: %v", got.Reason)
			}
			d.now = d.now.Add(time.Second)
			if got, _ := d.bring("/r", someone, here, late); got.Reason != plugin.VerificationNeeded || len(of.resumed) != 1 {
				t.Errorf("late: %v, resumed %q", got.Reason, of.resumed)
			}
		})
	}
}

func TestAHandleNeedsNothingThatIsKept(t *testing.T) {
	of := &pages{}
	_, handle := newDesk(t, of, state.New(nil), `"KEY"`, "").bring("/r", someone, here, "")
	// Another worker, or the same after its machine has died.
	if got, _ := newDesk(t, of, state.New(nil), `["NEW","KEY"]`, "").bring("/r", someone, here, handle); got.Action != policy.Allow {
		t.Errorf("elsewhere, under a rotated key: %v", got.Reason)
	}
	_, handle = newDesk(t, of, state.New(nil), `"KEY"`, "").bring("/r", someone, here, "")
	if got, _ := newDesk(t, of, state.New(nil), `"NEW"`, "").bring("/r", someone, here, handle); got.Action == policy.Allow {
		t.Error("it opens under another key")
	}
	if len(of.resumed) != 1 || of.resumed[0] != "account 1" {
		t.Errorf("resumed %q", of.resumed)
	}
}

func TestAHandleIsUsedOnceWhereAnybodyAnswered(t *testing.T) {
	of := &pages{fails: true}
	d := newDesk(t, of, nil, `"KEY"`, "")
	_, handle := d.bring("/r", someone, here, "")
	if got, _ := d.bring("/r", someone, here, handle); got.Reason != plugin.Unavailable {
		t.Fatalf("%v", got.Reason)
	}
	of.fails = false
	for i, want := range []policy.Action{policy.Allow, policy.Challenge} {
		if got, _ := d.bring("/r", someone, here, handle); got.Action != want {
			t.Errorf("use %d: %v", i+1, got.Action)
		}
	}
}

// FuzzHandles: a handle that is somebody else's, another rule's, client's or provider's, or was changed, never resumes.
func FuzzHandles(f *testing.F) {
	f.Add(byte(0), byte(0), 0, byte(0))
	f.Add(byte(0), byte(1), 0, byte(0))
	f.Add(byte(2), byte(4), 3, byte(1))
	f.Add(byte(7), byte(7), 40, byte(128))
	f.Fuzz(func(t *testing.T, from, to byte, at int, flip byte) {
		of := &pages{}
		d := newDesk(t, of, nil, `"KEY"`, "")
		send := func(who byte, handle string) (plugin.Decision, string) {
			return d.bring([]string{"/r", "/s", "/t", "/r"}[who>>2&3], []string{someone, another}[who&1], []string{here, there}[who>>1&1], handle)
		}
		_, handle := send(from, "")
		if handle == "" {
			t.Fatal("no handle")
		}
		raw := []byte(handle)
		if at = int(uint(at) % uint(len(raw))); flip != 0 {
			raw[at] ^= flip
		}
		path := func(who byte) byte { return (who >> 2 & 3) % 3 }
		same := from&3 == to&3 && path(from) == path(to) && flip == 0
		got, _ := send(to, string(raw))
		if resumed := len(of.resumed) > 0; resumed != same || (got.Action == policy.Allow) != same {
			t.Fatalf("handle of %d brought by %d, changed %v: resumed %v, %v", from, to, flip != 0, resumed, got.Action)
		}
	})
}
