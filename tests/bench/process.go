package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/idvgate/idvgate/tests/bench/front"
)

// lab is where peers come from.
type lab struct {
	world *world
	guest string // ours
	naive string // the naive guest; "" without heavy peers
	heavy string // the binary of the peers in their own module; ""
	cache string // compiled guests
}

// heavyPeers is who lives in the module peers.
var heavyPeers = map[string]bool{"naive": true, "opa": true, "caddy": true}

// build builds the heavy peers and the naive guest.
func (l *lab) build(dir string) error {
	progress("building OPA, Caddy and the naive guest (the first time takes minutes)")
	l.heavy, l.naive = filepath.Join(dir, "peers"), filepath.Join(dir, "naive.wasm")
	if err := goBuild(nil, "-o", l.heavy, "."); err != nil {
		return err
	}
	return goBuild([]string{"GOOS=wasip1", "GOARCH=wasm"}, "-buildmode=c-shared", "-ldflags", "-s -w", "-o", l.naive, "./naive")
}

func goBuild(env []string, args ...string) error {
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"build"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "peers", os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	return cmd.Run()
}

// versions is what the heavy peers are made of.
func (l *lab) versions() (map[string]string, error) {
	if l.heavy == "" {
		return nil, nil
	}
	out, err := exec.CommandContext(context.Background(), l.heavy, "-versions").Output()
	if err != nil {
		return nil, err
	}
	var found map[string]string
	return found, json.Unmarshal(out, &found)
}

// process is a peer that runs.
type process struct {
	kind string
	addr string
	cmd  *exec.Cmd
	also *process // that works for it: its CPU time is added
}

// start starts a peer with a policy of so many rules, alone on one thread of Go's.
func (l *lab) start(kind string, rules int) (*process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	guest := l.guest
	if heavyPeers[kind] {
		binary, guest = l.heavy, l.naive
	}
	cmd := exec.CommandContext(context.Background(), binary, "-peer", kind)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1",
		front.UpstreamVariable+"="+l.world.upstream.URL, front.VendorVariable+"="+l.world.vendorURL(),
		front.GuestVariable+"="+guest, front.CacheVariable+"="+l.cache, front.RulesVariable+"="+strconv.Itoa(rules))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s did not start: %w", kind, errors.Join(err, cmd.Wait()))
	}
	return &process{kind: kind, addr: strings.TrimSpace(line), cmd: cmd}, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = p.cmd.Wait()                          // and says nothing new
}

// cpu is the run time of all the process's threads so far, those that have ended not counted: Go's stay.
func (p *process) cpu() (time.Duration, error) {
	dir := fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, t := range tasks {
		raw, err := os.ReadFile(filepath.Join(dir, t.Name(), "schedstat"))
		if errors.Is(err, os.ErrNotExist) {
			continue // ended since
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(raw), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n)
	}
	if p.also != nil {
		more, err := p.also.cpu()
		return sum + more, err
	}
	return sum, nil
}

// memory is what the process holds (VmRSS) or the most it has held (VmHWM), in MiB; 0 if the system does not say.
func (p *process) memory(field string) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field+":" {
			kib, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return 0
			}
			return kib / 1024
		}
	}
	return 0
}
