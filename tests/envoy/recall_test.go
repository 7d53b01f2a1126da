//go:build e2e

package envoy

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// remembering is the usual policy, whose rule remembers matches.
func remembering(url string) []byte {
	return []byte(strings.Replace(string(policy(url, `,"remember":{"match":"1h"}`)), `{"version":1,`, `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"}},`, 1))
}

func TestAPolicyPushForgetsNothing(t *testing.T) {
	h := open(t, one, play.ListenerOptions{}, remembering)
	if status, _ := h.send(t, "POST", "/v1/pay", matching); status != 200 {
		t.Fatalf("%d", status)
	}
	if line := h.audit(t, 0); line["cache"] != "miss" {
		t.Fatalf("the first: %v", line)
	}
	before := h.audit(t, 0)["policy"]
	var doc any
	text := strings.Replace(string(policy(h.vars["JDCLOUD_URL"], `,"remember":{"match":"30m"}`)), `{"version":1,`, `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"},"tenant":"`+h.gateway.Name()+`"},`, 1)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(text, `"target":"jd"`, `"target":"`+h.gateway.Name()+`-jd"`)), &doc); err != nil {
		t.Fatal(err)
	}
	if err := h.Change(h.gateway, map[string]any{"policy": doc}); err != nil {
		t.Fatal(err)
	}
	n := 1
	eventually(t, "the new policy", 10*time.Second, func() bool {
		if status, _ := h.send(t, "POST", "/v1/pay", matching); status != 200 {
			t.Fatalf("%d", status)
		}
		line := h.audit(t, n)
		n++
		if line["cache"] != "hit" {
			t.Fatalf("asked again: %v", line)
		}
		return line["policy"] != before
	})
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
