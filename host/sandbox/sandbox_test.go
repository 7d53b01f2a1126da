package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func (c *client) jdMatch() answer {
	c.t.Helper()
	p := c.listed(match)
	return c.jd(jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber}))
}

func TestTheSampleCredentialsAreTheOtherHalf(t *testing.T) {
	env, c := demoEnv(t), DefaultCredentials()
	for name, want := range map[string]string{
		"JD_ACCESS_KEY": c.JDAccessKey, "JD_SECRET_KEY": c.JDSecretKey, "CELERITY_PASSWORD": c.CelerityPassword,
		"GLODON_KEY": c.GlodonKey, "GLODON_SECRET": c.GlodonSecret,
		"JDCLOUD_URL": "http://127.0.0.1:8081/jdcloud", "CELERITY_URL": "http://127.0.0.1:8081/celerity",
		"GLODON_URL": "http://127.0.0.1:8081/glodon", "GLODON_ACCOUNT_URL": "http://127.0.0.1:8081/glodon-account",
		"KYCLOUD_URL": "http://127.0.0.1:8081/kycloud",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if len(env["IDV_SUBJECT_KEY"]) < 32 {
		t.Error("IDV_SUBJECT_KEY is too short for a key")
	}
	verifier, err := newKycloudVerifier(c.KycloudCompany, c.KycloudPublicKey, time.Now)
	if err != nil || !kycloudKey(t).PublicKey.Equal(verifier.key) {
		t.Errorf("KYCLOUD_PRIVATE_KEY and the public key are no pair: %v", err)
	}
}

// TestThePackageCommentKnowsEveryVendor: docs/sandbox.md is made of it.
func TestThePackageCommentKnowsEveryVendor(t *testing.T) {
	source, err := os.ReadFile("sandbox.go")
	if err != nil {
		t.Fatal(err)
	}
	about, _, _ := strings.Cut(string(source), "\npackage sandbox\n")
	var answers []string
	for line := range strings.Lines(about) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "answer" {
			answers = words[2:]
		}
	}
	for _, v := range vendors {
		if !strings.Contains(about, "\n//\t/"+v+" ") || !slices.Contains(answers, v) {
			t.Errorf("the package comment has no address or no column of answers for %s", v)
		}
	}
}

func TestNewRefusesAKeyThatIsNone(t *testing.T) {
	for _, key := range []string{"", "?", "QUJD"} {
		bad := DefaultCredentials()
		bad.KycloudPublicKey = key
		if s, err := New(Options{Credentials: bad}); err == nil || s != nil {
			t.Errorf("%q: %v %v", key, s, err)
		}
	}
}

func TestCallsAreCountedAndBilled(t *testing.T) {
	c := start(t)
	c.jdMatch()
	p := c.listed(noRecord)
	c.jd(jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber}))
	c.jd(jdBody(2, map[string]any{"name": "王小明", "idCard": "11010519491231002X"}))
	token := c.celerityLogin()
	c.celerity(token, celerityBody(c.listed(mismatch), false))
	c.celerity("stranger", celerityBody(c.listed(mismatch), false))

	a := c.send(c.request("GET", "/_sandbox/calls", ""))
	const when = `,"at":"2026-11-22T04:00:00Z"}`
	totals := map[string]total{}
	for _, v := range vendors {
		totals[v] = total{}
	}
	totals[celerityVendor] = total{Verify: 2, Login: 1, Billed: 1}
	totals[jdcloudVendor] = total{Verify: 3, Billed: 1}
	want := `{"calls":[` + strings.Join([]string{
		`{"vendor":"jdcloud","step":"verify","person":"match","answer":"match","billed":true` + when,
		`{"vendor":"jdcloud","step":"verify","person":"no_record","answer":"no_record","billed":false` + when,
		`{"vendor":"jdcloud","step":"verify","person":"unknown","answer":"no_record","billed":false` + when,
		`{"vendor":"celerity","step":"login","person":"unknown","answer":"ok","billed":false` + when,
		`{"vendor":"celerity","step":"verify","person":"mismatch","answer":"mismatch","billed":true` + when,
		`{"vendor":"celerity","step":"verify","person":"unknown","answer":"unauthorized","billed":false` + when,
	}, ",") + `],"totals":` + text(totals) + "}\n"
	if string(a.body) != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
	if a := c.send(c.request("DELETE", "/_sandbox/calls", "")); a.status != 204 {
		t.Errorf("%d", a.status)
	}
	if a := c.send(c.request("GET", "/_sandbox/calls", "")); !strings.HasPrefix(string(a.body), `{"calls":[],"totals":{"celerity":{"verify":0,`) {
		t.Errorf("%s", a.body)
	}
}

func TestOnlyTheNewestCallsAreKeptAndAllAreCounted(t *testing.T) {
	var l callLog
	for i := range 2*maxCalls + 10 {
		l.add(call{Vendor: jdcloudVendor, Step: stepVerify, Person: fmt.Sprint(i)})
	}
	calls, totals := l.read()
	if len(calls) != maxCalls || calls[len(calls)-1].Person != fmt.Sprint(2*maxCalls+9) || totals[jdcloudVendor].Verify != 2*maxCalls+10 {
		t.Errorf("%d calls, last of %s, totals %v", len(calls), calls[len(calls)-1].Person, totals)
	}
}

func TestTheFilesAreServedAsTheyAre(t *testing.T) {
	c := start(t)
	for path, want := range map[string][]byte{"/_sandbox/identities": identities, "/_sandbox/expect": expect} {
		if a := c.send(c.request("GET", path, "")); a.status != 200 || !bytes.Equal(a.body, want) {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
	}
}

// TestHowLongWaitingTakes runs the handler by a fake clock, without a network.
func TestHowLongWaitingTakes(t *testing.T) {
	ask := func(s *Sandbox, ctx context.Context, name string) (w *httptest.ResponseRecorder, broken any) {
		c := &client{t: t, s: s, base: "http://sandbox.invalid", now: s.now()}
		p := c.listed(name)
		body := jdBody(2, map[string]any{"name": p.Name, "idCard": p.IDNumber})
		r := c.request("POST", "/v1/personal", body)
		c.jdSign(r, body, requestID())
		server := httptest.NewRequestWithContext(ctx, "POST", "http://sandbox.invalid/v1/personal", strings.NewReader(body))
		server.RequestURI, server.Header = "/v1/personal", r.Header
		w = httptest.NewRecorder()
		defer func() { broken = recover() }()
		s.Handler().ServeHTTP(w, server)
		return w, nil
	}
	cases := []struct {
		name, person string
		before       func(s *Sandbox, cancel func())
		takes        time.Duration
		answers      bool
	}{
		{"slow is a match after one second", slow, nil, time.Second, true},
		{"silence is broken off after sixty seconds", timeout, nil, time.Minute, false},
		{"silence ends when the client goes away", timeout, func(_ *Sandbox, cancel func()) { time.AfterFunc(2*time.Second, cancel) }, 2 * time.Second, false},
		{"silence ends when the sandbox closes", timeout, func(s *Sandbox, _ func()) { time.AfterFunc(3*time.Second, s.Close) }, 3 * time.Second, false},
		{"slow ends when the sandbox closes", slow, func(s *Sandbox, _ func()) { s.Close(); s.Close() }, 0, false},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Options{})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if x.before != nil {
					x.before(s, cancel)
				}
				began := time.Now()
				w, broken := ask(s, ctx, x.person)
				if took := time.Since(began); took != x.takes {
					t.Errorf("took %v, want %v", took, x.takes)
				}
				if x.answers && (broken != nil || w.Code != 200) || !x.answers && !aborted(broken) {
					t.Errorf("status %d, panic %v", w.Code, broken)
				}
				if calls, _ := s.calls.read(); len(calls) != 1 || !calls[0].Billed {
					t.Errorf("calls %+v", calls)
				}
			})
		})
	}
}

func TestThousandsMayWaitWhileOthersAreServed(t *testing.T) {
	c := start(t)
	const waiting = 2000
	c.http.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	ctx, cancel := context.WithCancel(t.Context())
	silent := c.listed(timeout)
	body := jdBody(2, map[string]any{"name": silent.Name, "idCard": silent.IDNumber})
	handler := c.s.Handler()
	var group sync.WaitGroup
	for range waiting {
		signed := c.request("POST", "/v1/personal", body)
		c.jdSign(signed, body, requestID())
		group.Go(func() {
			defer func() {
				if broken := recover(); !aborted(broken) {
					t.Errorf("panic %v", broken)
				}
			}()
			r := httptest.NewRequestWithContext(ctx, "POST", "/v1/personal", strings.NewReader(body))
			r.Host, r.Header = signed.URL.Host, signed.Header
			handler.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for range 20 {
		if a := c.jdMatch(); a.status != 200 {
			t.Fatalf("%d %v", a.status, a.err)
		}
	}
	cancel()
	group.Wait()
	if _, totals := c.calls(); totals[jdcloudVendor].Verify != waiting+20 {
		t.Errorf("%+v", totals)
	}
}

func TestAllVendorsAtOnce(t *testing.T) {
	c := start(t)
	const each = 25
	var group sync.WaitGroup
	once := c.listed(busyOnce)
	busyAnswers := make(chan bool, each)
	for range each {
		group.Go(func() { c.celerityOutcome(c.listed(match)) })
		group.Go(func() { c.glodonOutcome(c.listed(pending)) })
		group.Go(func() { c.kycloudOutcome(c.listed(match)) })
		group.Go(func() { busyAnswers <- c.jdOutcome(2, once) == busy })
		group.Go(func() { c.send(c.request("PUT", "/_sandbox/faults", `{"kycloud":{"qps":1000}}`)) })
		group.Go(func() { c.send(c.request("GET", "/_sandbox/pages", "")) })
	}
	group.Wait()
	close(busyAnswers)
	count := 0
	for b := range busyAnswers {
		if b {
			count++
		}
	}
	if count != (each+1)/2 {
		t.Errorf("busy %d times of %d, want every other", count, each)
	}
	_, totals := c.calls()
	want := map[string]total{
		jdcloudVendor: {each, 0, each / 2}, celerityVendor: {each, each, each},
		kycloudVendor: {each, 0, each}, glodonVendor: {each, each, 0},
	}
	for vendor, w := range want {
		if totals[vendor] != w {
			t.Errorf("%s: %+v, want %+v", vendor, totals[vendor], w)
		}
	}
}

func TestARequestTooLargeIsRefused(t *testing.T) {
	c := start(t)
	a := c.send(c.request("POST", jdPath, strings.Repeat("x", maxBody+1)))
	if a.err == nil && a.status != 413 {
		t.Errorf("%d", a.status)
	}
	if calls, _ := c.calls(); len(calls) != 0 {
		t.Errorf("%v", calls)
	}
}

func TestTheUpstreamEchoesWhatItSaw(t *testing.T) {
	server := httptest.NewServer(Upstream())
	defer server.Close()
	c := &client{t: t, base: server.URL, http: server.Client()}
	r := c.request("POST", "/v1/id%32/x?a=b%20c", `{"name":"李雷"}`, "X-Idv-Outcome", "match", "User-Agent", "test")
	r.Header.Add("X-Idv-Outcome", "again")
	r.Header["x_idv_outcome"] = []string{"odd"}
	r.Header.Set("Accept-Encoding", "identity")
	a := c.send(r)
	want := `{"method":"POST","path":"/v1/id%32/x","query":"a=b%20c","headers":{"accept-encoding":["identity"],"content-length":["17"],` +
		`"content-type":["application/json"],"host":["` + strings.TrimPrefix(server.URL, "http://") + `"],"user-agent":["test"],` +
		`"x-idv-outcome":["match","again"],"x_idv_outcome":["odd"]},"body":"{\"name\":\"李雷\"}"}` + "\n"
	if a.err != nil || string(a.body) != want {
		t.Errorf("got  %s %v\nwant %s", a.body, a.err, want)
	}

	chunked := c.request("PUT", "/trailers", "")
	chunked.ContentLength = -1
	chunked.Trailer = http.Header{"X-Idv-Outcome": {"match"}}
	chunked.Body = io.NopCloser(strings.NewReader("\xff"))
	if v := c.send(chunked).json(t); at(v, "trailers", "x-idv-outcome") == nil || at(v, "bodyBase64") != "/w==" || at(v, "body") != "" {
		t.Errorf("%v", v)
	}
}

// aborted reports whether what was recovered is how a handler breaks a connection off.
func aborted(recovered any) bool {
	err, ok := recovered.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

func TestTheUpstreamHasAPageForABrowserAndEchoesAllElse(t *testing.T) {
	up := httptest.NewServer(Upstream())
	defer up.Close()
	for _, c := range []struct{ method, target, media string }{
		{"GET", TourPath, "text/html; charset=utf-8"},
		{"GET", TourBack, "text/html; charset=utf-8"},
		{"POST", TourPath, "application/json; charset=utf-8"},
		{"GET", TourPath + "/", "application/json; charset=utf-8"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, up.URL+c.target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Content-Type"); got != c.media {
			t.Errorf("%s %s is %s, not %s", c.method, c.target, got, c.media)
		}
	}
}
