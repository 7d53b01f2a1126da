package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a peer that runs.
type process struct {
	kind string
	addr string
	cmd  *exec.Cmd
}

func startPeer(kind, guest, upstream, vendor string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-peer", kind, "-guest", guest)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "BENCH_UPSTREAM="+upstream, "BENCH_VENDOR="+vendor)
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
	return &process{kind, strings.TrimSpace(line), cmd}, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// cpu is the process's user and system time so far.
func (p *process) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", p.cmd.Process.Pid))
	if err == nil {
		// the main thread alone: sum over all threads
		raw, err = p.threads()
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return time.Duration(n), err
}

// threads is the run time of all threads in nanoseconds, as text.
func (p *process) threads() ([]byte, error) {
	dir := fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, t := range tasks {
		raw, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue
		}
		n, _ := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		sum += n
	}
	return []byte(strconv.FormatInt(sum, 10)), nil
}

// peakMiB is the most memory the process has held.
func (p *process) peakMiB() float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for _, line := range strings.Split(string(raw), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}

// request is what is sent again and again.
type request struct {
	path, body string
	want       string // how the upstream's answer begins; the upstream says whether it saw the annotation
}

var (
	unmatched = request{"/v1/other", `{"name":"李雷","idNumber":"110101199003070003"}`, "passed"}
	matched   = request{"/v1/id2", `{"name":"李雷","idNumber":"110101199003070003"}`, ""}
)

func (q *request) bytes(addr string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench/1\r\nContent-Length: %d\r\n\r\n%s", q.path, addr, len(q.body), q.body)
}

// closedLoop sends n requests over the connections and returns the time of the process's CPU per request.
func closedLoop(p *process, q request, n, connections int) (time.Duration, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		wg.Go(func() {
			if err := client(p.addr, q, func() bool { return left.Add(-1) >= 0 }); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	after, err := p.cpu()
	return (after - before) / time.Duration(n), err
}

// client sends requests over one connection while more says so, and checks each answer.
func client(addr string, q request, more func() bool) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r, raw := bufio.NewReader(conn), q.bytes(addr)
	for more() {
		if _, err := conn.Write(raw); err != nil {
			return err
		}
		if err := answer(r, q.want); err != nil {
			return err
		}
	}
	return nil
}

func answer(r *bufio.Reader, want string) error {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return err
	}
	if res.StatusCode != 200 || want != "" && !bytes.HasPrefix(body, []byte(want)) {
		return fmt.Errorf("got %d %s", res.StatusCode, body)
	}
	return nil
}
