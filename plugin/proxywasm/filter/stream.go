package filter

import (
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// stream is one request.
type stream struct {
	id   uint32
	root *root
	flow uint64 // 0: it has none, or it is decided
	head plugin.Head

	within   bool // one of its own callbacks runs: the callback's result lets it go on
	paused   bool // a callback has said so: only Continue lets it go on
	denied   bool
	promised int // content-length; 0: not said

	wants bool // the body is waited for, at most limit bytes
	limit int
	held  int       // of it, so far
	since time.Time // when it was wanted
	began bool      // a part of it has come
}

// RequestHeaders is the head of a request; last: nothing follows it.
func (f *Filter) RequestHeaders(context uint32, last bool) (action uint32) {
	f.enter(context)
	s := f.streams[context]
	if s == nil {
		return f.stranger(context)
	}
	defer f.rescue(s, &action)
	lines, status := f.gateway.Headers(abi.RequestHeaders)
	if status != abi.OK || s.root == nil || s.root.engine == nil {
		f.refuse(s)
		return Pause
	}
	s.read(lines, last)
	var d plugin.Decision
	visit := s.root.engine.Route(&s.head, &d)
	if visit == nil {
		return s.run(func() { f.end(s, &d) })
	}
	if len(f.flows) >= f.limits.Flows {
		f.noRoom("as many requests wait as may")
		f.refuse(s)
		return Pause
	}
	if visit.NeedsToken() {
		s.head.JWT = token(f.gateway)
	}
	f.last++
	s.flow = f.last
	f.flows[s.flow] = s
	action = s.run(func() { s.root.table.Begin(s.flow, &s.head, visit.Evaluate) })
	if action == Pause && !s.wants && !s.denied {
		return StopAll
	}
	return action
}

// run does something within one of the stream's own callbacks, and returns the callback's result.
func (s *stream) run(do func()) uint32 {
	s.within = true
	do()
	s.within = false
	if s.denied || s.flow != 0 {
		s.paused = true
		return Pause
	}
	return Continue
}

// stranger is a stream that nobody has announced.
func (f *Filter) stranger(context uint32) uint32 {
	s := &stream{id: context}
	f.streams[context] = s
	f.refuse(s)
	return Pause
}

// read takes the head out of the header map.
func (s *stream) read(lines []callout.Header, last bool) {
	h := &s.head
	h.NoBody = last
	for len(lines) > 0 && strings.HasPrefix(lines[0].Name, ":") {
		switch lines[0].Name {
		case ":method":
			h.Method = lines[0].Value
		case ":scheme":
			h.Scheme = lines[0].Value
		case ":authority":
			h.Host = lines[0].Value
		case ":path":
			h.Path = lines[0].Value
		}
		lines = lines[1:]
	}
	h.Header = lines
	h.Upgrade = h.Method == "CONNECT"
	for i := range lines {
		switch lines[i].Name {
		case "x-request-id":
			h.ID = lines[i].Value
		case "upgrade":
			h.Upgrade = true
		case "content-length":
			// The gateway has refused what is no number. One beyond an int is beyond every limit.
			n, err := strconv.ParseUint(lines[i].Value, 10, 63)
			if err == nil {
				s.promised = int(min(n, 1<<31-1))
			}
		}
	}
}

// RequestBody is another piece of the body: size is all there is of it so far.
func (f *Filter) RequestBody(context uint32, size int, last bool) (action uint32) {
	f.enter(context)
	s := f.streams[context]
	if s == nil {
		return f.stranger(context)
	}
	if s.flow == 0 && !s.denied {
		return Continue
	}
	defer f.rescue(s, &action)
	if s.wants {
		return s.run(func() { f.body(s, size, last) })
	}
	return Pause
}

// RequestTrailers end a body as its last piece does. Those that belong to the gateway are taken off.
func (f *Filter) RequestTrailers(context uint32) (action uint32) {
	f.enter(context)
	s := f.streams[context]
	if s == nil {
		return f.stranger(context)
	}
	defer f.rescue(s, &action)
	lines, status := f.gateway.Headers(abi.RequestTrailers)
	if status != abi.OK {
		f.refuse(s)
		return Pause
	}
	for i := range lines {
		if plugin.Reserved(lines[i].Name) && f.gateway.Remove(abi.RequestTrailers, lines[i].Name) != abi.OK {
			f.refuse(s)
			return Pause
		}
	}
	if s.wants {
		return s.run(func() { f.body(s, s.held, true) })
	}
	if s.flow != 0 || s.denied {
		return Pause
	}
	return Continue
}

// body looks at the size as it comes, and hands the body in when it is whole.
func (f *Filter) body(s *stream, size int, last bool) {
	s.began = true
	f.held += size - s.held
	s.held = size
	switch {
	case size > s.limit:
		f.handIn(s, nil, plugin.ErrTooLarge)
	case f.held > f.limits.BodyBytes:
		f.noRoom("the bodies that wait are as large as they may be")
		f.refuse(s)
	case last:
		whole, status := f.gateway.Bytes(abi.RequestBody, s.limit)
		if size > 0 && (status != abi.OK || len(whole) != size) {
			f.handIn(s, nil, plugin.ErrGone)
			return
		}
		f.handIn(s, whole, nil)
	}
}

func (f *Filter) handIn(s *stream, body []byte, err error) {
	f.release(s)
	s.root.table.Body(s.flow, body, err)
}

// release forgets what is held of a body.
func (f *Filter) release(s *stream) {
	f.held -= s.held
	s.held, s.wants = 0, false
}

// end does what was decided. Every step that the gateway does not take is a denial.
func (f *Filter) end(s *stream, d *plugin.Decision) {
	if !f.about(s.id) || s.denied {
		return
	}
	if d.Action != policy.Allow {
		f.respond(s, d)
		return
	}
	if d.Body != nil && f.gateway.SetBody(d.Body) != abi.OK {
		f.refuse(s)
		return
	}
	for _, name := range d.Remove {
		if f.gateway.Remove(abi.RequestHeaders, name) != abi.OK {
			f.refuse(s)
			return
		}
	}
	for i := range d.Set {
		if f.gateway.Replace(abi.RequestHeaders, d.Set[i].Name, d.Set[i].Value) != abi.OK {
			f.refuse(s)
			return
		}
	}
	// The mark that a filter behind this one may ask for. Where it cannot be set, that filter denies.
	f.gateway.SetProperty("idv", mark(d))
	// What the client gets with the upstream's response: no callback of ours sees that, so the gateway's configuration
	// adds it from here. Where it cannot be set, the client is asked about again.
	for i := range d.Header {
		f.gateway.SetProperty("idv."+d.Header[i].Name, d.Header[i].Value)
	}
	if !s.within && s.paused {
		f.gateway.Continue()
	}
	s.paused = false
}

// mark is the filter state of a request that passes.
func mark(d *plugin.Decision) string {
	if d.ID == "" {
		return "outcome=none"
	}
	return "outcome=" + d.Outcome.String() + " rule=" + escape(d.Rule) + " decision=" + d.ID
}

// refuse answers a stream 503 without asking anybody.
func (f *Filter) refuse(s *stream) {
	d := plugin.Broken(f.world.Random)
	if f.about(s.id) {
		f.respond(s, &d)
	}
	f.leave(s)
}

// respond answers the client.
func (f *Filter) respond(s *stream, d *plugin.Decision) {
	s.denied = true
	if d.Status == 0 || d.Body == nil {
		broken := plugin.Broken(f.world.Random)
		d = &broken
	}
	if f.gateway.Respond(d.Status, d.Header, d.Body, grpcStatus(d.Status)) != abi.OK {
		broken := plugin.Broken(f.world.Random)
		f.gateway.Respond(broken.Status, broken.Header, broken.Body, grpcStatus(broken.Status))
	}
}

// grpcStatus is what a gRPC client gets, whose HTTP status is always 200.
func grpcStatus(status int) uint32 {
	switch status {
	case 400, 413, 415:
		return 3 // invalid argument
	case 403:
		return 7 // permission denied
	case 429:
		return 8 // resource exhausted
	}
	return 14 // unavailable
}

// noRoom says that there is none, at most once a second.
func (f *Filter) noRoom(why string) {
	now := f.world.Now()
	if now.Sub(f.full) < time.Second {
		return
	}
	f.full = now
	f.log.Reset()
	f.log.Raw(`{"log":`)
	f.log.Text(why)
	f.log.Name("flows")
	f.log.Number(int64(len(f.flows)))
	f.log.Name("bodyBytes")
	f.log.Number(int64(f.held))
	f.log.Raw("}")
	f.gateway.Log(abi.Warn, f.log.Bytes())
}

// token is the payload of a token that the gateway's own filter has verified, as JSON; nil: there is none.
func token(g Gateway) []byte {
	raw, status := g.Property("metadata\x00filter_metadata\x00envoy.filters.http.jwt_authn\x00idv")
	if status != abi.OK {
		return nil
	}
	var b strictjson.Buffer
	if !appendClaims(&b, raw, 0) {
		return []byte("null") // there is one, and it cannot be read
	}
	return b.Bytes()
}
