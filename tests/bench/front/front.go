// Package front is what all peers of the bench have in common: the task, the proxy behind it, and how a peer is a
// process.
//
// The task: POST /v1/id2 carries a person's name and ID number in its JSON. Read both, ask the vendor in one signed
// request whether they belong together, forward with x-idv-outcome: match if they do, answer 403 if they do not, and
// forward everything else untouched.
package front

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"
)

// The task's words.
const (
	Path          = "/v1/id2"
	RecallPath    = "/v1/recalled" // the same, for peers that remember a match
	OutcomeHeader = "X-Idv-Outcome"
)

// What the vendor's sandbox knows callers by.
const (
	AccessKey = "SANDBOXJDACCESSKEY00000000000001"
	SecretKey = "f24519725a42851147a5a82a0e01ac5d"
)

// The environment of a peer's process.
const (
	UpstreamVariable = "BENCH_UPSTREAM" // URL
	VendorVariable   = "BENCH_VENDOR"   // URL; the task's path follows
	GuestVariable    = "BENCH_GUEST"    // file
	CacheVariable    = "BENCH_CACHE"    // folder for compiled guests
	RulesVariable    = "BENCH_RULES"    // how many rules the policy has, where a peer has one; the last one is the task's
	profileVariable  = "BENCH_PROFILE"  // folder; a peer leaves a CPU profile there
)

// A Setup is what a peer is told.
type Setup struct {
	Upstream     *url.URL
	Vendor       string
	Guest, Cache string
	Rules        int
}

// Read reads the environment.
func Read() (Setup, error) {
	upstream, err := url.Parse(os.Getenv(UpstreamVariable))
	if err != nil {
		return Setup{}, err
	}
	rules, err := strconv.Atoi(os.Getenv(RulesVariable))
	if err != nil || rules < 1 {
		return Setup{}, fmt.Errorf("%s: how many rules?", RulesVariable)
	}
	return Setup{upstream, os.Getenv(VendorVariable), os.Getenv(GuestVariable), os.Getenv(CacheVariable), rules}, nil
}

// Serve serves as a peer until it is told to stop. It prints its address.
func Serve(kind string, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	return Stay(kind, l.Addr().String(), failed)
}

// Stay prints the address of a peer that serves already and waits until it is told to stop.
func Stay(kind, address string, failed <-chan error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if dir := os.Getenv(profileVariable); dir != "" {
		f, err := os.Create(dir + "/" + kind + ".prof")
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(address)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// Proxy forwards everything: the plain peer, and what is behind every other one.
func Proxy(upstream *url.URL) *httputil.ReverseProxy {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns, transport.DisableCompression = 4096, 0, true
	return &httputil.ReverseProxy{
		Transport: transport, BufferPool: make(buffers, 4096),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.SetXForwarded() },
	}
}

type buffers chan []byte

func (p buffers) Get() []byte {
	select {
	case b := <-p:
		return b
	default:
		return make([]byte, 32<<10)
	}
}

func (p buffers) Put(b []byte) {
	select {
	case p <- b:
	default:
	}
}
