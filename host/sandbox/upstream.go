package sandbox

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// An echo is what the sample upstream saw of a request.
type echo struct {
	Method     string              `json:"method"`
	Path       string              `json:"path"`            // as on the wire, without the query
	Query      string              `json:"query,omitempty"` // as on the wire
	Headers    map[string][]string `json:"headers"`         // by lower-case name, host among them
	Body       string              `json:"body"`
	BodyBase64 string              `json:"bodyBase64,omitempty"` // instead of body, when that is not UTF-8
	Trailers   map[string][]string `json:"trailers,omitempty"`   // as Headers
}

// maxEcho bounds the body the sample upstream reads, in bytes; it answers 413 beyond.
const maxEcho = 16 << 20

// Upstream is the sample API behind the gateway: it answers every request with what it saw of it, but for a browser's
// that wants the page at TourPath.
func Upstream() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == TourPath {
			showTour(w)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
		if err != nil {
			writeError(w, http.StatusRequestEntityTooLarge, "body is too large or broke off")
			return
		}
		path, query, _ := strings.Cut(wireTarget(r), "?")
		e := echo{Method: r.Method, Path: path, Query: query, Headers: lower(r.Header), Trailers: lower(r.Trailer)}
		e.Headers["host"] = []string{r.Host}
		if utf8.Valid(body) {
			e.Body = string(body)
		} else {
			e.BodyBase64 = base64.StdEncoding.EncodeToString(body)
		}
		writeJSON(w, http.StatusOK, e)
	})
}

// lower is the headers by lower-case name.
func lower(h http.Header) map[string][]string {
	names := make(map[string][]string, len(h)+1)
	for name, values := range h {
		low := strings.ToLower(name)
		names[low] = append(names[low], values...)
	}
	return names
}
