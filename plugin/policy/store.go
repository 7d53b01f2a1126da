package policy

import (
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

const (
	defaultStoreTimeout = 250 * time.Millisecond
	maxStoreTimeout     = 5 * time.Second
)

func storeGrammar() shape.Type {
	return shape.Type{Kind: shape.AnObject, Object: &shape.Object{OneOf: [][]string{{"http", "redis"}}, Fields: []shape.Field{
		{Name: "http", Type: text(), About: "Webdis's base URL; http and private addresses are fine."},
		{Name: "redis", Type: text(), About: "On Higress alone, in place of Webdis: the cluster of a Redis, which Higress asks itself."},
		{Name: "target", Type: text(), About: "The gateway's name for it (an Envoy cluster); without it, the URL's host."},
		{Name: "login", Type: object(
			shape.Field{Name: "user", Required: true, Type: text(), About: "As in Webdis's http_basic_auth, or Redis's own."},
			shape.Field{Name: "password", Required: true, Type: shape.Type{Kind: shape.ASecret}, About: "Its password."},
		), About: "HTTP Basic, where Webdis's ACL wants it; of redis its user."},
		{Name: "timeout", Type: shape.Type{Kind: shape.ADuration, Min: int64(10 * time.Millisecond), Max: int64(maxStoreTimeout)}, About: "For one question to it; 250ms if not written."},
		{Name: "onError", Type: words("skip", "deny"), About: "Where it does not answer: skip does without it, deny asks nobody and answers 503. skip if not written."},
	}}}
}

func (l *loader) readStore(n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	s := &Store{Timeout: defaultStoreTimeout}
	l.policy.State.Shared = s
	if at := n.Get("http"); at.Sound(shape.Text) {
		u, problem := parseEndpoint(at.Text, true, true)
		if problem != "" {
			l.found.Add(at, false, problem)
		} else {
			s.URL, s.Target = u.Scheme+"://"+u.Host+strings.TrimRight(u.EscapedPath(), "/"), u.Host
		}
	}
	if at := n.Get("redis"); at.Sound(shape.Text) {
		p := Provider{}
		l.readTarget(&p, at)
		if s.Redis = p.Target; n.Get("target") != nil {
			l.found.Add(n.Get("target"), true, "redis is a target already")
		}
	}
	p := Provider{Target: s.Target}
	l.readTarget(&p, n.Get("target"))
	s.Target = p.Target
	if at, ok := textOf(n.Get("timeout")); ok {
		s.Timeout, _ = shape.ParseDuration(at)
	}
	word, _ := textOf(n.Get("onError"))
	s.Deny = word == "deny"
	login := n.Get("login")
	if !login.Sound(shape.Mapping) {
		return
	}
	s.User, s.Password = l.printable(login.Get("user")), l.secret(login.Get("password"))
	if strings.Contains(s.User, ":") {
		l.found.Add(login.Get("user"), false, "must hold no colon: it is sent by HTTP Basic")
	}
}

// fleet reports whether a scope is the fleet's, which needs a store.
func (l *loader) fleet(scope *shape.Node) bool {
	word, _ := textOf(scope)
	if word == "fleet" && l.policy.State.Shared == nil && !l.found.Under(Path{"state"}) {
		l.found.Add(scope, false, "scope: fleet needs a store: write shared: {http: URL} under state")
	}
	return word == "fleet"
}
