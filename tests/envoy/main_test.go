//go:build e2e

package envoy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/idvgate/idvgate/tests/cached"
	"github.com/idvgate/idvgate/tests/play"
)

// built is what TestMain makes for all tests: the guest of this very tree, and an Envoy in the project's cache.
var built struct {
	root, guest, envoy string // guest and envoy are files
	scenarios          []play.Scenario
	env                map[string]string // of the guest: every secret of every scenario
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "idvgate-envoy-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	stop()
	summary.print()
	printDangers()
	return code
}

func prepare(dir string) (err error) {
	if built.root, err = play.Root(); err != nil {
		return err
	}
	if _, err = play.BuildProxyWasm(built.root, dir); err != nil {
		return err
	}
	built.guest = filepath.Join(dir, "idvgate-proxywasm.wasm")
	if built.envoy, err = cached.Envoy(built.root); err != nil {
		return err
	}
	if built.scenarios, err = play.Load(built.root); err != nil {
		return err
	}
	if built.env, err = play.Credentials(built.root); err != nil {
		return err
	}
	// What a scenario has of its own stands beside the usual.
	own := map[string]string{}
	for i := range built.scenarios {
		for name, value := range built.scenarios[i].Env {
			own[play.SecretName(name, value, built.env)] = value
		}
	}
	own["WEBDIS_PASSWORD"] = "change-me" // as in examples/webdis
	maps.Copy(own, built.env)
	built.env = own
	return nil
}

// processes are the Envoys that tests share: each takes seconds to start, since it compiles the guest.
var processes struct {
	sync.Mutex
	by map[string]*play.EnvoyProcess
}

// start is an Envoy, started for the first who asks for one like it.
func start(t *testing.T, o play.EnvoyOptions) *play.EnvoyProcess {
	t.Helper()
	if o.Wasm == "" {
		o.Wasm = built.guest
	}
	processes.Lock()
	defer processes.Unlock()
	key := fmt.Sprint(o.Wasm, o.Workers)
	if e := processes.by[key]; e != nil {
		return e
	}
	dir, err := os.MkdirTemp(filepath.Dir(built.guest), "envoy-")
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Dir, o.Env = built.envoy, dir, built.env
	e, err := play.StartEnvoy(o)
	if err != nil {
		t.Fatal(err)
	}
	if processes.by == nil {
		processes.by = map[string]*play.EnvoyProcess{}
	}
	processes.by[key] = e
	return e
}

func stop() {
	for _, e := range processes.by {
		e.Close()
	}
}
