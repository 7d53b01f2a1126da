package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/flow"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
)

// desk notes what flows want, as a gateway would.
type desk struct {
	said  []string
	calls []uint64 // callout numbers, in order
	timer []uint64
}

func (d *desk) WantBody(flow uint64, limit int) {
	d.said = append(d.said, fmt.Sprintf("%d wants a body of %d", flow, limit))
}

func (d *desk) WantCall(flow, call uint64, r *callout.Request) {
	d.calls = append(d.calls, call)
	d.said = append(d.said, fmt.Sprintf("%d calls %s", flow, r.URL))
}

func (d *desk) WantTimer(flow, timer uint64, after time.Duration) {
	d.timer = append(d.timer, timer)
	d.said = append(d.said, fmt.Sprintf("%d waits %s", flow, after))
}

func (d *desk) Decided(flow uint64, dec *plugin.Decision) {
	d.said = append(d.said, fmt.Sprintf("%d %s %s", flow, dec.Action, dec.Reason))
}

func (d *desk) Lost(flow uint64) { d.said = append(d.said, fmt.Sprintf("%d is lost", flow)) }

func (d *desk) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := fmt.Sprint(d.said), fmt.Sprint(lines); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	d.said = nil
}

var clock = func() time.Time { return time.Unix(1_800_000_000, 0) }

func allow(reason string) plugin.Decision {
	return plugin.Decision{Action: policy.Allow, Reason: plugin.Reason(reason)}
}

func get(url string) *callout.Request {
	return &callout.Request{Method: "GET", URL: url, Timeout: time.Second}
}

func TestAFlowIsSuspendedForItsBodyAndEachCallout(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(7, &plugin.Head{Method: "POST"}, func(ctx context.Context, r plugin.Request, do callout.Doer) plugin.Decision {
		body, err := r.Body(100)
		if err != nil || string(body) != "hello" || r.Head().Method != "POST" {
			t.Errorf("body %q, %v", body, err)
		}
		first, err := do.Do(ctx, get("one"))
		if err != nil || first.Status != 201 {
			t.Errorf("%v %v", first, err)
		}
		_, err = do.Do(ctx, get("two"))
		if !callout.IsKind(err, callout.Timeout) {
			t.Errorf("got %v", err)
		}
		return allow("done")
	})
	d.want(t, "7 wants a body of 100")
	table.Body(8, []byte("not mine"), nil)
	d.want(t)
	table.Body(7, []byte("hello"), nil)
	d.want(t, "7 calls one")
	table.Reply(d.calls[0], &callout.Response{Status: 201})
	d.want(t, "7 calls two")
	table.Reply(d.calls[0], &callout.Response{Status: 202}) // said twice: dropped
	d.want(t)
	table.Failure(d.calls[1], callout.Timeout)
	d.want(t, "7 allow done")
	if n := table.Parked(); n != 0 {
		t.Errorf("%d coroutines left", n)
	}
}

func TestABodyThatIsTooLargeOrBreaksOffIsAnError(t *testing.T) {
	for _, want := range []error{plugin.ErrTooLarge, plugin.ErrGone} {
		d := &desk{}
		table := flow.New(d, clock)
		table.Begin(1, &plugin.Head{}, func(_ context.Context, r plugin.Request, _ callout.Doer) plugin.Decision {
			if _, err := r.Body(10); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			return plugin.Decision{}
		})
		table.Body(1, nil, want)
		d.want(t, "1 wants a body of 10", "1 deny ")
	}
}

func TestACalloutWithoutATimeoutIsNeverMade(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
		if _, err := do.Do(ctx, &callout.Request{URL: "x"}); !callout.IsKind(err, callout.Blocked) {
			t.Errorf("got %v", err)
		}
		return allow("ok")
	})
	d.want(t, "1 allow ok")
}

func TestThousandsOfFlowsWaitAtOnceAndEachGetsItsOwnReply(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	const flows = 5000
	for i := range uint64(flows) {
		table.Begin(i, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
			r, err := do.Do(ctx, get("x"))
			if err != nil || r.Status != int(i) {
				t.Errorf("flow %d got %v, %v", i, r, err)
			}
			return allow("ok")
		})
	}
	if n := table.Parked(); n != flows {
		t.Fatalf("%d parked", n)
	}
	d.said = nil
	for i := flows - 1; i >= 0; i-- {
		table.Reply(d.calls[i], &callout.Response{Status: i})
	}
	if len(d.said) != flows || table.Parked() != 0 {
		t.Errorf("%d decisions, %d still parked", len(d.said), table.Parked())
	}
}

// asking is an evaluation that shares one question and says what it was told.
func asking(table *flow.Table, deadline time.Duration) flow.Evaluate {
	return func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
		ctx = &due{ctx, clock().Add(deadline)}
		v, err := table.Share(ctx, "token", func(ctx context.Context) ([]byte, error) {
			r, err := do.Do(ctx, get("login"))
			if err != nil {
				return nil, err
			}
			return r.Body, nil
		})
		if err != nil {
			return plugin.Decision{Reason: plugin.Reason(err.Error())}
		}
		return allow(string(v))
	}
}

type due struct {
	context.Context
	at time.Time
}

func (d *due) Deadline() (time.Time, bool) { return d.at, true }

func TestOneAsksTheOthersWaitAndAllAreTold(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	for i := range uint64(3) {
		table.Begin(i, &plugin.Head{}, asking(table, 3*time.Second))
	}
	d.want(t, "0 calls login", "1 waits 3s", "2 waits 3s")
	table.Reply(d.calls[0], &callout.Response{Body: []byte("t1")})
	d.want(t, "0 allow t1", "1 allow t1", "2 allow t1")
	table.Timer(d.timer[0]) // runs out later: nobody waits for it any more
	d.want(t)
	table.Begin(9, &plugin.Head{}, asking(table, time.Second))
	d.want(t, "9 calls login") // the question is over: the next one asks again
}

func TestAWaiterHasItsOwnDeadline(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, asking(table, 5*time.Second))
	table.Begin(2, &plugin.Head{}, asking(table, time.Second))
	table.Begin(3, &plugin.Head{}, asking(table, 0))
	d.want(t, "1 calls login", "2 waits 1s", "3 deny callout: timeout")
	table.Timer(d.timer[0])
	d.want(t, "2 deny callout: timeout")
	table.Reply(d.calls[0], &callout.Response{Body: []byte("late")})
	d.want(t, "1 allow late")
}

func TestALeadersErrorIsEverybodysAnswer(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, asking(table, time.Second))
	table.Begin(2, &plugin.Head{}, asking(table, time.Second))
	d.said = nil
	table.Failure(d.calls[0], callout.Unreachable)
	d.want(t, "1 deny callout: unreachable", "2 deny callout: unreachable")
}

func TestALeaderThatPanicsHandsOver(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) (dec plugin.Decision) {
		defer func() { _ = recover() }()
		_, _ = table.Share(ctx, "token", func(ctx context.Context) ([]byte, error) {
			_, _ = do.Do(ctx, get("login"))
			panic("broken")
		})
		return allow("never")
	})
	table.Begin(2, &plugin.Head{}, asking(table, time.Second))
	table.Begin(3, &plugin.Head{}, asking(table, time.Second))
	d.want(t, "1 calls login", "2 waits 1s", "3 waits 1s")
	table.Reply(d.calls[0], &callout.Response{})
	d.want(t, "1 deny ", "2 calls login", "3 waits 1s")
	table.Reply(d.calls[1], &callout.Response{Body: []byte("t2")})
	d.want(t, "2 allow t2", "3 allow t2")
}

func TestWhatRunsBesideOutlivesTheDecision(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(4, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
		table.Beside(ctx, do, func(ctx context.Context, do callout.Doer) {
			if _, err := do.Do(ctx, get("shadow")); err != nil {
				t.Errorf("%v", err)
			}
			d.said = append(d.said, "shadow done")
		})
		return allow("at once")
	})
	d.want(t, "4 allow at once", "4 calls shadow")
	table.Reply(d.calls[0], &callout.Response{})
	d.want(t, "shadow done")
}

// hasty answers every wish at once, from within the coroutine that has it.
type hasty struct {
	desk
	table *flow.Table
}

func (h *hasty) WantBody(flow uint64, limit int) {
	h.desk.WantBody(flow, limit)
	h.table.Body(flow, []byte("at once"), nil)
}

func (h *hasty) WantCall(flow, call uint64, r *callout.Request) {
	h.desk.WantCall(flow, call, r)
	h.table.Failure(call, callout.Unreachable)
}

func TestAGatewayMayAnswerFromWithin(t *testing.T) {
	h := &hasty{}
	h.table = flow.New(h, clock)
	h.table.Begin(1, &plugin.Head{}, func(ctx context.Context, r plugin.Request, do callout.Doer) plugin.Decision {
		body, err := r.Body(9)
		if string(body) != "at once" || err != nil {
			t.Errorf("body %q, %v", body, err)
		}
		if _, err := do.Do(ctx, get("one")); !callout.IsKind(err, callout.Unreachable) {
			t.Errorf("got %v", err)
		}
		return allow("done")
	})
	h.want(t, "1 wants a body of 9", "1 calls one", "1 allow done")
}

func TestAFlowWhoseCoroutineBreaksIsLostAndTheOthersGoOn(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
		_, _ = do.Do(ctx, get("one"))
		panic("broken")
	})
	table.Begin(2, &plugin.Head{}, func(ctx context.Context, _ plugin.Request, do callout.Doer) plugin.Decision {
		_, _ = do.Do(ctx, get("two"))
		return allow("fine")
	})
	d.said = nil
	table.Reply(d.calls[0], &callout.Response{})
	table.Reply(d.calls[1], &callout.Response{})
	d.want(t, "1 is lost", "2 allow fine")
}

func TestCloseEndsEveryFlow(t *testing.T) {
	d := &desk{}
	table := flow.New(d, clock)
	table.Begin(1, &plugin.Head{}, func(ctx context.Context, r plugin.Request, do callout.Doer) plugin.Decision {
		if _, err := r.Body(9); !errors.Is(err, plugin.ErrGone) {
			t.Errorf("got %v", err)
		}
		if _, err := do.Do(ctx, get("never")); !callout.IsKind(err, callout.Blocked) {
			t.Errorf("got %v", err)
		}
		return plugin.Decision{Reason: "ended"}
	})
	table.Begin(2, &plugin.Head{}, asking(table, time.Second))
	table.Begin(3, &plugin.Head{}, asking(table, time.Second))
	d.said = nil
	table.Close()
	if n := table.Parked(); n != 0 {
		t.Errorf("%d are left", n)
	}
	if len(d.said) != 3 {
		t.Errorf("said %v", d.said)
	}
}
