package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// sizeAndStart measures the guest's size and how soon `idvgate run` is ready, cold and with compiled code kept.
func sizeAndStart(r *results, l *lab, o options) error {
	progress("size and start")
	info, err := os.Stat(l.guest)
	if err != nil {
		return err
	}
	r.add(figure{Group: groupStart, Name: "guest, stripped", Value: float64(info.Size()) / 1e6, Unit: "MB"}.atMost(5.5))
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	policy := dir + "/policy.json"
	if err := os.WriteFile(policy, []byte(benchPolicy("http://127.0.0.1:9", 1)), 0o600); err != nil {
		return err
	}
	cold, err := ready(o.command, policy, dir+"/cache")
	if err != nil {
		return err
	}
	const tries = 5
	warm := time.Hour
	for range tries {
		t, err := ready(o.command, policy, dir+"/cache")
		if err != nil {
			return err
		}
		warm = min(warm, t)
	}
	r.add(figure{Group: groupStart, Name: "idvgate run ready, cold", Value: cold.Seconds(), Unit: "s"}.atMost(2.5))
	r.add(figure{Group: groupStart, Name: "idvgate run ready, compiled code kept", Value: float64(warm.Milliseconds()), Unit: "ms", Note: fmt.Sprintf("best of %d", tries)}.atMost(400))
	return nil
}

// ready is how long the command takes until it says so.
func ready(command, policy, cache string) (time.Duration, error) {
	ctx, cancel := contextFor(time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, "run", "--policy", policy, "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin", "", "--cache", cache)
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
