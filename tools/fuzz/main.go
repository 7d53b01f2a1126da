// Command fuzz runs every fuzz target of the product for a while, several side by side.
//
//	fuzz [-time 60s] [-jobs N] root
//
// A finding stays in the package's testdata/fuzz, as go test leaves it, and ends the run with exit code 1 once all
// targets have had their time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// rooms is where fuzz targets are looked for.
var rooms = []string{"plugin", "providers", "host"}

// tries bounds how often a target is run that stops by the toolchain's own fault.
const tries = 3

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	long := flags.Duration("time", 0, "how long each target runs")
	jobs := flags.Int("jobs", runtime.NumCPU(), "how many run side by side")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *long <= 0 || *jobs <= 0 || flags.NArg() != 1 {
		return errors.New("usage: fuzz -time 60s [-jobs N] root")
	}
	targets, err := find(flags.Arg(0))
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("no fuzz targets")
	}
	queue := make(chan target, len(targets))
	for _, t := range targets {
		queue <- t
	}
	close(queue)
	var (
		mu     sync.Mutex
		failed []string
		all    sync.WaitGroup
	)
	for range *jobs {
		all.Go(func() {
			for t := range queue {
				text, err := t.fuzz(flags.Arg(0), long.String())
				mu.Lock()
				fmt.Fprintf(out, "%s\n%s", t, text)
				if err != nil {
					failed = append(failed, t.String())
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d targets failed: %s", len(failed), len(targets), strings.Join(failed, ", "))
	}
	fmt.Fprintf(out, "%d fuzz targets, %s each: no finding\n", len(targets), long)
	return nil
}

// target is one fuzz function.
type target struct{ dir, name string }

func (t target) String() string { return t.dir + " " + t.name }

var declared = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// find lists the targets below root, in the order of files.
func find(root string) ([]target, error) {
	var list []target
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(path))
			for _, m := range declared.FindAllSubmatch(text, -1) {
				list = append(list, target{filepath.ToSlash(dir), string(m[1])})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fuzz runs one target, anew where only the toolchain was at fault.
func (t target) fuzz(root, long string) (string, error) {
	for try := 1; ; try++ {
		c := exec.CommandContext(context.Background(), "go", "test", "./"+t.dir, "-run", "^$", "-fuzz", "^"+t.name+"$",
			"-fuzztime", long, "-fuzzminimizetime", "1x", "-parallel", "1")
		c.Dir = root
		text, err := c.CombinedOutput()
		if err == nil || try == tries || !toolchain(string(text)) {
			return string(text), err
		}
	}
}

// toolchain reports whether a run failed by the fault of Go's fuzzing coordinator that go.dev/issue/75804 tells (it is
// mended in Go 1.27): at the end of -fuzztime it can take its own time-out for the target's. Then there is no finding: a
// real one always names the input it has written.
func toolchain(output string) bool {
	lines := strings.Split(output, "\n")
	for i, line := range lines {
		if strings.Contains(line, "Failing input") || strings.Contains(line, "panic") {
			return false
		}
		if strings.HasPrefix(line, "--- FAIL: ") {
			return i+1 < len(lines) && strings.TrimSpace(lines[i+1]) == "context deadline exceeded" &&
				!strings.Contains(output, "Failing input")
		}
	}
	return false
}
