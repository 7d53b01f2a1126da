package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyTheToolchainsOwnFaultIsRunAnew(t *testing.T) {
	for name, c := range map[string]struct {
		output string
		want   bool
	}{
		"the time-out of the coordinator": {
			"fuzz: elapsed: 5s, execs: 191403 (44383/sec), new interesting: 0 (total: 57)\n--- FAIL: FuzzParse (5.09s)\n    context deadline exceeded\nFAIL\nexit status 1\n", true,
		},
		"a finding": {
			"--- FAIL: FuzzParse (0.10s)\n    --- FAIL: FuzzParse (0.00s)\n        x_test.go:9: differs\n\n    Failing input written to testdata/fuzz/FuzzParse/0123\n", false,
		},
		"a finding that speaks of a deadline": {
			"--- FAIL: FuzzParse (0.10s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzParse/0123\n", false,
		},
		"a panic":               {"panic: runtime error\n--- FAIL: FuzzParse (0.10s)\n    context deadline exceeded\n", false},
		"a test does not build": {"# pkg\nx.go:1: syntax error\nFAIL pkg [build failed]\n", false},
		"a pass":                {"PASS\nok pkg 5.1s\n", false},
	} {
		if got := toolchain(c.output); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestTargetsAreFoundByTheirDeclarations(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"plugin/a_test.go":         "package a\n\nfunc FuzzOne(f *testing.F) {}\n\nfunc FuzzTwo(f *testing.F) {}\n// func FuzzThree(\n",
		"plugin/a.go":              "package a\n\nfunc FuzzNoTest(f int) {}\n",
		"providers/b/c/b_test.go":  "package c\n\nfunc FuzzDeep(f *testing.F) {}\n",
		"host/testdata/fuzz/x.txt": "func FuzzData(",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := find(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, found := range list {
		got = append(got, found.String())
	}
	if want := "plugin FuzzOne, plugin FuzzTwo, providers/b/c FuzzDeep"; strings.Join(got, ", ") != want {
		t.Errorf("found %v, want %s", got, want)
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"-time", "1s"}, {"-time", "0s", "."}, {"-jobs", "0", "-time", "1s", "."}, {"-time", "1s", t.TempDir()}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
