package plugin

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// rule is a policy's rule, made ready.
type rule struct {
	*policy.Rule
	needsBody bool
	watch     *strictjson.Watch // the body's JSON paths, of claims and conditions
	bodyPaths map[string]int    // path as written to its number in watch
	tokens    *strictjson.Watch // the same for the verified token's payload
	jwtPaths  map[string]int
	decisions
}

// routes finds the rules that are for a request, by its head.
type routes struct {
	byHost  map[string][]*rule // rules for that host, and those for any
	anyHost []*rule
	none    bool // no rules at all
}

func compileRoutes(e *Engine) routes {
	r := routes{byHost: make(map[string][]*rule), none: len(e.policy.Rules) == 0}
	rules := make([]*rule, len(e.policy.Rules))
	for i := range e.policy.Rules {
		rules[i] = compileRule(&e.policy.Rules[i])
		for _, h := range rules[i].Route.Hosts {
			r.byHost[h] = nil
		}
	}
	for _, rule := range rules {
		if rule.Route.Hosts == nil {
			r.anyHost = append(r.anyHost, rule)
		}
		for h := range r.byHost {
			if rule.Route.Hosts == nil || contains(rule.Route.Hosts, h) {
				r.byHost[h] = append(r.byHost[h], rule)
			}
		}
	}
	return r
}

func compileRule(p *policy.Rule) *rule {
	r := &rule{Rule: p, bodyPaths: map[string]int{}, jwtPaths: map[string]int{}}
	var body, jwt [][]string
	add := func(s policy.Source) {
		switch s.Place {
		case policy.Body:
			r.needsBody = true
			if _, ok := r.bodyPaths[s.Path]; !ok {
				r.bodyPaths[s.Path] = len(body)
				body = append(body, s.Keys)
			}
		case policy.Form:
			r.needsBody = true
		case policy.JWTClaim:
			if _, ok := r.jwtPaths[s.Path]; !ok {
				r.jwtPaths[s.Path] = len(jwt)
				jwt = append(jwt, s.Keys)
			}
		case policy.Header, policy.Query:
		}
	}
	for _, c := range p.Claims {
		add(c.Source)
	}
	if p.Throttle.By.Path != "" {
		add(p.Throttle.By)
	}
	for _, bound := range []policy.Source{p.Assert.BoundTo, p.Require.Proof.BoundTo} {
		if bound.Path != "" {
			add(bound)
		}
	}
	if p.When != nil {
		eachLeaf(p.When, func(c *policy.Condition) { add(c.Source) })
	}
	r.watch, r.tokens = strictjson.NewWatch(body), strictjson.NewWatch(jwt)
	return r
}

func eachLeaf(c *policy.Condition, do func(*policy.Condition)) {
	if c.All == nil && c.Any == nil {
		do(c)
	}
	for i := range c.All {
		eachLeaf(&c.All[i], do)
	}
	for i := range c.Any {
		eachLeaf(&c.Any[i], do)
	}
}

// find returns the rules whose route covers the head, in the policy's order. Where rules are at work for the host, a
// head that gateway, guest and upstream could read differently is ambiguous; the word says how.
func (r *routes) find(h *Head) (matched []*rule, ambiguous string) {
	if r.none {
		return nil, ""
	}
	host, ok := readHost(h)
	if !ok {
		return nil, "ambiguous_host"
	}
	if !strings.HasPrefix(h.Path, "/") && strings.Contains(h.Path, "://") {
		return nil, "ambiguous_path" // an absolute target replaces the host, to some
	}
	rules, known := r.byHost[host]
	if !known {
		rules = r.anyHost
	}
	if len(rules) == 0 {
		return nil, ""
	}
	if !upperToken(h.Method) {
		return nil, "ambiguous_method"
	}
	for i := range h.Header {
		if overrides(h.Header[i].Name) {
			return nil, "overriding_header"
		}
	}
	if h.Method == "OPTIONS" && h.Path == "*" {
		return nil, ""
	}
	path, ok := readPath(h.Path)
	if !ok {
		return nil, "ambiguous_path"
	}
	for _, rule := range rules {
		if rule.covers(h.Method, path) {
			matched = append(matched, rule)
		}
	}
	if len(matched) > 0 && h.Upgrade {
		return nil, "upgrade"
	}
	return matched, ""
}

func (r *rule) covers(method, path string) bool {
	return coversMethod(r.Route.Methods, method) && coversPath(r.Route.Path, path, r.Route.IgnoreCase)
}

// coversMethod: a rule for GET is also one for HEAD, which runs the same code upstream.
func coversMethod(methods []string, m string) bool {
	return methods == nil || contains(methods, m) || m == "HEAD" && contains(methods, "GET")
}

// coversPath matches a path that readPath has accepted; a trailing slash is ignored.
//
//	pattern        path             covers
//	/v1/*/name     /v1/7/name       yes
//	/v1/*/name     /v1/7/8/name     no
//	/v1/**         /v1              yes
//	/v1/**         /v1/a/b          yes
//	/v1/a          /v1/a/           yes
//	/v1/a          /v1/A            only if case is ignored
func coversPath(pattern []policy.Segment, path string, ignoreCase bool) bool {
	rest := strings.TrimSuffix(path[1:], "/")
	more := rest != ""
	for _, p := range pattern {
		if p.Kind == policy.Rest {
			return true
		}
		if !more {
			return false
		}
		var seg string
		seg, rest, more = strings.Cut(rest, "/")
		switch {
		case p.Kind == policy.One:
		case seg == p.Text:
		case ignoreCase && strings.EqualFold(seg, p.Text):
		default:
			return false
		}
	}
	return !more
}

// readHost is the host in lower case and without port; false where it could be read in two ways.
func readHost(h *Head) (string, bool) {
	host := h.Host
	upper := false
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		case c >= 'A' && c <= 'Z':
			upper = true
		default:
			return "", false
		}
	}
	if upper {
		host = strings.ToLower(host)
	}
	if v, n := h.get("host"); n > 1 || n == 1 && v != h.Host {
		return "", false
	}
	if host != "" && host[0] == '[' {
		return readIPv6(host)
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		if !digits(host[i+1:]) {
			return "", false
		}
		host = host[:i]
	}
	if host == "" || host[len(host)-1] == '.' || strings.ContainsAny(host, ":[]") {
		return "", false
	}
	return host, true
}

// readIPv6 is an address in brackets, without port; false where it could be written otherwise.
func readIPv6(host string) (string, bool) {
	inner, port, closed := strings.Cut(host[1:], "]")
	a, err := netip.ParseAddr(inner)
	if err != nil || !closed || !a.Is6() || a.String() != inner || port != "" && (port[0] != ':' || !digits(port[1:])) {
		return "", false
	}
	return host[:len(inner)+2], true
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// readPath is the path of a request target, decoded once; false where it could be read in two ways: no leading slash,
// a fragment, an empty or dot segment, a backslash, a semicolon, NUL and other control characters, an encoded slash,
// question mark or hash, a second layer of encoding, bytes that are not UTF-8.
func readPath(target string) (string, bool) {
	path, _, _ := strings.Cut(target, "?")
	if path == "" || path[0] != '/' || strings.IndexByte(target, '#') >= 0 {
		return "", false
	}
	if strings.IndexByte(path, '%') >= 0 {
		decoded, ok := unescape(path, false)
		if !ok || strings.IndexByte(decoded, '%') >= 0 || strings.Count(decoded, "/") != strings.Count(path, "/") {
			return "", false
		}
		path = decoded
	}
	start := 1 // of the current segment
	ascii := true
	for i := 1; i <= len(path); i++ {
		if i < len(path) {
			c := path[i]
			if c == '\\' || c == ';' || c == '?' || c == '#' || c <= 0x20 || c == 0x7f {
				return "", false
			}
			if c >= utf8.RuneSelf {
				ascii = false
			}
			if c != '/' {
				continue
			}
		}
		seg := path[start:i]
		if seg == "." || seg == ".." || seg == "" && i < len(path) {
			return "", false
		}
		start = i + 1
	}
	return path, ascii || utf8.ValidString(path)
}

// overrides reports whether an upstream may take method or path from this header instead.
func overrides(name string) bool {
	if len(name) < 8 || name[0]|0x20 != 'x' {
		return false
	}
	for _, o := range [...]string{
		"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
	} {
		if len(name) != len(o) {
			continue
		}
		same := true
		for i := 0; i < len(o) && same; i++ {
			same = fold(name[i]) == o[i]
		}
		if same {
			return true
		}
	}
	return false
}

// upperToken reports whether a method is written as methods are; post may be POST to an upstream.
func upperToken(m string) bool {
	for i := 0; i < len(m); i++ {
		if (m[i] < 'A' || m[i] > 'Z') && m[i] != '-' && m[i] != '_' {
			return false
		}
	}
	return m != ""
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
