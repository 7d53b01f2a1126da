//go:build e2e

package hosts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// runtime is one of the example gateways.
type runtime struct {
	name    string
	version string   // of the runtime, for the summary
	command []string // without flags
	env     []string
}

func (r *runtime) Name() string { return r.name }

// Start starts a process.
func (r *runtime) Start(doc []byte, vars map[string]string, stage *play.Stage, record *play.Record) (play.Gateway, error) {
	return r.start(built.guest, doc, vars, stage, record)
}

// process is a gateway that serves.
type process struct {
	play.Remote
	dir     string
	command *exec.Cmd
	output  sync.WaitGroup // its readers
}

// startTime is how long a gateway may take until it serves: compiling a guest natively takes seconds.
const startTime = 2 * time.Minute

func (r *runtime) start(guest string, doc []byte, vars map[string]string, stage *play.Stage, record *play.Record) (_ *process, err error) {
	dir, err := os.MkdirTemp("", "idvgate-hosts-")
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, Remote: play.Remote{Stage: stage, Record: record}}
	defer func() {
		if err != nil {
			p.Close() // the first error is told
		}
	}()
	var lines strings.Builder
	for name, value := range vars {
		fmt.Fprintf(&lines, "%s=%s\n", name, value)
	}
	for name, text := range map[string]string{"policy.json": string(doc), "vars.env": lines.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	args := append(r.command[1:len(r.command):len(r.command)], "--guest", guest, "--policy", filepath.Join(dir, "policy.json"),
		"--env-file", filepath.Join(dir, "vars.env"), "--upstream", stage.Upstream.URL, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	p.command = exec.Command(r.command[0], args...)
	p.command.Env = append(os.Environ(), r.env...)
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.output.Go(func() { io.Copy(record.AuditWriter(), stdout) }) // its end is the process's
	ready := make(chan error, 1)
	p.output.Go(func() { p.listen(stderr, record, ready) })
	select {
	case err = <-ready:
	case <-time.After(startTime):
		err = errors.New("it does not come up in time")
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// listen reads the process's log, in which it says where it serves.
func (p *process) listen(stderr io.Reader, record *play.Record, ready chan<- error) {
	var last []string
	for s := bufio.NewScanner(stderr); s.Scan(); {
		fmt.Fprintln(record, s.Text())
		last = append(last, s.Text())
		var line struct {
			Event, Address string
			Port           int
		}
		_ = json.Unmarshal(s.Bytes(), &line)
		at := net.JoinHostPort(line.Address, strconv.Itoa(line.Port))
		switch line.Event {
		case "listening":
			p.Address = at
		case "admin":
			p.Admin = at
			ready <- nil
		}
	}
	ready <- errors.New(strings.Join(last, "\n"))
}

// Close ends the process, when what it has begun is ended.
func (p *process) Close() error {
	defer os.RemoveAll(p.dir)
	if p.command == nil || p.command.Process == nil {
		return nil
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	kill := time.AfterFunc(20*time.Second, func() { p.command.Process.Kill() }) // it is gone
	defer kill.Stop()
	p.output.Wait()
	return p.command.Wait()
}

// open starts a gateway outside of scenarios.
func open(t *testing.T, r *runtime, guest string, doc []byte, vars map[string]string) (*process, *play.Record) {
	t.Helper()
	stage, err := play.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	record := play.NewRecord()
	p, err := r.start(guest, doc, vars, stage, record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, record
}
