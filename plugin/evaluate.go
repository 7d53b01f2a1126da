package plugin

import (
	"context"
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// Evaluate is the way a request takes. It never fails: what goes wrong is a denial, a panic too, and the zero Decision
// denies.
func (e *Engine) Evaluate(ctx context.Context, r Request, do callout.Doer) (d Decision) {
	v := e.Route(r.Head(), &d)
	if v == nil {
		return d
	}
	return v.Evaluate(ctx, r, do)
}

// Route is the part of the way that needs the head alone and never waits. nil: it has decided, as d says. Else
// Visit.Evaluate goes on. A guest starts no coroutine for what is decided here, which is most requests.
func (e *Engine) Route(head *Head, d *Decision) *Visit {
	v := &Visit{engine: e, head: head}
	defer v.recovered(d)

	v.remove = strip(head)                    // 1: what belongs to the gateway
	matched, ambiguous := e.routes.find(head) // 2: by the head alone
	switch {
	case ambiguous != "":
		*d = v.refuse(ambiguous)
		return nil
	case len(matched) == 0:
		*d = v.pass()
		return nil
	}
	v.matched = matched
	return v
}

// Evaluate is the rest of the way.
func (v *Visit) Evaluate(ctx context.Context, r Request, do callout.Doer) (d Decision) {
	defer v.recovered(&d)

	v.ctx, v.request, v.do = ctx, r, do
	q := v.choose() // 2: by `when`, which may need the body
	v.shadow()      // beside, whatever becomes of this request
	if q == nil {
		return v.pass()
	}
	return q.answer()
}

// answer is steps 3 to 9 for one rule. A step that returns false has ended the way.
func (q *question) answer() Decision {
	_ = q.extract() && // 3: the claims the rule names
		q.precheck() && // 4: what can be judged for free
		q.admit() && // 5: the client's tries
		q.proven() && // 6: what the client has to bring along
		q.verify() // 7: the tree of checks
	q.settle()                // 5: tries that do not count
	q.decide()                // 8: outcome to action
	q.forward()               // 8: what the upstream gets of the body, or else no
	d := q.annotateOrReject() // 9
	q.floor()
	q.audit(&d)
	q.count(&d)
	return d
}

// floor has a denial take the least time that the rule says. A shadow rule's nobody waits for.
func (q *question) floor() {
	env := &q.engine.env
	if q.rule.DenyFloor == 0 || q.action == policy.Allow || q.stopped || q.rule.Shadow || env.Sleep == nil {
		return
	}
	if left := q.rule.DenyFloor - env.Now().Sub(q.now); left > 0 {
		env.Sleep(q.ctx, left)
	}
}

// A Visit is one request on its way.
type Visit struct {
	engine  *Engine
	ctx     context.Context
	request Request
	head    *Head
	do      callout.Doer
	matched []*rule
	remove  []string // header names that are not the client's to send
	body    body
}

// NeedsToken reports whether a rule may read the verified token. Asking the gateway for it is dear where each value is
// fetched on its own: Head.JWT may be filled in after Route.
func (v *Visit) NeedsToken() bool {
	for _, r := range v.matched {
		if len(r.jwtPaths) > 0 {
			return true
		}
	}
	return false
}

// question is one rule applied to one request.
type question struct {
	reading
	person              identity.Person
	now                 time.Time  // when the claims were read
	deadline            time.Time  // of everything that is asked
	decisionID, subject string     // drawn and digested when first needed
	attempts            []attempt  // in the order they were made
	first               [1]attempt // room for attempts, most often enough
	answers             []int      // the attempts that the outcome rests on, in tree order
	fault               identity.Error
	assertion           assertion     // that was brought, once it is read
	proof               []int         // the attempt that is the proof the rule requires
	brought             brought       // a handle, not used yet
	resumed             bool          // one was used
	leased              *state.Key    // of the fleet's question that this one asks
	pending             string        // the handle for the client
	forwarded           []byte        // the body for the upstream; nil: the client's
	taken               []try         // tries that count unless they are given back
	wait                time.Duration // until there is another
	ending
}

// ending is how the way ends.
type ending struct {
	outcome providers.Outcome
	stopped bool   // before anybody was asked
	reason  Reason // set by stop, else by decide
	status  int    // for the client; 0: the request goes on
	detail  string
	action  policy.Action
	signed  string
}

// pass lets a request go on that no rule is for.
func (v *Visit) pass() Decision {
	if v.engine.env.DenyUnmatched {
		return v.end(ReasonNoRule, 403, "no_rule")
	}
	return Decision{Action: policy.Allow, Reason: ReasonNoRule, Remove: v.remove}
}

// refuse denies a request whose head gateway, guest and upstream could read differently.
func (v *Visit) refuse(detail string) Decision { return v.end(InvalidRequest, 400, detail) }

// end denies a request before any rule was chosen, with an audit line.
func (v *Visit) end(reason Reason, status int, detail string) Decision {
	q := &question{reading: reading{Visit: v, rule: v.engine.noRule}}
	q.stop(reason, status, detail)
	q.decide()
	d := q.annotateOrReject()
	q.audit(&d)
	q.count(&d)
	return d
}

// recovered turns a panic into a denial of this one request. What was panicked with may hold a claim, so only the place
// is told.
func (v *Visit) recovered(d *Decision) {
	if recover() != nil {
		*d = v.end(Unavailable, 503, "panic "+where())
	}
}

// where is the file and line of the innermost frame that is ours, after a panic.
func where() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "github.com/idvgate/") {
			return f.File[strings.LastIndexByte(f.File, '/')+1:] + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "somewhere"
		}
	}
}

// choose is the question of the first enforcing rule that applies, with what was read to find out; nil: none.
func (v *Visit) choose() *question {
	for _, r := range v.matched {
		if r.Shadow {
			continue
		}
		if q := (&question{reading: reading{Visit: v, rule: r}}); q.applies() {
			return q
		}
	}
	return nil
}

// shadow starts every shadow rule that routes, beside the request. The body is fetched first where one of them needs
// it, since afterwards it belongs to the upstream.
func (v *Visit) shadow() {
	for _, r := range v.matched {
		if !r.Shadow {
			continue
		}
		if r.needsBody {
			_, _ = v.fetch(r.MaxBody) // kept, the fault too: whoever reads the body finds it
		}
		v.engine.env.Beside(v.ctx, v.do, func(ctx context.Context, do callout.Doer) {
			own := *v
			own.ctx, own.do, own.remove = ctx, do, nil
			var ignored Decision
			defer own.recovered(&ignored)
			if q := (&question{reading: reading{Visit: &own, rule: r}}); q.applies() && q.sampled() {
				q.answer()
			}
		})
	}
}

// sampled reports whether a shadow rule asks about this person: by the subject's digest, so that it is always the same
// people. Whom a sample below 100% cannot name it leaves out.
func (q *question) sampled() bool {
	if q.rule.Sample >= 1 {
		return true
	}
	probe := question{reading: q.reading}
	known := probe.extract() && probe.subjectDigest() != ""
	q.reading = probe.reading // what was scanned
	if !known {
		return false
	}
	sum := q.engine.sampling.Sum("sample", []byte(probe.subject))
	return float64(binary.BigEndian.Uint64(sum[:8]))/(1<<64) < q.rule.Sample
}
