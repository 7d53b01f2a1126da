package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/idvgate/idvgate/host"
)

// gatewayFlags are what run and demo share.
type gatewayFlags struct {
	settings    settings
	listen      string
	admin       string
	wasm        string
	audit       string
	cache       string
	unmatched   string
	shards      int
	trustedHops int
	maxFlows    int
	grace       time.Duration
}

func (f *gatewayFlags) flags(cmd *cobra.Command) {
	f.settings.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the gateway")
	fl.StringVar(&f.admin, "admin", "127.0.0.1:8083", "address of /live, /ready, /metrics and /policy; empty: none")
	fl.StringVar(&f.wasm, "wasm", "", "the guest; default: the one in this command")
	fl.StringVar(&f.audit, "audit", "-", "file the audit lines are added to; - is standard output")
	fl.StringVar(&f.cache, "cache", defaultCache(), "folder for the compiled guest; empty: compile at each start. Whoever can write there can replace the guest")
	fl.StringVar(&f.unmatched, "unmatched", "allow", "what happens to a request no rule is for: allow or deny")
	fl.IntVar(&f.shards, "shards", 0, "guest instances side by side; 0: one a core")
	fl.IntVar(&f.trustedHops, "trusted-hops", 0, "proxies in front that are trusted to have written X-Forwarded-For")
	fl.IntVar(&f.maxFlows, "max-flows", 0, "requests that may wait in one instance; 0: 4096. Beyond: 503")
	fl.DurationVar(&f.grace, "grace", 15*time.Second, "how long requests in flight may take after SIGTERM")
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "idvgate")
}

func runCommand() *cobra.Command {
	var f gatewayFlags
	var upstream string
	cmd := &cobra.Command{
		Use:   "run --policy FILE --upstream URL",
		Short: "Run the gateway in front of an API",
		Long: `Runs the gateway in front of an API. The policy says which request needs which check; variables and
secrets it names come from the environment, --env-file or --secrets.

A changed policy file, or SIGHUP, loads the new policy beside the old one and switches; one with
mistakes is refused and the old one stays. SIGTERM lets requests in flight finish within --grace.`,
		Example: `  idvgate run --policy policy.yaml --secrets /run/secrets --upstream http://127.0.0.1:9000`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := url.Parse(upstream)
			if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
				return fmt.Errorf("--upstream: http://host:port or https://host:port is due")
			}
			g, err := f.start(cmd.Context(), nil, to, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "idvgate: ready: gateway %s, upstream %s%s\n", g.gate.url(), to.Redacted(), g.adminNote())
			for _, e := range g.gateway.Loaded().Endpoints {
				fmt.Fprintf(cmd.ErrOrStderr(), "idvgate: callouts may go to %s (%s)\n", e.URL, e.Provider)
			}
			return g.serve(cmd.Context(), &f)
		},
	}
	cmd.Flags().StringVar(&f.settings.policyFile, "policy", "", "the policy, YAML or JSON")
	cmd.Flags().StringVar(&upstream, "upstream", "", "where requests go that pass")
	_ = cmd.MarkFlagRequired("policy")
	_ = cmd.MarkFlagRequired("upstream")
	f.flags(cmd)
	return cmd
}

// running is a gateway that has its ports and its guest, and serves nothing yet.
type running struct {
	gateway     *host.Gateway
	gate, admin *service
	log         *slog.Logger
	auditFile   io.Closer
	options     func() (host.Options, error) // reads everything anew
}

func (r *running) adminNote() string {
	if r.admin == nil {
		return ""
	}
	return ", admin " + r.admin.url()
}

// start does all that can fail: reads, checks, compiles, takes the ports. gate is the gateway's, nil to take it here.
func (f *gatewayFlags) start(ctx context.Context, gate *service, upstream *url.URL, stdout io.Writer) (*running, error) {
	if f.unmatched != "allow" && f.unmatched != "deny" {
		return nil, fmt.Errorf(`--unmatched: "allow" or "deny" is due`)
	}
	r := &running{log: slog.New(slog.NewTextHandler(os.Stderr, nil)), gate: gate}
	audit := stdout
	if f.audit != "-" {
		file, err := os.OpenFile(f.audit, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("--audit: %w", err)
		}
		audit, r.auditFile = file, file
	}
	r.options = func() (host.Options, error) {
		p, err := f.settings.load()
		if err != nil {
			return host.Options{}, err
		}
		wasm, err := readGuest(f.wasm)
		if err != nil {
			return host.Options{}, err
		}
		p.config["idvgate.unmatched"] = f.unmatched
		return host.Options{
			Wasm: wasm, Config: p.config, Upstream: upstream, Shards: f.shards, CacheDir: f.cache,
			Audit: audit, Log: r.log, TrustedHops: f.trustedHops, MaxFlows: f.maxFlows,
		}, nil
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	if r.gate == nil {
		if r.gate, err = listenOn("listen", f.listen, nil); err != nil {
			return nil, err
		}
	}
	if f.admin != "" {
		if r.admin, err = listenOn("admin", f.admin, nil); err != nil {
			closeAll(r.gate)
			return nil, err
		}
	}
	if r.gateway, err = host.New(ctx, options); err != nil {
		closeAll(r.gate, r.admin)
		return nil, err
	}
	r.gate.server.Handler = r.gateway
	if r.admin != nil {
		r.admin.server.Handler = r.gateway.Admin()
	}
	return r, nil
}

// serve serves until ctx is done, and reloads meanwhile.
func (r *running) serve(ctx context.Context, f *gatewayFlags, beside ...*service) error {
	services := []*service{r.gate}
	services = append(services, beside...)
	if r.admin != nil {
		services = append(services, r.admin)
	}
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.watch(watching, f)
	}()
	err := serveAll(ctx, f.grace, services...)
	stop()
	<-done
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.grace)
	defer cancel()
	if r.gateway.Drain(limit) != nil {
		r.log.Warn("requests were still in flight after the grace period, they are cut off", "grace", f.grace)
	}
	if e := r.gateway.Close(); err == nil {
		err = e
	}
	if r.auditFile != nil {
		if e := r.auditFile.Close(); err == nil {
			err = e
		}
	}
	return err
}

// watchEvery is how often files are looked at for changes.
const watchEvery = 2 * time.Second

// watch loads everything anew on SIGHUP and when a file has changed. What does not load is refused, the old one stays.
func (r *running) watch(ctx context.Context, f *gatewayFlags) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	files := []string{f.settings.policyFile, f.settings.envFile, f.settings.secretsDir, f.wasm}
	seen := stamp(files)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
			if now := stamp(files); now == seen {
				continue
			}
		}
		seen = stamp(files)
		r.reload(ctx)
	}
}

func (r *running) reload(ctx context.Context) {
	options, err := r.options()
	if err == nil {
		_ = r.gateway.ReloadGuest(ctx, options.Wasm, options.Config) // which logs how it ended
		return
	}
	if m, ok := errors.AsType[*mistakes](err); ok {
		for _, line := range m.lines {
			r.log.Error("reload refused, the old policy stays", "mistake", line)
		}
		return
	}
	r.log.Error("reload refused, the old policy stays", "error", err)
}

// stamp tells one state of the files from another.
func stamp(files []string) string {
	s := ""
	for _, name := range files {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			s += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), ";")
		}
	}
	return s
}
