package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measure runs all parts.
func measure(o options) (*results, error) {
	r := &results{When: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Requests: o.requests, Quick: o.quick}
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	l := &lab{world: w, guest: o.guest, cache: filepath.Join(dir, "compiled")}
	if slices.ContainsFunc(o.peers, func(p string) bool { return heavyPeers[p] }) {
		if err := l.build(dir); err != nil {
			return nil, fmt.Errorf("peers: %w (-peers plain,native,idvgate leaves them out)", err)
		}
		if r.Versions, err = l.versions(); err != nil {
			return nil, err
		}
	}
	if err := engine(r); err != nil {
		return nil, err
	}
	for _, part := range []func(*results, *lab, options) error{table, slowVendor, sizeAndStart, rulesCurve, bodyCurve, waitingCurve} {
		if err := part(r, l, o); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func thisMachine() machine {
	m := machine{CPU: "unknown", Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// notes is what a reader must know of a peer's row.
var notes = map[string]string{
	"native":  "the same engine without a sandbox",
	"idvgate": "the gateway with the Extism guest",
	"opa":     "OPA as a library; Rego makes JD Cloud's signature itself",
	"naive":   "go-pdk, http_request, 32 instances on go-sdk",
	"caddy":   "forward_auth to a native Go service; CPU time of both; the fields travel in headers, since it sends no body",
}

// Groups of the table.
const (
	groupUnmatched = "A request no rule is for, against the plain proxy"
	groupRecalled  = "A remembered match, against the plain proxy"
	groupSigned    = "One signed vendor call, against the plain proxy"
	groupSlow      = "A vendor that needs 1 s"
	groupEngine    = "The engine alone, natively"
	groupStart     = "Size and start"
)

// table is CPU time per request, unmatched and with one signed vendor call.
func table(r *results, l *lab, o options) error {
	progress("CPU time per request: %s", strings.Join(o.peers, ", "))
	g := game{control: pass(leiLi, 0), rounds: o.rounds, requests: o.requests, keepVoid: o.quick}
	for _, kind := range o.peers {
		p, err := l.start(kind, 1)
		if err != nil {
			return err
		}
		defer p.stop()
		if kind == "plain" {
			g.plain = p
			continue
		}
		if err := prove(l.world, p); err != nil {
			return err
		}
		g.runs = append(g.runs, play{kind + " unmatched", p, pass(leiLi, 0)}, play{kind + " signed", p, ask(leiLi, 0)})
		if remembers(kind) {
			g.runs = append(g.runs, play{kind + " recalled", p, again(leiLi)})
		}
	}
	g.until = time.Now().Add(o.limit * 2 / 5)
	found, err := g.play()
	if err != nil {
		return err
	}
	r.Rounds, r.Void = found.rounds, r.Void+found.void
	for _, part := range []struct {
		group, word string
		target      float64
	}{{groupUnmatched, " unmatched", 0.55}, {groupRecalled, " recalled", 0.62}, {groupSigned, " signed", 0.25}} {
		r.add(figure{Group: part.group, Name: "plain", Value: 1, Unit: "×", Micros: found.plain, Note: "ReverseProxy, for everything"})
		for _, kind := range o.peers[1:] {
			s, played := found.samples[kind+part.word]
			if !played {
				continue
			}
			f := figure{Group: part.group, Name: kind, Value: s.ratio, Unit: "×", Micros: s.micros, Note: notes[kind]}
			if kind == "idvgate" {
				f = f.atLeast(part.target)
			}
			r.add(f)
		}
	}
	return nil
}

// remembers reports whether a peer keeps answers.
func remembers(kind string) bool { return kind == "native" || kind == "idvgate" }

// contextFor is for what a run starts and waits for.
func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
