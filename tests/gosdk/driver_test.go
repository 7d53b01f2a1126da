package gosdk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"

	"github.com/idvgate/idvgate/tests/play"
)

// runtime runs the guest on go-sdk.
type runtime struct {
	compiled *extism.CompiledPlugin
	schema   *play.Schema
	sync     bool // by evaluate
}

func (r runtime) Name() string {
	if r.sync {
		return play.Sync
	}
	return play.Stepped
}

// compile makes the guest ready for instances. cacheDir keeps its machine code.
func compile(ctx context.Context, wasm []byte, cacheDir string) (*extism.CompiledPlugin, error) {
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		return nil, err
	}
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: wasm}}, AllowedHosts: []string{"127.0.0.1"}}
	return extism.NewCompiledPlugin(ctx, manifest, extism.PluginConfig{
		EnableWasi: true, EnableHttpResponseHeaders: true, RuntimeConfig: wazero.NewRuntimeConfig().WithCompilationCache(cache),
	}, nil)
}

// message is any message from the guest.
type message struct {
	Flow      uint64
	Want      string
	Limit     int
	CallID    uint64
	Method    string
	URL       string
	Headers   [][2]string
	TimeoutMs int64
	Timer     uint64
	Ms        int64
	Decision  *struct {
		Action  string
		Status  int
		Headers [][2]string
		Remove  []string
		Set     [][2]string
	}
	Audit   json.RawMessage
	Metrics []struct {
		Name, Type string
		Value      float64
		Labels     map[string]string
	}
}

func (r runtime) Start(doc []byte, env map[string]string, _ *play.Stage, record *play.Record) (play.Gateway, error) {
	// Without these the guest's clock stands still and its random bytes are everybody's.
	config := wazero.NewModuleConfig().WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(rand.Reader)
	plugin, err := r.compiled.Instance(context.Background(), extism.PluginInstanceConfig{ModuleConfig: config})
	if err != nil {
		return nil, err
	}
	plugin.Config = map[string]string{"policy": string(doc)}
	for name, value := range env {
		plugin.Config[name] = value
	}
	plugin.SetLogger(func(level extism.LogLevel, text string) { fmt.Fprintf(record, "%s %s\n", level, text) })
	g := &gateway{runtime: r, plugin: plugin, record: record}
	if err := g.info(); err != nil {
		plugin.Close(context.Background())
		return nil, err
	}
	return g, nil
}

type gateway struct {
	runtime
	plugin *extism.Plugin
	record *play.Record
	flow   uint64
}

// call gives the guest messages and judges both ways by the schema.
func (g *gateway) call(export string, line any, raw []byte) ([]byte, error) {
	var in []byte
	if line != nil {
		text, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		in = append(append(text, '\n'), raw...)
		g.schema.Take(true, in)
	}
	code, out, err := g.plugin.Call(export, in)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", export, err)
	case code != 0:
		return nil, fmt.Errorf("%s returned %d", export, code)
	}
	g.schema.Take(false, out)
	return out, nil
}

func (g *gateway) info() error {
	out, err := g.call("info", nil, nil)
	if err != nil {
		return err
	}
	var info struct {
		Name   string
		Policy struct {
			OK     bool
			Errors []string
		}
	}
	if err := json.Unmarshal(out, &info); err != nil {
		return err
	}
	if info.Name != "idvgate" || !info.Policy.OK {
		return fmt.Errorf("the policy does not load: %s", strings.Join(info.Policy.Errors, "; "))
	}
	return nil
}

func head(r *play.Request) map[string]any {
	headers := make([][2]string, 0, len(r.Headers))
	for _, h := range r.Headers {
		headers = append(headers, [2]string{strings.ToLower(h[0]), h[1]})
	}
	h := map[string]any{
		"id": "request-1", "method": r.Method, "scheme": "http", "host": r.Host, "path": r.Path, "headers": headers,
		"client": r.Client, "noBody": !r.HasBody, "upgrade": r.Upgrade,
	}
	if r.JWT != nil {
		h["jwt"] = json.RawMessage(r.JWT)
	}
	return h
}

// flight is one request on its way.
type flight struct {
	gateway *gateway
	request *play.Request
	flow    uint64
	seen    play.Seen
	decided bool
	pending int
	done    chan arrived
}

// arrived is what a callout or timer came to.
type arrived struct {
	line map[string]any
	raw  []byte
}

func (g *gateway) Play(r *play.Request) (play.Seen, error) {
	g.flow++
	f := &flight{gateway: g, request: r, flow: g.flow, done: make(chan arrived, 64)}
	line := map[string]any{"flow": g.flow, "head": head(r)}
	if g.sync {
		line["bytes"] = len(r.Body)
		if err := f.step("evaluate", line, r.Body); err != nil {
			return f.seen, err
		}
	} else {
		f.seen.BodyRead = new(bool)
		if err := f.step("begin", line, nil); err != nil {
			return f.seen, err
		}
	}
	for f.pending > 0 {
		a := <-f.done
		f.pending--
		if err := f.step("resume", a.line, a.raw); err != nil {
			return f.seen, err
		}
	}
	if !f.decided {
		return f.seen, errors.New("no decision")
	}
	return f.seen, nil
}

// step gives the guest messages and does what it says.
func (f *flight) step(export string, line any, raw []byte) error {
	out, err := f.gateway.call(export, line, raw)
	if err != nil {
		return err
	}
	lines, raws, err := play.Split(out)
	if err != nil {
		return err
	}
	for i := range lines {
		var m message
		if err := json.Unmarshal(lines[i], &m); err != nil {
			return err
		}
		if err := f.take(&m, raws[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *flight) take(m *message, raw []byte) error {
	switch {
	case m.Audit != nil:
		f.gateway.record.Audit(m.Audit)
	case m.Metrics != nil:
		f.count(m)
	case m.Flow != f.flow:
		return fmt.Errorf("a message for flow %d", m.Flow)
	case m.Want == "body":
		*f.seen.BodyRead = true
		return f.body(m)
	case m.Want == "call":
		f.pending++
		go func() { f.done <- fetch(m, raw) }()
	case m.Want == "timer":
		f.pending++
		time.AfterFunc(time.Duration(m.Ms)*time.Millisecond, func() {
			f.done <- arrived{line: map[string]any{"flow": m.Flow, "timer": m.Timer}}
		})
	case m.Decision != nil:
		return f.decide(m, raw)
	default:
		return fmt.Errorf("a message that says nothing: %+v", m)
	}
	return nil
}

func (f *flight) body(m *message) error {
	if len(f.request.Body) > m.Limit {
		return f.step("resume", map[string]any{"flow": m.Flow, "body": "too_large"}, nil)
	}
	return f.step("resume", map[string]any{"flow": m.Flow, "body": true, "bytes": len(f.request.Body)}, f.request.Body)
}

func (f *flight) count(m *message) {
	for _, c := range m.Metrics {
		var labels []string
		for name, value := range c.Labels {
			labels = append(labels, name, value)
		}
		switch c.Type {
		case "histogram":
			f.gateway.record.Observe(c.Name, c.Value, labels...)
		case "gauge":
			f.gateway.record.Set(c.Name, c.Value, labels...)
		default:
			f.gateway.record.Count(c.Name, c.Value, labels...)
		}
	}
}

func (f *flight) decide(m *message, raw []byte) error {
	if f.decided {
		return errors.New("a second decision")
	}
	f.decided = true
	d := m.Decision
	f.seen.Status, f.seen.Body, f.seen.Header = d.Status, raw, map[string][]string{}
	for _, h := range d.Headers {
		f.seen.Header[h[0]] = append(f.seen.Header[h[0]], h[1])
	}
	if d.Action == "allow" {
		f.seen.Status, f.seen.Upstream = 200, play.Forward(f.request, d.Remove, d.Set, raw)
	}
	return nil
}

func (g *gateway) Close() error { return g.plugin.Close(context.Background()) }
