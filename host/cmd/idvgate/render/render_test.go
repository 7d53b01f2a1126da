package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/idvgate/idvgate/host/cmd/idvgate/render"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers/catalog"
)

var update = flag.Bool("update", false, "write the files that are compared with")

const examples = "../../../../examples"

func options() render.Options {
	return render.Options{
		File: "policy.yaml", Listen: "127.0.0.1:10000", Upstream: "http://127.0.0.1:8082",
		Wasm: "/etc/idvgate/idvgate-proxywasm.wasm", Admin: "127.0.0.1:9901",
	}
}

// load is a policy with every variable and secret that it names.
func load(t *testing.T, text []byte) (*policy.Policy, []byte, []string) {
	t.Helper()
	known, err := os.ReadFile(filepath.Join(examples, "policies", "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	env, err := source.ReadEnv(bytes.NewReader(known))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p, wrong, doc := source.Load("policy.yaml", text, catalog.List(), func(name string) (string, bool) {
		names = append(names, name)
		value, ok := env[name]
		return value, ok
	})
	if wrong != nil {
		t.Fatal(wrong)
	}
	slices.Sort(names)
	return p, doc, slices.Compact(names)
}

// TestExamples compares what is rendered for minimal.yaml with the files in examples, which show it to readers.
// TestRedisIsHigresss: only Higress has what the policy asks for, and needs no cluster of ours for it.
func TestRedisIsHigresss(t *testing.T) {
	doc, err := source.Parse("policy.yaml", []byte(`
version: 1
providers: { jd: { use: jdcloud, accessKey: { secret: A }, secretKey: { secret: B } } }
state: { key: { secret: K }, shared: { redis: "outbound|6379||redis.dns" } }
rules: [ { name: one, route: { path: /a }, claims: { name: { body: name }, idNumber: { body: id } }, verify: { check: id2, by: [jd] } } ]
`))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := policy.Load(doc.JSON(), catalog.List(), func(string) (string, bool) { return strings.Repeat("x", 40), true })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, kind := range render.Kinds() {
		text, err := render.Write(kind, p, doc.JSON(), nil, render.Options{Listen: "127.0.0.1:1", Upstream: "http://127.0.0.1:2", Admin: "127.0.0.1:3", Wasm: "/g.wasm"})
		if kind == "higress" {
			if err != nil || !strings.Contains(string(text), "idvgate guest higress") || strings.Contains(string(text), "state.shared\n") {
				t.Errorf("%v\n%s", err, text)
			}
		} else if err == nil || !strings.Contains(err.Error(), "state.shared.redis") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(examples, "policies", "minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, doc, names := load(t, text)
	for _, kind := range render.Kinds() {
		t.Run(kind, func(t *testing.T) {
			o := options()
			o.File = "minimal.yaml"
			got, err := render.Write(kind, p, doc, names, o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(examples, kind, "minimal.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is stale: go test ./host/cmd/idvgate/render -update, and read the difference", file)
			}
		})
	}
}

// TestEveryPolicyIsYAMLForEveryGateway: what is rendered can be read, holds no secret, and names each that the guest
// needs.
func TestEveryPolicyIsYAMLForEveryGateway(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "policies", "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	secrets, err := os.ReadFile(filepath.Join(examples, "policies", "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, doc, names := load(t, text)
		for _, kind := range render.Kinds() {
			t.Run(filepath.Base(file)+" for "+kind, func(t *testing.T) {
				got, err := render.Write(kind, p, doc, names, options())
				if err != nil {
					t.Fatal(err)
				}
				for i, part := range bytes.Split(got, []byte("\n---\n")) {
					var v any
					if err := yaml.Unmarshal(part, &v); err != nil {
						t.Errorf("document %d: %v", i+1, err)
					}
				}
				for line := range strings.Lines(string(secrets)) {
					name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
					if !ok || strings.HasPrefix(line, "#") {
						continue
					}
					if !strings.HasPrefix(value, "http") && strings.Contains(string(got), value) {
						t.Errorf("the value of %s is in it", name)
					}
					if slices.Contains(names, name) && !strings.Contains(string(got), name) {
						t.Errorf("%s is not in it", name)
					}
				}
			})
		}
	}
}

const twoVendors = `
version: 1
providers:
  one: { use: jdcloud, endpoint: "ONE", ALLOW accessKey: { secret: JD_ACCESS_KEY }, secretKey: { secret: JD_SECRET_KEY } }
  two: { use: jdcloud, endpoint: "TWO", ALLOW accessKey: { secret: JD_ACCESS_KEY }, secretKey: { secret: JD_SECRET_KEY } }
rules:
  - name: real name
    route: { path: /v1/realname }
    claims: { name: { body: name }, idNumber: { body: idNumber } }
    verify: { check: id2, by: [one, two], within: 7s }
    maxBody: 2MiB
`

func two(one, other string) []byte {
	return []byte(strings.NewReplacer("ONE", one, "TWO", other, "ALLOW", "allow: [plaintext, privateAddress],").Replace(twoVendors))
}

func TestVendorsHaveAClusterEach(t *testing.T) {
	p, doc, names := load(t, two("https://jd.example.cn", "http://10.0.0.7:8443/base"))
	got, err := render.Write("envoy", p, doc, names, options())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`name: "jd.example.cn"`, "type: STRICT_DNS", `sni: "jd.example.cn"`, `matcher: { exact: "jd.example.cn" }`, `address: "jd.example.cn", port_value: 443`,
		`name: "10.0.0.7:8443"`, "type: STATIC", `address: "10.0.0.7", port_value: 8443`,
		"stream_idle_timeout: 12s", "per_connection_buffer_limit_bytes: 2162688", "initial_stream_window_size: 2162688", "- JD_ACCESS_KEY",
		"xff_num_trusted_hops: 0", "failure_policy: FAIL_RELOAD", "allow_on_headers_stop_iteration: true", "use_remote_address: true",
	} {
		if !bytes.Contains(got, []byte(part)) {
			t.Errorf("%s is not in it", part)
		}
	}
	if n := bytes.Count(got, []byte("trusted_ca")); n != 1 {
		t.Errorf("%d clusters have TLS, not one", n)
	}
}

func TestVendorsOfOneHostShareACluster(t *testing.T) {
	p, doc, names := load(t, two("https://jd.example.cn/a", "https://jd.example.cn/b"))
	got, err := render.Write("envoy", p, doc, names, options())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(got, []byte(`- name: "jd.example.cn"`)); n != 1 {
		t.Errorf("%d clusters, not one", n)
	}
	if !bytes.Contains(got, []byte("# Provider one, two;")) {
		t.Error("the cluster does not say whose it is")
	}
}

func TestWhatCannotBeRendered(t *testing.T) {
	withTarget := func(text []byte, target string) []byte {
		return bytes.ReplaceAll(text, []byte("use: jdcloud,"), []byte("use: jdcloud, target: "+target+","))
	}
	for _, c := range []struct {
		name   string
		policy []byte
		change func(*render.Options)
		says   string
	}{
		{"one target for two places", withTarget(two("https://a.example.cn", "https://b.example.cn"), "jd"), nil, `target "jd" would be two places`},
		{"the API's own cluster", withTarget(two("https://a.example.cn", "https://a.example.cn"), "api"), nil, `target "api" is the cluster of the API itself`},
		{"a listener without a port", two("https://a.example.cn", "https://b.example.cn"), func(o *render.Options) { o.Listen = "localhost" }, "--listen:"},
		{"a listener that is no address", two("https://a.example.cn", "https://b.example.cn"), func(o *render.Options) { o.Listen = "localhost:80" }, "--listen:"},
		{"an upstream that is no URL", two("https://a.example.cn", "https://b.example.cn"), func(o *render.Options) { o.Upstream = "127.0.0.1:80" }, "--upstream:"},
		{"an upstream's port", two("https://a.example.cn", "https://b.example.cn"), func(o *render.Options) { o.Upstream = "http://a:99999" }, "--upstream:"},
		{"an admin address", two("https://a.example.cn", "https://b.example.cn"), func(o *render.Options) { o.Admin = "9901" }, "--admin:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, doc, names := load(t, c.policy)
			o := options()
			if c.change != nil {
				c.change(&o)
			}
			_, err := render.Write("envoy", p, doc, names, o)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
