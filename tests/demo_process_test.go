package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// demo is the command as `make run` starts it, on ports of its own.
type demo struct {
	gateway, vendors string // base URLs
	people           play.People

	mu    sync.Mutex
	audit map[string]map[string]any // by the decision's id
	more  chan struct{}             // closed when a line is added
	rest  bytes.Buffer              // what else it printed
}

var readyLine = regexp.MustCompile(`ready: gateway (http://\S+), vendors (http://\S+?),`)

// startDemo builds the command and runs it with the guest of this tree.
func startDemo(t *testing.T) *demo {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary, wasm := filepath.Join(dir, "idvgate"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(wasm, built.wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", binary, "./host/cmd/idvgate")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the command does not build: %v\n%s", err, out)
	}
	const free = "127.0.0.1:0"
	cmd := exec.Command(binary, "demo", "--wasm", wasm, "--cache", built.cache,
		"--listen", free, "--sandbox", free, "--upstream", free, "--admin", free)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &demo{audit: map[string]map[string]any{}, more: make(chan struct{})}
	ready, ended := make(chan error, 1), make(chan struct{})
	go func() { defer close(ended); d.read(stdout, ready) }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("the command is gone: %v", err)
		}
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the command ends with %v\n%s", err, &stderr)
		}
	})
	if err := <-ready; err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	document := d.get(t, d.vendors+"/_sandbox/identities")
	if d.people, err = play.ParsePeople(document); err != nil {
		t.Fatal(err)
	}
	return d
}

// read takes what the command prints: that it is ready, then audit lines.
func (d *demo) read(stdout io.Reader, ready chan<- error) {
	told := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Bytes()
		if m := readyLine.FindSubmatch(line); m != nil && !told {
			d.gateway, d.vendors, told = string(m[1]), string(m[2]), true
			ready <- nil
		}
		var audit map[string]any
		d.mu.Lock()
		if json.Unmarshal(line, &audit) == nil {
			id, _ := audit["id"].(string)
			d.audit[id] = audit
			close(d.more)
			d.more = make(chan struct{})
		} else {
			d.rest.Write(append(line, '\n'))
		}
		d.mu.Unlock()
	}
	if !told {
		ready <- fmt.Errorf("the command ended before it was ready")
	}
}

// audited is the audit line of a decision.
func (d *demo) audited(id string) (map[string]any, error) {
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	for {
		d.mu.Lock()
		line, more := d.audit[id], d.more
		d.mu.Unlock()
		if line != nil {
			return line, nil
		}
		select {
		case <-more:
		case <-timer.C:
			return nil, fmt.Errorf("no audit line of decision %q", id)
		}
	}
}

func (d *demo) get(t *testing.T, url string) []byte {
	t.Helper()
	body, err := play.Fetch(url)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
