//go:build e2e

package envoy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/idvgate/idvgate/host/proxywasm"
	"github.com/idvgate/idvgate/tests/play"
)

const redisCluster = "outbound|6379||redis.dns"

// higress stands in for a gateway that has Higress's calls for Redis. There is none to be had here: what a real one does
// is taken from its SDK (proxy_redis_init, proxy_redis_call, proxy_on_redis_call_response, buffer 9).
type higress struct {
	redis string // address
	as    string // as whom the cluster is asked
	vm    *proxywasm.VM
	todo  []func() error // replies that are due
	said  strings.Builder
	lines []map[string]any // of the audit
}

func (h *higress) Log(_ uint32, line string) {
	h.said.WriteString(line + "\n")
	var said struct{ Audit map[string]any }
	if json.Unmarshal([]byte(line), &said) == nil && said.Audit != nil {
		h.lines = append(h.lines, said.Audit)
	}
}
func (*higress) Tick(uint32)                                          {}
func (*higress) Define(uint32, string) (uint32, proxywasm.Status)     { return 1, proxywasm.OK }
func (*higress) Count(uint32, int64) proxywasm.Status                 { return proxywasm.OK }
func (*higress) Record(uint32, uint64) proxywasm.Status               { return proxywasm.OK }
func (*higress) Value(uint32) (uint64, proxywasm.Status)              { return 0, proxywasm.NotFound }
func (*higress) Property(*proxywasm.Context, []string) ([]byte, bool) { return nil, false }
func (*higress) Foreign(*proxywasm.Context, string, []byte) ([]byte, proxywasm.Status) {
	return nil, proxywasm.NotFound
}

func (h *higress) Call(c *proxywasm.Callout) proxywasm.Status {
	of := func(name string) string { value, _ := c.Headers.Get(name); return value }
	r, err := http.NewRequest(of(":method"), "http://"+of(":authority")+of(":path"), bytes.NewReader(c.Body))
	if err != nil {
		return proxywasm.BadArgument
	}
	for _, line := range c.Headers {
		if line.Name[0] != ':' {
			r.Header.Add(line.Name, line.Value)
		}
	}
	h.todo = append(h.todo, func() error {
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			return h.vm.Reply(c.Token, nil, nil, nil)
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			return err
		}
		headers := proxywasm.Pairs{{Name: ":status", Value: strconv.Itoa(reply.StatusCode)}, {Name: "date", Value: "now"}}
		for name, values := range reply.Header {
			headers = append(headers, proxywasm.Pair{Name: strings.ToLower(name), Value: values[0]})
		}
		return h.vm.Reply(c.Token, headers, body, nil)
	})
	return proxywasm.OK
}

func (h *higress) RedisInit(cluster, user, password string, _ uint32) proxywasm.Status {
	if cluster != redisCluster {
		return proxywasm.BadArgument
	}
	h.as = user + ":" + password
	return proxywasm.OK
}

func (h *higress) Redis(token uint32, cluster string, query []byte) proxywasm.Status {
	if cluster != redisCluster || h.as == "" {
		return proxywasm.BadArgument
	}
	h.todo = append(h.todo, func() error {
		reply, err := h.ask(query)
		return h.vm.RedisReply(token, reply, err == nil)
	})
	return proxywasm.OK
}

// ask asks the real Redis.
func (h *higress) ask(query []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", h.redis)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	line, err := in.ReadBytes('\n')
	if err != nil || line[0] != '$' || line[1] == '-' {
		return line, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	if err != nil {
		return nil, err
	}
	rest := make([]byte, n+2)
	_, err = io.ReadFull(in, rest)
	return append(line, rest...), err
}

// send sends a request about a person and returns its status, once nothing is left to do.
func (h *higress) send(t *testing.T, body string) int {
	t.Helper()
	s, err := h.vm.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestHeaders(proxywasm.Pairs{
		{Name: ":method", Value: "POST"},
		{Name: ":path", Value: "/v1/pay"},
		{Name: ":authority", Value: "a"},
		{Name: ":scheme", Value: "http"},
		{Name: "content-type", Value: "application/json"},
	}, false); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestBody([]byte(body), true); err != nil {
		t.Fatal(err)
	}
	for len(h.todo) > 0 {
		next := h.todo[0]
		h.todo = h.todo[1:]
		if err := next(); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case s.Reply != nil:
		return s.Reply.Status
	case s.Request.Passed:
		return 200
	}
	t.Fatalf("the request hangs\n%s", &h.said)
	return 0
}

// TestRedisByHigressItself: two workers of a gateway that asks Redis itself know what either has learnt, and do without
// where Redis is gone.
func TestRedisByHigressItself(t *testing.T) {
	dir := t.TempDir()
	wasm, err := play.BuildHigress(built.root, dir)
	if err != nil {
		t.Fatal(err)
	}
	redis, err := play.NewRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Kill)
	stage, vars := newStage(t)
	vars["REDIS_PASSWORD"] = "word"
	gate := play.NewGate(stage, false)
	t.Cleanup(gate.Close)
	doc := strings.Replace(string(policy(gate.URL+"/jdcloud", `,"remember":{"match":"1h","mismatch":"1h"}`)), `{"version":1,`,
		`{"version":1,"state":{"key":{"secret":"IDV_STATE_KEY"},"shared":{"redis":"`+redisCluster+`","login":{"user":"gate","password":{"secret":"REDIS_PASSWORD"}},"timeout":"1s"}},`, 1)
	cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "compiled"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close(context.Background()) })
	program := func(wasm []byte) *proxywasm.Program {
		p, err := proxywasm.Compile(t.Context(), wasm, proxywasm.Options{Configuration: []byte(`{"policy":` + doc + `}`), StopIteration: true, Strict: true, Cache: cache, Env: vars})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close(context.Background()) })
		return p
	}
	compiled := program(wasm)
	var workers [2]*higress
	for i := range workers {
		h := &higress{redis: fmt.Sprintf("127.0.0.1:%d", redis.Port)}
		if h.vm, err = compiled.NewVM(t.Context(), h); err != nil {
			t.Fatalf("%v\n%s", err, &h.said)
		}
		workers[i] = h
	}
	visit := func(worker int, body string, status int, cache string) {
		t.Helper()
		h := workers[worker]
		if got := h.send(t, body); got != status {
			t.Errorf("worker %d: %d, not %d", worker, got, status)
		}
		if line := h.lines[len(h.lines)-1]; line["cache"] != cache {
			t.Errorf("worker %d: cache is %v, not %s (%v)", worker, line["cache"], cache, line)
		}
	}
	visit(0, matching, 200, "miss")
	visit(0, notMatching, 403, "miss")
	visit(1, matching, 200, "hit")
	visit(1, notMatching, 403, "hit")
	if n := gate.Calls.Load(); n != 2 || workers[0].as != "gate:word" {
		t.Errorf("%d calls of the vendor, and Redis was asked as %q", n, workers[0].as)
	}
	redis.Kill()
	visit(1, `{"name":"赵敏","idNumber":"110101199003140008"}`, 503, "miss")
	visit(1, matching, 200, "hit")

	// The guest of other gateways takes no such policy: what it would count for the fleet it would count alone.
	plain, err := play.BuildProxyWasm(built.root, dir)
	if err != nil {
		t.Fatal(err)
	}
	refused := &higress{}
	if _, err := program(plain).NewVM(t.Context(), refused); !errors.Is(err, proxywasm.ErrRefused) || !strings.Contains(refused.said.String(), "asks no Redis itself") {
		t.Errorf("%v\n%s", err, &refused.said)
	}
}

var _ proxywasm.RedisEmbedder = (*higress)(nil)
