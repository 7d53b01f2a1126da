// Package sandbox simulates the vendors and a sample upstream, so that a gateway can be run and tested with
// nobody's real data and no contract. It is written from the vendors' pages and shares no code with the providers: what
// a client misreads shows here.
//
// # Addresses
//
// One handler serves everything on one port. A vendor's own paths are served as they are and below a prefix of the
// vendor's name, so that each can be given a base URL:
//
//	/jdcloud         POST /v1/personal
//	/celerity        POST /core/auth/getVirtualToken, /tech/ai/celerity/universal
//	/glodon-account  POST /oauth2/token
//	/glodon          POST /api/v2/account/person, /api/v2/identify/person/3/async, /api/v2/account/apply/cert
//	                 GET, POST /page: the page a person visits
//	/kycloud         POST /api/kycloud/open/v1.0/auth/idcard/check
//
// JD Cloud's signature covers the path as it came over the wire, prefix included.
//
// # People
//
// data/test-identities.json names invented people and how each vendor answers about them. Claims that differ from the
// listed person's are a mismatch, a valid person who is not listed has no record (a mismatch where the vendor cannot
// say that). busy_once and token_expired alternate per person and path: busy or 401 on the 1st, 3rd, 5th call.
//
// A vendor plays each answer in its own way, and what it has no way to give ("-") as a match:
//
//	answer         jdcloud                       celerity             kycloud                     glodon
//	match          success true, chargeFlag 1    Result "0"           isAuth true, stored name    step 1 10000, step 2 20020
//	mismatch       success false, chargeFlag 1   Result "-4"          isAuth true, another name   step 2 40010
//	no_record      code SANDBOX_NO_RECORD        Result "-9"          user_not_existed_error      -
//	invalid_input  HTTP 400 INVALID_ARGUMENT     Result "-7"          -                           -
//	limited        code SANDBOX_LIMITED          Result "-12"         -                           -
//	busy           HTTP 429                      Result "-11"         -                           step 2 10005
//	unknown_code   hasException, SANDBOX_UNKNOWN Result "-99"         open_sandbox_unknown        step 2 99999
//	drift          nested authInfo               result as JSON text  booleans as text            code as a number
//	pending        -                             async: a traceNo     -                           step 2 10000 with a page
//	expired        -                             -                    entTime in the past         -
//	token_expired  -                             HTTP 401             -                           HTTP 401 on step 2
//	registered_…   -                             -                    -                           20010 on step 1
//
// http_500, html_200, truncated, empty, reset, timeout, slow (a second) and huge (8 MiB) are played as they are named,
// by every vendor; with Glodon on step 2.
//
// # Control
//
//	GET    /_sandbox/calls       every call since the start or the last DELETE: {"calls":[…],"totals":{VENDOR:{…}}}
//	DELETE /_sandbox/calls       forgets them (not the alternation of busy_once and token_expired)
//	GET    /_sandbox/identities  the people
//	GET    /_sandbox/expect      what each person gets on each route of the demo
//	GET    /_sandbox/faults      the faults of whole vendors now
//	PUT    /_sandbox/faults      replaces them all
//	DELETE /_sandbox/faults      ends them all
//	GET    /_sandbox/pages       the verification pages asked for, newest first
//	DELETE /_sandbox/pages       forgets them, and what people said there
//	GET    /_sandbox/accounts    Glodon's accounts, newest first: whose, real-named, with a certificate
//	DELETE /_sandbox/accounts    forgets them: who has one gets 20010 on step 1
//
// A fault is {"celerity":{"fault":"reset","rate":0.5,"for":"30s","qps":20}}, every field optional:
//
//   - fault: reset, timeout, slow, http_500, html_200, truncated, empty or huge strike every request of the vendor,
//     logins too; any other answer the vendor can give (busy, mismatch, no_record, unknown_code …) replaces the
//     person's on verifying calls.
//   - rate: the share of requests it strikes, 0 to 1; absent: 1.
//   - for: a Go duration from the PUT on; absent: until replaced.
//   - qps: verifying calls a second beyond which the vendor says it is busy (kycloud, which has no such answer, says
//     503), with or without a fault.
package sandbox

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed data/test-identities.json
var identities []byte

//go:embed data/expect.json
var expect []byte

// Vendors as they are named in calls, faults and people's answers.
const (
	jdcloudVendor  = "jdcloud"
	celerityVendor = "celerity"
	kycloudVendor  = "kycloud"
	glodonVendor   = "glodon"
)

// vendors is all of them, in the order they are listed.
var vendors = []string{jdcloudVendor, celerityVendor, kycloudVendor, glodonVendor}

// Options of a Sandbox. The zero value serves the default credentials by the real clock.
type Options struct {
	Credentials Credentials      // whom the vendors know; zero: DefaultCredentials
	Now         func() time.Time // the vendors' clock; nil: time.Now
	// PublicURL is this sandbox's address as a browser sees it, without a path: pages are below it. Empty: http and
	// the Host of the request that asks for a page.
	PublicURL string
}

// A Sandbox is all the vendors. It is safe for concurrent use.
type Sandbox struct {
	credentials Credentials
	now         func() time.Time
	publicURL   string

	people people
	calls  callLog
	faults faults
	turns  turns

	jd       *jdVerifier
	kycloud  *kycloudVerifier
	celerity tokens
	glodon   tokens
	accounts accounts
	pages    pages

	slow    time.Duration // how long a slow answer takes
	silence time.Duration // how long a request that gets no answer is held

	done  chan struct{}
	close sync.Once
}

// New makes a sandbox. It fails when a credential cannot be used, such as a public key that is none.
func New(o Options) (*Sandbox, error) {
	if o.Credentials == (Credentials{}) {
		o.Credentials = DefaultCredentials()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sandbox{
		credentials: o.Credentials,
		now:         o.Now,
		publicURL:   strings.TrimSuffix(o.PublicURL, "/"),
		celerity:    tokens{lifetime: 15 * time.Minute},
		glodon:      tokens{lifetime: 359420 * time.Second},
		slow:        time.Second,
		silence:     time.Minute,
		done:        make(chan struct{}),
	}
	var err error
	if s.people, err = loadPeople(identities); err != nil {
		return nil, err
	}
	s.jd = newJDVerifier(map[string]string{o.Credentials.JDAccessKey: o.Credentials.JDSecretKey}, o.Now)
	if s.kycloud, err = newKycloudVerifier(o.Credentials.KycloudCompany, o.Credentials.KycloudPublicKey, o.Now); err != nil {
		return nil, fmt.Errorf("sandbox: kycloud public key: %w", err)
	}
	return s, nil
}

// Close lets every waiting request go without an answer. A server calls it on shutdown; later calls do nothing.
func (s *Sandbox) Close() { s.close.Do(func() { close(s.done) }) }

// Handler serves the vendors and the control paths.
func (s *Sandbox) Handler() http.Handler {
	mux := http.NewServeMux()
	vendor := func(prefix, path string, h http.HandlerFunc) {
		mux.HandleFunc("POST "+path, h)
		mux.HandleFunc("POST "+prefix+path, h)
	}
	vendor("/jdcloud", jdPath, s.serve(jdcloudVendor, stepVerify, s.jdPersonal))
	vendor("/celerity", celerityLoginPath, s.serve(celerityVendor, stepLogin, s.celerityLogin))
	vendor("/celerity", celerityVerifyPath, s.serve(celerityVendor, stepVerify, s.celerityVerify))
	vendor("/glodon-account", glodonLoginPath, s.serve(glodonVendor, stepLogin, s.glodonLogin))
	vendor("/glodon", glodonAccountPath, s.serve(glodonVendor, stepAccount, s.glodonAccount))
	vendor("/glodon", glodonVerifyPath, s.serve(glodonVendor, stepVerify, s.glodonVerify))
	vendor("/glodon", glodonCertPath, s.serve(glodonVendor, stepCertificate, s.glodonCertificate))
	vendor("/kycloud", kycloudPath, s.serve(kycloudVendor, stepVerify, s.kycloudCheck))

	mux.HandleFunc("GET "+pagePath, s.showPage)
	mux.HandleFunc("POST "+pagePath, s.completePage)

	mux.HandleFunc("GET /_sandbox/calls", s.getCalls)
	mux.HandleFunc("DELETE /_sandbox/calls", s.deleteCalls)
	mux.HandleFunc("GET /_sandbox/faults", s.getFaults)
	mux.HandleFunc("PUT /_sandbox/faults", s.putFaults)
	mux.HandleFunc("DELETE /_sandbox/faults", s.deleteFaults)
	mux.HandleFunc("GET /_sandbox/pages", s.getPages)
	mux.HandleFunc("DELETE /_sandbox/pages", s.deletePages)
	mux.HandleFunc("GET /_sandbox/accounts", s.getAccounts)
	mux.HandleFunc("DELETE /_sandbox/accounts", s.deleteAccounts)
	mux.HandleFunc("GET /_sandbox/identities", file(identities))
	mux.HandleFunc("GET /_sandbox/expect", file(expect))
	return mux
}

// file serves an embedded JSON file.
func file(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(content)
	}
}
