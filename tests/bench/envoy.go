package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
	"github.com/idvgate/idvgate/tests/bench/front"
)

// The groups of the table on Envoy.
const (
	groupEnvoyUnmatched = "In Envoy: a request no rule is for, against no filter"
	groupEnvoyRecalled  = "In Envoy: a remembered match, against no filter"
	groupEnvoyRemembers = "In Envoy: a remembered match, against ext_authz that remembers too"
	groupEnvoyAsked     = "In Envoy: one vendor call, against Lua's unsigned one"
	groupEnvoyAuthz     = "In Envoy: one vendor call, against ext_authz"
	groupEnvoyRSA       = "In Envoy: RSA by the gateway, against an unsigned vendor"
	groupEnvoyMemory    = "In Envoy: 5,000 requests that wait"
	groupEnvoyStart     = "In Envoy: size and start"
)

// More routes of the Envoy table's policy, each by another vendor of the sandbox.
const (
	rsaPath   = "/v1/rsa"   // kycloud: RSA
	tokenPath = "/v1/token" // celerity with a token granted once: nothing is signed
)

// envoyPeers is who is compared in Envoy. The first is what unmatched requests are measured by.
var envoyPeers = []string{"no filter", "lua", "ext_authz", "bare", "idvgate"}

// measureEnvoy compares the proxy-wasm guest in a real Envoy, one worker, with what else Envoy has. CPU time is Envoy's and
// that of the service that it asks.
func measureEnvoy(o options) (*results, error) {
	r := &results{When: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Requests: o.requests, Quick: o.quick}
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	l := &lab{world: w}
	l.naive = filepath.Join(dir, "bare.wasm")
	build := exec.CommandContext(context.Background(), "go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", l.naive, "./bare")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the bare guest: %w\n%s", err, out)
	}
	authz, err := l.start("authz", 1)
	if err != nil {
		return nil, err
	}
	defer authz.stop()
	peers, started := map[string]*process{}, map[string]time.Duration{}
	for _, kind := range envoyPeers {
		from := time.Now()
		p, err := l.startEnvoy(o, dir, kind, authz.addr)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		if peers[kind], started[kind] = p, time.Since(from); kind == "ext_authz" {
			p.also = authz
		}
	}
	for _, kind := range []string{"ext_authz", "idvgate"} {
		if err := prove(w, peers[kind]); err != nil {
			return nil, err
		}
	}
	if err := envoyTable(r, peers, o); err != nil {
		return nil, err
	}
	if err := envoyMemory(r, l, peers, o); err != nil {
		return nil, err
	}
	info, err := os.Stat(o.proxywasm)
	if err != nil {
		return nil, err
	}
	r.add(figure{Group: groupEnvoyStart, Name: "guest, stripped", Value: float64(info.Size()) / 1e6, Unit: "MB"}.atMost(5.5))
	r.add(figure{Group: groupEnvoyStart, Name: "start, later than without", Value: (started["idvgate"] - started["no filter"]).Seconds(), Unit: "s"}.atMost(1.5))
	return r, nil
}

// envoyWarm is how many requests each peer serves before it is measured: V8 optimises a function once it has run for long
// enough, which for those of a guest in Go takes tens of thousands of requests.
const envoyWarm = 15_000

func envoyTable(r *results, peers map[string]*process, o options) error {
	progress("CPU time per request in Envoy: %s", strings.Join(envoyPeers, ", "))
	ours := peers["idvgate"]
	mobile := request{path: tokenPath, body: `{"name":"李雷","idNumber":"110101199003070003","mobile":"13800001000"}`, want: "verified"}
	rsa := ask(leiLi, 0)
	rsa.path = rsaPath
	g := game{plain: peers["no filter"], control: pass(leiLi, 0), rounds: o.rounds, requests: o.requests, keepVoid: o.quick, warm: envoyWarm, until: time.Now().Add(o.limit)}
	if o.quick {
		g.warm = 0
	}
	for _, kind := range envoyPeers[1:] {
		g.runs = append(g.runs, play{kind + " unmatched", peers[kind], pass(leiLi, 0)})
		if kind != "bare" {
			g.runs = append(g.runs, play{kind + " asked", peers[kind], ask(leiLi, 0)})
		}
		if kind == "ext_authz" || kind == "idvgate" {
			g.runs = append(g.runs, play{kind + " recalled", peers[kind], again(leiLi)})
		}
	}
	g.runs = append(g.runs, play{"token", ours, mobile}, play{"rsa", ours, rsa})
	f, err := g.play()
	if err != nil {
		return err
	}
	r.Rounds, r.Void = f.rounds, f.void
	notes := map[string]string{"lua": "a Lua filter with httpCall, unsigned", "ext_authz": "an HTTP service in native Go, the same engine; CPU time of both", "idvgate": "the proxy-wasm guest", "bare": "a guest in Go that reads the head and nothing else: the floor"}
	r.add(figure{Group: groupEnvoyUnmatched, Name: "no filter", Value: 1, Unit: "×", Micros: f.plain})
	for _, kind := range envoyPeers[1:] {
		s := f.samples[kind+" unmatched"]
		one := figure{Group: groupEnvoyUnmatched, Name: kind, Value: s.ratio, Unit: "×", Micros: s.micros, Note: notes[kind]}
		if kind == "idvgate" {
			one = one.atLeast(0.92)
		}
		r.add(one)
	}
	recalled := func(kind string) sample { return f.samples[kind+" recalled"] }
	r.add(figure{Group: groupEnvoyRecalled, Name: "no filter", Value: 1, Unit: "×", Micros: f.plain})
	r.add(figure{Group: groupEnvoyRecalled, Name: "idvgate", Value: recalled("idvgate").ratio, Unit: "×", Micros: recalled("idvgate").micros, Note: notes["idvgate"]}.atLeast(0.80))
	r.add(figure{Group: groupEnvoyRemembers, Name: "ext_authz", Value: 1, Unit: "×", Micros: recalled("ext_authz").micros, Note: notes["ext_authz"]})
	r.add(figure{Group: groupEnvoyRemembers, Name: "idvgate", Value: recalled("ext_authz").micros / recalled("idvgate").micros, Unit: "×", Micros: recalled("idvgate").micros, Note: notes["idvgate"]}.atLeast(1.5))
	asked := func(kind string) float64 { return f.samples[kind+" asked"].micros }
	r.add(figure{Group: groupEnvoyAsked, Name: "lua", Value: 1, Unit: "×", Micros: asked("lua"), Note: notes["lua"]})
	r.add(figure{Group: groupEnvoyAsked, Name: "idvgate", Value: asked("lua") / asked("idvgate"), Unit: "×", Micros: asked("idvgate"), Note: "signed"}.atLeast(1))
	r.add(figure{Group: groupEnvoyAuthz, Name: "ext_authz", Value: 1, Unit: "×", Micros: asked("ext_authz"), Note: notes["ext_authz"]})
	r.add(figure{Group: groupEnvoyAuthz, Name: "idvgate", Value: asked("ext_authz") / asked("idvgate"), Unit: "×", Micros: asked("idvgate"), Note: "signed"}.atLeast(1.25))
	token, signed := f.samples["token"].micros, f.samples["rsa"].micros
	r.add(figure{Group: groupEnvoyRSA, Name: "celerity, unsigned", Value: 1, Unit: "×", Micros: token})
	r.add(figure{Group: groupEnvoyRSA, Name: "kycloud, RSA-2048", Value: token / signed, Unit: "×", Micros: signed}.atLeast(0.8))
	return nil
}

// machineMiB is what the virtual machine itself takes, by the findings.
const machineMiB = 100

// envoyMemory is what Envoy holds while thousands wait for their vendor.
func envoyMemory(r *results, l *lab, peers map[string]*process, o options) error {
	many := 5000
	if o.quick {
		many = 500
	}
	held := map[string]float64{}
	for _, kind := range []string{"lua", "idvgate"} {
		progress("%d requests wait in Envoy: %s", many, kind)
		if err := wait(l.world, peers[kind], many, func() error {
			held[kind] = peers[kind].memory("VmRSS")
			return nil
		}); err != nil {
			return err
		}
		// What Envoy keeps open would leave no room for the next.
		l.world.vendor.CloseClientConnections()
		l.world.upstream.CloseClientConnections()
	}
	r.add(figure{Group: groupEnvoyMemory, Name: "lua", Value: held["lua"], Unit: "MiB"})
	r.add(figure{Group: groupEnvoyMemory, Name: "idvgate", Value: held["idvgate"], Unit: "MiB"})
	r.add(figure{Group: groupEnvoyMemory, Name: "idvgate but for 100 MiB of its machine, against lua", Value: (held["idvgate"] - machineMiB) / held["lua"], Unit: "×"}.atMost(1.25))
	return nil
}

// startEnvoy starts an Envoy with one worker and the peer's filter.
func (l *lab) startEnvoy(o options, dir, kind, authz string) (*process, error) {
	listener, admin, err := twoPorts()
	if err != nil {
		return nil, err
	}
	config, err := l.envoyConfig(o, kind, authz, listener, admin)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, strings.ReplaceAll(kind, " ", "-")+".json")
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), o.envoy, "--config-path", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "off")
	cmd.Env = os.Environ()
	for name, value := range l.envoySecrets() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{kind: kind, addr: fmt.Sprintf("127.0.0.1:%d", listener), cmd: cmd}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return p, nil
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s: envoy does not serve", kind)
}

func twoPorts() (a, b int, err error) {
	for _, to := range []*int{&a, &b} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer l.Close()
		*to = l.Addr().(*net.TCPAddr).Port
	}
	return a, b, nil
}

func (l *lab) envoySecrets() map[string]string {
	all := map[string]string{"TOKEN": "sandbox-fixed-token-1857de16788a1db2", "RSA": rsaKey()}
	for name, value := range secrets {
		all[name] = value
	}
	return all
}

// rsaKey is the sandbox's key of kycloud, as examples/policies/demo.env has it.
func rsaKey() string {
	text, err := os.ReadFile("../../examples/policies/demo.env")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "KYCLOUD_PRIVATE_KEY="); ok {
			return value
		}
	}
	return ""
}

// envoyPolicy is the bench's policy with two rules more.
func (l *lab) envoyPolicy() (any, error) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(benchPolicy(l.world.vendorURL(), 1)), &doc); err != nil {
		return nil, err
	}
	base := l.world.vendor.URL
	allow := []string{"plaintext", "privateAddress"}
	vendors := doc["providers"].(map[string]any)
	vendors["rsa"] = map[string]any{"use": "kycloud", "endpoint": base + "/kycloud", "allow": allow, "companyId": "52984126340489216", "privateKey": map[string]any{"secret": "RSA"}}
	vendors["token"] = map[string]any{"use": "celerity", "endpoint": base + "/celerity", "allow": allow, "token": map[string]any{"secret": "TOKEN"}}
	from := func(fields ...string) map[string]any {
		claims := map[string]any{}
		for _, f := range fields {
			claims[f] = map[string]any{"body": f}
		}
		return claims
	}
	doc["rules"] = append(doc["rules"].([]any),
		map[string]any{"name": "rsa", "route": map[string]any{"path": rsaPath}, "claims": from("name", "idNumber"), "verify": map[string]any{"check": "id2", "by": []string{"rsa"}}},
		map[string]any{"name": "token", "route": map[string]any{"path": tokenPath}, "claims": from("name", "idNumber", "mobile"), "verify": map[string]any{"check": "mobile3", "by": []string{"token"}}})
	return doc, nil
}

// luaFilter does the task but for the signature: it reads both fields, asks, and forwards or denies.
const luaFilter = `
function envoy_on_request(h)
  h:headers():remove("x-idv-outcome")
  if h:headers():get(":path") ~= "` + front.Path + `" then return end
  local body = h:body():getBytes(0, h:body():length())
  local name, id = body:match('"name":"([^"]*)"'), body:match('"idNumber":"([^"]*)"')
  if not name or not id then h:respond({[":status"] = "400"}, "") return end
  local _, reply = h:httpCall("vendor", {[":method"] = "POST", [":path"] = "/jdcloud/personalAuth", [":authority"] = "vendor",
    ["content-type"] = "application/json", ["authorization"] = "JDCLOUD2-HMAC-SHA256 unsigned"},
    '{"name":"' .. name .. '","idCard":"' .. id .. '"}', 30000)
  if reply and reply:find('"success":true', 1, true) then h:headers():add("x-idv-outcome", "match")
  else h:respond({[":status"] = "403"}, "") end
end
`

func (l *lab) envoyFilter(o options, kind, authz string) (any, error) {
	const prefix = "type.googleapis.com/envoy.extensions.filters.http."
	switch kind {
	case "lua":
		return map[string]any{"@type": prefix + "lua.v3.Lua", "default_source_code": map[string]any{"inline_string": luaFilter}}, nil
	case "ext_authz":
		ours := []any{map[string]any{"prefix": "x-idv-"}}
		return map[string]any{
			"@type": prefix + "ext_authz.v3.ExtAuthz", "with_request_body": map[string]any{"max_request_bytes": 2 << 20},
			"allowed_headers": map[string]any{"patterns": []any{map[string]any{"exact": "content-type"}}},
			"http_service": map[string]any{
				"server_uri":             map[string]any{"uri": "http://" + authz, "cluster": "authz", "timeout": "30s"},
				"authorization_response": map[string]any{"allowed_upstream_headers": map[string]any{"patterns": ours}},
			},
		}, nil
	case "bare":
		return map[string]any{"@type": prefix + "wasm.v3.Wasm", "config": map[string]any{
			"name": "bare", "vm_config": map[string]any{"runtime": "envoy.wasm.runtime.v8", "code": map[string]any{"local": map[string]any{"filename": l.naive}}},
		}}, nil
	case "idvgate":
		doc, err := l.envoyPolicy()
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(map[string]any{"policy": doc})
		if err != nil {
			return nil, err
		}
		var names []string
		for name := range l.envoySecrets() {
			names = append(names, name)
		}
		return map[string]any{"@type": prefix + "wasm.v3.Wasm", "config": map[string]any{
			"name": "idvgate", "root_id": "idvgate", "failure_policy": "FAIL_RELOAD", "allow_on_headers_stop_iteration": true,
			"configuration": map[string]any{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": string(text)},
			"vm_config": map[string]any{
				"runtime": "envoy.wasm.runtime.v8", "code": map[string]any{"local": map[string]any{"filename": o.proxywasm}},
				"environment_variables": map[string]any{"host_env_keys": names},
			},
		}}, nil
	}
	return nil, nil
}

func (l *lab) envoyConfig(o options, kind, authz string, listener, admin int) (any, error) {
	at := func(port int) any {
		return map[string]any{"socket_address": map[string]any{"address": "127.0.0.1", "port_value": port}}
	}
	cluster := func(name, address string) (any, error) {
		u, err := url.Parse("http://" + address)
		if err != nil {
			return nil, err
		}
		var port int
		if _, err := fmt.Sscan(u.Port(), &port); err != nil {
			return nil, err
		}
		return map[string]any{
			"name": name, "type": "STATIC",
			"circuit_breakers": map[string]any{"thresholds": []any{map[string]any{"max_connections": 20000, "max_pending_requests": 20000, "max_requests": 20000}}},
			"load_assignment":  map[string]any{"cluster_name": name, "endpoints": []any{map[string]any{"lb_endpoints": []any{map[string]any{"endpoint": map[string]any{"address": at(port)}}}}}},
		}, nil
	}
	vendor := strings.TrimPrefix(l.world.vendor.URL, "http://")
	var clusters []any
	for name, address := range map[string]string{"api": strings.TrimPrefix(l.world.upstream.URL, "http://"), "vendor": vendor, vendor: vendor, "authz": authz} {
		c, err := cluster(name, address)
		if err != nil {
			return nil, err
		}
		clusters = append(clusters, c)
	}
	var filters []any
	filter, err := l.envoyFilter(o, kind, authz)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		filters = append(filters, map[string]any{"name": "filter", "typed_config": filter})
	}
	filters = append(filters, map[string]any{"name": "router", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}})
	return map[string]any{
		"admin": map[string]any{"address": at(admin)},
		"static_resources": map[string]any{
			"clusters": clusters,
			"listeners": []any{map[string]any{"address": at(listener), "filter_chains": []any{map[string]any{"filters": []any{map[string]any{
				"name": "hcm", "typed_config": map[string]any{
					"@type":       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
					"stat_prefix": "in", "http_filters": filters, "stream_idle_timeout": "60s",
					"route_config": map[string]any{"virtual_hosts": []any{map[string]any{"name": "all", "domains": []any{"*"}, "routes": []any{
						map[string]any{"match": map[string]any{"prefix": "/"}, "route": map[string]any{"cluster": "api", "timeout": "60s"}},
					}}}},
				},
			}}}}}},
		},
	}, nil
}

// authzService is the engine as a service that Envoy's ext_authz asks: what it sets Envoy hands to the upstream.
func authzService(doc string) (http.Handler, error) {
	env := native.Env(lookup)
	env.Audit = func([]byte) {}
	e, err := plugin.Load([]byte(doc), catalog.List(), env)
	if err != nil {
		return nil, err
	}
	do := native.NewDoer()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := &plugin.Head{Method: r.Method, Scheme: "http", Host: r.Host, Path: r.RequestURI, NoBody: r.ContentLength == 0}
		for name, values := range r.Header {
			for _, v := range values {
				head.Header = append(head.Header, callout.Header{Name: strings.ToLower(name), Value: v})
			}
		}
		d := e.Evaluate(r.Context(), &nativeRequest{head: head, r: r}, do)
		if d.Action == policy.Allow {
			for _, h := range d.Set {
				w.Header().Set(h.Name, h.Value)
			}
			return
		}
		for _, h := range d.Header {
			w.Header().Set(h.Name, h.Value)
		}
		w.WriteHeader(d.Status)
		_, _ = w.Write(d.Body) // whoever left is counted by whoever sent
	}), nil
}
