package play

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/idvgate/idvgate/examples/policies"
	"github.com/idvgate/idvgate/host/sandbox"
)

// A Stage is what a scenario plays on: vendors of its own and an upstream that notes what it gets.
type Stage struct {
	People  People
	Vendors *httptest.Server
	Store   *Webdis
	sandbox *sandbox.Sandbox
	seen    int // calls that earlier steps have looked at

	Upstream *httptest.Server
	mu       sync.Mutex
	got      []Forwarded
}

// Forwarded is a request as the upstream sees it.
type Forwarded struct {
	Headers  map[string][]string // by lower-case name, host apart
	Trailers map[string][]string
	Body     []byte
}

// NewStage opens a stage.
func NewStage() (*Stage, error) {
	s := &Stage{}
	var err error
	if s.sandbox, err = sandbox.New(sandbox.Options{}); err != nil {
		return nil, err
	}
	s.Store = NewWebdis()
	s.Vendors = newServer(s.sandbox.Handler())
	s.Upstream = httptest.NewServer(http.HandlerFunc(s.note))
	document, err := s.get("/_sandbox/identities")
	if err == nil {
		s.People, err = ParsePeople(document)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// ports is those that stages' vendors have had. No two have the same: a gateway that outlives a stage would take one
// vendor's accounts for the other's.
var ports sync.Map

func newServer(h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	if _, again := ports.LoadOrStore(s.URL, true); !again {
		return s
	}
	defer s.Close() // not before there is another
	return newServer(h)
}

// Close ends the stage.
func (s *Stage) Close() {
	s.sandbox.Close()
	s.Vendors.CloseClientConnections()
	s.Vendors.Close()
	s.Upstream.CloseClientConnections()
	s.Upstream.Close()
	s.Store.Close()
}

func (s *Stage) note(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	f := Forwarded{Headers: lower(r.Header), Trailers: lower(r.Trailer), Body: body}
	if err == nil {
		s.mu.Lock()
		s.got = append(s.got, f)
		s.mu.Unlock()
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "upstream\n")
}

// take is what the upstream got since the last take.
func (s *Stage) take() []Forwarded {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

func lower(h http.Header) map[string][]string {
	names := make(map[string][]string, len(h))
	for name, values := range h {
		l := strings.ToLower(name)
		names[l] = append(names[l], values...)
	}
	return names
}

// Credentials is the demo's variables and secrets.
func Credentials(root string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "examples", "policies", "demo.env"))
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	return env, nil
}

// Env is the variables and secrets of base.yaml and vendors.yaml for this stage: the demo's credentials, with the
// stage's addresses.
func (s *Stage) Env(root string, over map[string]string) (map[string]string, error) {
	env, err := Credentials(root)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.Vendors.URL)
	if err != nil {
		return nil, err
	}
	for name, path := range policies.DemoURLs() {
		env[name] = s.Vendors.URL + path
	}
	env["WEBDIS_URL"] = s.Store.URL
	env["SANDBOX_HOST"], env["SANDBOX_URL"] = u.Host, s.Vendors.URL
	maps.Copy(env, over)
	return env, nil
}

// A Call is one the vendors got.
type Call struct {
	Vendor, Step, Person, Answer string
	Billed                       bool
}

// calls is what the vendors got since the last look.
func (s *Stage) calls() ([]Call, error) {
	document, err := s.get("/_sandbox/calls")
	if err != nil {
		return nil, err
	}
	var d struct{ Calls []Call }
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("play: calls: %w", err)
	}
	fresh := d.Calls[s.seen:]
	s.seen = len(d.Calls)
	return fresh, nil
}

// faults sets faults of whole vendors.
func (s *Stage) faults(document []byte) error {
	r := httptest.NewRequest(http.MethodPut, "/_sandbox/faults", strings.NewReader(string(document)))
	return s.control(r, nil)
}

func (s *Stage) get(path string) ([]byte, error) {
	var body []byte
	err := s.control(httptest.NewRequest(http.MethodGet, path, nil), &body)
	return body, err
}

// control asks the sandbox itself, past the network.
func (s *Stage) control(r *http.Request, body *[]byte) error {
	w := httptest.NewRecorder()
	s.Vendors.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Errorf("play: %s %s: %d %s", r.Method, r.URL.Path, w.Code, w.Body)
	}
	if body != nil {
		*body = w.Body.Bytes()
	}
	return nil
}
