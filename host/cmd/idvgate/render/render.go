// Package render writes a gateway's configuration from a policy: the filter, the belt behind it, a cluster for each
// vendor. What it writes is complete and says of each line why it is there; docs/gateways.md has the dangers they are
// against.
package render

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
)

// Kinds is the gateways there is a configuration for, in the order of the documents.
func Kinds() []string { return []string{"envoy", "istio", "envoy-gateway", "higress", "apisix"} }

// Options are what a policy does not say.
type Options struct {
	File        string // the policy's, for the comment
	Listen      string // host:port that clients come to
	Upstream    string // base URL of the API
	Wasm        string // the guest's file, as the gateway sees it
	Admin       string // host:port of Envoy's admin interface
	TrustedHops int    // proxies in front that are trusted to have written X-Forwarded-For
	DenyOthers  bool   // deny what no rule is for
}

// Write is the configuration for a kind of gateway. doc is the policy in JSON, names the variables and secrets that it
// asks for.
func Write(kind string, p *policy.Policy, doc []byte, names []string, o Options) ([]byte, error) {
	in, err := read(p, doc, names, o)
	if err != nil {
		return nil, err
	}
	if in.Redis && kind != "higress" {
		return nil, fmt.Errorf("state.shared.redis: only Higress asks Redis itself; for %s write http, for Redis behind Webdis", kind)
	}
	var b bytes.Buffer
	t, err := template.New("").Funcs(template.FuncMap{"indent": indent, "quote": quote}).ParseFS(files, "*.tmpl")
	if err != nil {
		return nil, err
	}
	in.template = t
	if err := t.ExecuteTemplate(&b, kind+".tmpl", in); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return b.Bytes(), nil
}

//go:embed *.tmpl
var files embed.FS

// input is what templates see.
type input struct {
	Options
	template *template.Template

	ListenHost, ListenPort string
	AdminHost, AdminPort   string
	API                    Cluster
	Vendors                []Cluster
	Config                 string // the plugin's configuration, indented JSON
	Names                  []string
	Labels                 []string // of metrics
	Redis                  bool     // the policy's store is one that Higress asks
	IdleSeconds            int64
	WindowBytes            int
	BufferBytes            int
}

// A Cluster is where requests go.
type Cluster struct {
	Name     string
	Host     string
	Port     int
	Address  bool // Host is an IP address
	TLS      bool
	Provider string // the policy's name for it; several are joined
	Private  bool
	Timeout  string // the longest of its callouts
}

// Part is another template's text, for one cluster or for all.
func (in *input) Part(name string, of any) (string, error) {
	var b bytes.Buffer
	err := in.template.ExecuteTemplate(&b, name, of)
	return strings.TrimRight(b.String(), "\n"), err
}

// indent moves all lines but the first.
func indent(by int, text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", by))
}

// quote is a text as YAML, which takes JSON's strings.
func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

const (
	// beyond is by how much an idle stream outlives the longest that vendors may take.
	beyond = 5 * time.Second
	// beside is what a body shares its buffer with.
	beside = 64 << 10
	// leastBuffer is Envoy's own default.
	leastBuffer = 1 << 20
)

func read(p *policy.Policy, doc []byte, names []string, o Options) (*input, error) {
	in := &input{Options: o, Names: slices.Clone(names), Labels: policy.MetricLabels(), Redis: p.State.Shared != nil && p.State.Shared.Redis != ""}
	slices.Sort(in.Names)
	var err error
	if in.ListenHost, in.ListenPort, err = address("--listen", o.Listen); err != nil {
		return nil, err
	}
	if in.AdminHost, in.AdminPort, err = address("--admin", o.Admin); err != nil {
		return nil, err
	}
	if in.API, err = cluster("--upstream", o.Upstream); err != nil {
		return nil, err
	}
	in.API.Name = "api"
	if in.Vendors, err = vendors(p); err != nil {
		return nil, err
	}
	for _, v := range in.Vendors {
		if v.Name == in.API.Name {
			return nil, fmt.Errorf("target %q is the cluster of the API itself: give provider %s another one", v.Name, v.Provider)
		}
	}
	unmatched := "pass"
	if o.DenyOthers {
		unmatched = "deny"
	}
	var config bytes.Buffer
	if err := json.Indent(&config, fmt.Appendf(nil, `{"unmatched":%q,"policy":%s}`, unmatched, doc), "", "  "); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	in.Config = config.String()
	longest, body := time.Duration(0), 0
	for i := range p.Rules {
		longest, body = max(longest, p.Rules[i].Within), max(body, p.Rules[i].MaxBody)
	}
	in.IdleSeconds = int64((longest + beyond + time.Second - 1) / time.Second)
	in.WindowBytes, in.BufferBytes = body+beside, max(leastBuffer, body+beside)
	return in, nil
}

func address(flag, s string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %q is no HOST:PORT", flag, s)
	}
	if _, bad := netip.ParseAddr(host); bad != nil {
		return "", "", fmt.Errorf("%s: %q is no IP address", flag, host)
	}
	return host, port, nil
}

// vendors is a cluster for each place that callouts of the policy go to.
func vendors(p *policy.Policy) ([]Cluster, error) {
	var list []Cluster
	for i := range p.Providers {
		entry := &p.Providers[i]
		adapter, err := entry.Info.New(entry.Config, providers.Env{
			Endpoint: entry.Endpoint, Instance: entry.Name, Now: time.Now, Random: rand.Reader,
		})
		if err != nil {
			return nil, fmt.Errorf("provider %s: %w", entry.Name, err)
		}
		urls := []string{entry.Endpoint}
		if more, ok := adapter.(providers.Endpointer); ok {
			urls = append(urls, more.Endpoints()...)
		}
		for _, u := range urls {
			c, err := cluster("provider "+entry.Name, u)
			if err != nil {
				return nil, err
			}
			c.Name, c.Provider, c.Private, c.Timeout = entry.TargetOf(u), entry.Name, entry.Private, entry.Timeout.String()
			if list, err = with(list, c); err != nil {
				return nil, err
			}
		}
	}
	if s := p.State.Shared; s != nil && s.Redis == "" {
		c, err := cluster("state.shared", s.URL)
		if err != nil {
			return nil, err
		}
		c.Name, c.Provider, c.Private, c.Timeout = s.Target, "state.shared", true, s.Timeout.String()
		return with(list, c)
	}
	return list, nil
}

// with adds a cluster, or finds that it is there.
func with(list []Cluster, c Cluster) ([]Cluster, error) {
	for i := range list {
		l := &list[i]
		if l.Name != c.Name {
			continue
		}
		if l.Host != c.Host || l.Port != c.Port || l.TLS != c.TLS {
			return nil, fmt.Errorf("target %q would be two places: %s of provider %s, and %s of provider %s; give one of them another target",
				c.Name, l.at(), l.Provider, c.at(), c.Provider)
		}
		if !slices.Contains(strings.Split(l.Provider, ", "), c.Provider) {
			l.Provider += ", " + c.Provider
		}
		l.Private = l.Private || c.Private
		return list, nil
	}
	return append(list, c), nil
}

func (c *Cluster) at() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

func cluster(what, raw string) (Cluster, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Cluster{}, fmt.Errorf("%s: a URL with http:// or https:// is due", what)
	}
	c := Cluster{Host: u.Hostname(), TLS: u.Scheme == "https", Port: 80}
	if c.TLS {
		c.Port = 443
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Cluster{}, fmt.Errorf("%s: the port is not from 1 to 65535", what)
		}
		c.Port = int(n)
	}
	_, err = netip.ParseAddr(c.Host)
	c.Address = err == nil
	return c, nil
}

// Slug is the cluster's name as part of a Kubernetes name.
func (c Cluster) Slug() string {
	var b strings.Builder
	for _, r := range strings.ToLower(c.Name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
