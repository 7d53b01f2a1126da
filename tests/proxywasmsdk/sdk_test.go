// Package proxywasmsdk tries the gateway's driver of proxy-wasm guests with a guest on the public SDK for Go, in a
// module of its own so that nobody inherits the SDK.
package proxywasmsdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/idvgate/idvgate/host/proxywasm"
)

// guest is the guest's module, built once.
var guest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sdk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", file, "./guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(file)
})

// desk is the embedder: it notes what the guest wants.
type desk struct {
	logs    []string
	calls   []*proxywasm.Callout
	refuse  proxywasm.Status
	tick    uint32
	names   []string
	counts  map[string]uint64
	address string
}

func (d *desk) Log(level uint32, line string) {
	d.logs = append(d.logs, fmt.Sprintf("%d %s", level, line))
}

func (d *desk) Call(c *proxywasm.Callout) proxywasm.Status {
	if d.refuse == proxywasm.OK {
		d.calls = append(d.calls, c)
	}
	return d.refuse
}

func (d *desk) Tick(ms uint32) { d.tick = ms }

func (d *desk) Define(_ uint32, name string) (uint32, proxywasm.Status) {
	d.names = append(d.names, name)
	return uint32(len(d.names) - 1), proxywasm.OK
}

func (d *desk) Count(id uint32, by int64) proxywasm.Status {
	d.counts[d.names[id]] += uint64(by)
	return proxywasm.OK
}

func (d *desk) Record(id uint32, value uint64) proxywasm.Status {
	d.counts[d.names[id]] = value
	return proxywasm.OK
}

func (d *desk) Value(id uint32) (uint64, proxywasm.Status) {
	return d.counts[d.names[id]], proxywasm.OK
}

func (d *desk) Foreign(*proxywasm.Context, string, []byte) ([]byte, proxywasm.Status) {
	return nil, proxywasm.NotFound
}

func (d *desk) Property(_ *proxywasm.Context, path []string) ([]byte, bool) {
	return []byte(d.address), reflect.DeepEqual(path, []string{"source", "address"}) && d.address != ""
}

type rig struct {
	*desk
	program *proxywasm.Program
	vm      *proxywasm.VM
}

func newRig(t *testing.T, o proxywasm.Options) *rig {
	t.Helper()
	r, err := open(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t *testing.T, o proxywasm.Options) (*rig, error) {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	program, err := proxywasm.Compile(ctx, wasm, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close(ctx) })
	d := &desk{counts: map[string]uint64{}}
	vm, err := program.NewVM(ctx, d)
	return &rig{desk: d, program: program, vm: vm}, err
}

func (r *rig) begin(t *testing.T, path string, last bool, more ...string) *proxywasm.Stream {
	t.Helper()
	s, err := r.vm.Open()
	if err != nil {
		t.Fatal(err)
	}
	h := proxywasm.Pairs{{Name: ":method", Value: "POST"}, {Name: ":path", Value: path}}
	for i := 0; i+1 < len(more); i += 2 {
		h = append(h, proxywasm.Pair{Name: more[i], Value: more[i+1]})
	}
	if err := s.RequestHeaders(h, last); err != nil {
		t.Fatal(err)
	}
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func header(s *proxywasm.Stream, name string) string {
	var values []string
	for _, h := range s.Request.Headers {
		if h.Name == name {
			values = append(values, h.Value)
		}
	}
	return strings.Join(values, ",")
}

func TestHeaders(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/headers", true, "x-replaced", "old", "x-replaced", "older", "x-removed", "1", "x-removed", "2")
	if !s.Request.Passed || header(s, "x-added") != "one,two" || header(s, "x-replaced") != "new" || header(s, "x-removed") != "" || header(s, "x-count") != "5" {
		t.Errorf("%+v", s.Request.Headers)
	}
	ok(t, s.ResponseHeaders(proxywasm.Pairs{{Name: ":status", Value: "200"}}, false))
	ok(t, s.ResponseBody([]byte("hello "), false))
	ok(t, s.ResponseBody([]byte("world"), true))
	if v, _ := s.Response.Headers.Get("x-seen"); v != "yes" || string(s.Response.Body) != "> hello world" || !s.Response.Ended {
		t.Errorf("%+v %s", s.Response.Headers, s.Response.Body)
	}
	ok(t, s.Close())
	if len(r.logs) != 1 || r.logs[0] != "2 done /headers" {
		t.Errorf("logs %q", r.logs)
	}
}

func TestABodyIsHandedOverWhileHeadersWaitOnlyWithTheSwitch(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/body", false, "content-length", "11")
	ok(t, s.RequestBody([]byte("hello "), false))
	if s.Request.Passed {
		t.Fatal("passed before it was whole")
	}
	ok(t, s.RequestBody([]byte("world"), true))
	if !s.Request.Passed || !s.Request.Ended || string(s.Request.Body) != "[HELLO WORLD]." || header(s, "content-length") != "" {
		t.Errorf("%+v %q", s.Request.Headers, s.Request.Body)
	}

	r = newRig(t, proxywasm.Options{})
	s = r.begin(t, "/body", false)
	ok(t, s.RequestBody([]byte("hello"), true))
	if s.Request.Passed || len(s.Request.Body) > 0 {
		t.Error("without the switch the body came all the same")
	}
}

func TestTrailersEndABody(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/hold", false)
	ok(t, s.RequestBody([]byte("held"), false))
	ok(t, s.RequestTrailers(proxywasm.Pairs{{Name: "x-removed", Value: "1"}, {Name: "x-kept", Value: "2"}}))
	if !s.Request.Passed || !s.Request.Ended || string(s.Request.Body) != "held" || len(s.Request.Trailers) != 1 {
		t.Errorf("%+v", s.Request)
	}
}

func TestACalloutLetsItsStreamGoOnOrAnswers(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	passed, denied := r.begin(t, "/auth", true), r.begin(t, "/auth", true)
	if len(r.calls) != 2 || r.calls[0].Cluster != "vendor" || r.calls[0].TimeoutMs != 500 || string(r.calls[0].Body) != "who" {
		t.Fatalf("%+v", r.calls)
	}
	ok(t, r.vm.Reply(r.calls[1].Token, proxywasm.Pairs{{Name: ":status", Value: "403"}}, nil, nil))
	ok(t, r.vm.Reply(r.calls[0].Token, proxywasm.Pairs{{Name: ":status", Value: "200"}}, []byte("a1"), nil))
	if passed.Request.Waits() || !passed.Request.Passed || header(passed, "x-answer") != "a1" || passed.Reply != nil {
		t.Errorf("%+v", passed)
	}
	if denied.Reply == nil || denied.Reply.Status != 503 || string(denied.Reply.Body) != "vendor says 403" || denied.Request.Passed {
		t.Errorf("%+v", denied)
	}
	if touched := r.vm.Touched(); len(touched) != 2 || touched[0] != denied || touched[1] != passed {
		t.Errorf("touched %v", touched)
	}
}

func TestSeveralCalloutsAndOneThatFails(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/three", true)
	for i, c := range r.calls {
		ok(t, r.vm.Reply(c.Token, proxywasm.Pairs{{Name: ":status", Value: "200"}}, []byte{byte('1' + i)}, nil))
	}
	if header(s, "x-answer") != "1,2,3" || !s.Request.Passed {
		t.Errorf("%+v", s.Request)
	}
	failed := r.begin(t, "/auth", true)
	ok(t, r.vm.Reply(r.calls[3].Token, nil, nil, nil)) // as Envoy does for what broke off
	if failed.Reply == nil || string(failed.Reply.Body) != "vendor says none" {
		t.Errorf("%+v", failed.Reply)
	}
	if err := r.vm.Reply(r.calls[3].Token, nil, nil, nil); err == nil {
		t.Error("a reply came twice")
	}
	r.refuse = proxywasm.BadArgument
	if s := r.begin(t, "/auth", true); s.Reply == nil || s.Reply.Status != 500 {
		t.Errorf("a call to an unknown cluster: %+v", s.Reply)
	}
}

func TestAReplyOutlivesItsStream(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/leave", true)
	ok(t, s.Close())
	ok(t, r.vm.Reply(r.calls[0].Token, proxywasm.Pairs{{Name: ":status", Value: "200"}}, []byte("late"), nil))
	if s.Request.Passed || len(r.vm.Touched()) != 0 {
		t.Error("a stream that has gone was let go on")
	}
}

func TestATickReachesStreamsByTheirNumbers(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s, gone := r.begin(t, "/sleep", true), r.begin(t, "/sleep", true)
	if r.tick != 100 {
		t.Errorf("tick every %d", r.tick)
	}
	ok(t, gone.Close())
	ok(t, r.vm.Tick())
	if !s.Request.Passed || header(s, "x-woken") != "yes" || r.tick != 0 {
		t.Errorf("%+v, tick %d", s.Request, r.tick)
	}
	if gone.Request.Passed || !strings.Contains(strings.Join(r.logs, "\n"), "gone") {
		t.Errorf("a stream that has gone: %q", r.logs)
	}
}

func TestSharedDataIsOfAllVMs(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	other, err := r.program.NewVM(context.Background(), r.desk)
	ok(t, err)
	second := &rig{desk: r.desk, program: r.program, vm: other}
	for i, one := range []*rig{r, second, r} {
		if s := one.begin(t, "/shared", true); header(s, "x-count") != fmt.Sprint(i+1) {
			t.Errorf("count is %s, not %d", header(s, "x-count"), i+1)
		}
	}
}

func TestMetricsPropertiesAndForeignFunctions(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	r.begin(t, "/other", true)
	if s := r.begin(t, "/metrics", true); header(s, "x-count") != "2" || r.counts["requests"] != 2 || r.counts["sizes"] != 7 {
		t.Errorf("%s %v", header(s, "x-count"), r.counts)
	}
	r.address = "192.0.2.7"
	if mark, ok := r.begin(t, "/property", true).Context.Own("mark"); !ok || string(mark) != "192.0.2.7" {
		t.Errorf("mark %q", mark)
	}
	if s := r.begin(t, "/foreign", true); header(s, "x-error") == "" {
		t.Error("a foreign function that nobody has")
	}
}

func TestTheGuestsOwnAnswer(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s := r.begin(t, "/deny", false)
	why, _ := s.Reply.Headers.Get("x-why")
	if s.Reply.Status != 403 || string(s.Reply.Body) != "no" || why != "because" || s.Request.Passed {
		t.Errorf("%+v", s.Reply)
	}
	ok(t, s.RequestBody([]byte("more"), true))
	if s.Request.Passed {
		t.Error("the body passed")
	}
}

func TestATrapEndsTheVMAndAnotherServes(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true})
	s, err := r.vm.Open()
	ok(t, err)
	if err := s.RequestHeaders(proxywasm.Pairs{{Name: ":path", Value: "/panic"}}, true); err == nil {
		t.Fatal("a panic was no error")
	}
	ok(t, r.vm.Close())
	r.vm, err = r.program.NewVM(context.Background(), r.desk)
	ok(t, err)
	if !r.begin(t, "/other", true).Request.Passed {
		t.Error("the next VM does not serve")
	}
}

func TestAConfigurationThatIsRefused(t *testing.T) {
	r, err := open(t, proxywasm.Options{Configuration: []byte("refuse")})
	if !errors.Is(err, proxywasm.ErrRefused) || len(r.logs) != 1 || !strings.Contains(r.logs[0], "refused") {
		t.Errorf("%v %q", err, r.logs)
	}
}

// TestStrictWASI: a Go guest lives with as little of WASI as Envoy has.
func TestStrictWASI(t *testing.T) {
	r := newRig(t, proxywasm.Options{StopIteration: true, Strict: true})
	if s := r.begin(t, "/clock", true); !s.Request.Passed || len(header(s, "x-clock")) != 10 {
		t.Errorf("%+v", s.Request.Headers)
	}
}
