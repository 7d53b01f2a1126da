package policy

import (
	"net/netip"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

func (l *loader) readRoute(n *shape.Node) Route {
	var r Route
	if !n.Sound(shape.Mapping) {
		return r
	}
	r.IgnoreCase = boolOf(n.Get("ignoreCase"), false)
	if hosts := n.Get("hosts"); hosts.Sound(shape.List) {
		for _, h := range hosts.Items {
			if s, ok := textOf(h); ok {
				r.Hosts = append(r.Hosts, l.readHost(h, s))
			}
		}
	}
	if methods := n.Get("methods"); methods.Sound(shape.List) {
		for _, m := range methods.Items {
			if s, ok := textOf(m); ok {
				r.Methods = append(r.Methods, s)
			}
		}
	}
	if path := n.Get("path"); path.Sound(shape.Text) {
		r.Path = l.readPath(path, r.IgnoreCase)
	}
	return r
}

// readHost is a whole host name in lower case.
func (l *loader) readHost(n *shape.Node, s string) string {
	host := strings.ToLower(s)
	bare, v6 := strings.CutPrefix(host, "[")
	if v6 {
		bare = strings.TrimSuffix(bare, "]")
		if addr, err := netip.ParseAddr(bare); err != nil || !addr.Is6() || !strings.HasSuffix(host, "]") {
			l.found.Add(n, false, "no host name: an IPv6 address stands in brackets, without port")
		}
		return host
	}
	switch {
	case strings.Contains(host, "://"):
		l.found.Add(n, false, "a host name alone is due, without scheme")
	case strings.Contains(host, "*"):
		l.found.Add(n, false, "a whole host name is due: hosts have no wildcards")
	case strings.Contains(host, ":"):
		l.found.Add(n, false, "a host name alone is due, without port")
	case strings.Contains(host, "/"):
		l.found.Add(n, false, "a host name alone is due, without path")
	case !isASCII(host):
		l.found.Add(n, false, "a host name is due as it goes over the wire: in punycode, xn--…")
	case strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "", emptyLabel(host), len(host) > 253:
		l.found.Add(n, false, "no host name")
	}
	return host
}

func emptyLabel(host string) bool {
	return strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") || strings.Contains(host, "..")
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// readPath splits a pattern. It is compared with the path that a request asks for, decoded; what no such path can
// hold, because the request is refused, is refused here as well.
func (l *loader) readPath(n *shape.Node, ignoreCase bool) []Segment {
	path := n.Text
	if !strings.HasPrefix(path, "/") {
		l.found.Add(n, false, "a path begins with /")
		return nil
	}
	for _, r := range path {
		if strings.ContainsRune("?#;\\%", r) || r <= 0x20 || r == 0x7f || r == '\uFFFD' {
			l.found.Add(n, false, "a path holds no ? # ; \\ %, spaces or control characters: it is written decoded, without query")
			return nil
		}
	}
	rest := strings.TrimSuffix(path[1:], "/")
	if rest == "" {
		if path != "/" {
			l.found.Add(n, false, "a path has no empty segments")
		}
		return []Segment{}
	}
	var segments []Segment
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		switch {
		case part == "":
			l.found.Add(n, false, "a path has no empty segments")
			return nil
		case part == "." || part == "..":
			l.found.Add(n, false, "a path has no dot segments")
			return nil
		case part == "**" && i < len(parts)-1:
			l.found.Add(n, false, "** stands for the rest and can only be last")
			return nil
		case part == "**":
			segments = append(segments, Segment{Kind: Rest})
		case part == "*":
			segments = append(segments, Segment{Kind: One})
		case strings.Contains(part, "*"):
			l.found.Add(n, false, "* stands for a whole segment: "+shape.Quote(part)+" mixes it with text")
			return nil
		case ignoreCase:
			segments = append(segments, Segment{Kind: Literal, Text: strings.ToLower(part)})
		default:
			segments = append(segments, Segment{Kind: Literal, Text: part})
		}
	}
	return segments
}
