package host

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// fault is what the gateway itself answers, as an RFC 9457 problem of the guest's form.
type fault struct {
	status int
	reason string
	title  string
}

var (
	faultUnavailable = fault{503, "verification_unavailable", "The verification is not available, try again later"}
	faultRequest     = fault{400, "invalid_request", "The request cannot be read, or a field of it is malformed"}
	faultMethod      = fault{405, "method_not_allowed", "The gateway does not tunnel"}
	faultUpstream    = fault{502, "upstream_unavailable", "The API behind the gateway does not answer"}
)

// answer sends the problem.
func (f fault) answer(w http.ResponseWriter) {
	b := f.problem()
	h := w.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	h["Cache-Control"] = []string{"no-store"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	if f.status == http.StatusServiceUnavailable {
		h["Retry-After"] = []string{"5"}
	}
	w.WriteHeader(f.status)
	w.Write(b) //nolint:errcheck // the client has left
}

// problem is the body of the answer.
func (f fault) problem() []byte {
	b := make([]byte, 0, 256)
	b = append(b, `{"type":"urn:idvgate:problem:`...)
	b = append(b, f.reason...)
	b = append(b, `","title":"`...)
	b = append(b, f.title...)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(f.status), 10)
	b = append(b, `,"reason":"`...)
	b = append(b, f.reason...)
	b = append(b, `","instance":"`...)
	b = append(b, newID()...)
	return append(b, `"}`...)
}

// newID is 22 characters nobody can guess, as the guest's decision ids.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// firstLine is what an error says, without the stack that a trap brings.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
