package filter

import (
	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/callout"
)

// query asks a cluster of Redis, on Higress. Whoever asks it for the first time, or as somebody else, says so before.
func (f *Filter) query(r *root, number uint64, q *callout.Request) (callout.Kind, bool) {
	user, password := q.Get(callout.RedisUser), q.Get(callout.RedisPassword)
	if as := user + "\x00" + password; f.redises[q.Target] != as {
		status := f.gateway.RedisInit(q.Target, user, password, milliseconds(q.Timeout))
		if status != abi.OK {
			f.say(abi.Warn, "Redis cannot be asked: the gateway has no such cluster, or has no calls for Redis", q.Target)
			return callout.Blocked, false
		}
		f.redises[q.Target] = as
	}
	token, status := f.gateway.Redis(q.Target, q.Body)
	if status != abi.OK {
		delete(f.redises, q.Target)
		return callout.Unreachable, false
	}
	f.queries[token] = call{r, number, f.world.Now().Add(q.Timeout)}
	return 0, true
}

// RedisResponse is the reply to a query. A status other than 0 says that there is none.
func (f *Filter) RedisResponse(context, token uint32, status, size int) {
	f.answered(context, f.queries, token, func(*call) (*callout.Response, callout.Kind) {
		switch {
		case status != 0:
			return nil, callout.Unreachable
		case size > maxReplyBytes:
			return nil, callout.TooLarge
		}
		body, read := f.gateway.Bytes(abi.RedisReply, size)
		if read != abi.OK || len(body) != size {
			return nil, callout.Unreachable
		}
		return &callout.Response{Status: 200, Body: body}, 0
	})
}
