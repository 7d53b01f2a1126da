package gosdk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxReplyBytes bounds a vendor's reply.
const maxReplyBytes = 1 << 20

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// fetch makes a callout.
func fetch(m *message, body []byte) arrived {
	failure := func(kind string) arrived {
		return arrived{line: map[string]any{"flow": m.Flow, "callId": m.CallID, "error": kind}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(m.TimeoutMs)*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, m.Method, m.URL, bytes.NewReader(body))
	if err != nil {
		return failure("blocked")
	}
	r.GetBody = nil
	for _, h := range m.Headers {
		r.Header.Add(h[0], h[1])
	}
	reply, err := client.Do(r)
	if err == nil {
		defer reply.Body.Close()
		body, err = io.ReadAll(io.LimitReader(reply.Body, maxReplyBytes+1))
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failure("timeout")
	case err != nil:
		return failure("unreachable")
	case len(body) > maxReplyBytes:
		return failure("too_large")
	}
	headers := [][2]string{}
	for name, values := range reply.Header {
		for _, v := range values {
			headers = append(headers, [2]string{strings.ToLower(name), v})
		}
	}
	return arrived{
		line: map[string]any{"flow": m.Flow, "callId": m.CallID, "status": reply.StatusCode, "headers": headers, "bytes": len(body)},
		raw:  body,
	}
}
