// Package message is the line protocol between the Extism guest and its host: docs/schema/messages.schema.json. An
// input or output is a sequence of messages; a message is one line of JSON, followed by the raw bytes it announces.
package message

import (
	"bytes"
	"errors"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers/callout"
)

// ErrMalformed is all that is said of a message that cannot be read.
var ErrMalformed = errors.New("message: malformed")

// In is one message from the host. Which kind it is follows from what is set: Head (begin, evaluate), Body, CallID with
// Status (a reply) or with Error (none), Timer; none of them: cancel.
type In struct {
	Flow   uint64
	Head   *plugin.Head
	Body   string // "true", "too_large" or "gone"
	CallID uint64
	Status int
	Header []callout.Header
	Error  string
	Timer  uint64
	Bytes  []byte // the raw bytes, part of the input
}

// Read takes the first message off input and returns it with the rest.
func Read(input []byte) (In, []byte, error) {
	line, rest, _ := bytes.Cut(input, []byte{'\n'})
	var m In
	n, ok := m.line(string(line))
	if !ok || n > uint64(len(rest)) {
		return In{}, nil, ErrMalformed
	}
	m.Bytes = rest[:n:n]
	return m, rest[n:], nil
}

// line reads the JSON line and returns how many raw bytes follow it.
func (m *In) line(line string) (raw uint64, ok bool) {
	s := scanner{s: line}
	for s.open('{'); s.next('}'); {
		switch s.key() {
		case "flow":
			m.Flow = s.number()
		case "head":
			m.Head = s.head()
		case "body":
			m.Body = s.word()
		case "callId":
			m.CallID = s.number()
		case "timer":
			m.Timer = s.number()
		case "status":
			m.Status = int(min(s.number(), 999))
		case "headers":
			m.Header = s.headers()
		case "error":
			m.Error = s.text()
		case "bytes":
			raw = s.number()
		default:
			s.skip()
		}
	}
	return raw, !s.bad && s.peek() == 0
}
