package proxywasm

import "github.com/tetratelabs/wazero/api"

// A Stream is one HTTP exchange.
type Stream struct {
	// Tag is the embedder's own number for it.
	Tag      uint64
	Context  *Context
	Request  Side
	Response Side
	// Reply is the guest's own answer; nil: it has none. After it the upstream sees nothing more.
	Reply *Reply

	vm *VM
}

// A Reply is an answer that the guest gives itself.
type Reply struct {
	Status  int
	Details string
	Headers Pairs
	Body    []byte
	GRPC    uint32
}

// place is how far a side has come.
type place uint8

const (
	atStart place = iota
	atHeaders
	atBody
	atTrailers
)

// wait is how a side waits.
type wait uint8

const (
	flows  wait = iota
	holds       // what comes is handed to the guest, and held
	blocks      // nothing is handed to the guest
)

// Side is one direction of a stream. Headers, Trailers and what was held pass once the guest lets them.
type Side struct {
	Headers  Pairs
	Trailers Pairs
	// Passed reports whether the headers have passed, Body is what has passed behind them and was not taken yet, Ended
	// whether that is all.
	Passed bool
	Body   []byte
	Ended  bool
	Edited bool // the guest has changed the body

	at    place
	wait  wait
	held  []byte // of the body, while a callback sees it or the guest holds it
	last  bool   // what is held is the end
	asked bool   // the guest has let it go on while a callback runs
}

// open reports whether the guest may still read and change a map.
func (s *Side) open(p place) bool {
	return s.at != atStart && (s.at >= p) && (!s.Passed || p == atTrailers && !s.Ended)
}

// Waits reports whether the guest holds what has come.
func (s *Side) Waits() bool { return s.wait != flows }

// WantsBody reports whether what comes of the body is to be handed in although the headers wait.
func (s *Side) WantsBody() bool { return s.wait == holds }

// Open begins a stream.
func (v *VM) Open() (*Stream, error) {
	v.last++
	s := &Stream{vm: v, Context: &Context{vm: v, id: v.last}}
	s.Context.stream = s
	v.contexts[v.last] = s.Context
	_, err := v.call(s.Context, v.exports.create, uint64(v.last), uint64(v.root.id))
	return s, err
}

// Close ends a stream. Its callouts go on.
func (s *Stream) Close() error {
	v, c := s.vm, s.Context
	if v.contexts[c.id] != c {
		return nil
	}
	for _, f := range []api.Function{v.exports.done, v.exports.log, v.exports.delete} {
		if _, err := v.call(c, f, uint64(c.id)); err != nil {
			return err
		}
	}
	delete(v.contexts, c.id)
	return nil
}

// RequestHeaders hands in the head of the request; last: nothing follows.
func (s *Stream) RequestHeaders(h Pairs, last bool) error {
	return s.headers(&s.Request, s.vm.exports.requestHeaders, h, last)
}

// RequestBody hands in a piece of the body.
func (s *Stream) RequestBody(piece []byte, last bool) error {
	return s.body(&s.Request, s.vm.exports.requestBody, piece, last)
}

// RequestTrailers hands in the trailers, which end the body.
func (s *Stream) RequestTrailers(t Pairs) error {
	return s.trailers(&s.Request, s.vm.exports.requestTrailers, t)
}

// ResponseHeaders, ResponseBody and ResponseTrailers are the same of the response.
func (s *Stream) ResponseHeaders(h Pairs, last bool) error {
	return s.headers(&s.Response, s.vm.exports.responseHeaders, h, last)
}

// ResponseBody hands in a piece of the response's body.
func (s *Stream) ResponseBody(piece []byte, last bool) error {
	return s.body(&s.Response, s.vm.exports.responseBody, piece, last)
}

// ResponseTrailers hands in the response's trailers.
func (s *Stream) ResponseTrailers(t Pairs) error {
	return s.trailers(&s.Response, s.vm.exports.responseTrailers, t)
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (s *Stream) headers(d *Side, f api.Function, h Pairs, last bool) error {
	d.Headers, d.at, d.last, d.asked = h, atHeaders, last, false
	action, err := s.vm.call(s.Context, f, uint64(s.Context.id), uint64(len(h)), flag(last))
	switch {
	case err != nil || s.Reply != nil:
		return err
	case action == 0 || d.asked:
		s.pass(d)
	case action == 1 && s.vm.program.options.StopIteration:
		d.wait = holds
	default:
		d.wait = blocks
	}
	return nil
}

func (s *Stream) body(d *Side, f api.Function, piece []byte, last bool) error {
	if s.Reply != nil {
		return nil
	}
	d.held = append(d.held, piece...)
	d.last = d.last || last
	if d.wait == blocks {
		return nil
	}
	return s.handBody(d, f)
}

// handBody has the guest look at what is held of the body.
func (s *Stream) handBody(d *Side, f api.Function) error {
	d.at, d.asked = atBody, false
	action, err := s.vm.call(s.Context, f, uint64(s.Context.id), uint64(len(d.held)), flag(d.last))
	switch {
	case err != nil || s.Reply != nil:
		return err
	case action == 0 || d.asked:
		s.pass(d)
	default:
		d.wait = holds
	}
	return nil
}

func (s *Stream) trailers(d *Side, f api.Function, t Pairs) error {
	if s.Reply != nil {
		return nil
	}
	d.Trailers, d.last = t, true
	if d.wait == blocks {
		return nil
	}
	d.at, d.asked = atTrailers, false
	action, err := s.vm.call(s.Context, f, uint64(s.Context.id), uint64(len(t)))
	switch {
	case err != nil || s.Reply != nil:
		return err
	case action == 0 || d.asked:
		s.pass(d)
	default:
		d.wait = holds
	}
	return nil
}

// pass lets go on what was held.
func (s *Stream) pass(d *Side) {
	d.Passed, d.wait = true, flows
	d.Body = append(d.Body, d.held...)
	d.held = nil
	d.Ended = d.last
}

// resume is proxy_continue_stream: of a side whose own callback runs it takes effect when that returns.
func (s *Stream) resume(d *Side) {
	if s.vm.current == s.Context {
		d.asked = true
		return
	}
	if d.wait == flows {
		return
	}
	s.vm.touched = append(s.vm.touched, s)
	blocked := d.wait == blocks
	if !blocked {
		s.pass(d)
		return
	}
	// The headers pass; what has come behind them was never handed to the guest, and is so by Catch.
	d.Passed, d.wait = true, flows
	d.Ended = d.last && len(d.held) == 0 && d.Trailers == nil
}

// Catch hands to the guest what came while nothing was handed to it. It is to be called after each call of the VM that
// may have let the stream go on.
func (s *Stream) Catch() error {
	d := &s.Request
	if s.Reply != nil || d.wait != flows || !d.Passed || d.Ended {
		return nil
	}
	if len(d.held) > 0 {
		if err := s.handBody(d, s.vm.exports.requestBody); err != nil || d.wait != flows {
			return err
		}
	}
	if d.Trailers != nil && d.at != atTrailers {
		return s.trailers(d, s.vm.exports.requestTrailers, d.Trailers)
	}
	d.Ended = d.last
	return nil
}
