// Package callout is one HTTP exchange with a vendor: the only way out of the sandbox.
//
// A provider builds a Request, hands it to a Doer and reads the Response. Who does the exchange is none of its
// business: a gateway, a suspended flow, net/http or a test. Every Do may suspend, so no lock may be held across it.
package callout

import (
	"context"
	"errors"
	"strings"
	"time"
)

// A Doer makes one exchange. Any status code is a Response; an error is always an *Error and means that no whole
// reply came back. Do may suspend the caller.
type Doer interface {
	Do(ctx context.Context, r *Request) (*Response, error)
}

// A Header is one header line, name and value as they go over the wire.
type Header struct{ Name, Value string }

// A Request is what goes to the vendor.
type Request struct {
	Method string
	URL    string // absolute: scheme, host, path, query
	Header []Header
	Body   []byte

	// Target is the gateway's own name for the upstream (an Envoy cluster). Empty: the URL's host.
	// Providers leave it empty; the engine fills it in from the policy.
	Target string
	// Timeout bounds the whole exchange. Providers leave it zero; the engine sets what is left of the policy's
	// timeout and the rule's within. A Doer refuses (Blocked) a request without one.
	Timeout time.Duration
}

// Get is the first header of that name, in any case, or "".
func (r *Request) Get(name string) string { return get(r.Header, name) }

// A query to a Redis that the gateway asks itself is a Request too: the body is in Redis's own protocol, as the reply's is,
// whose status is 200. Two headers say as whom.
const (
	RedisMethod   = "REDIS"
	RedisScheme   = "redis://" // the cluster follows, which Target is too
	RedisUser     = "user"
	RedisPassword = "password"
)

// A Response is the vendor's whole reply, already limited in size by whoever read it.
type Response struct {
	Status int
	Header []Header
	Body   []byte
}

// Get is the first header of that name, in any case, or "".
func (r *Response) Get(name string) string { return get(r.Header, name) }

func get(header []Header, name string) string {
	for _, h := range header {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Kind says why no whole reply came back.
type Kind uint8

const (
	// Unreachable: no connection, or it broke before the reply was whole. The vendor may have answered and billed.
	Unreachable Kind = iota
	// Timeout: the reply did not come within Request.Timeout. It may have been billed.
	Timeout
	// TooLarge: the reply passed the host's limit (1 MiB). It was probably billed.
	TooLarge
	// Blocked: never sent. The host's egress rules, a missing time-out or a malformed request.
	Blocked
)

// String is the word used in messages between guest and host.
func (k Kind) String() string {
	switch k {
	case Unreachable:
		return "unreachable"
	case Timeout:
		return "timeout"
	case TooLarge:
		return "too_large"
	case Blocked:
		return "blocked"
	}
	return "unreachable"
}

// ParseKind reads what String writes. An unknown word is Unreachable: nothing is known of the exchange.
func ParseKind(s string) Kind {
	for _, k := range []Kind{Timeout, TooLarge, Blocked} {
		if k.String() == s {
			return k
		}
	}
	return Unreachable
}

// Error is the only error a Doer returns. It says nothing of the request's content.
type Error struct{ Kind Kind }

func (e *Error) Error() string { return "callout: " + e.Kind.String() }

// IsKind reports whether err is, or wraps, a callout error of that kind.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
