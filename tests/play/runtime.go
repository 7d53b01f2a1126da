package play

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"sort"
	"strings"
	"sync"
	"time"
)

// Names of the runtimes.
const (
	Native    = "native"    // the engine in this process
	Host      = "host"      // the Extism guest, stepped, on our gateway, over HTTP
	Stepped   = "stepped"   // the Extism guest, stepped, on go-sdk
	Sync      = "sync"      // the Extism guest's evaluate on go-sdk
	Python    = "python"    // the Extism guest, stepped, on libextism: examples/extism-python, over HTTP
	ProxyWasm = "proxywasm" // the proxy-wasm guest on our gateway, over HTTP
	Envoy     = "envoy"     // the proxy-wasm guest in a real Envoy, over HTTP
	Node      = "node"      // the Extism guest, stepped, on Extism's JavaScript SDK: examples/extism-node, over HTTP
)

// These are no runtimes. Who is not for Workers plays where a gateway has one worker, since what one keeps the other does
// not know; who is not for HTTP2 says what HTTP/2 has no words for, or its server refuses by itself.
const (
	Workers = "workers"
	HTTP2   = "http2"
)

// Names is all of them.
var Names = []string{Native, Host, Stepped, Sync, Python, Node, ProxyWasm, Envoy, Workers, HTTP2}

// A Runtime is one way of running the engine.
type Runtime interface {
	Name() string
	// Start makes a gateway for a policy in front of the stage's upstream. It writes what it logs, audits and counts to
	// the Record.
	Start(policyJSON []byte, env map[string]string, stage *Stage, record *Record) (Gateway, error)
}

// A Gateway plays requests.
type Gateway interface {
	Play(r *Request) (Seen, error)
	// Close ends the gateway. What was begun, shadow rules among it, is ended before.
	Close() error
}

// Seen is what can be seen of one request.
type Seen struct {
	Status   int
	Header   map[string][]string // of the response, by lower-case name
	Body     []byte
	Upstream *Forwarded // nil: the upstream saw nothing
	BodyRead *bool      // whether the engine asked for the body; nil: the runtime cannot tell
}

// A Record is what a gateway writes besides answers. It is safe for concurrent use.
type Record struct {
	mu      sync.Mutex
	audit   [][]byte
	metrics map[string]float64
	log     bytes.Buffer
	more    chan struct{} // closed when an audit line is added
}

// NewRecord is an empty record.
func NewRecord() *Record { return &Record{metrics: map[string]float64{}, more: make(chan struct{})} }

// Audit takes an audit line.
func (r *Record) Audit(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audit = append(r.audit, bytes.Clone(bytes.TrimSpace(line)))
	close(r.more)
	r.more = make(chan struct{})
}

// AuditWriter takes audit lines as an io.Writer.
func (r *Record) AuditWriter() *AuditWriter { return &AuditWriter{record: r} }

// An AuditWriter hands whole lines to a Record.
type AuditWriter struct {
	record *Record
	mu     sync.Mutex
	part   []byte
}

func (w *AuditWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		line, rest, whole := bytes.Cut(w.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.record.Audit(line)
		w.part = rest
	}
}

// Write takes log output.
func (r *Record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

// Count adds to a counter.
func (r *Record) Count(name string, value float64, labels ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics[MetricKey(name, labels)] += value
}

// Observe adds to a histogram, of which only the count is kept.
func (r *Record) Observe(name string, _ float64, labels ...string) {
	r.Count(name+"_count", 1, labels...)
}

// Set sets a gauge.
func (r *Record) Set(name string, value float64, labels ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics[MetricKey(name, labels)] = value
}

// SetMetrics replaces all counts, for runtimes that are scraped.
func (r *Record) SetMetrics(all map[string]float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics = all
}

// MetricKey is name{label="value",…}, labels sorted; they are names and values in turn.
func MetricKey(name string, labels []string) string {
	if len(labels) == 0 {
		return name
	}
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	sort.Strings(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}

var errAudit = errors.New("play: an audit line is missing")

// waitAudit waits until there are n audit lines.
func (r *Record) waitAudit(n int) error {
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	for {
		r.mu.Lock()
		enough, more := len(r.audit) >= n, r.more
		r.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-more:
		case <-timer.C:
			return errAudit
		}
	}
}

// Line waits for the audit line of that number, from 0.
func (r *Record) Line(n int) ([]byte, error) {
	if err := r.waitAudit(n + 1); err != nil {
		return nil, err
	}
	return r.lines(n)[0], nil
}

// Log is what was logged so far.
func (r *Record) Log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// lines is the audit lines from the first on.
func (r *Record) lines(first int) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([][]byte(nil), r.audit[min(first, len(r.audit)):]...)
}

// Len is how many audit lines there are.
func (r *Record) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.audit)
}

// Counts is what was counted so far.
func (r *Record) Counts() map[string]float64 { return r.counts() }

func (r *Record) counts() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.metrics)
}

// output is everything that was written, by what it is.
func (r *Record) output() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.metrics))
	for name := range r.metrics {
		names = append(names, name)
	}
	sort.Strings(names)
	return map[string][]byte{
		"the log": bytes.Clone(r.log.Bytes()), "audit lines": bytes.Join(r.audit, []byte("\n")),
		"metrics": []byte(strings.Join(names, "\n")),
	}
}
