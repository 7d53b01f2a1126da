//go:build e2e

package hosts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	err := once(cache, []string{filepath.Join(example, "requirements.txt")}, [][]string{
		{"python3", "-m", "venv", "--clear", cache},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", filepath.Join(example, "requirements.txt")},
	}, "python3, python3-venv")
	if err != nil {
		return nil, err
	}
	version, err := output(python, "-c", "import extism, sys, importlib.metadata as m; print('libextism', extism.extism_version().lstrip('v'), '(PyPI extism', m.version('extism') + ', Python', sys.version.split()[0] + ')')")
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
	err := once(cache, []string{filepath.Join(example, "package-lock.json")}, [][]string{
		{"npm", "ci", "--prefix", cache, "--no-audit", "--no-fund", "--loglevel=error"},
	}, "nodejs, npm")
	if err != nil {
		return nil, err
	}
	version, err := output("node", "-p", "'@extism/extism ' + require('"+filepath.Join(cache, "node_modules/@extism/extism/package.json")+"').version + ' (Node ' + process.version + ')'")
	return &runtime{name: play.Node, version: version, command: []string{"node", "--no-warnings", filepath.Join(cache, "gateway.mjs")}}, err
}

// once runs the commands, unless they were run before for the same files.
func once(cache string, files []string, commands [][]string, packages string) error {
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sum.Write(text)
	}
	mark, digest := filepath.Join(cache, ".prepared"), hex.EncodeToString(sum.Sum(nil))
	if done, err := os.ReadFile(mark); err == nil && string(done) == digest {
		return nil
	}
	for _, command := range commands {
		if _, err := output(command[0], command[1:]...); err != nil {
			return fmt.Errorf("%w\nhosts: the Debian packages %s are needed, and the registry's packages", err, packages)
		}
	}
	return os.WriteFile(mark, []byte(digest), 0o644)
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("hosts: %s: %w\n%s", strings.Join(append([]string{name}, args...), " "), err, out)
	}
	return string(bytes.TrimSpace(out)), nil
}
