//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/idvgate/idvgate/tests/cached"
	"github.com/idvgate/idvgate/tests/play"
)

// built is what TestMain makes for all tests: the guests of this very tree, and the runtimes in the project's cache.
var built struct {
	root         string
	guest, probe string // files; probe is the host's fake guest, which does what the path says
	runtimes     []*runtime
}

// Versions are pinned by the examples: package-lock.json and requirements.txt.
const (
	nodeExample   = "examples/extism-node"
	pythonExample = "examples/extism-python"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "idvgate-hosts-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	summary.print()
	return code
}

func prepare(dir string) (err error) {
	if built.root, err = play.Root(); err != nil {
		return err
	}
	if _, err = play.BuildGuest(built.root, dir); err != nil {
		return err
	}
	built.guest, built.probe = filepath.Join(dir, "idvgate-extism.wasm"), filepath.Join(dir, "probe.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", built.probe, "./host/extism/testdata/guest")
	build.Dir = built.root
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("hosts: the fake guest does not build: %w\n%s", err, out)
	}
	python, err := preparePython()
	if err != nil {
		return err
	}
	node, err := prepareNode()
	built.runtimes = []*runtime{python, node}
	return err
}

// preparePython puts the packages of requirements.txt into .cache/python, where they are not there yet.
func preparePython() (*runtime, error) {
	example, cache := filepath.Join(built.root, pythonExample), filepath.Join(built.root, ".cache", "python")
	python := filepath.Join(cache, "bin", "python")
	err := cached.Once(cache, []string{filepath.Join(example, "requirements.txt")}, [][]string{
		{"python3", "-m", "venv", "--clear", cache},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", filepath.Join(example, "requirements.txt")},
	}, "python3, python3-venv")
	if err != nil {
		return nil, err
	}
	version, err := cached.Output(python, "-c", "import extism, sys, importlib.metadata as m; print('libextism', extism.extism_version().lstrip('v'), '(PyPI extism', m.version('extism') + ', Python', sys.version.split()[0] + ')')")
	if err != nil {
		return nil, err
	}
	// Machine code of guests that were compiled before.
	config := filepath.Join(cache, "extism.toml")
	text := fmt.Sprintf("[cache]\ndirectory = %q\n", filepath.Join(cache, "wasm"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return &runtime{
		name: play.Python, version: version, command: []string{python, filepath.Join(example, "gateway.py")},
		env: []string{"EXTISM_CACHE_CONFIG=" + config, "PYTHONDONTWRITEBYTECODE=1"},
	}, nil
}

// prepareNode puts the packages of package-lock.json into .cache/node, with the gateway beside them: Node looks for
// packages from where the importing file is.
func prepareNode() (*runtime, error) {
	example, cache := filepath.Join(built.root, nodeExample), filepath.Join(built.root, ".cache", "node")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{"gateway.mjs", "package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(cache, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	err := cached.Once(cache, []string{filepath.Join(example, "package-lock.json")}, [][]string{
		{"npm", "ci", "--prefix", cache, "--no-audit", "--no-fund", "--loglevel=error"},
	}, "nodejs, npm")
	if err != nil {
		return nil, err
	}
	version, err := cached.Output("node", "-p", "'@extism/extism ' + require('"+filepath.Join(cache, "node_modules/@extism/extism/package.json")+"').version + ' (Node ' + process.version + ')'")
	return &runtime{name: play.Node, version: version, command: []string{"node", "--no-warnings", filepath.Join(cache, "gateway.mjs")}}, err
}
