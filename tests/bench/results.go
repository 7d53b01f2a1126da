package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// results is all that one run measured. It is kept as JSON, and the document is drawn from nothing else.
type results struct {
	When     time.Time         `json:"when"`
	Machine  machine           `json:"machine"`
	Versions map[string]string `json:"versions"` // of what the peers are made, by peer
	// Quick is a run that shows that the bench works: its void rounds count, so it measures nothing.
	Quick    bool     `json:"quick,omitempty"`
	Rounds   int      `json:"rounds"`   // that counted
	Void     int      `json:"void"`     // that were thrown away, curves included
	Requests int      `json:"requests"` // a peer and round
	Figures  []figure `json:"figures"`
	Curves   []curve  `json:"curves"`
}

type machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
}

// A figure is one measured value, beside its target where it has one.
type figure struct {
	Group string  `json:"group"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Micros is the CPU time behind a ratio, in microseconds per request.
	Micros float64 `json:"micros,omitempty"`
	Target string  `json:"target,omitempty"`
	Met    bool    `json:"met,omitempty"` // nothing without a target
	Note   string  `json:"note,omitempty"`
}

func (f figure) atLeast(target float64) figure {
	f.Target, f.Met = fmt.Sprintf("≥ %g", target), f.Value >= target
	return f
}

func (f figure) atMost(target float64) figure {
	f.Target, f.Met = fmt.Sprintf("≤ %g", target), f.Value <= target
	return f
}

func (f figure) judged() string {
	switch {
	case f.Target == "":
		return ""
	case f.Met:
		return "met"
	}
	return "missed"
}

// A curve is cost against one size.
type curve struct {
	Name  string `json:"name"` // rules, body or waiting
	Lines []line `json:"lines"`
}

type line struct {
	Name   string  `json:"name"`
	Points []point `json:"points"`
}

type point struct {
	X      float64 `json:"x"`
	Micros float64 `json:"micros"`        // of CPU time per request
	MiB    float64 `json:"mib,omitempty"` // resident memory of the process
}

// add puts a point on a line, which it makes at its first point.
func (c *curve) add(name string, p point) {
	for i := range c.Lines {
		if c.Lines[i].Name == name {
			c.Lines[i].Points = append(c.Lines[i].Points, p)
			return
		}
	}
	c.Lines = append(c.Lines, line{name, []point{p}})
}

func (r *results) add(f figure) { r.Figures = append(r.Figures, f) }

func (r *results) print(w io.Writer) {
	group := ""
	for _, f := range r.Figures {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(w, "\n%s\n", group)
		}
		micros := ""
		if f.Micros > 0 {
			micros = fmt.Sprintf("%.1f µs", f.Micros)
		}
		fmt.Fprintf(w, "  %-44s %10s %-9s %10s  %-8s %-7s %s\n", f.Name, number(f.Value), f.Unit, micros, f.Target, f.judged(), f.Note)
	}
}

// number writes a value with three digits that mean something.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (r *results) save(name string) error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, append(raw, '\n'), 0o644)
}

func load(name string) (*results, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var r results
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &r, nil
}
