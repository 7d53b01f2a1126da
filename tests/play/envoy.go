package play

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/catalog"
)

// EnvoyOptions say how an Envoy is started.
type EnvoyOptions struct {
	Binary, Wasm string            // files
	Dir          string            // for its configuration
	Workers      int               // 0: one
	Env          map[string]string // of the guest; a gateway's secrets are among them
	Providers    providers.List    // that the guest knows; nil: the catalog
}

// ListenerOptions say how a gateway of an Envoy listens.
type ListenerOptions struct {
	NoSwitch bool   // without allow_on_headers_stop_iteration
	HTTP2    bool   // clients speak HTTP/2
	Idle     string // stream_idle_timeout; "": 20s
	Routes   []any  // before the one for everything
	Tenant   string // of what it remembers; "": one of its own
}

// EnvoyProcess is a real Envoy with the proxy-wasm guest. Each gateway is a listener of its own, added while it runs; all share
// one virtual machine a worker, as the plugins of one Envoy do.
type EnvoyProcess struct {
	Admin   string // address
	Version string
	options EnvoyOptions
	process *exec.Cmd
	exited  chan struct{}

	mu        sync.Mutex
	last      int // gateway
	version   int // of listeners and clusters
	listeners map[string]any
	clusters  map[string]any
	records   map[string]*Record
	log       bytes.Buffer // what no gateway has said
}

// envoyStart is how long an Envoy may take until it serves: it compiles the guest for each of its threads.
const envoyStart = 2 * time.Minute

// StartEnvoy starts an Envoy without any gateway.
func StartEnvoy(o EnvoyOptions) (*EnvoyProcess, error) {
	e := &EnvoyProcess{options: o, exited: make(chan struct{}), listeners: map[string]any{}, clusters: map[string]any{}, records: map[string]*Record{}}
	if o.Providers == nil {
		e.options.Providers = catalog.List()
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e.Admin = "127.0.0.1:" + strconv.Itoa(port)
	if err := e.publish(); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(o.Dir, "envoy.json"), e.bootstrap(port)); err != nil {
		return nil, err
	}
	e.process = exec.Command(o.Binary, "--config-path", filepath.Join(o.Dir, "envoy.json"), "--concurrency", strconv.Itoa(max(1, o.Workers)),
		"--log-level", "info", "--use-dynamic-base-id", "--drain-time-s", "1", "--log-format", "%v")
	e.process.Env = os.Environ()
	for name, value := range o.Env {
		e.process.Env = append(e.process.Env, name+"="+value)
	}
	out, err := e.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := e.process.Start(); err != nil {
		return nil, fmt.Errorf("play: envoy does not start: %w", err)
	}
	read := make(chan struct{})
	go func() { defer close(read); e.listen(out) }()
	go func() { <-read; _ = e.process.Wait(); close(e.exited) }() // how it ended is in its log
	if err := e.await(func() bool { text, err := e.Get("/ready"); return err == nil && strings.HasPrefix(text, "LIVE") }); err != nil {
		e.Close()
		return nil, err
	}
	text, err := e.Get("/server_info")
	var info struct{ Version string }
	if err == nil {
		err = json.Unmarshal([]byte(text), &info)
	}
	if parts := strings.Split(info.Version, "/"); len(parts) > 1 {
		e.Version = "Envoy " + parts[1]
	}
	return e, err
}

// await waits until something holds, while the process lives.
func (e *EnvoyProcess) await(holds func() bool) error {
	for end := time.Now().Add(envoyStart); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return nil
		}
		select {
		case <-e.exited:
			return fmt.Errorf("play: envoy has ended:\n%s", e.Log())
		default:
		}
	}
	return fmt.Errorf("play: envoy is not ready:\n%s", e.Log())
}

// Get asks the admin interface.
func (e *EnvoyProcess) Get(path string) (string, error) {
	r, err := http.Get("http://" + e.Admin + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}

// Log is what the process has said outside of its gateways.
func (e *EnvoyProcess) Log() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.String()
}

// Pid is the process's number.
func (e *EnvoyProcess) Pid() int { return e.process.Process.Pid }

// Close ends the process.
func (e *EnvoyProcess) Close() {
	_ = e.process.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-e.exited:
	case <-time.After(10 * time.Second):
		_ = e.process.Process.Kill() // it may have ended
		<-e.exited
	}
}

// said is a line of a guest: who has said it, and what.
var said = regexp.MustCompile(`wasm log (play-\d+)[^{]*: (\{.*)$`)

// listen hands what guests say to the records of their gateways.
func (e *EnvoyProcess) listen(out io.Reader) {
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			e.hear(line)
		}
		if err != nil {
			return
		}
	}
}

func (e *EnvoyProcess) hear(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := said.FindStringSubmatch(line); m != nil {
		if record := e.records[m[1]]; record != nil {
			var a struct{ Audit json.RawMessage }
			if json.Unmarshal([]byte(m[2]), &a) == nil && a.Audit != nil {
				record.Audit(a.Audit)
				return
			}
			_, _ = record.Write([]byte(line + "\n")) // it never fails
			return
		}
	}
	e.log.WriteString(line + "\n")
}

func (e *EnvoyProcess) bootstrap(port int) any {
	dynamic := func(name string) any {
		return map[string]any{"resource_api_version": "V3", "path_config_source": map[string]any{
			"path": filepath.Join(e.options.Dir, name), "watched_directory": map[string]any{"path": e.options.Dir},
		}}
	}
	var tags []any
	for _, label := range policy.MetricLabels() {
		tags = append(tags, map[string]any{"tag_name": label, "regex": `^wasmcustom\.idv_.*?(\.` + label + `=([^.]*))`})
	}
	return map[string]any{
		"node":                 map[string]any{"id": "play", "cluster": "play"},
		"admin":                map[string]any{"address": socketAddress(port)},
		"stats_flush_on_admin": true,
		"stats_config":         map[string]any{"stats_tags": tags},
		"dynamic_resources":    map[string]any{"lds_config": dynamic("lds.json"), "cds_config": dynamic("cds.json")},
		"layered_runtime":      map[string]any{"layers": []any{map[string]any{"name": "static", "static_layer": map[string]any{"re2": map[string]any{"max_program_size": map[string]any{"error_level": 1000}}}}}},
		"overload_manager":     map[string]any{"resource_monitors": []any{map[string]any{"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig", "max_active_downstream_connections": 50000}}}},
	}
}

func socketAddress(port int) any {
	return map[string]any{"socket_address": map[string]any{"address": "127.0.0.1", "port_value": port}}
}

// publish writes listeners and clusters for Envoy to find. e.mu is held, or nobody else is there.
func (e *EnvoyProcess) publish() error {
	e.version++
	// Clusters first: a listener's policy may use them at once.
	for _, file := range []string{"cds.json", "lds.json"} {
		of, list := e.clusters, []any(nil)
		if file == "lds.json" {
			of = e.listeners
		}
		for _, name := range slices.Sorted(maps.Keys(of)) {
			list = append(list, of[name])
		}
		document := map[string]any{"version_info": strconv.Itoa(e.version), "resources": list}
		if list == nil {
			document["resources"] = []any{}
		}
		if err := writeJSON(filepath.Join(e.options.Dir, file), document); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON puts a file in its place whole.
func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// With is the Envoy as a runtime whose gateways listen so.
func (e *EnvoyProcess) With(o ListenerOptions) Runtime { return envoyRuntime{e, o} }

// envoyRuntime adds listeners to an Envoy.
type envoyRuntime struct {
	*EnvoyProcess
	options ListenerOptions
}

// Name is envoy.
func (envoyRuntime) Name() string { return Envoy }

// SecretName is the name of a gateway's secret in the guest's environment, which all gateways of an Envoy share: where
// its value is not the usual one, another name.
func SecretName(name, value string, usual map[string]string) string {
	if v, ok := usual[name]; ok && v != value {
		return name + "_" + strings.ToUpper(fmt.Sprintf("%x", value))
	}
	return name
}

// Start adds a listener with the policy.
func (of envoyRuntime) Start(doc []byte, vars map[string]string, stage *Stage, record *Record) (Gateway, error) {
	e := of.EnvoyProcess
	engine, err := plugin.Load(doc, e.options.Providers, native.Env(func(name string) (string, bool) { v, ok := vars[name]; return v, ok }))
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	g := &envoyGateway{envoy: e, options: of.options, name: "play-" + strconv.Itoa(e.last), stage: stage, record: record}
	var policy any
	if err := json.Unmarshal(doc, &policy); err != nil {
		return nil, err
	}
	keepApart(policy, cmp.Or(of.options.Tenant, g.name))
	config := map[string]any{"policy": e.adapt(policy, vars, g.name+"-")}
	if vars["idvgate.unmatched"] == "deny" {
		config["unmatched"] = "deny"
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	g.address = "127.0.0.1:" + strconv.Itoa(port)
	e.records[g.name] = record
	upstream := stage.Upstream.Listener.Addr().(*net.TCPAddr).Port
	g.cluster(g.name, "127.0.0.1", upstream)
	for _, p := range engine.Endpoints() {
		host, port, err := endpointAddress(p.URL)
		if err != nil {
			return nil, err
		}
		target := p.Target
		if !strings.HasSuffix(p.URL, target) && !strings.Contains(p.URL, "://"+target+"/") {
			target = g.name + "-" + target
		}
		g.cluster(target, host, port)
	}
	listener, err := e.listener(g, port, config)
	if err != nil {
		return nil, err
	}
	e.listeners[g.name] = listener
	if err := e.publish(); err != nil {
		return nil, err
	}
	e.mu.Unlock()
	err = e.await(func() bool {
		c, err := net.Dial("tcp", g.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	e.mu.Lock()
	if err != nil {
		return nil, err
	}
	before, err := e.counts() // of gateways before this one
	record.SetMetrics(before)
	return g, err
}

func endpointAddress(url string) (host string, port int, err error) {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "/")
	host, text, err := net.SplitHostPort(rest)
	if err != nil {
		return "127.0.0.1", 1, nil //nolint:nilerr // a name that no test reaches
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

func (g *envoyGateway) cluster(name, host string, port int) {
	if g.envoy.clusters[name] == nil {
		g.clusters = append(g.clusters, name)
	}
	g.envoy.clusters[name] = map[string]any{
		"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": name, "type": "STATIC", "connect_timeout": "2s",
		"circuit_breakers": map[string]any{"thresholds": []any{map[string]any{"max_connections": 20000, "max_pending_requests": 20000, "max_requests": 20000}}},
		"typed_extension_protocol_options": map[string]any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": map[string]any{
			"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
			"explicit_http_config": map[string]any{"http_protocol_options": map[string]any{"enable_trailers": true}},
		}},
		"load_assignment": map[string]any{"cluster_name": name, "endpoints": []any{map[string]any{"lb_endpoints": []any{map[string]any{"endpoint": map[string]any{
			"address": map[string]any{"socket_address": map[string]any{"address": host, "port_value": port}},
		}}}}}},
	}
}

// adapt fits a policy into an Envoy that other policies share: variables become what they stand for, since the
// environment is the virtual machine's; targets and secrets get names of their own.
func (e *EnvoyProcess) adapt(v any, vars map[string]string, prefix string) any {
	switch v := v.(type) {
	case string:
		return variable.ReplaceAllStringFunc(v, func(s string) string {
			m := variable.FindStringSubmatch(s)
			if value, ok := vars[m[1]]; ok {
				return value
			}
			return strings.TrimPrefix(m[2], ":-")
		})
	case []any:
		for i := range v {
			v[i] = e.adapt(v[i], vars, prefix)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = e.adapt(member, vars, prefix)
			if text, ok := member.(string); ok && name == "target" {
				v[name] = prefix + text
			}
		}
		if secret, ok := v["secret"]; ok && len(v) == 1 {
			switch s := secret.(type) {
			case string:
				v["secret"] = SecretName(s, vars[s], e.options.Env)
			case []any:
				for i := range s {
					if name, ok := s[i].(string); ok {
						s[i] = SecretName(name, vars[name], e.options.Env)
					}
				}
			}
		}
	}
	return v
}

// keepApart gives a policy that remembers a tenant of its own: the guest's memory is the virtual machine's, which all
// gateways of an Envoy share.
func keepApart(doc any, tenant string) {
	if p, ok := doc.(map[string]any); ok {
		if state, ok := p["state"].(map[string]any); ok {
			state["tenant"] = tenant
		}
	}
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)(:-[^}]*)?\}`)

func (e *EnvoyProcess) listener(g *envoyGateway, port int, config any) (any, error) {
	name, idle := g.name, g.options.Idle
	if idle == "" {
		idle = "20s"
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	typed := func(kind string, members map[string]any) map[string]any {
		members["@type"] = "type.googleapis.com/envoy.extensions.filters." + kind
		return members
	}
	filter := func(name string, of map[string]any) any { return map[string]any{"name": name, "typed_config": of} }
	headers := []any{map[string]any{
		"header": tokenHeader, "remove": true,
		"on_header_present": map[string]any{"metadata_namespace": "envoy.filters.http.jwt_authn", "key": "idv", "type": "PROTOBUF_VALUE", "encode": "BASE64"},
	}}
	hcm := typed("network.http_connection_manager.v3.HttpConnectionManager", map[string]any{
		"stat_prefix": name, "use_remote_address": true, "preserve_external_request_id": true,
		"http_protocol_options": map[string]any{"enable_trailers": true},
		"upgrade_configs":       []any{map[string]any{"upgrade_type": "websocket"}},
		"stream_idle_timeout":   idle,
		"http_filters": []any{
			filter("token", typed("http.header_to_metadata.v3.Config", map[string]any{"request_rules": headers})),
			filter("idvgate", typed("http.wasm.v3.Wasm", map[string]any{"config": map[string]any{
				"name": name, "root_id": name, "failure_policy": "FAIL_RELOAD", "allow_on_headers_stop_iteration": !g.options.NoSwitch,
				"configuration": map[string]any{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": string(text)},
				"vm_config": map[string]any{
					"vm_id": "idvgate", "runtime": "envoy.wasm.runtime.v8",
					"code":                  map[string]any{"local": map[string]any{"filename": e.options.Wasm}},
					"environment_variables": map[string]any{"host_env_keys": slices.Sorted(maps.Keys(e.options.Env))},
				},
			}})),
			filter("belt", typed("http.rbac.v3.RBAC", map[string]any{"rules": map[string]any{"action": "DENY", "policies": map[string]any{"not_judged_by_idvgate": map[string]any{
				"permissions": []any{map[string]any{"any": true}},
				"principals":  []any{map[string]any{"not_id": map[string]any{"filter_state": map[string]any{"key": "wasm.idv", "string_match": map[string]any{"prefix": "outcome="}}}}},
			}}}})),
			filter("router", typed("http.router.v3.Router", map[string]any{})),
		},
		"route_config": map[string]any{"validate_clusters": false, "virtual_hosts": []any{map[string]any{
			"name": "all", "domains": []any{"*"}, "response_headers_to_add": []any{replyHeader("idv-assertion"), replyHeader("cache-control")},
			"routes": append(slices.Clone(g.options.Routes), map[string]any{"match": map[string]any{"prefix": "/"}, "route": map[string]any{"cluster": name}}, map[string]any{"match": map[string]any{"connect_matcher": map[string]any{}}, "route": map[string]any{"cluster": name}}),
		}}},
	})
	return map[string]any{
		"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": name, "address": socketAddress(port),
		"filter_chains": []any{map[string]any{"filters": []any{filter("hcm", hcm)}}},
	}, nil
}

// replyHeader adds to a response what the guest has left for the client, if it has.
func replyHeader(name string) any {
	return map[string]any{
		"header":        map[string]any{"key": name, "value": "%FILTER_STATE(wasm.idv." + name + ":PLAIN)%"},
		"append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
	}
}

// Address is where the gateway listens.
func (g *envoyGateway) Address() string { return g.address }

// Name is the gateway's, in Envoy's log and configuration.
func (g *envoyGateway) Name() string { return g.name }

// Addressed is a gateway that listens somewhere.
type Addressed interface {
	Gateway
	Address() string
	Name() string
}

// Change has Envoy load another policy into a gateway, or what is no policy. It does not wait for it.
func (e *EnvoyProcess) Change(g Addressed, config any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, port, err := net.SplitHostPort(g.Address())
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	listener, err := e.listener(g.(*envoyGateway), n, config)
	if err != nil {
		return err
	}
	e.listeners[g.Name()] = listener
	return e.publish()
}

// Cluster takes a cluster away (nil), or puts another one in its place.
func (e *EnvoyProcess) Cluster(name string, with func(cluster map[string]any)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if with == nil {
		delete(e.clusters, name)
	} else {
		with(e.clusters[name].(map[string]any))
	}
	return e.publish()
}

// Stat is a counter or gauge of Envoy's own; 0 where there is none.
func (e *EnvoyProcess) Stat(name string) (int64, error) {
	text, err := e.Get("/stats?filter=^" + regexp.QuoteMeta(name) + "$")
	if err != nil {
		return 0, err
	}
	_, value, ok := strings.Cut(strings.TrimSpace(text), ": ")
	if !ok {
		return 0, nil
	}
	return strconv.ParseInt(value, 10, 64)
}

// envoyGateway is one listener.
type envoyGateway struct {
	envoy    *EnvoyProcess
	options  ListenerOptions
	name     string
	address  string
	clusters []string
	stage    *Stage
	record   *Record
}

// tokenHeader carries a payload to Envoy's metadata, where its own filter for tokens would put it.
const tokenHeader = "x-play-token"

func (g *envoyGateway) Play(r *Request) (Seen, error) {
	if r.JWT != nil {
		with := *r
		token, err := metadata(r.JWT)
		if err != nil {
			return Seen{}, err
		}
		with.Headers = append(slices.Clone(r.Headers), [2]string{tokenHeader, token})
		r = &with
	}
	send := exchange
	if g.options.HTTP2 {
		send = exchangeHTTP2
	}
	seen, err := sendTo(send, g.address, g.stage, r)
	if err != nil {
		return seen, err
	}
	counts, err := g.envoy.counts()
	if err == nil {
		g.record.SetMetrics(counts)
	}
	return seen, err
}

// metadata is a JSON payload as Envoy's header_to_metadata takes it.
func metadata(payload []byte) (string, error) {
	var v any
	if err := json.Unmarshal(payload, &v); err != nil {
		return "", err
	}
	value, err := structpb.NewValue(v)
	if err != nil {
		return "", err
	}
	b, err := proto.Marshal(value)
	return base64.StdEncoding.EncodeToString(b), err
}

// counts are the guest's, under the names that they have elsewhere.
func (e *EnvoyProcess) counts() (map[string]float64, error) {
	const path = "/stats/prometheus?filter=wasmcustom"
	_, err := e.Get(path) // has the workers' histograms put together
	if err != nil {
		return nil, err
	}
	page, err := e.Get(path)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("play: metric %q: %w", line, err)
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(line[:at], "}"), "{")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "envoy_"), "wasmcustom_")
		switch {
		case name == "idv_cost_micros_total":
			name, value = "idv_cost_total", value/1e6
		case name == "idv_budget_left_micros":
			name, value = "idv_budget_left", value/1e6
		case strings.HasPrefix(name, "idv_vendor_milliseconds"):
			name = strings.Replace(name, "milliseconds", "seconds", 1)
		}
		all[name+sorted(labels)] += value
	}
	return all, nil
}

// sorted is labels in order, their values as they were before they stood in a name.
func sorted(labels string) string {
	if labels == "" {
		return ""
	}
	list := strings.Split(labels, ",")
	for i := range list {
		list[i] = escapedByte.ReplaceAllStringFunc(list[i], func(s string) string {
			c, _ := strconv.ParseUint(s[1:], 16, 8) // the expression takes nothing else
			return string([]byte{byte(c)})
		})
	}
	sort.Strings(list)
	return "{" + strings.Join(list, ",") + "}"
}

var escapedByte = regexp.MustCompile(`%[0-9A-F]{2}`)

// Close takes the listener away.
func (g *envoyGateway) Close() error {
	e := g.envoy
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.listeners, g.name)
	for _, name := range g.clusters {
		delete(e.clusters, name)
	}
	select {
	case <-e.exited:
		return errors.New("play: envoy has ended")
	default:
	}
	return e.publish()
}
