package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// world is the upstream and the vendor, which run in this process.
type world struct {
	upstream, vendor *httptest.Server
	delay            atomic.Int64 // of the vendor, in nanoseconds
}

func newWorld() *world {
	w := &world{}
	w.upstream = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Header.Get("X-Idv-Outcome") == "match" {
			io.WriteString(rw, "verified")
			return
		}
		io.WriteString(rw, "passed")
	}))
	reply := `{"requestId":"r1","result":{"success":true,"hasException":false,"code":"0","message":"","detail":"{\"chargeFlag\":\"1\"}"}}`
	w.vendor = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if d := time.Duration(w.delay.Load()); d > 0 {
			time.Sleep(d)
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "JDCLOUD2-HMAC-SHA256 ") {
			rw.WriteHeader(401)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		io.WriteString(rw, reply)
	}))
	return w
}

func measure(guest, command string, rounds, requests int) (*results, error) {
	res := &results{When: time.Now().UTC()}
	w := newWorld()
	defer w.upstream.Close()
	defer w.vendor.Close()
	peers := map[string]*process{}
	for _, kind := range []string{"plain", "native", "idvgate"} {
		p, err := startPeer(kind, guest, w.upstream.URL, w.vendor.URL)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		peers[kind] = p
	}
	fmt.Println("CPU time per request, microseconds (plain again, as the control)")
	ratios, err := perRequest(peers, rounds, requests)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("median of %d rounds, %d requests each", rounds, requests)
	res.atLeast("unmatched: gateway with the Extism guest, against plain", ratios["idvgate unmatched"], 0.55, "x", note)
	res.atLeast("one signed vendor call: gateway with the Extism guest", ratios["idvgate signed"], 0.25, "x", note)
	res.atLeast("  the same, native Go (a peer, no target)", ratios["native signed"], 0, "x", note)
	res.atLeast("  unmatched, native Go (a peer, no target)", ratios["native unmatched"], 0, "x", note)
	if os.Getenv("BENCH_QUICK") != "" {
		return res, nil
	}
	if err := waiting(res, w, guest); err != nil {
		return nil, err
	}
	if err := sizeAndStart(res, guest, command); err != nil {
		return nil, err
	}
	return res, nil
}

// perRequest plays the peers in turn and returns the median of plain's CPU time over theirs.
func perRequest(peers map[string]*process, rounds, requests int) (map[string]float64, error) {
	const connections = 16
	type run struct {
		name string
		p    *process
		q    request
	}
	signed := matched
	signed.want = "verified"
	runs := []run{
		{"native unmatched", peers["native"], unmatched}, {"idvgate unmatched", peers["idvgate"], unmatched},
		{"native signed", peers["native"], signed}, {"idvgate signed", peers["idvgate"], signed},
	}
	for _, r := range append(runs, run{"plain", peers["plain"], unmatched}) { // warm up
		if _, err := closedLoop(r.p, r.q, requests/4, connections); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	all := map[string][]float64{}
	void := 0
	for good := 0; good < rounds; {
		plain := func() (time.Duration, error) { return closedLoop(peers["plain"], matched, requests, connections) }
		first, err := plain()
		if err != nil {
			return nil, err
		}
		took := map[string]time.Duration{}
		for _, r := range runs {
			if took[r.name], err = closedLoop(r.p, r.q, requests, connections); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		again, err := plain()
		if err != nil {
			return nil, err
		}
		control := float64(first) / float64(again)
		line := fmt.Sprintf("plain %5.1f %5.1f", us(first), us(again))
		for _, r := range runs {
			line += fmt.Sprintf("  %s %5.1f", r.name, us(took[r.name]))
		}
		if control < 0.95 || control > 1.05 {
			fmt.Printf("%s  void: plain against plain %.2f\n", line, control)
			if void++; void > 8*rounds {
				return nil, fmt.Errorf("%d rounds in a row were void: the machine is too busy to measure", void)
			}
			continue
		}
		good++
		fmt.Println(line)
		for name, t := range took {
			all[name] = append(all[name], float64(first+again)/2/float64(t))
		}
	}
	medians := map[string]float64{}
	for name, list := range all {
		sort.Float64s(list)
		medians[name] = list[len(list)/2]
	}
	return medians, nil
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// waiting holds 2,000 connections against a vendor that takes one second, for six seconds.
func waiting(res *results, w *world, guest string) error {
	const connections, seconds = 2000, 6
	w.delay.Store(int64(time.Second))
	defer w.delay.Store(0)
	done, memory := map[string]float64{}, map[string]float64{}
	for _, kind := range []string{"native", "idvgate"} {
		p, err := startPeer(kind, guest, w.upstream.URL, w.vendor.URL)
		if err != nil {
			return err
		}
		signed := matched
		signed.want = "verified"
		var count atomic.Int64
		var lost atomic.Int64
		end := time.Now().Add(seconds * time.Second)
		var wg sync.WaitGroup
		for range connections {
			wg.Go(func() {
				started := false
				if client(p.addr, signed, func() bool {
					if started {
						count.Add(1)
					}
					started = true
					return time.Now().Before(end)
				}) != nil {
					lost.Add(1)
				}
			})
		}
		wg.Wait()
		done[kind], memory[kind] = float64(count.Load()), p.peakMiB()
		fmt.Printf("vendor needs 1 s, %d connections, %d s: %s completes %.0f, %d lost, %.0f MiB at most\n", connections, seconds, kind, done[kind], lost.Load(), memory[kind])
		if kind == "idvgate" {
			res.atMost("slow vendor: requests lost", float64(lost.Load()), 0, "requests", "")
		}
		p.stop()
	}
	res.atLeast("slow vendor: requests completed, against native Go", done["idvgate"]/done["native"], 0.8, "x", fmt.Sprintf("%.0f of %.0f", done["idvgate"], done["native"]))
	res.atMost("slow vendor: memory, against native Go", memory["idvgate"]/memory["native"], 2, "x", fmt.Sprintf("%.0f of %.0f MiB", memory["idvgate"], memory["native"]))
	return nil
}

// sizeAndStart measures the guest's size and how soon `idvgate run` is ready, cold and with compiled code kept.
func sizeAndStart(res *results, guest, command string) error {
	info, err := os.Stat(guest)
	if err != nil {
		return err
	}
	res.atMost("guest, stripped", float64(info.Size())/1e6, 5.5, "MB", "")
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	policy := dir + "/policy.json"
	if err := os.WriteFile(policy, []byte(strings.Replace(benchPolicy, "VENDOR", "http://127.0.0.1:9", 1)), 0o600); err != nil {
		return err
	}
	cold, err := ready(command, policy, dir+"/cache")
	if err != nil {
		return err
	}
	warm := time.Duration(1 << 62)
	for range 5 {
		t, err := ready(command, policy, dir+"/cache")
		if err != nil {
			return err
		}
		warm = min(warm, t)
	}
	res.atMost("idvgate run ready, cold", cold.Seconds(), 2.5, "s", "")
	res.atMost("idvgate run ready, compiled code kept", float64(warm.Milliseconds()), 400, "ms", "best of 5")
	return nil
}

func ready(command, policy, cache string) (time.Duration, error) {
	cmd := exec.Command(command, "run", "--policy", policy, "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin", "", "--cache", cache)
	for k, v := range secrets {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("%w (make build first)", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready") {
			took := time.Since(start)
			_ = cmd.Process.Signal(syscall.SIGTERM)
			return took, cmd.Wait()
		}
	}
	return 0, fmt.Errorf("%s never got ready: %w", command, cmd.Wait())
}
