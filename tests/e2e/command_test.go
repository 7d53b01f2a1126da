// Package e2e runs the command as a user does: its own process, real ports, real signals.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the command, built with its guest by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "idvgate-e2e")
	if err == nil {
		binary = filepath.Join(dir, "idvgate")
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// guest and proxyGuest are the files of the guests that were built, for --wasm.
var guest, proxyGuest string

func build(dir string) error {
	guest, proxyGuest = filepath.Join(dir, "guest.wasm"), filepath.Join(dir, "proxywasm.wasm")
	wasm := exec.Command("go", "build", "-buildmode=c-shared", "-o", guest, "../../plugin/extism")
	proxy := exec.Command("go", "build", "-buildmode=c-shared", "-o", proxyGuest, "../../plugin/proxywasm")
	wasm.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	proxy.Env = wasm.Env
	for _, cmd := range []*exec.Cmd{wasm, proxy, exec.Command("go", "build", "-o", binary, "../../host/cmd/idvgate")} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return nil
}

// process is the command running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
	exited chan struct{}
	err    error
}

// start runs the command with arguments and an environment of its own.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%v\n%s", args, p.text())
		}
	})
	return p
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// await waits until the output holds what is sought.
func (p *process) await(sought string) {
	p.t.Helper()
	limit := time.After(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(p.text(), sought) {
		select {
		case <-p.exited:
			p.t.Fatalf("it ended (%v) before it said %q:\n%s", p.err, sought, p.text())
		case <-limit:
			p.t.Fatalf("it never said %q:\n%s", sought, p.text())
		case <-tick.C:
		}
	}
}

// ends waits for the end and returns the exit status.
func (p *process) ends(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(within):
		p.t.Fatalf("it does not end:\n%s", p.text())
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		return exit.ExitCode()
	}
	if p.err != nil {
		p.t.Fatal(p.err)
	}
	return 0
}

// free is an address nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// demo starts `idvgate demo` on free ports.
func demo(t *testing.T, more ...string) (p *process, gateway string) {
	t.Helper()
	gateway = free(t)
	args := append([]string{"demo", "--wasm", guest, "--listen", gateway, "--sandbox", free(t), "--upstream", free(t), "--admin", free(t)}, more...)
	p = start(t, nil, args...)
	p.await("Audit lines follow")
	return p, "http://" + gateway
}

// stop is one command of the tour: what the line above it promises.
var promise = regexp.MustCompile(`^  # .*: (\d{3}) ?([a-z_]*)$`)

// tour is the commands the demo prints, with what they promise.
func tour(t *testing.T, output string) (stops []struct{ curl, status, reason string }) {
	t.Helper()
	var status, reason string
	for _, line := range strings.Split(output, "\n") {
		if m := promise.FindStringSubmatch(line); m != nil {
			status, reason = m[1], m[2]
		}
		if strings.HasPrefix(line, "  curl ") && status != "" {
			stops = append(stops, struct{ curl, status, reason string }{strings.TrimSpace(line), status, reason})
			status = ""
		}
	}
	if len(stops) < 6 {
		t.Fatalf("the tour has only %d stops:\n%s", len(stops), output)
	}
	return stops
}

func TestEachPrintedCommandAnswersWhatIsPrinted(t *testing.T) {
	p, _ := demo(t)
	for _, s := range tour(t, p.text()) {
		words := split(s.curl)
		request, err := http.NewRequestWithContext(t.Context(), "POST", words[2], strings.NewReader(words[6]))
		if err != nil {
			t.Fatal(err)
		}
		if words[3] != "-H" || words[5] != "-d" || len(words) != 7 {
			t.Fatalf("not the form of the tour: %q", words)
		}
		name, value, _ := strings.Cut(words[4], ": ")
		request.Header.Set(name, value)
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		check(t, s.curl, fmt.Sprint(res.StatusCode), s.status, s.reason, body)
	}
}

// check compares an answer with what was promised: status, and the problem's reason or the upstream's echo.
func check(t *testing.T, what, got, status, reason string, body []byte) {
	t.Helper()
	var answer struct{ Reason, Method string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%s: %v: %s", what, err, body)
	}
	if got != status || answer.Reason != reason || status == "200" && answer.Method != "POST" {
		t.Errorf("%s: got %s %s, want %s %s", what, got, body, status, reason)
	}
}

// split cuts a command line into words, single quotes honoured.
func split(line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		end, rest := " ", line
		if line[0] == '\'' {
			end, rest = "'", line[1:]
		}
		word, after, _ := strings.Cut(rest, end)
		words, line = append(words, word), after
	}
	return words
}

const policyText = `version: 1
providers:
  jd:
    use: jdcloud
    endpoint: "${VENDOR}/jdcloud"
    allow: [plaintext, privateAddress]
    accessKey: { secret: JD_ACCESS_KEY }
    secretKey: { secret: JD_SECRET_KEY }
    timeout: 2s
rules:
  - name: real name
    route: { path: /v1/id2 }
    claims: { name: { body: name }, idNumber: { body: idNumber } }
    verify: { check: id2, by: [jd] }
`

// credentials are the sandbox's.
func credentials(t *testing.T, vendor string) []string {
	t.Helper()
	env, err := os.ReadFile("../../examples/policies/demo.env")
	if err != nil {
		t.Fatal(err)
	}
	vars := []string{"VENDOR=http://" + vendor}
	for _, line := range strings.Split(string(env), "\n") {
		if strings.HasPrefix(line, "JD_") {
			vars = append(vars, line)
		}
	}
	return vars
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// post sends a person and returns the status, 0 where there was no answer.
func post(client *http.Client, url, body string) int {
	res, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0
	}
	return res.StatusCode
}

const (
	match = `{"name":"李雷","idNumber":"110101199003070003"}`
	slow  = `{"name":"朱琳","idNumber":"110101199003210002"}`
)

func TestBadInputIsOneClearMessageAndStatus2(t *testing.T) {
	policy := write(t, "policy.yaml", policyText)
	wrong := write(t, "wrong.yaml", strings.NewReplacer("path: /v1/id2", "path: /v1/id2, metod: [POST]", "by: [jd]", "by: [nobody]").Replace(policyText))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	notOurs := write(t, "other.wasm", "\x00asm\x01\x00\x00\x00")
	noWasm := write(t, "text.wasm", "hello")
	env := credentials(t, "127.0.0.1:9")
	run := func(policy string, more ...string) []string {
		return append([]string{"run", "--policy", policy, "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin", "", "--wasm", guest}, more...)
	}
	mistakes := []string{
		wrong + `:12:29: unknown field "metod"; did you mean "methods"?`,
		wrong + `:14:32: unknown provider "nobody"; known here: jd`,
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		says []string // each a line or part of one
	}{
		{"a policy with mistakes, run", env, run(wrong), mistakes},
		{"a policy with mistakes, validate", env, []string{"validate", wrong}, mistakes},
		{"missing secrets", env[:1], run(policy), []string{
			policy + ":7:26: missing secret JD_ACCESS_KEY, asked for by providers.jd.accessKey",
			policy + ":8:26: missing secret JD_SECRET_KEY, asked for by providers.jd.secretKey",
		}},
		{"a missing variable", env[1:], run(policy), []string{policy + ":5:15: unset variable VENDOR, asked for by providers.jd.endpoint"}},
		{"a policy that is not there", env, run("nowhere.yaml"), []string{"nowhere.yaml"}},
		{"a taken port", env, run(policy, "--listen", taken.Addr().String()), []string{"--listen: listen tcp"}},
		{"a module that is not ours", env, run(policy, "--wasm", notOurs), []string{"not an idvgate guest"}},
		{"a file that is no module", env, run(policy, "--wasm", noWasm), []string{"is not a WebAssembly module"}},
		{"a guest that is not there", env, run(policy, "--wasm", "nowhere.wasm"), []string{"--wasm: open nowhere.wasm"}},
		{"an upstream that is no address", env, run(policy, "--upstream", "localhost"), []string{"--upstream"}},
		{"an unknown flag", env, run(policy, "--frob"), []string{"--frob"}},
		{"an audit file in no folder", env, run(policy, "--audit", "/nowhere/audit.log"), []string{"--audit"}},
		{"a policy with mistakes, render", env, []string{"render", "envoy", wrong}, mistakes},
		{"a gateway that nobody knows", env, []string{"render", "nginx", policy}, []string{`no gateway is called "nginx": there are envoy, istio`}},
		{"a gateway's address without a port", env, []string{"render", "envoy", policy, "--listen", "localhost"}, []string{"--listen:"}},
		{"a folder that is not there", env, []string{"render", "envoy", policy, "--output", "/nowhere/envoy.yaml"}, []string{"--output:"}},
		{"a guest that nobody knows", env, []string{"guest", "kong"}, []string{`no guest is called "kong"`}},
		{"a policy with mistakes, in the other guest", env, run(wrong, "--wasm", proxyGuest), mistakes},
		{"no policy", env, []string{"run", "--upstream", "http://127.0.0.1:9"}, []string{"policy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, c.env, c.args...)
			if code := p.ends(30 * time.Second); code != 2 {
				t.Errorf("exit status %d, want 2", code)
			}
			lines := strings.Split(strings.TrimSpace(p.text()), "\n")
			for _, s := range c.says {
				if !strings.Contains(p.text(), s) {
					t.Errorf("it does not say %q:\n%s", s, p.text())
				}
			}
			if len(lines) != len(c.says) {
				t.Errorf("%d lines, want %d:\n%s", len(lines), len(c.says), p.text())
			}
		})
	}
}

func TestValidateSaysWhatIsRight(t *testing.T) {
	p := start(t, nil, "validate", "--env-file", "../../examples/policies/demo.env", "../../examples/policies/demo.yaml")
	if code := p.ends(30 * time.Second); code != 0 || !strings.Contains(p.text(), "demo.yaml: 11 rules, digest ") {
		t.Errorf("exit status %d: %s", code, p.text())
	}
}

func TestRenderPrintsAConfigurationWithoutSecrets(t *testing.T) {
	for _, kind := range []string{"envoy", "istio", "envoy-gateway", "higress", "apisix"} {
		p := start(t, nil, "render", kind, "--env-file", "../../examples/policies/demo.env", "../../examples/policies/demo.yaml")
		if code := p.ends(30 * time.Second); code != 0 || !strings.Contains(p.text(), "JD_SECRET_KEY") || strings.Contains(p.text(), "f24519725a42851147a5a82a0e01ac5d") {
			t.Errorf("%s: exit status %d: %.500s", kind, code, p.text())
		}
	}
}

// TestEitherGuestIsRun: the kind is told by what the module exports.
func TestEitherGuestIsRun(t *testing.T) {
	sandbox, upstream := free(t), free(t)
	start(t, nil, "sandbox", "--listen", sandbox, "--upstream", upstream).await("ready")
	for name, wasm := range map[string]string{"Extism": guest, "proxy-wasm": proxyGuest} {
		t.Run(name, func(t *testing.T) {
			gateway, admin := free(t), free(t)
			p := start(t, credentials(t, sandbox), "run", "--policy", write(t, "policy.yaml", policyText), "--upstream", "http://"+upstream, "--listen", gateway, "--admin", admin, "--wasm", wasm)
			p.await("ready")
			if got := post(http.DefaultClient, "http://"+gateway+"/v1/id2", match); got != 200 {
				t.Errorf("a match gets %d", got)
			}
			if got := post(http.DefaultClient, "http://"+gateway+"/v1/id2", "[]"); got != 400 {
				t.Errorf("what is no claim gets %d", got)
			}
			p.await(`"outcome":"match"`)
			response, err := http.Get("http://" + admin + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			page, err := io.ReadAll(response.Body)
			if err != nil || !strings.Contains(string(page), `idv_attempts_total{billed="yes",outcome="match",provider="jd"} 1`) {
				t.Errorf("%v\n%s", err, page)
			}
		})
	}
}

func TestWithoutAnUpstreamItIs502(t *testing.T) {
	gateway := free(t)
	p := start(t, credentials(t, free(t)), "run", "--policy", write(t, "policy.yaml", policyText), "--upstream", "http://"+free(t), "--listen", gateway, "--admin", "", "--wasm", guest)
	p.await("ready")
	if got := post(http.DefaultClient, "http://"+gateway+"/other", "{}"); got != 502 {
		t.Errorf("got %d", got)
	}
}

func TestSIGTERMLetsRequestsInFlightFinish(t *testing.T) {
	p, gateway := demo(t)
	status := make(chan int)
	go func() { status <- post(http.DefaultClient, gateway+"/v1/id2", slow) }()
	time.Sleep(300 * time.Millisecond) // the vendor takes a second
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != 200 {
		t.Errorf("the request in flight got %d", got)
	}
	if code := p.ends(10 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if n := strings.Count(p.text(), `"decision":"allow"`); n != 1 {
		t.Errorf("%d audit lines of it", n)
	}
}

func TestAChangedPolicyIsSwitchedToAndABadOneRefused(t *testing.T) {
	sandbox, upstream, gateway, admin := free(t), free(t), free(t), free(t)
	start(t, nil, "sandbox", "--listen", sandbox, "--upstream", upstream).await("ready")
	policy := write(t, "policy.yaml", policyText)
	p := start(t, credentials(t, sandbox), "run", "--policy", policy, "--upstream", "http://"+upstream, "--listen", gateway, "--admin", admin, "--wasm", guest)
	p.await("ready")
	url := "http://" + gateway + "/v1/id2"
	if got := post(http.DefaultClient, url, match); got != 200 {
		t.Fatalf("got %d", got)
	}
	if err := os.WriteFile(policy, []byte(strings.Replace(policyText, "/v1/id2", "/v1/elsewhere", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await("reloaded")
	if got := post(http.DefaultClient, "http://"+gateway+"/v1/elsewhere", `{}`); got != 400 {
		t.Errorf("the new rule: got %d", got)
	}
	if err := os.WriteFile(policy, []byte("version: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.await("reload refused")
	if got := post(http.DefaultClient, "http://"+gateway+"/v1/elsewhere", `{}`); got != 400 {
		t.Errorf("the old rule is gone: got %d", got)
	}
}

// TestTheVendorGoesAndComesBack: with sandbox and gateway apart, killing the sandbox in the middle of a load run gives
// only 503s, no hang and no lost request; starting it again gives 200s without a restart.
func TestTheVendorGoesAndComesBack(t *testing.T) {
	vendor, echo, upstream, gateway := free(t), free(t), free(t), free(t)
	// The upstream is another sandbox's, so that only the vendor goes.
	start(t, nil, "sandbox", "--listen", free(t), "--upstream", upstream).await("ready")
	first := start(t, nil, "sandbox", "--listen", vendor, "--upstream", echo)
	first.await("ready")
	p := start(t, credentials(t, vendor), "run", "--policy", write(t, "policy.yaml", policyText), "--upstream", "http://"+upstream, "--listen", gateway, "--admin", "", "--wasm", guest, "--audit", filepath.Join(t.TempDir(), "audit.log"))
	p.await("ready")

	var mu sync.Mutex
	counts := map[string]map[int]int{"before": {}, "between": {}, "after": {}, "changing": {}}
	phase := "before"
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for range 32 {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				began := phase
				mu.Unlock()
				got := post(client, "http://"+gateway+"/v1/id2", match)
				mu.Lock()
				if began != phase {
					began = "changing"
				}
				counts[began][got]++
				mu.Unlock()
			}
		})
	}
	// enough waits until a phase has seen so many answers.
	enough := func(name string) {
		t.Helper()
		limit := time.Now().Add(30 * time.Second)
		for {
			mu.Lock()
			n := 0
			for _, c := range counts[name] {
				n += c
			}
			mu.Unlock()
			if n > 300 {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("%s: only %d answers: something hangs", name, n)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	// enter begins a phase; in "changing" both answers are right.
	enter := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		phase = name
	}
	enough("before")
	enter("changing")
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.exited
	enter("between")
	enough("between")
	enter("changing")
	start(t, nil, "sandbox", "--listen", vendor, "--upstream", echo).await("ready")
	enter("after")
	enough("after")
	stop()
	wg.Wait()
	for got, n := range counts["changing"] {
		if got != 200 && got != 503 {
			t.Errorf("while it changes: %d answers %d", n, got)
		}
	}
	for name, want := range map[string]int{"before": 200, "between": 503, "after": 200} {
		for got, n := range counts[name] {
			if got != want {
				t.Errorf("%s the outage: %d answers %d, want only %d", name, n, got, want)
			}
		}
	}
	t.Logf("answers: %v", counts)
}

func TestVersionAndHelpAndCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"version": "idvgate ", "--help": "Available Commands", "run --help": "--policy", "render --help": "--upstream", "guest --help": "proxywasm", "completion bash": "bash completion",
	} {
		p := start(t, nil, strings.Fields(args)...)
		if code := p.ends(10 * time.Second); code != 0 || !strings.Contains(p.text(), want) {
			t.Errorf("%s: exit status %d: %s", args, code, p.text())
		}
	}
}
