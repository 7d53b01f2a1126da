//go:build e2e

package envoy

import (
	"fmt"
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

func TestTheStoreMayDieUnderLoad(t *testing.T) {
	s := newStore(t)
	houses := twoEnvoys(t, s)
	var asked atomic.Int64
	load, stop := sync.WaitGroup{}, make(chan struct{})
	for i := range 8 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				body, want := matching, 200
				if n%3 == 0 {
					body, want = notMatching, 403
				}
				asked.Add(1)
				status, text, err := houses[i%2].try("POST", "/v1/remembers", body)
				if err != nil || status != want {
					t.Errorf("%d, not %d: %.200s %v", status, want, text, err)
				}
			}
		})
	}
	for _, d := range []*play.Daemon{s.redis, s.webdis} {
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
	t.Logf("%d requests, each with its line", lines)
	if strings.Contains(houses[0].Log(), "panic") {
		t.Error(houses[0].Log())
	}
}
