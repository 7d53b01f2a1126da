package host

import (
	"bytes"
	"net/http"
)

// A message is one line from the guest, taken apart. Its slices are parts of the guest's memory.
type message struct {
	hasFlow bool
	flow    uint64
	want    []byte // body, call, timer

	limit int64 // of a body

	callID, timeoutMs   int64
	method, url, header []byte // header is JSON

	timer, ms int64

	decision []byte // JSON
	audit    []byte // JSON
	metrics  []byte // JSON

	raw []byte // the bytes that follow the line
}

// readMessage takes the first message off out.
func readMessage(out []byte, m *message) (rest []byte, err error) {
	*m = message{}
	line, rest, _ := bytes.Cut(out, []byte{'\n'})
	s := scanner{b: line}
	length := int64(0)
	s.take('{')
	for first := true; s.more(&first, '}'); {
		switch string(s.key()) {
		case "flow":
			m.flow, m.hasFlow = uint64(s.number()), true
		case "want":
			m.want = s.text()
		case "limit":
			m.limit = s.number()
		case "callId":
			m.callID = s.number()
		case "timeoutMs":
			m.timeoutMs = s.number()
		case "method":
			m.method = s.text()
		case "url":
			m.url = s.text()
		case "headers":
			m.header = s.raw()
		case "timer":
			m.timer = s.number()
		case "ms":
			m.ms = s.number()
		case "decision":
			m.decision = s.raw()
		case "audit":
			m.audit = s.raw()
		case "metrics":
			m.metrics = s.raw()
		case "bytes":
			length = s.number()
		default:
			s.raw()
		}
	}
	if !s.end() || length > int64(len(rest)) {
		return nil, errMalformed
	}
	m.raw = rest[:length]
	return rest[length:], nil
}

// header is one header line.
type header struct{ name, value string }

// names turns header names as a guest writes them into net/http's form, without making a string for one seen before.
type names map[string]string

// maxNames bounds how many are kept.
const maxNames = 256

func (n names) canonical(name []byte) string {
	if c, ok := n[string(name)]; ok {
		return c
	}
	c := http.CanonicalHeaderKey(string(name))
	if len(n) < maxNames {
		n[string(name)] = c
	}
	return c
}

// headers reads a list of [name, value]. What cannot be sent is a fault.
func (n names) headers(s *scanner, to []header) []header {
	s.take('[')
	for first := true; s.more(&first, ']'); {
		s.take('[')
		name := s.text()
		s.take(',')
		value := string(s.text())
		s.take(']')
		if s.bad || !isToken(string(name)) || !isFieldValue(value) {
			s.bad = true
			return nil
		}
		to = append(to, header{n.canonical(name), value})
	}
	return to
}

// action is what is done with a request. The zero action denies.
type action uint8

const (
	deny action = iota
	allow
	challenge
)

func (a action) String() string {
	switch a {
	case allow:
		return "allow"
	case challenge:
		return "challenge"
	case deny:
		return "deny"
	}
	return "deny"
}

// A decision is what the guest said. Its zero is a 503.
type decision struct {
	action action
	status int      // deny and challenge: 300 to 599; 0: the gateway's own 503
	header []header // deny and challenge: the response's; allow: set in the upstream's response
	body   []byte   // deny and challenge: the response's; allow: the upstream's, nil for the client's own
	remove []string // allow: request headers to remove, in net/http's form
	set    []header // allow: request headers to add after that
}

// readDecision reads a decision. An unknown action, a status outside of 300 to 599, and a header that cannot be sent make it the
// zero decision. The error is for what is no JSON.
func (n names) readDecision(raw, body []byte, d *decision) error {
	*d = decision{header: d.header[:0], remove: d.remove[:0], set: d.set[:0]}
	s := scanner{b: raw}
	known, sound := false, true
	list := func(to []header) []header {
		part := scanner{b: s.raw()}
		if s.bad {
			return nil
		}
		to = n.headers(&part, to)
		sound = sound && part.end()
		return to
	}
	s.take('{')
	for first := true; s.more(&first, '}'); {
		switch string(s.key()) {
		case "action":
			switch string(s.text()) {
			case "allow":
				d.action, known = allow, true
			case "deny":
				d.action, known = deny, true
			case "challenge":
				d.action, known = challenge, true
			}
		case "status":
			d.status = int(min(s.number(), 1000))
		case "headers":
			d.header = list(d.header)
		case "set":
			d.set = list(d.set)
		case "remove":
			s.take('[')
			for first := true; s.more(&first, ']'); {
				d.remove = append(d.remove, n.canonical(s.text()))
			}
		default:
			s.raw()
		}
	}
	if !s.end() {
		return errMalformed
	}
	if !known || !sound || d.action != allow && (d.status < 300 || d.status > 599) {
		*d = decision{}
		return nil
	}
	if d.action != allow || len(body) > 0 {
		d.body = append([]byte(nil), body...)
	}
	return nil
}
