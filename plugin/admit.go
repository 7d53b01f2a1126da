package plugin

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
)

// Who a limit counts, as the detail of a request that it stops.
const (
	detailClient = "client"
	detailPerson = "person"
)

// admit takes a try of the client, and of the client about this person: step 5. A try is taken before anybody is asked
// and given back if it does not count, so that a thousand guesses at once get no further than one after the other.
func (q *question) admit() bool {
	t := &q.rule.Throttle
	if !t.Any() {
		return true
	}
	client := q.client(&t.By)
	if t.Client.Max > 0 && !q.take(&t.Client, detailClient, client, "") {
		return q.refused(detailClient)
	}
	if t.Person.Max > 0 && !q.take(&t.Person, detailPerson, client, q.counted()) {
		return q.refused(detailPerson)
	}
	return true
}

// refused ends the way of who has no try left, or of whom it cannot be told.
func (q *question) refused(detail string) bool {
	q.giveBack()
	if q.wait == 0 {
		return q.stop(Unavailable, 503, lackStore)
	}
	return q.stop(TooManyTries, 429, detail)
}

// take takes one try. The key is the rule's by its name, so that a policy that is loaded anew goes on counting.
func (q *question) take(l *policy.Limit, what, client, person string) bool {
	e := q.engine
	digest := e.memory[0].Sum("idvgate.tries.1", []byte(e.policy.State.Tenant), []byte(q.rule.Name), []byte(q.mode()), []byte(what), []byte(client), []byte(person))
	taken := e.env.State.Take(state.Key(digest[:16]), 1, int64(l.Max), l.Per, q.now)
	if !taken.OK {
		q.wait = taken.Wait
		return false
	}
	q.taken = append(q.taken, try{Take: taken, always: l.All})
	return !q.rule.Throttle.Fleet || q.takeOfFleet(l, digest[:])
}

// takeOfFleet takes one try of the fleet's, whose window is one of the clock's: the key names it.
func (q *question) takeOfFleet(l *policy.Limit, digest []byte) bool {
	now := q.now.UnixNano()
	window := now / int64(l.Per)
	sum := q.engine.memory[0].Sum("idvgate.tries.fleet.1", digest, strconv.AppendInt(nil, window, 10))
	added, over, lack := q.add(state.Key(sum[:16]), 1, int64(l.Max), l.Per+time.Minute)
	switch {
	case lack != "":
		return false // and nothing says how long to wait
	case over:
		q.wait = time.Duration((window+1)*int64(l.Per) - now)
		return false
	}
	q.taken[len(q.taken)-1].fleet = added
	return true
}

// try is one that was taken.
type try struct {
	state.Take
	fleet  *sum // of the fleet's, where it counts
	always bool // it counts, whatever comes of it
}

// settle gives back the tries that do not count: those that no answer came of, and those that were no guess.
func (q *question) settle() {
	kept := q.taken[:0]
	for _, t := range q.taken {
		if !t.always && !isNo(q.outcome) {
			q.give(t)
		} else {
			kept = append(kept, t)
		}
	}
	q.taken = kept
}

// giveBack gives back all tries: the request was stopped before anybody was asked.
func (q *question) giveBack() {
	for _, t := range q.taken {
		q.give(t)
	}
	q.taken = nil
}

func (q *question) give(t try) {
	q.engine.env.State.Give(t.Take)
	q.subtract(t.fleet)
}

// isNo reports whether an answer tells who asks that the data is wrong. Remembered ones tell it as well as fresh ones.
func isNo(o providers.Outcome) bool {
	switch o {
	case providers.Mismatch, providers.NoRecord, providers.InvalidInput, providers.Limited:
		return true
	case providers.Match, providers.Pending, providers.Unanswered:
	}
	return false
}

// client is who a request's tries count for: the address that the gateway vouches for, a header's value, or a claim of
// the verified token. All whom it does not name share one count: to leave out a header opens no second account.
func (q *question) client(by *policy.Source) string {
	if by.Path == "" {
		return network(q.head.Client)
	}
	text, fault := q.text(by)
	if fault != nil {
		return ""
	}
	return by.Place.String() + "\x00" + text
}

// network is the address, of IPv6 the /64: one client has all of it.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}

// counted is the person whom tries are about: by ID number, else user id, else mobile; all others are one.
func (q *question) counted() string { return q.engine.memory[0].Subject(q.person) }

// waitSeconds is what a 429 says, rounded up.
func waitSeconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }
