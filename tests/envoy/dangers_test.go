//go:build e2e

package envoy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
	"github.com/idvgate/idvgate/tests/play"
)

// house is an Envoy with one gateway, in front of a stage's upstream, and a vendor that the test plays.
type house struct {
	*play.EnvoyProcess
	stage   *play.Stage
	record  *play.Record
	gateway play.Addressed
	vars    map[string]string
}

// policy is JSON of a policy with one rule on /v1/pay, by JD Cloud at the stage's sandbox or elsewhere.
func policy(url, more string) []byte {
	return []byte(`{"version":1,
 "providers":{"jd":{"use":"jdcloud","endpoint":"` + url + `","target":"jd","allow":["plaintext","privateAddress"],"accessKey":{"secret":"JD_ACCESS_KEY"},"secretKey":{"secret":"JD_SECRET_KEY"},"timeout":"2s"}},
 "rules":[{"name":"pay","route":{"path":"/v1/pay"},"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},"verify":{"check":"id2","by":["jd"],"within":"4s"}` + more + `}]}`)
}

const matching = `{"name":"李雷","idNumber":"110101199003070003"}`

func open(t *testing.T, o play.EnvoyOptions, l play.ListenerOptions, doc func(sandbox string) []byte) *house {
	t.Helper()
	return openOn(t, o, l, func(stage *play.Stage) []byte { return doc(stage.Vendors.URL + "/jdcloud") })
}

func openOn(t *testing.T, o play.EnvoyOptions, l play.ListenerOptions, doc func(*play.Stage) []byte) *house {
	t.Helper()
	stage, vars := newStage(t)
	vars["WEBDIS_PASSWORD"] = built.env["WEBDIS_PASSWORD"]
	return (&house{stage: stage, vars: vars}).beside(t, o, l, doc)
}

// newStage is a stage, and the variables of policies that are played on it.
func newStage(t *testing.T) (*play.Stage, map[string]string) {
	t.Helper()
	stage, err := play.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	vars, err := stage.Env(built.root, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stage, vars
}

// beside opens another gateway on the same stage.
func (h *house) beside(t *testing.T, o play.EnvoyOptions, l play.ListenerOptions, doc func(*play.Stage) []byte) *house {
	t.Helper()
	other := &house{stage: h.stage, record: play.NewRecord(), EnvoyProcess: start(t, o), vars: h.vars}
	other.listen(t, other.With(l), doc)
	return other
}

// listen starts the house's gateway.
func (h *house) listen(t *testing.T, on play.Runtime, doc func(*play.Stage) []byte) {
	t.Helper()
	g, err := on.Start(doc(h.stage), h.vars, h.stage, h.record)
	if err != nil {
		t.Fatal(err)
	}
	h.gateway = g.(play.Addressed)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}

func sandbox(url string) []byte { return policy(url, "") }

// send sends a request on a connection of its own.
func (h *house) send(t *testing.T, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	status, text, err := h.try(method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func (h *house) try(method, path, body string, headers ...string) (int, string, error) {
	r := &play.Request{Method: method, Host: "api.example.cn", Path: path, Body: []byte(body), HasBody: body != ""}
	if body != "" {
		r.Headers = append(r.Headers, [2]string{"content-type", "application/json"})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Headers = append(r.Headers, [2]string{headers[i], headers[i+1]})
	}
	return play.Send(h.gateway.Address(), r)
}

func (h *house) audit(t *testing.T, n int) map[string]any {
	t.Helper()
	line, err := h.record.Line(n)
	if err != nil {
		t.Fatalf("%v\n%s", err, h.Log())
	}
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// one is an Envoy with one worker.
var one = play.EnvoyOptions{Workers: 1}

// bomb builds the guest with a vendor that breaks it.
var bomb = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(built.guest), "bomb.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", file, "./tests/envoy/testdata/bomb")
	build.Dir = built.root
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

type dud struct{}

func (dud) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	return providers.Result{}, nil
}

func withBomb(t *testing.T) play.EnvoyOptions {
	t.Helper()
	wasm, err := bomb()
	if err != nil {
		t.Fatal(err)
	}
	return play.EnvoyOptions{Wasm: wasm, Workers: 1, Providers: append(catalog.List(), providers.Info{
		Name: "bomb", Checks: []providers.Check{providers.Mobile2}, Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return dud{}, nil },
	})}
}

func bombPolicy(vendor string) func(string) []byte {
	return func(string) []byte {
		return []byte(`{"version":1,"providers":{"b":{"use":"bomb","endpoint":"` + vendor + `","allow":["plaintext","privateAddress"],"timeout":"30s"}},
 "rules":[{"name":"boom","route":{"path":"/v1/boom"},"claims":{"name":{"body":"name"},"mobile":{"body":"mobile"}},"verify":{"check":"mobile2","by":["b"],"within":"40s"}}]}`)
	}
}

func person(name string) string { return `{"name":"` + name + `","mobile":"13800001000"}` }

// slow is a vendor that answers when it is let go.
func slow(t *testing.T) (url string, arrived *atomic.Int32, release func()) {
	t.Helper()
	arrived = new(atomic.Int32)
	gate := make(chan struct{})
	release = sync.OnceFunc(func() { close(gate) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		<-gate
		io.WriteString(w, `{"code":200}`) // who has left does not read it
	}))
	t.Cleanup(func() { release(); s.CloseClientConnections(); s.Close() })
	return s.URL, arrived, release
}

func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestAPanicIsOneRequests503AndTheOthersGoOn(t *testing.T) {
	covers(t, 4)
	vendor, arrived, release := slow(t)
	h := open(t, withBomb(t), play.ListenerOptions{}, bombPolicy(vendor))
	waiting := make(chan int, 1)
	go func() {
		status, _, _ := h.try("POST", "/v1/boom", person("李雷")) // 0 is a status that the test does not take
		waiting <- status
	}()
	eventually(t, "the vendor is asked", 10*time.Second, func() bool { return arrived.Load() == 1 })
	if status, body := h.send(t, "POST", "/v1/boom", person("王恐慌")); status != 503 || !strings.Contains(body, "verification_unavailable") {
		t.Errorf("%d %s", status, body)
	}
	if line := h.audit(t, 0); !strings.HasPrefix(fmt.Sprint(line["detail"]), "panic ") {
		t.Errorf("audit line %v", line)
	}
	release()
	if status := <-waiting; status != 200 {
		t.Errorf("the one that waited got %d", status)
	}
}

func TestAVirtualMachineThatDiesIsReplacedAndNobodyPasses(t *testing.T) {
	covers(t, 2)
	vendor, arrived, _ := slow(t)
	h := open(t, withBomb(t), play.ListenerOptions{Idle: "3s"}, bombPolicy(vendor))
	waiting := make(chan int, 1)
	go func() {
		status, _, _ := h.try("POST", "/v1/boom", person("李雷")) // a connection that is closed is an answer too
		waiting <- status
	}()
	eventually(t, "the vendor is asked", 10*time.Second, func() bool { return arrived.Load() == 1 })
	if status, body, err := h.try("POST", "/v1/boom", person("王溢出")); err == nil && (status < 500 || strings.Contains(body, "upstream")) {
		t.Errorf("the request that kills it: %d %s", status, body)
	}
	// Until the next one is made everything is denied; then it is served again.
	eventually(t, "served again", 15*time.Second, func() bool {
		status, _, err := h.try("GET", "/other", "")
		if err == nil && status != 200 && status < 500 {
			t.Errorf("status %d", status)
		}
		return err == nil && status == 200
	})
	if status := <-waiting; status == 200 {
		t.Error("the request that waited in it passed")
	}
	if status, body := h.send(t, "POST", "/v1/boom", person("王恐慌")); status != 503 || !strings.Contains(body, "verification_unavailable") {
		t.Errorf("the next one is asked about too: %d %s", status, body)
	}
}

// TestOurHostAnswersAtOnceWhatWaitsInADeadMachine: what hangs in Envoy until its time is up is answered at once by
// idvgate's own gateway.
func TestOurHostAnswersAtOnceWhatWaitsInADeadMachine(t *testing.T) {
	covers(t, 2)
	file, err := bomb()
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stage, err := play.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	vendor, arrived, _ := slow(t)
	cache := t.TempDir()
	g, err := play.HostRuntime{Wasm: wasm, CacheDir: cache, ProxyWasm: true}.Start(bombPolicy(vendor)(""), nil, stage, play.NewRecord())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close() // the machine is what is looked at
	send := func(name string) (int, string) {
		seen, err := g.Play(&play.Request{
			Method: "POST", Host: "a", Path: "/v1/boom", HasBody: true, Body: []byte(person(name)), Headers: [][2]string{{"content-type", "application/json"}},
		})
		if err != nil {
			t.Error(err)
		}
		return seen.Status, string(seen.Body)
	}
	waiting := make(chan int, 1)
	go func() {
		status, _ := send("李雷")
		waiting <- status
	}()
	eventually(t, "the vendor is asked", 10*time.Second, func() bool { return arrived.Load() == 1 })
	if status, _ := send("王恐慌"); status != 503 {
		t.Errorf("a panic: %d", status)
	}
	if status, _ := send("王溢出"); status != 503 {
		t.Errorf("the request that kills it: %d", status)
	}
	select {
	case status := <-waiting:
		if status != 503 {
			t.Errorf("the one that waited in it: %d", status)
		}
	case <-time.After(3 * time.Second):
		t.Error("the one that waited in it hangs")
	}
	if status, _ := send("王恐慌"); status != 503 {
		t.Errorf("the next machine: %d", status)
	}
}

func TestAWorkerOnWhichConfigureFailsLetsNobodyPass(t *testing.T) {
	covers(t, 1)
	wasm, err := bomb()
	if err != nil {
		t.Fatal(err)
	}
	idvgate, env := command(t), filepath.Join(t.TempDir(), "demo.env")
	vendors, upstream, gateway := local(port(t)), local(port(t)), local(port(t))
	demoEnv(t, env, vendors)
	serve(t, exec.Command(idvgate, "sandbox", "--listen", vendors, "--upstream", upstream), upstream)
	file := render(t, idvgate, "examples/policies/demo.yaml", env, "--listen", gateway, "--upstream", "http://"+upstream, "--admin", local(port(t)), "--wasm", wasm)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const keys = "host_env_keys:\n"
	at := bytes.Index(text, []byte(keys))
	indent := strings.Repeat(" ", at-bytes.LastIndexByte(text[:at], '\n')-1)
	text = bytes.Replace(text, []byte(keys), []byte(keys+indent+"- BOMB_REFUSE\n"), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(built.envoy, "--config-path", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-format", "%v")
	cmd.Env = append(environ(t, env), "BOMB_REFUSE=yes")
	log := serve(t, cmd, gateway)
	for _, path := range []string{"/other", "/v1/id2"} {
		status, body, err := play.Send(gateway, &play.Request{Method: "GET", Host: "a", Path: path, Headers: [][2]string{{"x-idv-outcome", "match"}}})
		if err != nil || status != 503 || !strings.Contains(body, `"reason":"verification_unavailable"`) {
			t.Errorf("%s: %d %s %v", path, status, body, err)
		}
	}
	if n := bytes.Count(log.bytes(), []byte("configured")); n > 100 { // it serves, and does not try again without end
		t.Errorf("%d lines about configuring", n)
	}
}

func TestLimitsHoldOnBothProtocols(t *testing.T) {
	covers(t, 7)
	for name, o := range map[string]play.ListenerOptions{"HTTP/1.1": {}, "HTTP/2": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			h := open(t, one, o, func(url string) []byte { return policy(url, `,"maxBody":"64KiB"`) })
			send := play.Send
			if o.HTTP2 {
				send = play.SendHTTP2
			}
			for what, trailers := range map[string][][2]string{"a length that is said": nil, "as it comes": {{"x-end", "1"}}} {
				r := &play.Request{
					Method: "POST", Host: "a", Path: "/v1/pay", HasBody: true, Body: bytes.Repeat([]byte("x"), 4<<20),
					Headers: [][2]string{{"content-type", "application/json"}}, Trailers: trailers,
				}
				status, body, err := send(h.gateway.Address(), r)
				// Over HTTP/1 Envoy itself may be first where more than its buffer comes at once; then it says so in a word.
				own := !o.HTTP2 && trailers != nil && body == "Payload Too Large"
				if err != nil || status != 413 || !own && !strings.Contains(body, `"reason":"body_too_large"`) {
					t.Errorf("%s: %d %.200s %v", what, status, body, err)
				}
			}
			if status, _, err := send(h.gateway.Address(), &play.Request{
				Method: "POST", Host: "a", Path: "/v1/pay", HasBody: true, Body: []byte(matching), Headers: [][2]string{{"content-type", "application/json"}},
			}); err != nil || status != 200 {
				t.Errorf("afterwards: %d %v", status, err)
			}
		})
	}
}

func TestAGRPCClientGetsAGRPCStatus(t *testing.T) {
	covers(t, 8)
	h := open(t, one, play.ListenerOptions{HTTP2: true}, sandbox)
	response, err := play.RoundTripHTTP2(h.gateway.Address(), &play.Request{
		Method: "POST", Host: "a", Path: "/v1/pay", HasBody: true, Body: []byte("\x00\x00\x00\x00\x00"), Headers: [][2]string{{"content-type", "application/grpc"}, {"te", "trailers"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("grpc-status") != "3" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

func TestASpoofedHeaderChoosesNoRoute(t *testing.T) {
	covers(t, 9)
	h := open(t, one, play.ListenerOptions{Routes: []any{map[string]any{
		"match":           map[string]any{"prefix": "/", "headers": []any{map[string]any{"name": "x-idv-outcome", "present_match": true}}},
		"direct_response": map[string]any{"status": 418},
	}}}, sandbox)
	if status, _ := h.send(t, "GET", "/other", "", "x-idv-outcome", "match"); status != 200 {
		t.Errorf("a client's own header chose the route: %d", status)
	}
	// The guest's does: Envoy chooses again after an edit. So docs/gateways.md warns of such routes.
	if status, _ := h.send(t, "POST", "/v1/pay", matching); status != 418 {
		t.Errorf("the guest's header chose no route: %d: is the warning still true?", status)
	}
}

func TestAClientThatLeavesDuringACalloutLosesNoAnswer(t *testing.T) {
	covers(t, 13)
	vendor, arrived, release := slow(t)
	h := open(t, one, play.ListenerOptions{}, func(string) []byte { return policy(vendor, "") })
	conn, err := net.Dial("tcp", h.gateway.Address())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/pay HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(matching), matching)
	eventually(t, "the vendor is asked", 10*time.Second, func() bool { return arrived.Load() == 1 })
	conn.Close()
	time.Sleep(200 * time.Millisecond) // Envoy sees that it has gone
	release()
	if line := h.audit(t, 0); line["rule"] != "pay" || len(line["attempts"].([]any)) != 1 {
		t.Errorf("%v", line)
	}
	if status, _ := h.send(t, "GET", "/other", ""); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestCalloutsThatFailAreAnswers(t *testing.T) {
	covers(t, 13)
	const unavailable = `"reason":"verification_unavailable"`
	large := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for range 40 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	defer large.Close()
	silent, _, _ := slow(t)
	cluster := func(g play.Addressed) string { return g.Name() + "-jd" }
	for _, c := range []struct {
		name   string
		vendor string
		change func(h *house) error
		code   string
	}{
		{name: "no such cluster", vendor: silent, change: func(h *house) error { return h.Cluster(cluster(h.gateway), nil) }},
		{name: "a cluster without an endpoint", vendor: silent, change: func(h *house) error {
			return h.Cluster(cluster(h.gateway), func(c map[string]any) {
				c["load_assignment"] = map[string]any{"cluster_name": c["name"], "endpoints": []any{}}
			})
		}},
		{name: "a port where nobody listens", vendor: "http://" + local(1)},
		{name: "a vendor that is silent", vendor: silent},
		{name: "a reply of 40 MB", vendor: large.URL},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, one, play.ListenerOptions{}, func(string) []byte { return policy(c.vendor, "") })
			if c.change != nil {
				before, err := h.Stat("cluster_manager.cds.update_success")
				if err != nil {
					t.Fatal(err)
				}
				if err := c.change(h); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the change", 10*time.Second, func() bool {
					n, err := h.Stat("cluster_manager.cds.update_success")
					return err == nil && n > before
				})
			}
			from := time.Now()
			status, body := h.send(t, "POST", "/v1/pay", matching)
			if status != 503 || !strings.Contains(body, unavailable) || time.Since(from) > 8*time.Second {
				t.Errorf("%d %s after %s", status, body, time.Since(from))
			}
			line := h.audit(t, 0)
			if line["outcome"] != "unanswered" || len(line["attempts"].([]any)) != 1 {
				t.Errorf("%v", line)
			}
		})
	}
}

func TestWithoutTheSwitchARequestIsDeniedAndTheLogSaysWhy(t *testing.T) {
	h := open(t, one, play.ListenerOptions{NoSwitch: true}, sandbox)
	if status, body := h.send(t, "POST", "/v1/pay", matching); status != 503 || !strings.Contains(body, "verification_unavailable") {
		t.Errorf("%d %s", status, body)
	}
	eventually(t, "the log names the switch", 5*time.Second, func() bool {
		return strings.Contains(h.record.Log()+h.Log(), "allow_on_headers_stop_iteration")
	})
	if status, _ := h.send(t, "GET", "/other", ""); status != 200 {
		t.Errorf("what needs no body: %d", status)
	}
}

func TestConfigurationsChangeUnderLoad(t *testing.T) {
	covers(t, 1)
	h := open(t, play.EnvoyOptions{Workers: 2}, play.ListenerOptions{}, sandbox)
	doc := func(more string) any {
		var v any
		if err := json.Unmarshal(bytes.ReplaceAll(policy(h.vars["JDCLOUD_URL"], more), []byte(`"target":"jd"`), []byte(`"target":"`+h.gateway.Name()+`-jd"`)), &v); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"policy": v}
	}
	mismatch := `{"name":"韩梅梅","idNumber":"` + h.stage.People["mismatch"]["idNumber"] + `"}`
	var sent, wrong atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 8 {
		load.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				path, body, want := "/other", "", 200
				switch n % 3 {
				case 1:
					path, body = "/v1/pay", matching
				case 2:
					path, body, want = "/v1/pay", mismatch, 403
				}
				method := "GET"
				if body != "" {
					method = "POST"
				}
				status, text, err := h.try(method, path, body, "x-idv-outcome", "match")
				sent.Add(1)
				if err != nil || status != want {
					wrong.Add(1)
					t.Errorf("%s: %d %.200s %v", path, status, text, err)
				}
			}
		})
	}
	rejected, err := h.Stat("listener_manager.lds.update_rejected")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		config := doc(`,"maxBody":"` + strconv.Itoa(100+i) + `KiB"`)
		if i%3 == 2 {
			config = map[string]any{"policy": map[string]any{"version": 1, "rulez": []any{}}}
		}
		if err := h.Change(h.gateway, config); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	close(stop)
	load.Wait()
	now, err := h.Stat("listener_manager.lds.update_rejected")
	if err != nil || now-rejected < 3 {
		t.Errorf("%d updates were rejected, not 3; %v", now-rejected, err)
	}
	if sent.Load() < 500 || wrong.Load() > 0 {
		t.Errorf("%d requests, %d of them wrong", sent.Load(), wrong.Load())
	}
	t.Logf("%d requests during 10 changes, 3 of them bad", sent.Load())
}

// memory is what the Envoy process holds, in MB.
func (h *house) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func TestFiveThousandWaitAtOnce(t *testing.T) {
	covers(t, 14)
	vendor, arrived, release := slow(t)
	h := open(t, withBomb(t), play.ListenerOptions{Idle: "60s"}, bombPolicy(vendor))
	before := h.memory(t)
	const many = 5000
	var done sync.WaitGroup
	var passed atomic.Int32
	for range many {
		done.Go(func() {
			status, text, err := h.try("POST", "/v1/boom", person("李雷"))
			if err == nil && status == 200 {
				passed.Add(1)
			} else {
				t.Errorf("%d %.100s %v", status, text, err)
			}
		})
	}
	eventually(t, "all wait", 30*time.Second, func() bool { return arrived.Load() == many })
	t.Logf("%d wait: %d MB, %d before", many, h.memory(t), before)
	release()
	done.Wait()
	if passed.Load() != many {
		t.Errorf("%d passed", passed.Load())
	}
}

// TestMemoryIsFlatOverManyRequests: after warm-up, two hundred thousand requests leave nothing behind.
func TestMemoryIsFlatOverManyRequests(t *testing.T) {
	covers(t, 2)
	h := open(t, one, play.ListenerOptions{}, sandbox)
	run := func(requests int) {
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				if err := keepAlive(h.gateway.Address(), requests/8); err != nil {
					t.Error(err)
				}
			})
		}
		clients.Wait()
	}
	run(40_000)
	warm := h.memory(t)
	run(160_000)
	if after := h.memory(t); after > warm+warm/10+8 {
		t.Errorf("%d MB after 40,000 requests, %d MB after 200,000", warm, after)
	} else {
		t.Logf("%d MB after 40,000 requests, %d MB after 200,000", warm, after)
	}
}

// keepAlive sends requests on one connection, every twentieth of them one that a vendor is asked about.
func keepAlive(address string, n int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	plain := []byte("GET /other HTTP/1.1\r\nHost: a\r\nx-idv-outcome: match\r\n\r\n")
	asked := fmt.Appendf(nil, "POST /v1/pay HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(matching), matching)
	r := bufio.NewReader(conn)
	for i := range n {
		request := plain
		if i%20 == 0 {
			request = asked
		}
		if _, err := conn.Write(request); err != nil {
			return err
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			return fmt.Errorf("request %d: status %d", i, response.StatusCode)
		}
	}
	return nil
}
