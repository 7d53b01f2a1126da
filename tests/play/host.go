package play

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/idvgate/idvgate/host"
)

// HostRuntime is our gateway with a guest, asked over HTTP.
type HostRuntime struct {
	Wasm      []byte
	ProxyWasm bool // the guest is that for proxy-wasm
	CacheDir  string
	// Messages takes what goes over the border of the guest, one input or output at a time; nil: nobody looks.
	Messages func(toGuest bool, messages []byte)
}

// Name is host, or proxywasm for a guest of that kind.
func (h HostRuntime) Name() string {
	if h.ProxyWasm {
		return ProxyWasm
	}
	return Host
}

// Start makes a gateway of one VM.
func (h HostRuntime) Start(doc []byte, vars map[string]string, stage *Stage, record *Record) (Gateway, error) {
	upstream, err := url.Parse(stage.Upstream.URL)
	if err != nil {
		return nil, err
	}
	config := map[string]string{"policy": string(doc)}
	for name, value := range vars {
		config[name] = value
	}
	ctx := context.Background()
	if h.Messages != nil {
		ctx = experimental.WithFunctionListenerFactory(ctx, &border{take: h.Messages})
	}
	g, err := host.New(ctx, host.Options{
		Wasm: h.Wasm, Config: config, Upstream: upstream, Shards: 1, CacheDir: h.CacheDir,
		Audit: record.AuditWriter(), Log: slog.New(slog.NewJSONHandler(record, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return nil, err
	}
	return &hostGateway{gateway: g, server: httptest.NewServer(g), stage: stage, record: record}, nil
}

type hostGateway struct {
	gateway *host.Gateway
	server  *httptest.Server
	stage   *Stage
	record  *Record
}

func (g *hostGateway) Play(r *Request) (Seen, error) {
	seen, err := overHTTP(g.Address(), g.stage, r)
	if err != nil {
		return seen, err
	}
	return seen, g.scrape()
}

// Address is where the gateway listens.
func (g *hostGateway) Address() string { return g.server.Listener.Addr().String() }

// Name is idvgate.
func (g *hostGateway) Name() string { return "idvgate" }

// scrape reads the counts that the guest has made so far.
func (g *hostGateway) scrape() error {
	w := httptest.NewRecorder()
	g.gateway.Admin().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	all, err := parseMetrics(w.Body)
	if err == nil {
		g.record.SetMetrics(all)
	}
	return err
}

// parseMetrics reads the counts of the engine out of a page in Prometheus' text format.
func parseMetrics(page io.Reader) (map[string]float64, error) {
	all := map[string]float64{}
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || !strings.HasPrefix(line, "idv_") {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("play: metric %q: %w", line, err)
		}
		all[line[:at]] = value
	}
	return all, lines.Err()
}

func (g *hostGateway) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := g.gateway.Drain(ctx)
	g.server.CloseClientConnections()
	g.server.Close()
	if scraped := g.scrape(); err == nil {
		err = scraped
	}
	if closed := g.gateway.Close(); err == nil {
		err = closed
	}
	return err
}

// border listens to the guest's step: what goes in through its buffer and what it returns.
type border struct {
	take   func(toGuest bool, messages []byte)
	buffer uint32
}

func (b *border) NewFunctionListener(def api.FunctionDefinition) experimental.FunctionListener {
	for _, name := range def.ExportNames() {
		if name == "step" || name == "buffer" {
			return &crossing{b, name}
		}
	}
	return nil
}

type crossing struct {
	border *border
	name   string
}

func (c *crossing) Before(_ context.Context, mod api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	if c.name == "step" {
		if in, ok := mod.Memory().Read(c.border.buffer, uint32(params[1])); ok {
			c.border.take(true, in)
		}
	}
}

func (c *crossing) After(_ context.Context, mod api.Module, _ api.FunctionDefinition, results []uint64) {
	if c.name == "buffer" {
		c.border.buffer = uint32(results[0])
		return
	}
	if out, ok := mod.Memory().Read(uint32(results[0]>>32), uint32(results[0])); ok {
		c.border.take(false, out)
	}
}

func (c *crossing) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
