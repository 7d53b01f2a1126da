package plugin

import (
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// verify asks the rule's tree of checks: step 7.
func (q *question) verify() bool {
	q.deadline = q.now.Add(q.rule.Within)
	if !q.rule.Verify.Asks() {
		q.outcome, q.answers = providers.Match, q.proof
		return true
	}
	q.outcome, q.answers = q.node(&q.rule.Verify)
	q.countHandle()
	return true
}

// node asks one node of the tree and returns its outcome with the attempts it rests on.
func (q *question) node(v *policy.Verify) (providers.Outcome, []int) {
	switch {
	case v.All != nil:
		return q.all(v.All)
	case v.Any != nil:
		return q.any(v.Any)
	}
	return q.chain(v)
}

// all asks in order and stops at the first that is not a match.
func (q *question) all(nodes []policy.Verify) (providers.Outcome, []int) {
	var rests []int
	for i := range nodes {
		outcome, on := q.node(&nodes[i])
		rests = append(rests, on...)
		if outcome != providers.Match {
			return outcome, rests
		}
	}
	return providers.Match, rests
}

// any asks in order; what is final ends it, and an alternative whose claims are absent is skipped.
func (q *question) any(nodes []policy.Verify) (providers.Outcome, []int) {
	var least leastCertain
	for i := range nodes {
		if q.missing(&nodes[i]) != identity.ClaimNone {
			continue
		}
		outcome, on := q.node(&nodes[i])
		if final(outcome) {
			return outcome, on
		}
		least.add(outcome, on)
	}
	return least.outcome, least.rests
}

// chain asks one provider after the other until one's answer is final.
func (q *question) chain(v *policy.Verify) (providers.Outcome, []int) {
	if on, ok := q.recallProof(v.Check); ok {
		return providers.Match, on
	}
	var least leastCertain
	for _, by := range v.By[q.resumes(v):] {
		p := &q.engine.providers[by]
		if q.lacks(p, v) != identity.ClaimNone {
			continue
		}
		outcome := q.answerOf(p, v.Check)
		on := []int{len(q.attempts) - 1}
		if outcome == providers.Pending {
			q.pending = q.seal(p, v, q.attempts[on[0]].result.Pending)
		}
		if final(outcome) {
			return outcome, on
		}
		least.add(outcome, on)
	}
	if least.answered {
		return least.outcome, least.rests
	}
	return q.stale(v, &least)
}

// final reports whether nobody else is asked after this answer.
func final(o providers.Outcome) bool {
	switch o {
	case providers.Match, providers.Mismatch, providers.InvalidInput, providers.Pending:
		return true
	case providers.NoRecord, providers.Limited, providers.Unanswered:
		return false
	}
	return false
}

// leastCertain keeps the answer that leaves most open: unanswered, then limited, then no record. Zero: unanswered.
type leastCertain struct {
	outcome  providers.Outcome
	rests    []int
	some     bool
	answered bool // by anybody
}

func (l *leastCertain) add(o providers.Outcome, rests []int) {
	l.answered = l.answered || o != providers.Unanswered
	if !l.some || certainty(o) < certainty(l.outcome) {
		l.outcome, l.rests, l.some = o, rests, true
	}
}

func certainty(o providers.Outcome) int {
	switch o {
	case providers.Limited:
		return 1
	case providers.NoRecord:
		return 2
	case providers.Unanswered, providers.Match, providers.Mismatch, providers.InvalidInput, providers.Pending:
	}
	return 0
}

// answerOf is one provider's answer: remembered, on its way already, or asked for.
func (q *question) answerOf(p *provider, check providers.Check) providers.Outcome {
	if !q.keeps(check) {
		return q.ask(p, check)
	}
	keys := q.keys(p, check)
	if outcome, ok := q.recall(p, check, keys); ok {
		return outcome
	}
	return q.join(p, check, keys)
}

// ask asks one provider, again at once where it was busy and the policy allows another try.
func (q *question) ask(p *provider, check providers.Check) providers.Outcome {
	for try := 0; ; try++ {
		again := q.attempt(p, check, try > 0)
		if !again || try >= p.Retry {
			return q.attempts[len(q.attempts)-1].outcome()
		}
	}
}
