package policy

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

func (l *loader) readProviders(n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	if len(n.Members) == 0 {
		l.found.Add(n, false, "must not be empty")
	}
	for _, m := range n.Members {
		l.index[m.Key] = len(l.policy.Providers)
		p, made := l.readProvider(m.Key, m.Value)
		l.policy.Providers = append(l.policy.Providers, p)
		l.made = append(l.made, made)
	}
}

// readProvider also makes the provider, to hear what its adapter has to say about the configuration; nil where
// anything is wrong with it.
func (l *loader) readProvider(name string, n *shape.Node) (Provider, providers.Provider) {
	p := Provider{Name: name, Timeout: defaultTimeout}
	if !providerName(name) {
		l.found.Add(n, true, "a provider's name is up to 64 letters, digits, - and _, and begins with a letter")
	}
	if !n.Sound(shape.Mapping) {
		return p, nil
	}
	use, _ := textOf(n.Get("use"))
	info, known := l.list.Find(use)
	if !known {
		return p, nil
	}
	p.Info = info
	if allow := n.Get("allow"); allow.Sound(shape.List) {
		p.Plaintext, p.Private = has(allow, "plaintext"), has(allow, "privateAddress")
	}
	l.readEndpoint(&p, n)
	l.readTarget(&p, n.Get("target"))
	if s, ok := textOf(n.Get("timeout")); ok {
		p.Timeout, _ = shape.ParseDuration(s)
	}
	l.readRetry(&p, n)
	l.readPrice(&p, n.Get("price"))
	l.readLimits(&p, n.Get("limits"))
	readBreaker(&p, n.Get("breaker"))
	own := shape.Config(info.Config)
	p.Config, p.Meaning = l.config(n, own), l.meaning(&p, n, own)
	if l.found.Under(n.Path) || info.New == nil {
		return p, nil
	}
	return p, l.makeProvider(&p, n)
}

func readBreaker(p *Provider, n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	if after := n.Get("after"); after.Sound(shape.Number) {
		p.Breaker.After = whole(after)
	}
	if s, ok := textOf(n.Get("rest")); ok {
		p.Breaker.Rest, _ = shape.ParseDuration(s)
	}
}

func providerName(s string) bool {
	if s == "" || len(s) > 64 || providers.Token(s) == "" || strings.Contains(s, ".") {
		return false
	}
	return s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z'
}

func has(list *shape.Node, word string) bool {
	return slices.ContainsFunc(list.Items, func(n *shape.Node) bool { return n.Kind == shape.Text && n.Text == word })
}

func (l *loader) readRetry(p *Provider, n *shape.Node) {
	retry, on := n.Get("retry"), n.Get("retryOn")
	if retry.Sound(shape.Number) {
		p.Retry = whole(retry)
	}
	if !on.Sound(shape.List) {
		return
	}
	p.RetryOnTimeout = has(on, "timeout")
	if p.Retry == 0 && (retry == nil || retry.Sound(shape.Number)) {
		l.found.Add(on, true, "retryOn has no meaning without retry: 1 or more")
	}
}

func (l *loader) readPrice(p *Provider, n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	for _, m := range n.Members {
		s, ok := textOf(m.Value)
		if !ok {
			continue
		}
		check := providers.Check(m.Key)
		if !slices.Contains(p.Info.Checks, check) {
			l.found.Add(m.Value, true, p.Info.Name+" cannot answer "+m.Key+checksOf(p.Info))
			continue
		}
		micros, currency, _ := shape.ParsePrice(s)
		if p.Price == nil {
			p.Price = make(map[providers.Check]Price)
		}
		p.Price[check] = Price{Micros: micros, Currency: currency}
	}
}

func checksOf(info providers.Info) string {
	var all []string
	for _, c := range info.Checks {
		all = append(all, string(c))
	}
	return "; it answers " + strings.Join(all, ", ")
}

// makeProvider lets the adapter judge its configuration, and checks the further addresses it calls. The engine makes
// its own; this one is asked nothing but Claims.
func (l *loader) makeProvider(p *Provider, n *shape.Node) providers.Provider {
	made, err := p.Info.New(p.Config, providers.Env{
		Endpoint: p.Endpoint,
		Instance: p.Name,
		Now:      func() time.Time { return time.Time{} },
		Random:   strings.NewReader(""),
	})
	if err != nil {
		l.configErrors(n, err)
		return nil
	}
	if e, ok := made.(providers.Endpointer); ok {
		for _, further := range e.Endpoints() {
			at := holding(n, further)
			if _, problem := parseEndpoint(further, p.Plaintext, p.Private); problem != "" {
				l.found.Add(at, at == n, problem)
				return nil
			}
		}
	}
	return made
}

// configErrors reports every ConfigError in err at the field it names.
func (l *loader) configErrors(n *shape.Node, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			l.configErrors(n, e)
		}
		return
	}
	var e *providers.ConfigError
	if !errors.As(err, &e) {
		l.found.Add(n, true, err.Error())
		return
	}
	at, message := n, e.Problem
	for _, key := range strings.FieldsFunc(e.Field, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := at.Get(key)
		for i, item := range at.Items {
			if item.Path[len(item.Path)-1] == key {
				next = at.Items[i]
			}
		}
		if next == nil { // not written: say which field
			message = e.Field + ": " + e.Problem
			break
		}
		at = next
	}
	l.found.Add(at, at == n || message != e.Problem, message)
}

// holding is the value below n that is this address, a trailing slash apart; n where none is.
func holding(n *shape.Node, address string) *shape.Node {
	for _, m := range n.Members {
		if m.Value.Kind == shape.Text && strings.TrimRight(m.Value.Text, "/") == strings.TrimRight(address, "/") && m.Key != "endpoint" {
			return m.Value
		}
		if m.Value.Kind == shape.Mapping {
			if at := holding(m.Value, address); at != m.Value {
				return at
			}
		}
	}
	return n
}
