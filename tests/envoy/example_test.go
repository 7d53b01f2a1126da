//go:build e2e

package envoy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// TestTheExampleStartsAllOfItAndEndsIt runs examples/envoy/run.sh as its README says, on other ports, and sends what it
// tells a reader to send.
func TestTheExampleStartsAllOfItAndEndsIt(t *testing.T) {
	covers(t, 18)
	gateway, vendors, upstream, admin := local(port(t)), local(port(t)), local(port(t)), local(port(t))
	readme, err := os.ReadFile(filepath.Join(built.root, "examples", "envoy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\nsh examples/envoy/run.sh\n") {
		t.Fatal("the README shows another command")
	}
	log := &output{}
	cmd := exec.Command("sh", "examples/envoy/run.sh")
	cmd.Dir, cmd.Stdout, cmd.Stderr = built.root, log, log
	cmd.Env = append(os.Environ(), "LISTEN="+gateway, "VENDORS="+vendors, "UPSTREAM="+upstream, "ADMIN="+admin,
		"GUEST="+built.guest, "IDVGATE="+command(t), "ENVOY="+built.envoy)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, "Envoy serves", time.Minute, func() bool { _, err := play.Fetch("http://" + gateway + "/"); return err == nil })
	_, after, ok := strings.Cut(string(readme), "\ncurl -s http://127.0.0.1:8080")
	line, _, _ := strings.Cut(after, "\n")
	if !ok {
		t.Fatal("the README shows no request")
	}
	curl := exec.Command("sh", "-c", "curl -s http://"+gateway+line)
	out, err := curl.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"x-idv-outcome":["match"]`) {
		t.Errorf("%v %s\n%s", err, out, log.bytes())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill() // it may have ended
		t.Error("it does not end")
	}
	for _, url := range []string{"http://" + gateway + "/", "http://" + vendors + "/", "http://" + upstream + "/"} {
		if _, err := play.Fetch(url); err == nil {
			t.Errorf("%s still answers", url)
		}
	}
}
