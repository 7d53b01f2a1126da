package tests

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// load is the repository's directory and every scenario.
func load(t *testing.T) (string, []play.Scenario) {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := play.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return root, all
}

// playAll plays every scenario on the runtime. Where a gateway is dear, those that can share one.
func playAll(t *testing.T, runtime play.Runtime, share bool) {
	t.Helper()
	root, all := load(t)
	var groups [][]*play.Scenario
	var ours []*play.Scenario
	for i := range all {
		if s := &all[i]; s.For(runtime.Name()) {
			ours = append(ours, s)
			groups = append(groups, []*play.Scenario{s})
		}
	}
	if share {
		groups = play.Groups(ours)
	}
	for _, group := range groups {
		t.Run("gateway", func(t *testing.T) {
			t.Parallel()
			stand, err := play.Open(root, runtime, group[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range group {
				t.Run(s.File+"/"+s.Name, func(t *testing.T) {
					if faults := stand.Play(s); len(faults) > 0 {
						t.Error(strings.Join(faults, "\n"))
					}
				})
			}
			if faults := stand.Close(); len(faults) > 0 {
				t.Error(strings.Join(faults, "\n"))
			}
		})
	}
}

func TestScenariosNative(t *testing.T) { playAll(t, play.NativeRuntime{}, false) }

// TestScenariosHost also judges every message between guest and host by the schema.
func TestScenariosHost(t *testing.T) {
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := play.NewSchema(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) {
		playAll(t, play.HostRuntime{Wasm: built.wasm, CacheDir: built.cache, Messages: schema.Take}, true)
	})
	for _, fault := range schema.Faults() {
		t.Error(fault)
	}
	for _, kind := range []string{"head", "body", "status", "error", "want:body", "want:call", "decision", "audit", "metrics"} {
		if schema.Seen(kind) == 0 {
			t.Errorf("no message of kind %s was judged", kind)
		}
	}
}

// TestScenariosProxyWasm plays them with the guest for proxy-wasm.
func TestScenariosProxyWasm(t *testing.T) {
	playAll(t, play.HostRuntime{Wasm: built.proxywasm, CacheDir: built.cache, ProxyWasm: true}, true)
}
