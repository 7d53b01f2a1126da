package state

import (
	"bytes"
	"strconv"

	"github.com/idvgate/idvgate/providers/callout"
)

// resp is a command to Redis itself, in its own protocol (RESP 2).
func (s *Shared) resp(command string, arguments []string) *callout.Request {
	b := strconv.AppendInt([]byte{'*'}, int64(1+len(arguments)), 10)
	for _, a := range append([]string{command}, arguments...) {
		b = strconv.AppendInt(append(b, "\r\n$"...), int64(len(a)), 10)
		b = append(append(b, "\r\n"...), a...)
	}
	return &callout.Request{Method: callout.RedisMethod, URL: s.url, Header: s.header, Body: append(b, "\r\n"...), Target: s.target, Timeout: s.timeout}
}

// respResult is a reply as Webdis writes it; nil where it is none, or says that the command failed.
func respResult(_ string, reply []byte) []byte {
	line, rest, ok := bytes.Cut(reply, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return nil
	}
	switch kind, text := line[0], string(line[1:]); kind {
	case '+':
		if len(rest) == 0 {
			return strconv.AppendQuote(nil, text)
		}
	case ':':
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && len(rest) == 0 {
			return strconv.AppendInt(nil, n, 10)
		}
	case '$':
		if text == "-1" && len(rest) == 0 {
			return []byte("null")
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && len(rest) == n+2 && string(rest[n:]) == "\r\n" {
			return strconv.AppendQuote(nil, string(rest[:n])) // what JSON has no such escape for is none of our values
		}
	}
	return nil
}
