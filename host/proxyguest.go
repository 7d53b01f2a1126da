package host

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/idvgate/idvgate/host/proxywasm"
)

// proxyGuest is a guest in proxy-wasm's form. Each of its VMs speaks the messages of the Extism guest to the shard: what
// the guest does to a stream becomes a decision or a wish.
type proxyGuest struct {
	program *proxywasm.Program
	log     *slog.Logger
	memory  *memory
	egress  func() *egress // nil before the guest's info is read
}

func (g proxyGuest) NewVM(ctx context.Context) (VM, error) {
	v := &proxyVM{guest: g, flows: map[uint64]*proxyFlow{}}
	vm, err := g.program.NewVM(ctx, v)
	if errors.Is(err, proxywasm.ErrRefused) && v.info != nil {
		return v, nil // it has said why
	}
	if err != nil {
		return nil, err
	}
	v.vm = vm
	return v, nil
}

func (g proxyGuest) Close(ctx context.Context) error { return g.program.Close(ctx) }

// proxyConfig is the plugin's configuration and the guest's environment, out of what the Extism guest is configured with.
func proxyConfig(config map[string]string) (plugin []byte, env map[string]string) {
	env = make(map[string]string, len(config))
	doc := "null"
	for name, value := range config {
		switch name {
		case "policy":
			doc = value
		case "idvgate.unmatched":
		default:
			env[name] = value
		}
	}
	unmatched := "pass"
	if config["idvgate.unmatched"] == "deny" {
		unmatched = "deny"
	}
	return []byte(`{"unmatched":"` + unmatched + `","policy":` + doc + `}`), env
}

// proxyVM is one VM. It is the proxywasm.Embedder of its guest.
type proxyVM struct {
	guest  proxyGuest
	vm     *proxywasm.VM // nil: the policy does not load
	info   []byte
	out    []byte // messages of the call that runs
	counts []byte // a comma before each
	flows  map[uint64]*proxyFlow
	series []proxySeries
	byName map[string]uint32
	ticks  uint32 // milliseconds; 0: not asked for
	timer  bool   // one is on its way
	limit  int64  // of the body that is wanted next
}

// proxyFlow is a request in the VM.
type proxyFlow struct {
	id     uint64
	stream *proxywasm.Stream
	before proxywasm.Pairs // the headers as they came
	asked  bool            // for the body
	limit  int64
}

// memoryKeyBytes is the length of the keys of what the guest remembers.
const memoryKeyBytes = 16

// maxProxyBody is the largest body that is read for a guest that does not say how much it wants.
const maxProxyBody = 16 << 20

func (v *proxyVM) Info() ([]byte, error) {
	if v.info == nil {
		return nil, errors.New("the guest has not said who it is")
	}
	return v.info, nil
}

func (v *proxyVM) MemoryBytes() int { return v.vm.MemoryBytes() }

func (v *proxyVM) Close() error {
	if v.vm == nil {
		return nil
	}
	return v.vm.Close()
}

// Begin hands in a request.
func (v *proxyVM) Begin(h *head) ([]byte, error) {
	v.out = v.out[:0]
	stream, err := v.vm.Open()
	if err != nil {
		return nil, err
	}
	stream.Tag = h.flow
	f := &proxyFlow{id: h.flow, stream: stream, before: h.pairs()}
	v.flows[h.flow] = f
	if h.client != "" {
		stream.Context.Set("source\x00address", []byte(h.client))
	}
	v.limit = maxProxyBody
	if err := stream.RequestHeaders(f.before, h.r.ContentLength == 0); err != nil {
		return nil, err
	}
	f.limit = v.limit
	if err := v.settle(f); err != nil {
		return nil, err
	}
	return v.finish()
}

// pairs is the head as a header map. A second host or a header in another form does not get here.
func (h *head) pairs() proxywasm.Pairs {
	scheme := "http"
	if h.r.TLS != nil {
		scheme = "https"
	}
	list := make(proxywasm.Pairs, 4, 4+2*len(h.r.Header))
	list[0] = proxywasm.Pair{Name: ":authority", Value: h.r.Host}
	list[1] = proxywasm.Pair{Name: ":path", Value: h.r.RequestURI}
	list[2] = proxywasm.Pair{Name: ":method", Value: h.r.Method}
	list[3] = proxywasm.Pair{Name: ":scheme", Value: scheme}
	for name, values := range h.r.Header {
		lower := lowerName(name)
		for _, value := range values {
			list = append(list, proxywasm.Pair{Name: lower, Value: value})
		}
	}
	return list
}

// lowerName is a header's name in lower case, without making a string for the usual ones.
func lowerName(name string) string {
	switch name {
	case "Accept":
		return "accept"
	case "Accept-Encoding":
		return "accept-encoding"
	case "Content-Length":
		return "content-length"
	case "Content-Type":
		return "content-type"
	case "User-Agent":
		return "user-agent"
	case "X-Request-Id":
		return "x-request-id"
	case "X-Forwarded-For":
		return "x-forwarded-for"
	}
	return strings.ToLower(name)
}

// Step hands in what was wanted, or that a client has left.
func (v *proxyVM) Step(kind Kind, line, raw []byte) ([]byte, error) {
	v.out = v.out[:0]
	m, ok := readInput(line)
	if !ok {
		return nil, errMalformed
	}
	var err error
	switch f := v.flows[m.flow]; {
	case kind == Cancel:
		if f != nil {
			err = v.leave(f)
		}
	case m.timer != 0:
		v.timer = false
		if v.ticks > 0 {
			err = v.vm.Tick()
		}
	case m.callID != 0:
		err = v.reply(&m, raw)
	case m.body != "" && f != nil:
		err = v.body(f, bodyResult(m.body), raw)
	}
	if err == nil {
		err = v.settleTouched()
	}
	if err != nil {
		return nil, err
	}
	return v.finish()
}

// body hands in what became of a body.
func (v *proxyVM) body(f *proxyFlow, result bodyResult, raw []byte) error {
	switch result {
	case bodyWhole:
		if err := f.stream.RequestBody(raw, true); err != nil {
			return err
		}
	case bodyTooLarge: // by how much makes no difference
		if err := f.stream.RequestBody(make([]byte, f.limit+1), false); err != nil {
			return err
		}
	case bodyGone:
		v.decide(f, faultRequest.status, proxywasm.Pairs{{Name: "content-type", Value: "application/problem+json"}, {Name: "cache-control", Value: "no-store"}}, faultRequest.problem())
		return v.leave(f)
	}
	return v.settle(f)
}

// reply hands in a reply, or as Envoy does what stands for none.
func (v *proxyVM) reply(m *input, raw []byte) error {
	token := uint32(m.callID)
	switch m.fault {
	case "":
		return v.vm.Reply(token, m.headers, slices.Clone(raw), nil)
	case timeout:
		return v.vm.Reply(token, proxywasm.Pairs{{Name: ":status", Value: "504"}, {Name: "content-type", Value: "text/plain"}}, []byte("upstream request timeout"), nil)
	case tooLarge:
		return v.vm.Answer(token, proxywasm.Pairs{{Name: ":status", Value: "200"}}, nil, maxReplyBytes+1, nil)
	case unreachable, blocked:
	}
	return v.vm.Reply(token, nil, nil, nil)
}

func (v *proxyVM) settleTouched() error {
	for touched := v.vm.Touched(); len(touched) > 0; touched = v.vm.Touched() {
		for _, s := range touched {
			if f := v.flows[s.Tag]; f != nil && f.stream == s {
				if err := v.settle(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// settle says what has become of a flow.
func (v *proxyVM) settle(f *proxyFlow) error {
	s := f.stream
	switch {
	case s.Reply != nil:
		v.decide(f, s.Reply.Status, s.Reply.Headers, s.Reply.Body)
		return v.leave(f)
	case s.Request.Passed:
		v.allow(f)
		return v.leave(f)
	case s.Request.WantsBody() && !f.asked:
		f.asked = true
		v.want(f.id, "body")
		v.out = append(v.out, `,"limit":`...)
		v.out = strconv.AppendInt(v.out, f.limit, 10)
		v.out = append(v.out, '}', '\n')
	}
	return nil
}

// leave ends the stream; its callouts go on.
func (v *proxyVM) leave(f *proxyFlow) error {
	delete(v.flows, f.id)
	return f.stream.Close()
}

func (v *proxyVM) want(flow uint64, what string) {
	v.out = append(v.out, `{"flow":`...)
	v.out = strconv.AppendUint(v.out, flow, 10)
	v.out = append(v.out, `,"want":"`...)
	v.out = append(append(v.out, what...), '"')
}

// allow says which headers to remove and to set: what differs from those that came.
func (v *proxyVM) allow(f *proxyFlow) {
	v.out = append(v.out, `{"flow":`...)
	v.out = strconv.AppendUint(v.out, f.id, 10)
	v.out = append(v.out, `,"decision":{"action":"allow"`...)
	after := f.stream.Request.Headers
	if len(after) != len(f.before) || len(after) > 0 && &after[0] != &f.before[0] {
		var removed []string
		for i := range f.before {
			if !slices.Contains(after, f.before[i]) {
				removed = append(removed, f.before[i].Name)
			}
		}
		v.out = append(v.out, `,"remove":[`...)
		for i, name := range removed {
			if i > 0 {
				v.out = append(v.out, ',')
			}
			v.out = appendRepaired(v.out, name)
		}
		v.out = append(v.out, `],"set":`...)
		v.out = appendPairs(v.out, after, func(h proxywasm.Pair) bool {
			return h.Name[0] != ':' && (!slices.Contains(f.before, h) || slices.Contains(removed, h.Name))
		})
	}
	if reply := f.reply(); reply != nil {
		v.out = append(v.out, `,"headers":`...)
		v.out = appendPairs(v.out, reply, anyPair)
	}
	if s := &f.stream.Request; s.Edited {
		v.out = append(v.out, '}')
		v.raw(s.Body)
		return
	}
	v.out = append(v.out, "}}\n"...)
}

// raw ends a message with its raw bytes.
func (v *proxyVM) raw(b []byte) {
	v.out = append(v.out, `,"bytes":`...)
	v.out = strconv.AppendInt(v.out, int64(len(b)), 10)
	v.out = append(v.out, '}', '\n')
	v.out = append(v.out, b...)
}

// reply is the headers that the guest has for the client of a request that passes. It leaves them in the stream's
// properties, as in Envoy, where the gateway's own configuration adds them.
func (f *proxyFlow) reply() (list proxywasm.Pairs) {
	for _, name := range []string{"idv-assertion", "cache-control"} {
		if value, ok := f.stream.Context.Own("idv." + name); ok {
			list = append(list, proxywasm.Pair{Name: name, Value: string(value)})
		}
	}
	return list
}

func appendPairs(b []byte, list proxywasm.Pairs, take func(proxywasm.Pair) bool) []byte {
	b = append(b, '[')
	first := true
	for _, h := range list {
		if h.Name == "" || !take(h) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '[')
		b = appendRepaired(b, h.Name)
		b = append(b, ',')
		b = appendRepaired(b, h.Value)
		b = append(b, ']')
	}
	return append(b, ']')
}

func anyPair(proxywasm.Pair) bool { return true }

// decide answers the client.
func (v *proxyVM) decide(f *proxyFlow, status int, headers proxywasm.Pairs, body []byte) {
	v.out = append(v.out, `{"flow":`...)
	v.out = strconv.AppendUint(v.out, f.id, 10)
	v.out = append(v.out, `,"decision":{"action":"deny","status":`...)
	v.out = strconv.AppendInt(v.out, int64(status), 10)
	v.out = append(v.out, `,"headers":`...)
	v.out = appendPairs(v.out, headers, anyPair)
	v.out = append(v.out, '}')
	v.raw(body)
}

// finish is the messages of a call, counts at their end.
func (v *proxyVM) finish() ([]byte, error) {
	if v.ticks > 0 && !v.timer {
		v.timer = true
		v.want(0, "timer")
		v.out = append(v.out, `,"timer":1,"ms":`...)
		v.out = strconv.AppendUint(v.out, uint64(v.ticks), 10)
		v.out = append(v.out, '}', '\n')
	}
	if len(v.counts) > 0 {
		v.out = append(append(v.out, `{"metrics":[`...), v.counts[1:]...)
		v.out = append(v.out, "]}\n"...)
		v.counts = v.counts[:0]
	}
	return v.out, nil
}

// Log takes audit lines, and what else the guest says.
func (v *proxyVM) Log(level uint32, line string) {
	if strings.HasPrefix(line, `{"audit":`) {
		v.out = append(append(v.out, line...), '\n')
		return
	}
	var said struct{ Log, Detail string }
	if json.Unmarshal([]byte(line), &said) != nil || said.Log == "" {
		said.Log = strings.ToValidUTF8(line[:min(len(line), maxLogBytes)], "?")
	}
	v.guest.log.Log(context.Background(), [...]slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError}[min(level, 5)],
		said.Log, "detail", said.Detail, "from", "guest")
}

// maxLogBytes is how much of one line is logged.
const maxLogBytes = 4096

// Call sends a callout, if it may be sent at all.
func (v *proxyVM) Call(c *proxywasm.Callout) proxywasm.Status {
	method, _ := c.Headers.Get(":method") // the ABI asks for these
	path, _ := c.Headers.Get(":path")
	authority, _ := c.Headers.Get(":authority")
	scheme, ok := c.Headers.Get(":scheme")
	if !ok {
		scheme = "https"
	}
	url := scheme + "://" + authority + path
	e := v.guest.egress()
	if e == nil || !e.covers(url) || c.TimeoutMs == 0 {
		return proxywasm.BadArgument
	}
	flow := uint64(0)
	if s := c.Context.Stream(); s != nil {
		flow = s.Tag
	}
	v.want(flow, "call")
	v.out = append(v.out, `,"callId":`...)
	v.out = strconv.AppendUint(v.out, uint64(c.Token), 10)
	v.out = append(v.out, `,"method":`...)
	v.out = appendRepaired(v.out, method)
	v.out = append(v.out, `,"url":`...)
	v.out = appendRepaired(v.out, url)
	v.out = append(v.out, `,"headers":`...)
	v.out = appendPairs(v.out, c.Headers, func(h proxywasm.Pair) bool { return h.Name[0] != ':' })
	v.out = append(v.out, `,"timeoutMs":`...)
	v.out = strconv.AppendUint(v.out, uint64(c.TimeoutMs), 10)
	v.raw(c.Body)
	return proxywasm.OK
}

// Tick notes how often the guest is called back.
func (v *proxyVM) Tick(ms uint32) { v.ticks = ms }

// Foreign is what this gateway has beyond the ABI.
func (v *proxyVM) Foreign(_ *proxywasm.Context, name string, arguments []byte) ([]byte, proxywasm.Status) {
	switch name {
	case "sign":
		return proxywasm.Sign(arguments)
	case "idvgate_info":
		v.info = slices.Clone(arguments)
		return nil, proxywasm.OK
	case "idvgate_recall":
		value := v.guest.memory.Get(string(arguments))
		if value == nil {
			return nil, proxywasm.NotFound
		}
		return value, proxywasm.OK
	case "idvgate_count":
		return v.guest.memory.count(arguments), proxywasm.OK
	case "idvgate_remember":
		if len(arguments) < memoryKeyBytes {
			return nil, proxywasm.BadArgument
		}
		v.guest.memory.Put(string(arguments[:memoryKeyBytes]), arguments[memoryKeyBytes:])
		return nil, proxywasm.OK
	case "idvgate_body_limit":
		n, err := strconv.ParseInt(string(arguments), 10, 64)
		if err != nil || n <= 0 {
			return nil, proxywasm.BadArgument
		}
		v.limit = n
		return nil, proxywasm.OK
	}
	return nil, proxywasm.NotFound
}

// Property is what the guest may read of a stream besides what is set.
func (v *proxyVM) Property(*proxywasm.Context, []string) ([]byte, bool) { return nil, false }

// proxySeries is one metric of the guest.
type proxySeries struct {
	prefix string // the count as JSON, up to its value
	scale  float64
}

// maxProxySeries bounds how many a guest makes.
const maxProxySeries = 10_000

// Define makes a metric. Its labels stand in its name: NAME.LABEL=VALUE, each byte that is no letter, digit, dash or
// underscore as %XX.
func (v *proxyVM) Define(kind uint32, name string) (uint32, proxywasm.Status) {
	if id, ok := v.byName[name]; ok {
		return id, proxywasm.OK
	}
	if len(v.series) >= maxProxySeries {
		return 0, proxywasm.InternalFailure
	}
	if v.byName == nil {
		v.byName = map[string]uint32{}
	}
	parts := strings.Split(name, ".")
	one := proxySeries{scale: 1}
	switch parts[0] {
	case "idv_vendor_milliseconds":
		parts[0], one.scale = "idv_vendor_seconds", 1e-3
	case "idv_cost_micros_total":
		parts[0], one.scale = "idv_cost_total", 1e-6
	case "idv_budget_left_micros":
		parts[0], one.scale = "idv_budget_left", 1e-6
	}
	b := appendRepaired([]byte(`,{"name":`), parts[0])
	b = append(b, `,"type":"`...)
	b = append(append(b, [...]string{"counter", "gauge", "histogram"}[min(kind, 2)]...), '"')
	b = append(b, `,"labels":{`...)
	for i, part := range parts[1:] {
		label, value, _ := strings.Cut(part, "=")
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRepaired(b, label)
		b = append(b, ':')
		b = appendRepaired(b, unescape(value))
	}
	one.prefix = string(append(b, `},"value":`...))
	v.series = append(v.series, one)
	id := uint32(len(v.series) - 1)
	v.byName[name] = id
	return id, proxywasm.OK
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Count adds to a counter.
func (v *proxyVM) Count(id uint32, by int64) proxywasm.Status { return v.count(id, float64(by)) }

// Record has a histogram observe a value, or sets a gauge.
func (v *proxyVM) Record(id uint32, value uint64) proxywasm.Status {
	return v.count(id, float64(value))
}

func (v *proxyVM) count(id uint32, value float64) proxywasm.Status {
	if int(id) >= len(v.series) {
		return proxywasm.NotFound
	}
	one := &v.series[id]
	v.counts = append(v.counts, one.prefix...)
	v.counts = strconv.AppendFloat(v.counts, value*one.scale, 'g', -1, 64)
	v.counts = append(v.counts, '}')
	return proxywasm.OK
}

// Value is none of a guest's business here.
func (v *proxyVM) Value(uint32) (uint64, proxywasm.Status) { return 0, proxywasm.Unimplemented }

// input is a message to a guest, as this gateway writes it.
type input struct {
	flow    uint64
	body    string
	callID  int64
	timer   int64
	fault   failure
	headers proxywasm.Pairs
}

func readInput(line []byte) (m input, ok bool) {
	s := scanner{b: line}
	s.take('{')
	for first := true; s.more(&first, '}'); {
		switch string(s.key()) {
		case "flow":
			m.flow = uint64(s.number())
		case "body":
			m.body = string(s.raw())
		case "callId":
			m.callID = s.number()
		case "timer":
			m.timer = s.number()
		case "error":
			m.fault = failure(s.text())
		case "status":
			m.headers = append(m.headers, proxywasm.Pair{Name: ":status", Value: strconv.FormatInt(s.number(), 10)})
		case "headers":
			s.take('[')
			for first := true; s.more(&first, ']'); {
				s.take('[')
				name := string(s.text())
				s.take(',')
				value := string(s.text())
				s.take(']')
				m.headers = append(m.headers, proxywasm.Pair{Name: name, Value: value})
			}
		default:
			s.raw()
		}
	}
	return m, s.end()
}
