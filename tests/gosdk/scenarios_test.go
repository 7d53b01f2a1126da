package gosdk

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"

	extism "github.com/extism/go-sdk"
)

// built is what TestMain makes for all tests: the guest of this very tree.
var built struct {
	root     string
	wasm     []byte
	compiled *extism.CompiledPlugin
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "idvgate-gosdk-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(dir string) (err error) {
	if built.root, err = play.Root(); err != nil {
		return err
	}
	if built.wasm, err = play.BuildGuest(built.root, dir); err != nil {
		return err
	}
	if err := play.Warm(built.root, dir); err != nil {
		return err
	}
	built.compiled, err = compile(context.Background(), built.wasm, dir)
	return err
}

func TestScenariosStepped(t *testing.T) { playAll(t, false) }

func TestScenariosSync(t *testing.T) { playAll(t, true) }

// playAll plays every scenario and judges every message by the schema.
func playAll(t *testing.T, sync bool) {
	schema, err := play.NewSchema(built.root)
	if err != nil {
		t.Fatal(err)
	}
	all, err := play.Load(built.root)
	if err != nil {
		t.Fatal(err)
	}
	on := runtime{compiled: built.compiled, schema: schema, sync: sync}
	t.Run("all", func(t *testing.T) {
		for i := range all {
			s := &all[i]
			if !s.For(on.Name()) {
				continue
			}
			t.Run(s.File+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				if faults := play.Run(built.root, on, s); len(faults) > 0 {
					t.Error(strings.Join(faults, "\n"))
				}
			})
		}
	})
	for _, fault := range schema.Faults() {
		t.Error(fault)
	}
	kinds := []string{"head", "decision", "audit", "metrics"}
	if !sync {
		kinds = append(kinds, "body", "status", "error", "want:body", "want:call")
	}
	for _, kind := range kinds {
		if schema.Seen(kind) == 0 {
			t.Errorf("no message of kind %s was judged", kind)
		}
	}
}
