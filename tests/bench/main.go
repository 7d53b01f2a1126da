// Command bench measures what the gateway costs: CPU time per request of its process, against peers that do the same
// task (package front), interleaved in one run. Each peer is a process of its own with GOMAXPROCS=1; load, upstream and
// vendor run in this one. A round in which the plain proxy against itself leaves 0.95 to 1.05 is thrown away.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	switch {
	case o.peer != "":
		return bePeer(o.peer)
	case o.docs:
		r, err := load(o.kept)
		if err != nil {
			return err
		}
		envoy, err := load(o.keptEnvoy)
		if err != nil {
			return err
		}
		return r.writeDocs("../../docs", envoy)
	}
	measured := measure
	if o.envoy != "" {
		measured = measureEnvoy
	}
	r, err := measured(o)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	return r.save(o.json)
}

// allPeers is who is compared, in the order of the table. The first is what all are measured by.
var allPeers = []string{"plain", "native", "idvgate", "opa", "naive", "caddy"}

type options struct {
	peer      string
	docs      bool
	kept      string
	keptEnvoy string
	guest     string
	envoy     string
	proxywasm string
	command   string
	json      string
	peers     []string
	rounds    int
	requests  int
	limit     time.Duration
	quick     bool
}

// parse reads the command line.
func parse(args []string, w io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(w)
	f.StringVar(&o.peer, "peer", "", "internal: be this peer (plain, native or idvgate)")
	f.BoolVar(&o.docs, "docs", false, "measure nothing: draw docs/performance.md and its plots from the kept figures")
	f.StringVar(&o.kept, "kept", "../../docs/performance.json", "with -docs: the kept figures")
	f.StringVar(&o.keptEnvoy, "kept-envoy", "../../docs/performance-envoy.json", "with -docs: the figures kept of Envoy")
	f.StringVar(&o.guest, "guest", "../../host/cmd/idvgate/wasm/idvgate-extism.wasm", "the Extism guest")
	f.StringVar(&o.envoy, "envoy", "", "Envoy's binary: the guest for proxy-wasm is measured in it, and nothing else")
	f.StringVar(&o.proxywasm, "proxywasm", "../../host/cmd/idvgate/wasm/idvgate-proxywasm.wasm", "with -envoy: the guest for proxy-wasm")
	f.StringVar(&o.command, "command", "../../bin/idvgate", "the command, for the time it takes to be ready")
	f.StringVar(&o.json, "json", "results/bench.json", "where the figures go")
	peers := f.String("peers", strings.Join(allPeers, ","), "who is compared")
	f.IntVar(&o.rounds, "rounds", 5, "rounds that count")
	f.IntVar(&o.requests, "requests", 3000, "requests a peer and round")
	f.DurationVar(&o.limit, "limit", 5*time.Minute, "what the whole may take, building apart; fewer rounds if need be")
	f.BoolVar(&o.quick, "quick", false, "a tenth of everything, void rounds kept: shows that it works, measures nothing")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	}
	o.peers = strings.Split(*peers, ",")
	for _, p := range o.peers {
		if !slices.Contains(allPeers, p) {
			return o, fmt.Errorf("no such peer: %q; there are %s", p, strings.Join(allPeers, ", "))
		}
	}
	for _, p := range allPeers[:3] { // what targets and curves are about
		if !slices.Contains(o.peers, p) {
			return o, fmt.Errorf("-peers needs %s", strings.Join(allPeers[:3], ", "))
		}
	}
	if o.rounds < 1 || o.requests < 100 || o.limit <= 0 {
		return o, errors.New("-rounds is at least 1, -requests at least 100, -limit above 0")
	}
	if o.quick {
		o.rounds, o.requests = 1, max(100, o.requests/10)
	}
	return o, nil
}

func progress(format string, values ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", values...)
}
