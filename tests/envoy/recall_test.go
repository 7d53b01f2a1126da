//go:build e2e

package envoy

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// remembering is the usual policy, whose rule remembers matches.
func remembering(url string) []byte {
	return []byte(strings.Replace(string(policy(url, `,"remember":{"match":"1h"}`)), `{"version":1,`, `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"}},`, 1))
}

// pushed is a policy under load: one rule remembers, one spends of a budget of 20 questions. more is of the first rule.
func pushed(url, name, more string) []byte {
	const claims = `"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},"verify":{"check":"id2","by":["jd"],"within":"4s"}`
	return fmt.Appendf(nil, `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"},"tenant":%q},
	"providers":{"jd":{"use":"jdcloud","endpoint":%q,"target":%q,"allow":["plaintext","privateAddress"],"accessKey":{"secret":"JD_ACCESS_KEY"},"secretKey":{"secret":"JD_SECRET_KEY"},"price":{"id2":"1 CNY"}}},
	"budgets":[{"provider":"jd","max":"20 CNY","per":"month"}],
	"rules":[{"name":"remembers","route":{"path":"/v1/remembers"},%[4]s,"remember":{"match":"1h"}%[5]s},{"name":"spends","route":{"path":"/v1/spends"},%[4]s}]}`,
		name, url, name+"-jd", claims, more)
}

func TestAPolicyPushUnderLoadForgetsNothing(t *testing.T) {
	var gate *play.Gate
	h := openOn(t, one, play.ListenerOptions{}, func(stage *play.Stage) []byte {
		gate = play.NewGate(stage, false)
		return []byte(strings.Replace(string(pushed(gate.URL+"/jdcloud", "x", "")), `"target":"x-jd",`, `"target":"jd",`, 1))
	})
	t.Cleanup(gate.Close)
	if status, text := h.send(t, "POST", "/v1/remembers", matching); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	before := h.audit(t, 0)["policy"]
	var load sync.WaitGroup
	var paid atomic.Int64
	done := make(chan struct{})
	for range 4 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if status, text, err := h.try("POST", "/v1/remembers", matching); err != nil || status != 200 {
					t.Errorf("%d %s %v", status, text, err)
				}
				if n%8 == 0 {
					switch status, text, err := h.try("POST", "/v1/spends", matching); {
					case status == 200:
						paid.Add(1)
					case err != nil || status != 503:
						t.Errorf("%d %s %v", status, text, err)
					}
				}
			}
		})
	}
	for i := range 3 {
		var doc any
		if err := json.Unmarshal(pushed(gate.URL+"/jdcloud", h.gateway.Name(), fmt.Sprintf(`,"maxBody":"%dKiB"`, 100+i)), &doc); err != nil {
			t.Fatal(err)
		}
		if err := h.Change(h.gateway, map[string]any{"policy": doc}); err != nil {
			t.Fatal(err)
		}
		last := before
		eventually(t, "the new policy", 10*time.Second, func() bool {
			last = h.audit(t, h.record.Len()-1)["policy"]
			return last != before
		})
		before = last
	}
	close(done)
	load.Wait()
	for range 25 {
		if status, _ := h.send(t, "POST", "/v1/spends", matching); status == 200 {
			paid.Add(1)
		}
	}
	if calls := gate.Calls.Load(); calls != 20 || paid.Load() != 19 {
		t.Errorf("of 20 questions %d were asked, 1 of them that is remembered, and %d were paid, over three pushes", calls, paid.Load())
	}
}

func TestTenThousandWhoAskTheSameAskOnceAWorker(t *testing.T) {
	for _, workers := range []int{1, 2} {
		var gate *play.Gate
		h := openOn(t, play.EnvoyOptions{Workers: workers}, play.ListenerOptions{Idle: "60s"}, func(stage *play.Stage) []byte {
			gate = play.NewGate(stage, true)
			return []byte(strings.NewReplacer(`"timeout":"2s"`, `"timeout":"20s"`, `"within":"4s"`, `"within":"40s"`).Replace(string(remembering(gate.URL + "/jdcloud"))))
		})
		t.Cleanup(gate.Close)
		tenThousand(t, h, gate, "/v1/pay")
		if n := gate.Calls.Load(); n < 1 || n > int64(workers) {
			t.Errorf("%d calls with %d workers", n, workers)
		} else {
			t.Logf("10,000 requests, %d workers: %d calls", workers, n)
		}
	}
}

// tenThousand sends as many requests about one person, while the vendor's gate is shut until thousands wait.
func tenThousand(t *testing.T, h *house, gate *play.Gate, path string) {
	t.Helper()
	const many, waiting = 10_000, 4_000
	var all sync.WaitGroup
	limit := make(chan struct{}, waiting) // open files
	for range many {
		limit <- struct{}{}
		if len(limit) == waiting {
			gate.Open() // the others find it remembered
		}
		all.Go(func() {
			defer func() { <-limit }()
			if status, text, err := h.try("POST", path, matching); err != nil || status != 200 {
				t.Errorf("%d %.100s %v", status, text, err)
			}
		})
	}
	all.Wait()
}
