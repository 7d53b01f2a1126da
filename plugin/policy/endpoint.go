package policy

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

func (l *loader) readEndpoint(p *Provider, n *shape.Node) {
	at := n.Get("endpoint")
	if at != nil && !at.Sound(shape.Text) {
		return
	}
	written := p.Info.Endpoint
	if at != nil {
		written = at.Text
	}
	if written == "" {
		l.found.Missing(n, `missing field "endpoint": `+p.Info.Name+" has no public one")
		return
	}
	u, problem := parseEndpoint(written, p.Plaintext, p.Private)
	switch {
	case problem != "" && at != nil:
		l.found.Add(at, false, problem)
	case problem != "":
		l.found.Missing(n, "endpoint: "+problem)
	default:
		p.Endpoint, p.Target = u.Scheme+"://"+u.Host+strings.TrimRight(u.EscapedPath(), "/"), u.Host
	}
}

func (l *loader) readTarget(p *Provider, n *shape.Node) {
	s, ok := textOf(n)
	if !ok {
		return
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			l.found.Add(n, false, "must be printable ASCII without spaces")
			return
		}
	}
	p.Target = s
}

// TargetOf is the gateway's name for where a callout goes: that of the policy where it goes to the endpoint's host, else
// (a token endpoint elsewhere) the host of the URL with its port.
func (p *Provider) TargetOf(url string) string {
	if host := hostOf(url); host != hostOf(p.Endpoint) {
		return host
	}
	return p.Target
}

// hostOf is a URL's host with its port.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		rest = rest[:at]
	}
	return rest
}

// parseEndpoint reads a base URL, or says what is wrong with it. The problem shows nothing of it: it may come from a
// variable.
func parseEndpoint(s string, plaintext, private bool) (*url.URL, string) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, "no URL"
	}
	u.Host = strings.ToLower(u.Host)
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "":
		return nil, "a URL with https:// (or http://) is due"
	case u.User != nil:
		return nil, "must hold no user name or password"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#"):
		return nil, "must have no query and no fragment"
	case !endpointHost(host) || strings.HasSuffix(u.Host, ":"):
		return nil, "its host is neither a name nor an address"
	case strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		return nil, "its path has empty or dot segments"
	case u.Scheme == "http" && !plaintext:
		return nil, "http sends claims in clear text: use https, or write allow: [plaintext]"
	case privateHost(host) && !private:
		return nil, "a private address: write allow: [privateAddress] if that is meant"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, "its port is not from 1 to 65535"
		}
	}
	return u, ""
}

// endpointHost is whether host is a name, or an address in its usual form: not one that only some resolvers take for
// an address (2130706433, 0x7f.1).
func endpointHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

// privateHost is whether host is an address of this machine or of a network that is not the internet. Names are
// judged when they are resolved, by the host's egress rules; localhost apart.
func privateHost(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return addr.IsPrivate() || !addr.IsGlobalUnicast() || shared.Contains(addr)
}
