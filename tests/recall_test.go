package tests

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/idvgate/idvgate/host"
	"github.com/idvgate/idvgate/tests/play"
)

// recallPolicy remembers matches of one vendor; more is appended to the rule.
func recallPolicy(vendor, more string) string {
	return `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"}},
 "providers":{"jd":{"use":"jdcloud","endpoint":"` + vendor + `/jdcloud","allow":["plaintext","privateAddress"],"accessKey":{"secret":"JD_ACCESS_KEY"},"secretKey":{"secret":"JD_SECRET_KEY"},"timeout":"20s"}},
 "rules":[{"name":"pay","route":{"path":"/v1/pay"},"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},"verify":{"check":"id2","by":["jd"],"within":"30s"},"remember":{"match":"1h"}` + more + `}]}`
}

// gated is a stage with a gate before its vendors.
func gated(t *testing.T, shut bool) (*play.Stage, *play.Gate) {
	t.Helper()
	stage, err := play.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	gate := play.NewGate(stage, shut)
	t.Cleanup(func() { gate.Close(); stage.Close() })
	return stage, gate
}

func recallGateway(t *testing.T, wasm []byte, stage *play.Stage, vendor string, shards int) (*host.Gateway, string, map[string]string) {
	t.Helper()
	return policyGateway(t, wasm, stage, recallPolicy(vendor, ""), shards)
}

func policyGateway(t *testing.T, wasm []byte, stage *play.Stage, policy string, shards int) (*host.Gateway, string, map[string]string) {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	config, err := stage.Env(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	config["policy"] = policy
	upstream, err := url.Parse(stage.Upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	g, err := host.New(t.Context(), host.Options{
		Wasm: wasm, Config: config, Upstream: upstream, Shards: shards, CacheDir: built.cache,
		Audit: io.Discard, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.Close()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g, server.URL, config
}

const liLei = `{"name":"李雷","idNumber":"110101199003070003"}`

func pay(address string) error {
	reply, err := http.Post(address+"/v1/pay", "application/json", strings.NewReader(liLei))
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != 200 {
		return fmt.Errorf("%d %.200s: %w", reply.StatusCode, text, err)
	}
	return nil
}

func guests(t *testing.T, do func(t *testing.T, wasm []byte)) {
	for _, g := range []struct {
		name string
		wasm []byte
	}{{"extism", built.wasm}, {"proxy-wasm", built.proxywasm}} {
		t.Run(g.name, func(t *testing.T) { do(t, g.wasm) })
	}
}

// TestTenThousandAtOnceAreOneCall: one vendor call, ten thousand equal decisions.
func TestTenThousandAtOnceAreOneCall(t *testing.T) {
	guests(t, func(t *testing.T, wasm []byte) {
		stage, gate := gated(t, true)
		g, address, _ := recallGateway(t, wasm, stage, gate.URL, 1)
		tenThousand(t, gate, g)
		if n := gate.Calls.Load(); n != 1 {
			t.Errorf("%d calls", n)
		}
		if err := pay(address); err != nil || gate.Calls.Load() != 1 {
			t.Errorf("afterwards: %v, %d calls", err, gate.Calls.Load())
		}
	})
}

// TestABudgetGoesOnOverPolicyPushes: what was spent is spent, whatever policy comes.
func TestABudgetGoesOnOverPolicyPushes(t *testing.T) {
	stage, gate := gated(t, false)
	const most = 60
	policy := func(more string) string {
		return strings.Replace(strings.Replace(recallPolicy(gate.URL, more), `"timeout":"20s"`, `"timeout":"20s","price":{"id2":"1 CNY"}`, 1), `"remember":{"match":"1h"}`, `"maxBody":"64KiB"`, 1)
	}
	budget := func(doc string) string {
		return strings.Replace(doc, `"rules":`, fmt.Sprintf(`"budgets":[{"provider":"jd","max":"%d CNY","per":"month"}],"rules":`, most), 1)
	}
	g, address, config := policyGateway(t, built.wasm, stage, budget(policy("")), 2)
	var passed, refused atomic.Int64
	spend := func() {
		reply, err := http.Post(address+"/v1/pay", "application/json", strings.NewReader(liLei))
		if err != nil {
			t.Error(err)
			return
		}
		reply.Body.Close()
		switch reply.StatusCode {
		case 200:
			passed.Add(1)
		case 503:
			refused.Add(1)
		default:
			t.Errorf("%d", reply.StatusCode)
		}
	}
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for range 15 {
				spend()
			}
		})
	}
	for i := range 3 {
		config["policy"] = budget(policy(fmt.Sprintf(`,"denyFloor":"%dms"`, 1+i)))
		if err := g.Reload(t.Context(), config); err != nil {
			t.Error(err)
		}
	}
	load.Wait()
	for range 20 {
		spend()
	}
	if passed.Load() != most || refused.Load() != 20 || gate.Calls.Load() != most {
		t.Errorf("of %d CNY, over three policies: %d passed, %d were refused, %d calls", most, passed.Load(), refused.Load(), gate.Calls.Load())
	}
}

// tenThousand sends as many requests about one person to the gateways in turn, while the vendor's gate is shut until
// thousands wait.
func tenThousand(t *testing.T, gate *play.Gate, to ...*host.Gateway) {
	t.Helper()
	const many = 10_000
	var all sync.WaitGroup
	limit := make(chan struct{}, 2000) // open files
	for i := range many {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			r := httptest.NewRequestWithContext(context.Background(), "POST", "/v1/pay", strings.NewReader(liLei))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			to[i%len(to)].ServeHTTP(w, r)
			if w.Code != 200 {
				t.Errorf("%d %.200s", w.Code, w.Body)
			}
		})
		if len(limit) == cap(limit) {
			gate.Open() // 2,000 wait, the others find it remembered
		}
	}
	gate.Open()
	all.Wait()
}

// TestTenThousandOverAFleetAreOneCall: with a store, it is one vendor call for two gateways with two shards each,
// one with either guest.
func TestTenThousandOverAFleetAreOneCall(t *testing.T) {
	stage, gate := gated(t, true)
	policy := strings.Replace(recallPolicy(gate.URL, ""), `"key":{"secret":"IDV_STATE_KEY"}}`, `"key":{"secret":"IDV_STATE_KEY"},"shared":{"http":"${WEBDIS_URL}","timeout":"5s"}}`, 1)
	first, _, _ := policyGateway(t, built.wasm, stage, policy, 2)
	second, _, _ := policyGateway(t, built.proxywasm, stage, policy, 2)
	tenThousand(t, gate, first, second)
	if n := gate.Calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestAPolicyPushUnderLoadAsksNobodyAgain: what was paid is kept over reloads, by all shards.
func TestAPolicyPushUnderLoadAsksNobodyAgain(t *testing.T) {
	guests(t, func(t *testing.T, wasm []byte) {
		stage, gate := gated(t, false)
		g, address, config := recallGateway(t, wasm, stage, gate.URL, 2)
		if err := pay(address); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var load sync.WaitGroup
		var sent atomic.Int64
		for range 4 {
			load.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := pay(address); err != nil {
						t.Error(err)
					}
					sent.Add(1)
				}
			})
		}
		for i := range 3 {
			config["policy"] = recallPolicy(gate.URL, fmt.Sprintf(`,"maxBody":"%dKiB"`, 100+i))
			if err := g.Reload(t.Context(), config); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		load.Wait()
		if n := gate.Calls.Load(); n != 1 || sent.Load() < 20 {
			t.Errorf("%d calls for %d requests over three policies", n, sent.Load())
		}
	})
}
