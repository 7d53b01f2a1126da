// Package host is the gateway: an HTTP handler that asks a guest (WebAssembly) about each request before it forwards
// it, makes the calls the guest wants, and answers what the guest denies.
//
// It knows nothing of policies and vendors, only the messages of docs/schema/messages.schema.json. One guest VM a core
// (a shard) holds thousands of suspended requests (flows). A VM that fails is discarded with its flows, which are
// answered 503; the next request gets a new one.
package host

import (
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"runtime"
	"time"
)

// Options say what a gateway runs and in front of what.
type Options struct {
	// Wasm is the guest. Required.
	Wasm []byte
	// Config is what the guest reads: "policy" (JSON), "idvgate.unmatched", and variables and secrets by their names.
	Config map[string]string
	// Upstream is where requests go that pass: http or https, a host, and a path that is put before theirs. Required.
	Upstream *url.URL
	// Shards is how many VMs run side by side; 0: GOMAXPROCS.
	Shards int
	// CacheDir keeps compiled code between starts; "": it is compiled at each start. Whoever can write there can replace
	// the code.
	CacheDir string
	// Audit takes audit lines, one JSON object each; nil: they are dropped.
	Audit io.Writer
	// Log takes the gateway's own log and the guest's; nil: slog.Default().
	Log *slog.Logger
	// Allow is where callouts may go; nil: where the guest's info says.
	Allow []Endpoint
	// RootCAs vouch for the endpoints' certificates; nil: the system's.
	RootCAs *x509.CertPool
	// TrustedHops is how many proxies in front of the gateway are trusted to have written X-Forwarded-For: the client's
	// address is the one so many from its right. 0: the connection's own.
	TrustedHops int
	// MaxFlows bounds the suspended requests of one shard; 0: 4096. Beyond: 503.
	MaxFlows int
	// MaxBodyBytes bounds what all requests' bodies held for the guest take together; 0: 256 MiB. Beyond: 503.
	MaxBodyBytes int64
	// BodyTimeout is how long a client may take to send a body that the guest wants; 0: 30 seconds. Beyond: it broke off.
	BodyTimeout time.Duration
	// FlowTimeout is how long the guest may take over one request, the reading of its body apart; 0: one minute. A
	// policy's own limits are far below: this is for a guest that forgets. Beyond: 503.
	FlowTimeout time.Duration
	// DrainTimeout is how long the guest of before a reload may go on with its requests; 0: one minute.
	DrainTimeout time.Duration
}

func (o *Options) check() error {
	switch {
	case len(o.Wasm) == 0:
		return errors.New("host: no guest given")
	case o.Upstream == nil:
		return errors.New("host: no upstream given")
	case o.Upstream.Scheme != "http" && o.Upstream.Scheme != "https", o.Upstream.Host == "":
		return errors.New("host: the upstream has to be http://host:port or https://host:port")
	case o.Upstream.User != nil, o.Upstream.RawQuery != "", o.Upstream.Fragment != "":
		return errors.New("host: the upstream has to be without credentials, query and fragment")
	case o.TrustedHops < 0:
		return errors.New("host: the number of trusted hops is negative")
	}
	return nil
}

func (o *Options) fill() {
	if o.Shards <= 0 {
		o.Shards = runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxFlows <= 0 {
		o.MaxFlows = 4096
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 256 << 20
	}
	if o.BodyTimeout <= 0 {
		o.BodyTimeout = 30 * time.Second
	}
	if o.FlowTimeout <= 0 {
		o.FlowTimeout = time.Minute
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = time.Minute
	}
}
