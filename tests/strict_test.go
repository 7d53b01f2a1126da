package tests

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/idvgate/idvgate/host/proxywasm"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/tests/play"
)

// deaf is an embedder that offers nothing.
type deaf struct{ said strings.Builder }

func (d *deaf) Log(_ uint32, line string)                          { d.said.WriteString(line + "\n") }
func (*deaf) Call(*proxywasm.Callout) proxywasm.Status             { return proxywasm.BadArgument }
func (*deaf) Tick(uint32)                                          {}
func (*deaf) Define(uint32, string) (uint32, proxywasm.Status)     { return 0, proxywasm.InternalFailure }
func (*deaf) Count(uint32, int64) proxywasm.Status                 { return proxywasm.NotFound }
func (*deaf) Record(uint32, uint64) proxywasm.Status               { return proxywasm.NotFound }
func (*deaf) Value(uint32) (uint64, proxywasm.Status)              { return 0, proxywasm.NotFound }
func (*deaf) Property(*proxywasm.Context, []string) ([]byte, bool) { return nil, false }
func (*deaf) Foreign(*proxywasm.Context, string, []byte) ([]byte, proxywasm.Status) {
	return nil, proxywasm.NotFound
}

// TestGuestOnAStrictHost: the guest lives with as little of WASI as Envoy has, and with a gateway that offers nothing
// beyond the ABI: no metrics, no foreign functions, no vendor. It passes what no rule is for, and denies the rest.
func TestGuestOnAStrictHost(t *testing.T) {
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "examples", "policies", "minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := source.Parse("minimal.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	cache, err := wazero.NewCompilationCacheWithDir(built.cache)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(ctx)
	program, err := proxywasm.Compile(ctx, built.proxywasm, proxywasm.Options{
		Configuration: []byte(`{"policy":` + string(doc.JSON()) + `}`), Strict: true, StopIteration: true, Cache: cache,
		Env: map[string]string{"JD_ACCESS_KEY": strings.Repeat("A", 32), "JD_SECRET_KEY": strings.Repeat("b", 32)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close(ctx)
	d := &deaf{}
	vm, err := program.NewVM(ctx, d)
	if err != nil {
		t.Fatalf("%v\n%s", err, &d.said)
	}
	send := func(path string, last bool) *proxywasm.Stream {
		s, err := vm.Open()
		if err != nil {
			t.Fatal(err)
		}
		err = s.RequestHeaders(proxywasm.Pairs{
			{Name: ":method", Value: "POST"},
			{Name: ":path", Value: path},
			{Name: ":authority", Value: "api.example.cn"},
			{Name: ":scheme", Value: "http"},
			{Name: "content-type", Value: "application/json"},
			{Name: "x_idv_outcome", Value: "match"},
		}, last)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := send("/other", true); !s.Request.Passed || len(s.Request.Headers) != 5 {
		t.Errorf("what no rule is for: %+v", s)
	}
	s := send("/v1/realname", false)
	if s.Request.Passed || !s.Request.WantsBody() {
		t.Fatalf("%+v", s.Request)
	}
	if err := s.RequestBody([]byte(`{"name":"李雷","idNumber":"110101199003070003"}`), true); err != nil {
		t.Fatal(err)
	}
	if s.Reply == nil || s.Reply.Status != 503 || s.Request.Passed {
		t.Errorf("without a vendor: %+v", s)
	}
	if !strings.Contains(d.said.String(), `"outcome":"unanswered"`) {
		t.Errorf("said %s", &d.said)
	}
}
