//go:build e2e

package envoy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// command is the idvgate of this tree, built once.
func command(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "idvgate")
	build := exec.Command("go", "build", "-o", file, "./host/cmd/idvgate")
	build.Dir = built.root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the command does not build: %v\n%s", err, out)
	}
	return file
}

// render writes what idvgate render envoy prints into a file.
func render(t *testing.T, idvgate, policy, env string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	cmd := exec.Command(idvgate, append([]string{"render", "envoy", policy, "--env-file", env, "--wasm", built.guest, "--output", file}, args...)...)
	cmd.Dir = built.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("render: %v\n%s", err, out)
	}
	return file
}

// environ is this process's environment with the variables of an env file.
func environ(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := os.Environ()
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// TestEveryPolicyIsValidInEnvoy has Envoy itself judge what is rendered for each policy of examples/policies.
func TestEveryPolicyIsValidInEnvoy(t *testing.T) {
	idvgate := command(t)
	policies, err := filepath.Glob(filepath.Join(built.root, "examples", "policies", "*.yaml"))
	if err != nil || len(policies) < 4 {
		t.Fatal(policies, err)
	}
	env := examplesEnv()
	for _, policy := range policies {
		t.Run(filepath.Base(policy), func(t *testing.T) {
			t.Parallel()
			file := render(t, idvgate, policy, env)
			cmd := exec.Command(built.envoy, "--mode", "validate", "--config-path", file)
			cmd.Env = environ(t, env)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestWithoutItsSecretsAPolicyIsRefusedAtStart: a variable that Envoy's environment lacks is silently absent, and then
// the guest refuses the policy.
func TestWithoutItsSecretsAPolicyIsRefusedAtStart(t *testing.T) {
	file := render(t, command(t), "examples/policies/demo.yaml", examplesEnv())
	cmd := exec.Command(built.envoy, "--mode", "validate", "--config-path", file)
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("unset variable JDCLOUD_URL")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// examplesEnv is where the example policies find their variables and secrets.
func examplesEnv() string { return filepath.Join(built.root, "examples", "policies", "demo.env") }

// demoEnv writes the demo's env file for a sandbox elsewhere.
func demoEnv(t *testing.T, file, vendors string) {
	t.Helper()
	text, err := os.ReadFile(examplesEnv())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("127.0.0.1:8081"), []byte(vendors)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestDemoTableInEnvoy plays the demo's whole table against what idvgate render envoy prints, served by Envoy.
func TestDemoTableInEnvoy(t *testing.T) {
	idvgate := command(t)
	env := filepath.Join(t.TempDir(), "demo.env")
	vendors, upstream, gateway, admin := local(port(t)), local(port(t)), local(port(t)), local(port(t))
	demoEnv(t, env, vendors)
	serve(t, exec.Command(idvgate, "sandbox", "--listen", vendors, "--upstream", upstream), upstream)
	file := render(t, idvgate, "examples/policies/demo.yaml", env, "--listen", gateway, "--upstream", "http://"+upstream, "--admin", admin)
	cmd := exec.Command(built.envoy, "--config-path", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-format", "%v", "--log-level", "info")
	cmd.Env = environ(t, env)
	log := serve(t, cmd, gateway)
	document, err := play.Fetch("http://" + vendors + "/_sandbox/identities")
	if err != nil {
		t.Fatal(err)
	}
	people, err := play.ParsePeople(document)
	if err != nil {
		t.Fatal(err)
	}
	tour := play.Tour{Gateway: "http://" + gateway, Vendors: "http://" + vendors, People: people, Audited: log.audited}
	answers, noes, err := tour.Play(built.root)
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 363 {
		t.Fatalf("the table has %d rows, not 363", len(answers))
	}
	for i := range answers {
		if a := &answers[i]; a.Differs != "" {
			t.Errorf("%s %s: %s", a.Row.Person, a.Row.Route, a.Differs)
		}
	}
	if len(noes) != 1 {
		t.Errorf("mismatch, no record and limited have %d bodies, not one and the same: %v", len(noes), noes)
	}
	if claim := play.NewCanary(people).Find(log.bytes()); claim != "" {
		t.Errorf("%s is in Envoy's log or access log", claim)
	}
	if got := string(log.bytes()); !strings.Contains(got, "outcome=match rule=name%20and%20ID%20number decision=") {
		t.Error("the access log has no outcome, rule and decision")
	}
	stats, err := play.Fetch("http://" + admin + "/stats/prometheus?filter=wasmcustom")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(stats, []byte(`rule="name%20and%20ID%20number"`)) || !bytes.Contains(stats, []byte(`provider="jd"`)) {
		t.Errorf("the counters' labels are not taken out of their names:\n%s", stats)
	}
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// serve starts a process and waits until its address answers. It is ended with the test.
func serve(t *testing.T, cmd *exec.Cmd, address string) *output {
	t.Helper()
	log := &output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }() // how it ended is in its output
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-exited:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill() // it may have ended
			<-exited
		}
	})
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return log
		}
		select {
		case <-exited:
			t.Fatalf("%s has ended:\n%s", cmd.Path, log.bytes())
		default:
		}
	}
	t.Fatalf("%s does not serve:\n%s", cmd.Path, log.bytes())
	return nil
}

// output is what a process prints.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.all.Bytes())
}

// audited waits for the audit line of a decision.
func (o *output) audited(id string) (map[string]any, error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range bytes.Lines(o.bytes()) {
			_, text, ok := bytes.Cut(line, []byte(`{"audit":`))
			if !ok || !bytes.Contains(text, []byte(id)) {
				continue
			}
			var audit map[string]any
			err := json.Unmarshal(bytes.TrimSuffix(bytes.TrimSpace(text), []byte("}")), &audit)
			return audit, err
		}
	}
	return nil, fmt.Errorf("no audit line of decision %q", id)
}
