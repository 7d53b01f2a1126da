//go:build e2e

package envoy

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// store is a real Redis behind a real Webdis, with the ACL that is shipped.
type store struct{ redis, webdis *play.Daemon }

func newStore(t *testing.T) *store {
	t.Helper()
	redis, err := play.NewRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Kill)
	webdis, err := play.NewRealWebdis(built.root, t.TempDir(), redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(webdis.Kill)
	return &store{redis, webdis}
}

// policy is one with a store: what is remembered, tried and spent there counts for all.
func (s *store) policy(stage *play.Stage) []byte {
	const claims = `"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},"verify":{"check":"id2","by":["jd"],"within":"4s"}`
	return fmt.Appendf(nil, `{"version":1,
	"state":{"key":{"secret":"IDV_STATE_KEY"},"shared":{"http":"http://127.0.0.1:%d","target":"webdis","login":{"user":"idvgate","password":{"secret":"WEBDIS_PASSWORD"}},"timeout":"2s"}},
	"providers":{"jd":{"use":"jdcloud","endpoint":"%s/jdcloud","target":"jd","allow":["plaintext","privateAddress"],"accessKey":{"secret":"JD_ACCESS_KEY"},"secretKey":{"secret":"JD_SECRET_KEY"},"timeout":"2s","price":{"id2":"0.20 CNY"}}},
	"budgets":[{"provider":"jd","max":"40.00 CNY","per":"month","scope":"fleet"}],
	"rules":[
	 {"name":"remembers","route":{"path":"/v1/remembers"},%[3]s,"remember":{"match":"1h","mismatch":"1h"}},
	 {"name":"tries","route":{"path":"/v1/tries"},%[3]s,"throttle":{"scope":"fleet","client":{"by":{"header":"x-key"},"max":100,"per":"744h"}},"remember":{"mismatch":"1h"}},
	 {"name":"spends","route":{"path":"/v1/spends"},%[3]s}]}`, s.webdis.Port, stage.Vendors.URL, claims)
}

// twoEnvoys is two real ones, with three workers in all, and one store.
func twoEnvoys(t *testing.T, s *store) []*house {
	t.Helper()
	l := play.ListenerOptions{Tenant: t.Name()}
	first := openOn(t, one, l, s.policy)
	return []*house{first, first.beside(t, play.EnvoyOptions{Workers: 2}, l, s.policy)}
}

const notMatching = `{"name":"韩梅梅","idNumber":"110101199003080009"}`

// crowd sends n requests to the gateways in turn, some at once, and counts what they get.
func crowd(t *testing.T, houses []*house, n int, path, body string, headers ...string) map[int]int {
	t.Helper()
	var (
		mu     sync.Mutex
		counts = map[int]int{}
		next   atomic.Int64
		all    sync.WaitGroup
	)
	for range 16 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				status, text, err := houses[int(i)%len(houses)].try("POST", path, body, headers...)
				if err != nil {
					t.Errorf("%v %.100s", err, text)
				}
				mu.Lock()
				counts[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

func TestTwoEnvoysAndOneRedisCountTogether(t *testing.T) {
	houses := twoEnvoys(t, newStore(t))
	// A hundred wrong tries; 40 CNY are 200 questions. Within five in a hundred, and never more.
	tries := crowd(t, houses, 300, "/v1/tries", notMatching, "x-key", "one")
	if tries[403] < 95 || tries[403] > 100 || tries[403]+tries[429] != 300 {
		t.Errorf("tries: %v", tries)
	}
	spent := crowd(t, houses, 400, "/v1/spends", matching)
	if spent[200] < 190 || spent[200] > 200 || spent[200]+spent[503] != 400 {
		t.Errorf("spent: %v", spent)
	}
	t.Logf("two Envoys, three workers: of 300 wrong tries %v, of 400 questions %v", tries, spent)
}

func TestWhatOneEnvoyLearnsTheOtherKnows(t *testing.T) {
	houses := twoEnvoys(t, newStore(t))
	if status, text := houses[0].send(t, "POST", "/v1/remembers", matching); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if line := houses[0].audit(t, 0); line["cache"] != "miss" {
		t.Errorf("%v", line)
	}
	n := 0
	eventually(t, "the other Envoy to know", 10*time.Second, func() bool {
		if status, text := houses[1].send(t, "POST", "/v1/remembers", matching); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		line := houses[1].audit(t, n)
		n++
		return line["cache"] == "hit"
	})
}

func TestTenThousandWhoAskTheSameOfAFleetAskOnce(t *testing.T) {
	var gate *play.Gate
	s := newStore(t)
	l := play.ListenerOptions{Tenant: t.Name(), Idle: "60s"}
	doc := func(stage *play.Stage) []byte {
		gate = play.NewGate(stage, true)
		return []byte(strings.NewReplacer(`"timeout":"2s","price"`, `"timeout":"20s","price"`, `"within":"4s"`, `"within":"50s"`, stage.Vendors.URL, gate.URL).Replace(string(s.policy(stage))))
	}
	h := openOn(t, play.EnvoyOptions{Workers: 2}, l, doc)
	t.Cleanup(gate.Close)
	tenThousand(t, h, gate, "/v1/remembers")
	if n := gate.Calls.Load(); n != 1 {
		t.Errorf("%d calls with two workers and a store, not 1", n)
	}
}

// mortal is a server that can die and come back.
type mortal interface {
	Kill()
	Start() error
}

// ours opens idvgate's own gateway on the same stage, with the guest that Envoy has.
func (h *house) ours(t *testing.T, doc func(*play.Stage) []byte) *house {
	t.Helper()
	wasm, err := os.ReadFile(built.guest)
	if err != nil {
		t.Fatal(err)
	}
	other := &house{stage: h.stage, record: play.NewRecord(), vars: h.vars}
	other.listen(t, play.HostRuntime{Wasm: wasm, ProxyWasm: true, CacheDir: t.TempDir()}, doc)
	return other
}

// TestServersMayDieUnderLoad, of two Envoys and idvgate's own gateway: Redis, Webdis and the vendor go and come back, each
// in turn. No request hangs or is decided otherwise; who is not known and cannot be asked about is told so, and so says
// the audit line.
func TestServersMayDieUnderLoad(t *testing.T) {
	s := newStore(t)
	l := play.ListenerOptions{Tenant: t.Name()}
	var vendor *play.Cable
	doc := func(stage *play.Stage) []byte {
		if vendor == nil {
			var err error
			if vendor, err = play.NewCable(stage.Vendors.URL); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(vendor.Kill)
		}
		return []byte(strings.NewReplacer(stage.Vendors.URL, vendor.URL, "40.00 CNY", "90000.00 CNY").Replace(string(s.policy(stage))))
	}
	first := openOn(t, one, l, doc)
	houses := []*house{first, first.beside(t, play.EnvoyOptions{Workers: 2}, l, doc), first.ours(t, doc)}
	// Every worker has learnt both answers before anybody dies.
	crowd(t, houses, 200, "/v1/remembers", matching)
	crowd(t, houses, 200, "/v1/remembers", notMatching)
	var asked, unknown atomic.Int64
	asked.Store(400)
	load, stop := sync.WaitGroup{}, make(chan struct{})
	for i := range 9 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				body, want, path, mayFail := matching, 200, "/v1/remembers", false
				if n%3 == 0 {
					body, want = notMatching, 403
				}
				if n%4 == 0 {
					path, mayFail = "/v1/spends", true
				}
				asked.Add(1)
				status, text, err := houses[i%len(houses)].try("POST", path, body)
				switch {
				case err == nil && status == 503 && mayFail:
					unknown.Add(1)
				case err != nil || status != want:
					t.Errorf("%s: %d, not %d: %.200s %v", path, status, want, text, err)
				}
			}
		})
	}
	for _, d := range []mortal{s.redis, s.webdis, vendor} {
		time.Sleep(700 * time.Millisecond)
		d.Kill()
		time.Sleep(1500 * time.Millisecond)
		if err := d.Start(); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(1500 * time.Millisecond)
	close(stop)
	load.Wait()
	lines := 0
	eventually(t, "every audit line", 5*time.Second, func() bool {
		lines = 0
		for _, h := range houses {
			lines += h.record.Len()
		}
		return lines == int(asked.Load())
	})
	for _, h := range houses {
		for i := range h.record.Len() {
			line := h.audit(t, i)
			attempts, _ := line["attempts"].([]any)
			if line["status"] != 503.0 {
				continue
			}
			unknown.Add(-1)
			why := ""
			if len(attempts) == 1 {
				why, _ = attempts[0].(map[string]any)["error"].(string)
			}
			if line["reason"] != "verification_unavailable" || !strings.HasPrefix(why, "unavailable") {
				t.Errorf("an audit line of a 503: %v", line)
			}
		}
	}
	if n := unknown.Load(); n != 0 {
		t.Errorf("of those who were told 503, %d have no line that says why", n)
	}
	t.Logf("%d requests, each with its line", lines)
	if strings.Contains(houses[0].Log(), "panic") {
		t.Error(houses[0].Log())
	}
}
