// Package message is the line protocol between the Extism guest and its host: docs/schema/messages.schema.json. An
// input or output is a sequence of messages; a message is one line of JSON, followed by the raw bytes it announces.
package message

import (
	"errors"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
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
	var m In
	line := input
	rest := []byte(nil)
	for i, c := range input {
		if c == '\n' {
			line, rest = input[:i], input[i+1:]
			break
		}
	}
	n, err := m.line(line)
	if err != nil || n > len(rest) {
		return In{}, nil, ErrMalformed
	}
	m.Bytes = rest[:n:n]
	return m, rest[n:], nil
}

// line reads the JSON line and returns how many raw bytes follow it.
func (m *In) line(line []byte) (bytes int, err error) {
	if strictjson.Check(line) != nil {
		return 0, ErrMalformed
	}
	ok := true
	gjson.Parse(string(line)).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "flow":
			m.Flow, ok = number(v)
		case "head":
			m.Head, ok = head(v)
		case "body":
			m.Body = v.String()
		case "callId":
			m.CallID, ok = number(v)
		case "timer":
			m.Timer, ok = number(v)
		case "status":
			var n uint64
			n, ok = number(v)
			m.Status = int(min(n, 999))
		case "headers":
			m.Header, ok = headers(v)
		case "error":
			m.Error = v.String()
		case "bytes":
			var n uint64
			n, ok = number(v)
			bytes = int(min(n, 1<<40))
		}
		return ok
	})
	if !ok {
		return 0, ErrMalformed
	}
	return bytes, nil
}

func number(v gjson.Result) (uint64, bool) {
	n, err := strconv.ParseUint(v.Raw, 10, 53)
	return n, err == nil
}

func head(v gjson.Result) (*plugin.Head, bool) {
	h := &plugin.Head{}
	ok := v.IsObject()
	v.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "id":
			h.ID = v.Str
		case "method":
			h.Method = v.Str
		case "scheme":
			h.Scheme = v.Str
		case "host":
			h.Host = v.Str
		case "path":
			h.Path = v.Str
		case "headers":
			h.Header, ok = headers(v)
		case "client":
			h.Client = v.Str
		case "jwt":
			if v.IsObject() {
				h.JWT = []byte(v.Raw)
			}
		case "noBody":
			h.NoBody = v.Bool()
		case "upgrade":
			h.Upgrade = v.Bool()
		}
		return ok
	})
	return h, ok && h.Method != ""
}

// headers reads a list of [name, value].
func headers(v gjson.Result) ([]callout.Header, bool) {
	if !v.IsArray() {
		return nil, false
	}
	list := make([]callout.Header, 0, 16)
	ok := true
	v.ForEach(func(_, pair gjson.Result) bool {
		var h callout.Header
		n := 0
		pair.ForEach(func(_, part gjson.Result) bool {
			switch n {
			case 0:
				h.Name = part.Str
			case 1:
				h.Value = part.Str
			}
			n++
			ok = ok && part.Type == gjson.String
			return ok
		})
		ok = ok && n == 2 && h.Name != ""
		list = append(list, h)
		return ok
	})
	return list, ok
}
