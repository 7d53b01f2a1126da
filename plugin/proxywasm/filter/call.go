package filter

import (
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/callout"
)

// maxReplyBytes bounds a vendor's reply, as every host does.
const maxReplyBytes = 1 << 20

// call is a callout on its way.
type call struct {
	root   *root
	number uint64 // the flow's
	due    time.Time
}

// call sends a callout. It belongs to the plugin and not to a stream: the reply comes whether the client is still there
// or not.
func (f *Filter) call(r *root, number uint64, q *callout.Request) (callout.Kind, bool) {
	if q.Method == callout.RedisMethod {
		return f.query(r, number, q)
	}
	scheme, rest, ok := strings.Cut(q.URL, "://")
	if !ok {
		return callout.Blocked, false
	}
	authority, path := rest, "/"
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		authority, path = rest[:at], rest[at:]
		if path[0] == '?' {
			path = "/" + path
		}
	}
	cluster := q.Target
	if cluster == "" {
		cluster = authority
	}
	headers := make([]callout.Header, 0, 4+len(q.Header))
	headers = append(headers,
		callout.Header{Name: ":method", Value: q.Method}, callout.Header{Name: ":scheme", Value: scheme},
		callout.Header{Name: ":authority", Value: authority}, callout.Header{Name: ":path", Value: path})
	for _, h := range q.Header {
		headers = append(headers, callout.Header{Name: strings.ToLower(h.Name), Value: h.Value})
	}
	token, status := f.gateway.Call(cluster, headers, q.Body, milliseconds(q.Timeout))
	switch status {
	case abi.OK:
		f.calls[token] = call{r, number, f.world.Now().Add(q.Timeout)}
		return 0, true
	case abi.BadArgument:
		f.say(abi.Warn, "a callout was refused: the gateway has no such cluster, or the request is malformed", cluster)
		return callout.Blocked, false
	case abi.InternalFailure, abi.NotFound, abi.Unimplemented:
	}
	f.say(abi.Warn, "a callout cannot be made: the cluster has no endpoint", cluster)
	return callout.Unreachable, false
}

func milliseconds(d time.Duration) uint32 { return uint32(min(max(1, d.Milliseconds()), 1<<31)) }

// CalloutResponse is the reply to a callout. Without headers there is none: the exchange broke off, or it was larger
// than the gateway takes.
func (f *Filter) CalloutResponse(context, token uint32, headers, size int) {
	f.answered(context, f.calls, token, func(c *call) (*callout.Response, callout.Kind) { return f.reply(c, headers, size) })
}

// answered has a flow go on with the reply to what it asked, or without one; nobody's is passed over.
func (f *Filter) answered(context uint32, calls map[uint32]call, token uint32, read func(*call) (*callout.Response, callout.Kind)) {
	f.enter(context)
	c, ok := calls[token]
	if !ok {
		return
	}
	delete(calls, token)
	defer f.rescue(nil, nil)
	response, kind := read(&c)
	if response == nil {
		c.root.table.Failure(c.number, kind)
		return
	}
	c.root.table.Reply(c.number, response)
}

func (f *Filter) reply(c *call, headers, size int) (*callout.Response, callout.Kind) {
	if headers == 0 {
		return nil, callout.Unreachable
	}
	if size > maxReplyBytes {
		return nil, callout.TooLarge
	}
	lines, status := f.gateway.Headers(abi.ReplyHeaders)
	if status != abi.OK {
		return nil, callout.Unreachable
	}
	r := &callout.Response{}
	for i := range lines {
		if lines[i].Name == ":status" {
			r.Status, _ = strconv.Atoi(lines[i].Value) // 0 is no status that anybody takes
			continue
		}
		r.Header = append(r.Header, lines[i])
	}
	if size > 0 {
		r.Body, status = f.gateway.Bytes(abi.ReplyBody, size)
		if status != abi.OK || len(r.Body) != size {
			return nil, callout.Unreachable
		}
	}
	if kind, own := f.gatewaysOwn(c, r); own {
		return nil, kind
	}
	return r, 0
}

// gatewaysOwn reports whether the gateway has made the reply itself: Envoy answers 504 where the time is up and 503
// where nobody is there, in plain text, and without the header that tells how long a vendor took.
func (f *Filter) gatewaysOwn(c *call, r *callout.Response) (callout.Kind, bool) {
	if r.Status != 503 && r.Status != 504 || r.Get("date") != "" || r.Get("server") != "" ||
		r.Get("x-envoy-upstream-service-time") != "" || r.Get("content-type") != "text/plain" {
		return 0, false
	}
	if r.Status == 504 && !f.world.Now().Before(c.due.Add(-slack)) {
		return callout.Timeout, true
	}
	return callout.Unreachable, true
}

// slack is by how much the gateway's clock may be ahead of ours.
const slack = 20 * time.Millisecond
