package plugin

import (
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// breaker leaves a provider alone that has not answered several times in a row. When its rest is over one question is
// let through, and the rest follow when that is answered.
type breaker struct {
	failures atomic.Int64
	until    atomic.Int64 // Unix nanoseconds; 0: closed
	opened   Add
	told     atomic.Bool // that it is closed: under the policy before it may have been open
}

// open reports whether the provider is not to be asked now. Where it says no after a rest, the one it says it to is the
// probe.
func (b *breaker) open(p *policy.Breaker, now time.Time) bool {
	until := b.until.Load()
	switch {
	case p.After == 0 || until == 0:
		return false
	case now.UnixNano() < until:
		return true
	}
	return !b.until.CompareAndSwap(until, now.Add(p.Rest).UnixNano())
}

// heard notes what came of an attempt.
func (b *breaker) heard(p *policy.Breaker, a *attempt, now time.Time) {
	switch {
	case p.After == 0:
	case a.err == nil:
		b.failures.Store(0)
		if b.until.Swap(0) != 0 || !b.told.Swap(true) {
			b.opened(0)
		}
	case a.hurried || a.err.Kind == providers.Refused || callout.IsKind(a.err, callout.Blocked):
		// Ours: a wrong key, or no time. To leave the vendor alone mends neither.
	case b.failures.Add(1) >= int64(p.After):
		b.until.Store(now.Add(p.Rest).UnixNano())
		b.opened(1)
	}
}
