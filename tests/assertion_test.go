package tests

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/host"
	"github.com/idvgate/idvgate/tests/play"
)

// What two gateways with nothing in common but the key have signed, each takes from the other; the admin port shows the key.
func TestAnAssertionHoldsAcrossGatewaysWithoutAStore(t *testing.T) {
	stage, gate := gated(t, false)
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	config, err := stage.Env(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	config["policy"] = strings.NewReplacer(
		`"version":1,`, `"version":1,"assertion":{"key":{"secret":"IDV_ASSERTION_KEY"},"issuer":"i","audience":"a"},`,
		`"remember":{"match":"1h"}`, `"assert":{"goodFor":"1h"}`,
	).Replace(recallPolicy(gate.URL, ""))
	upstream, err := url.Parse(stage.Upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	assertion := ""
	for i, wasm := range [][]byte{built.wasm, built.proxywasm} {
		g, err := host.New(t.Context(), host.Options{
			Wasm: wasm, Config: config, Upstream: upstream, Shards: 1, CacheDir: built.cache, Audit: io.Discard, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(g)
		t.Cleanup(func() {
			server.Close()
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/pay", strings.NewReader(liLei))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {"application/json"}, "Idv-Assertion": {assertion}}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		made := reply.Header.Get("Idv-Assertion")
		if reply.StatusCode != http.StatusOK || (made == "") != (i == 1) {
			t.Errorf("gateway %d: status %d, assertion %q", i+1, reply.StatusCode, made)
		}
		assertion = made
		w := httptest.NewRecorder()
		g.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
		if got := w.Body.String(); w.Header().Get("Content-Type") != "application/jwk-set+json" || strings.Count(got, `"crv":"Ed25519"`) != 1 {
			t.Errorf("gateway %d: %s", i+1, got)
		}
	}
	if n := gate.Calls.Load(); n != 1 {
		t.Errorf("the vendor was asked %d times, not once", n)
	}
}
