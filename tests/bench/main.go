// Command bench measures what the gateway costs: CPU time per request of its process, against peers that do the same
// work, interleaved in one run. Each peer is a process of its own with GOMAXPROCS=1; load, upstream and vendor run in
// this one. A round in which the plain proxy against itself leaves 0.95 to 1.05 is thrown away.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	log := func(err error) {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
	peer := flag.String("peer", "", "internal: be this peer (plain, native or idvgate)")
	guest := flag.String("guest", "../../host/cmd/idvgate/wasm/idvgate-extism.wasm", "the Extism guest")
	command := flag.String("command", "../../bin/idvgate", "the command, for the time it takes to be ready")
	rounds := flag.Int("rounds", 5, "rounds that count")
	requests := flag.Int("requests", 6000, "requests a peer and round")
	out := flag.String("json", "results/bench.json", "where the figures are kept")
	flag.Parse()
	if *peer != "" {
		log(bePeer(*peer, *guest))
	}
	r, err := measure(*guest, *command, *rounds, *requests)
	if err != nil {
		log(err)
	}
	r.print(os.Stdout)
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		log(err)
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		log(err)
	}
	if err := os.WriteFile(*out, append(raw, '\n'), 0o644); err != nil {
		log(err)
	}
}

// A figure is one measured value beside its target.
type figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target string  `json:"target"`
	Met    bool    `json:"met"`
	Note   string  `json:"note,omitempty"`
}

type results struct {
	When    time.Time `json:"when"`
	Figures []figure  `json:"figures"`
}

func (r *results) atLeast(name string, value, target float64, unit, note string) {
	r.Figures = append(r.Figures, figure{name, value, unit, fmt.Sprintf(">= %g", target), value >= target, note})
}

func (r *results) atMost(name string, value, target float64, unit, note string) {
	r.Figures = append(r.Figures, figure{name, value, unit, fmt.Sprintf("<= %g", target), value <= target, note})
}

func (r *results) print(w *os.File) {
	fmt.Fprintf(w, "\n%-64s %10s %-10s %-10s %s\n", "what", "measured", "unit", "target", "")
	for _, f := range r.Figures {
		met := "met"
		if !f.Met {
			met = "MISSED"
		}
		fmt.Fprintf(w, "%-64s %10.2f %-10s %-10s %s  %s\n", f.Name, f.Value, f.Unit, f.Target, met, f.Note)
	}
}
