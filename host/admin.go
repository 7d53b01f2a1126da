package host

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Loaded is what the gateway serves with.
type Loaded struct {
	Guest     string     `json:"guest"`
	Version   string     `json:"version"`
	Digest    string     `json:"digest"`
	Rules     int        `json:"rules"`
	Endpoints []Endpoint `json:"endpoints"` // where callouts may go
	LoadedAt  time.Time  `json:"loadedAt"`
	Shards    int        `json:"shards"`
}

// Loaded says what the gateway serves with. It is zero after Close.
func (g *Gateway) Loaded() Loaded {
	gen := g.current.Load()
	if gen == nil {
		return Loaded{}
	}
	return Loaded{
		gen.info.Name, gen.info.Version, gen.info.Policy.Digest, gen.info.Policy.Rules,
		append([]Endpoint{}, gen.egress.endpoints...), gen.loaded.UTC(), len(gen.shards),
	}
}

// Endpoints is where callouts may go. It is empty after Close.
func (g *Gateway) Endpoints() []Endpoint { return g.Loaded().Endpoints }

// Admin is for a port of its own, not open to clients: /live, /ready, /metrics, /policy, and at
// /.well-known/jwks.json the public keys that verify assertions.
func (g *Gateway) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "live\n") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if g.draining.Load() {
			say(w, http.StatusServiceUnavailable, "draining\n")
			return
		}
		say(w, http.StatusOK, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /policy", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(g.Loaded()) //nolint:errcheck // the client has left
	})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		keys := json.RawMessage(`{"keys":[]}`)
		if gen := g.current.Load(); gen != nil && gen.info.JWKS != nil {
			keys = gen.info.JWKS
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(keys) //nolint:errcheck // the client has left
	})
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text)) //nolint:errcheck // the client has left
}
