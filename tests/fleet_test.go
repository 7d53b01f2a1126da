package tests

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// fleet is several gateways with one policy and one store between them.
type fleet struct {
	t        *testing.T
	stage    *play.Stage
	gateways []play.Gateway
	records  []*play.Record
	seen     []int // audit lines that were looked at
}

func newFleet(t *testing.T, n int, policy string) *fleet {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	stage, err := play.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.Close)
	env, err := stage.Env(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, stage: stage, seen: make([]int, n)}
	for range n {
		record := play.NewRecord()
		g, err := play.NativeRuntime{}.Start([]byte(policy), env, stage, record)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		})
		f.gateways, f.records = append(f.gateways, g), append(f.records, record)
	}
	return f
}

// ask asks the gateway about a person, and compares what its audit line says.
func (f *fleet) ask(gateway int, path, person string, status int, want map[string]any) {
	f.t.Helper()
	seen, err := f.gateways[gateway].Play(f.request(path, person))
	if err != nil {
		f.t.Fatal(err)
	}
	if seen.Status != status {
		f.t.Errorf("gateway %d, %s about %s: %d, not %d (%s)", gateway, path, person, seen.Status, status, seen.Body)
	}
	line := f.line(gateway)
	for name, value := range want {
		if line[name] != value {
			f.t.Errorf("gateway %d: %s is %v, not %v (%v)", gateway, name, line[name], value, line)
		}
	}
}

// line is the gateway's next audit line.
func (f *fleet) line(gateway int) map[string]any {
	f.t.Helper()
	text, err := f.records[gateway].Line(f.seen[gateway])
	if err != nil {
		f.t.Fatal(err)
	}
	f.seen[gateway]++
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil {
		f.t.Fatal(err)
	}
	return line
}

func fleetPolicy(vendors, webdis string) string {
	const claims = `"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"},"mobile":{"body":"mobile"}},"verify":{"check":"mobile3","by":`
	return `{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"},"shared":{"http":"` + webdis + `"}},
	"providers":{
	 "jd":{"use":"jdcloud","endpoint":"` + vendors + `/jdcloud","allow":["plaintext","privateAddress"],"accessKey":{"secret":"JD_ACCESS_KEY"},"secretKey":{"secret":"JD_SECRET_KEY"},"price":{"mobile3":"0.30 CNY"}},
	 "page":{"use":"glodon","endpoint":"` + vendors + `/glodon","tokenEndpoint":"` + vendors + `/glodon-account","allow":["plaintext","privateAddress"],"appKey":{"secret":"GLODON_KEY"},"appSecret":{"secret":"GLODON_SECRET"},"returnUrl":"https://play.example.cn/back","pageHosts":["` + vendors + `"]}},
	"budgets":[{"provider":"jd","max":"6.00 CNY","per":"month","scope":"fleet"}],
	"rules":[
	 {"name":"remembers","route":{"path":"/v1/remembers"},` + claims + `["jd"]},"remember":{"match":"1h","mismatch":"1h"}},
	 {"name":"tries","route":{"path":"/v1/tries"},` + claims + `["jd"]},"throttle":{"scope":"fleet","client":{"max":4,"per":"744h"}}},
	 {"name":"spends","route":{"path":"/v1/spends"},` + claims + `["jd"]}},
	 {"name":"page","route":{"path":"/v1/page"},` + claims + `["page"]}}]}`
}

func startFleet(t *testing.T, n int) *fleet {
	t.Helper()
	// The addresses are known once there is a stage, so they are variables.
	return newFleet(t, n, fleetPolicy("${SANDBOX_URL}", "${WEBDIS_URL}"))
}

func TestWhatOneGatewayLearnsTheOthersKnow(t *testing.T) {
	f := startFleet(t, 2)
	f.ask(0, "/v1/remembers", "match", 200, map[string]any{"cache": "miss"})
	f.ask(0, "/v1/remembers", "mismatch", 403, map[string]any{"cache": "miss"})
	f.stored(2)
	f.ask(1, "/v1/remembers", "match", 200, map[string]any{"cache": "hit", "outcome": "match"})
	f.ask(1, "/v1/remembers", "mismatch", 403, map[string]any{"cache": "hit", "outcome": "mismatch"})
}

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it never came to that")
		}
	}
}

// stored waits until the store has so many values: it is told of an answer beside the request.
func (f *fleet) stored(n int) {
	f.t.Helper()
	eventually(f.t, func() bool { return f.stage.Store.Values() == n })
}

func TestAnAnswerMovedToAnotherPersonIsNone(t *testing.T) {
	f := startFleet(t, 2)
	f.ask(0, "/v1/remembers", "match", 200, map[string]any{"cache": "miss"})
	f.ask(0, "/v1/remembers", "mismatch", 403, map[string]any{"cache": "miss"})
	f.stored(2)
	if err := f.stage.Store.Do("moved"); err != nil {
		t.Fatal(err)
	}
	f.ask(1, "/v1/remembers", "mismatch", 403, map[string]any{"cache": "miss", "outcome": "mismatch"})
	f.ask(1, "/v1/remembers", "match", 200, map[string]any{"cache": "miss", "outcome": "match"})
	if n := f.records[1].Counts()[`idv_shared_total{result="forged"}`]; n != 2 {
		t.Errorf("%v forged values were counted, not 2", n)
	}
}

func TestTriesOfAFleetEndTogether(t *testing.T) {
	f := startFleet(t, 2)
	for i := range 4 {
		f.ask(i%2, "/v1/tries", "mismatch", 403, nil)
	}
	for i := range 2 {
		f.ask(i, "/v1/tries", "match", 429, map[string]any{"reason": "too_many_tries", "detail": "client"})
	}
}

func TestATryThatWasNoGuessIsGivenBackToTheFleet(t *testing.T) {
	f := startFleet(t, 2)
	for i := range 8 {
		f.ask(i%2, "/v1/tries", "match", 200, nil)
		eventually(t, func() bool {
			return !strings.Contains(f.stage.Store.Contents(), "idv:c:") || strings.Contains(f.stage.Store.Contents(), ":0")
		})
	}
}

func TestABudgetOfAFleetEndsTogetherAndAnEmptiedStoreBeginsNoOther(t *testing.T) {
	f := startFleet(t, 2)
	for i := range 10 { // 3.00 of 6.00
		f.ask(i%2, "/v1/spends", "match", 200, nil)
	}
	if err := f.stage.Store.Do("emptied"); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for i := range 20 {
		seen, err := f.gateways[i%2].Play(f.request("/v1/spends", "match"))
		if err != nil {
			t.Fatal(err)
		}
		if seen.Status == 200 {
			passed++
		}
	}
	// Who makes the counter anew goes on from what it saw: the other's last question it had not.
	if passed < 10 || passed > 11 {
		t.Errorf("%d questions were paid after the store was emptied, not 10 or 11", passed)
	}
}

func (f *fleet) request(path, person string) *play.Request {
	p := f.stage.People[person]
	body, _ := json.Marshal(map[string]string{"name": p["name"], "idNumber": p["idNumber"], "mobile": p["mobile"]}) // texts
	return &play.Request{Method: "POST", Host: "a", Path: path, Client: "192.0.2.7", Headers: [][2]string{{"content-type", "application/json"}}, HasBody: true, Body: body}
}

// bring is somebody whom Glodon sends to its page, with a handle or without. It returns the one attempt too.
func (f *fleet) bring(gateway int, handle string) (play.Seen, map[string]any) {
	f.t.Helper()
	r := f.request("/v1/page", "pending")
	if handle != "" {
		r.Headers = append(r.Headers, [2]string{"idv-pending", handle})
	}
	seen, err := f.gateways[gateway].Play(r)
	if err != nil {
		f.t.Fatal(err)
	}
	attempts, _ := f.line(gateway)["attempts"].([]any)
	if len(attempts) != 1 {
		f.t.Fatalf("%v", attempts)
	}
	return seen, attempts[0].(map[string]any)
}

func handleOf(t *testing.T, seen play.Seen) string {
	t.Helper()
	if len(seen.Header["idv-pending"]) != 1 {
		t.Fatalf("no handle: %v", seen)
	}
	return seen.Header["idv-pending"][0]
}

func TestAHandleWaitsForTheStoreWhereThePolicySaysSo(t *testing.T) {
	f := newFleet(t, 1, strings.Replace(fleetPolicy("${SANDBOX_URL}", "${WEBDIS_URL}"), `"shared":{`, `"shared":{"onError":"deny",`, 1))
	first, _ := f.bring(0, "")
	handle := handleOf(t, first)
	if err := f.stage.Store.Do("down"); err != nil {
		t.Fatal(err)
	}
	if seen, attempt := f.bring(0, handle); seen.Status != 503 || attempt["error"] != "unavailable store" {
		t.Errorf("without the store: %d, %v", seen.Status, attempt)
	}
	if err := f.stage.Store.Do("up"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { // it is left alone for a second
		_, attempt := f.bring(0, handle)
		return attempt["resumed"] == true
	})
}

func TestAHandleIsUsedOnceInTheFleet(t *testing.T) {
	f := startFleet(t, 2)
	first, _ := f.bring(0, "")
	handle := handleOf(t, first)
	still, attempt := f.bring(1, handle)
	if still.Status != 403 || attempt["resumed"] != true {
		t.Errorf("on another gateway: %d, %v", still.Status, attempt)
	}
	for i := range 2 {
		if again, attempt := f.bring(i, handle); attempt["resumed"] != nil || again.Status == 200 {
			t.Errorf("gateway %d takes it again: %d, %v", i, again.Status, attempt)
		}
	}
	if next, attempt := f.bring(0, handleOf(t, still)); attempt["resumed"] != true {
		t.Errorf("the next handle: %d, %v", next.Status, attempt)
	}
}

func TestAnAccountAtGlodonIsTheFleets(t *testing.T) {
	f := startFleet(t, 2)
	for i := range 2 {
		f.ask(i, "/v1/page", "pending", 403, map[string]any{"reason": "verification_required"})
	}
}
