package plugin

import (
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// stop ends the way before anybody was asked. It returns false, so that a step can return it.
func (q *question) stop(reason Reason, status int, detail string) bool {
	q.ending = ending{stopped: true, reason: reason, status: status, detail: detail, outcome: providers.Unanswered}
	return false
}

// stopClaim ends the way because of one claim: 400, with the claim named and never its value.
func (q *question) stopClaim(c identity.Claim, f identity.Fault) bool {
	q.fault = identity.Error{Claim: c, Fault: f}
	q.stop(InvalidRequest, 400, string(f))
	q.outcome = providers.InvalidInput
	return false
}

// decide turns the outcome into an action by the rule's total table: step 8.
func (q *question) decide() {
	if q.stopped {
		q.action = policy.Deny
		return
	}
	if q.outcome == providers.InvalidInput {
		for _, i := range q.answers {
			if c := q.attempts[i].result.Claim; c != identity.ClaimNone {
				q.fault = identity.Error{Claim: c, Fault: "refused_by_vendor"}
			}
		}
	}
	row := q.rule.Decide[q.outcome]
	q.action, q.signed = row.Action, row.Signed
	if q.action == policy.Allow {
		q.reason = Reason(q.outcome.String())
		return
	}
	switch q.outcome {
	case providers.InvalidInput:
		q.reason, q.status = InvalidRequest, 400
	case providers.Unanswered:
		q.reason, q.status = Unavailable, 503
	case providers.Pending:
		q.reason, q.status = VerificationNeeded, 403
		if q.action == policy.Deny {
			q.reason = NotVerified
		}
	case providers.Match, providers.Mismatch, providers.NoRecord, providers.Limited:
		q.reason, q.status = NotVerified, 403
	}
}
