package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// linter is the command that make lint built, in the version that go.mod pins.
func linter(t *testing.T) string {
	t.Helper()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`golangci-lint/v2 (v\S+)`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod pins no golangci-lint")
	}
	path, err := filepath.Abs(filepath.Join(root, ".cache/bin/golangci-lint-"+string(version[1])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("make linter builds it: %v", err)
	}
	return path
}

// sources lays out the cases as a module of the product's name, with the product's settings.
func sources(t *testing.T, cases []sample) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, content []byte) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(".golangci.yml", settings)
	write("go.mod", []byte("module github.com/idvgate/idvgate\n\ngo 1.26.0\n"))
	for _, room := range []string{
		"plugin", "plugin/flow", "plugin/native", "plugin/policy", "providers", "providers/callout", "providers/identity",
		"providers/kycloud", "providers/celerity", "providers/catalog", "host", "tests/play",
	} {
		write(room+"/stub.go", []byte("package stub\n\n// Stub is what others may want.\nconst Stub = 1\n"))
	}
	for i, c := range cases {
		write(c.file(i), []byte(c.text()))
	}
	return dir
}

// file is where a case stands; each has one of its own.
func (c *sample) file(i int) string { return fmt.Sprintf("%s/case%d.go", c.room, i) }

// text is a case's file. What it imports from the product it also uses.
func (c *sample) text() string {
	var b strings.Builder
	if c.tag != "" {
		fmt.Fprintf(&b, "//go:build %s\n\n", c.tag)
	}
	pkg := "stub"
	if c.tag != "" {
		pkg = "main"
	}
	fmt.Fprintf(&b, "package %s\n", pkg)
	for _, path := range c.imports {
		if strings.Contains(path, "/idvgate") {
			fmt.Fprintf(&b, "\nimport other %q\n\nconst _ = other.Stub\n", path)
		} else {
			fmt.Fprintf(&b, "\nimport %q\n", path)
		}
	}
	b.WriteString(c.source)
	return b.String()
}

// found runs the linter once over a module and returns its findings by file, as "linter: text".
func found(t *testing.T, dir string, platform ...string) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), linter(t), "run", "--output.text.path=stderr", "--output.json.path=stdout", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(platform, "GOFLAGS=-mod=mod", "GOWORK=off", "GOLANGCI_LINT_CACHE="+t.TempDir())...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 { // 1: there are findings
		t.Fatalf("the linter: %v\n%s\n%s", err, out, &stderr)
	}
	var report struct {
		Issues []struct {
			FromLinter, Text string
			Pos              struct{ Filename string }
		}
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&report); err != nil {
		t.Fatalf("the linter's report: %v\n%s\n%s", err, out, &stderr)
	}
	by := map[string][]string{}
	for _, issue := range report.Issues {
		if issue.FromLinter == "typecheck" {
			t.Fatalf("the samples don't compile: %s: %s", issue.Pos.Filename, issue.Text)
		}
		by[issue.Pos.Filename] = append(by[issue.Pos.Filename], issue.FromLinter+": "+issue.Text)
	}
	return by
}

// check compares what was found with what each case wants.
func check(t *testing.T, cases []sample, by map[string][]string) {
	t.Helper()
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := by[c.file(i)]
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("refused: %q\n%s", got, c.text())
				}
				return
			}
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("found %q, nothing of %q\n%s", got, c.want, c.text())
			}
		})
	}
	for file := range by {
		if strings.HasSuffix(file, "stub.go") {
			t.Errorf("the stubs themselves: %q", by[file])
		}
	}
}

func TestSettingsNatively(t *testing.T) {
	cases := slices.Concat(arrows, guestCode, anyCode)
	check(t, cases, found(t, sources(t, cases)))
}

func TestSettingsInTheGuest(t *testing.T) {
	check(t, wasip1Code, found(t, sources(t, wasip1Code), "GOOS=wasip1", "GOARCH=wasm"))
}

// TestFormat: what gofmt leaves and gofumpt doesn't is shown and fails.
func TestFormat(t *testing.T) {
	dir := sources(t, nil)
	path := filepath.Join(dir, "host", "loose.go")
	if err := os.WriteFile(path, []byte("package stub\n\nfunc loose() int {\n\n\treturn 1\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), linter(t), "fmt", "--diff")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "loose.go") {
		t.Errorf("fmt --diff: %v\n%s", err, out)
	}
}
