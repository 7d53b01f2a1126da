package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// A plot is one drawing: lines over a logarithmic x.
type plot struct {
	title, x, y string
	logY        bool
	value       func(point) float64
	tick        func(float64) string // how a value of x is written
}

// Size of a drawing and of its frame, in pixels.
const (
	plotWidth, plotHeight = 720, 380
	left, right           = 70, 20
	top, bottom           = 70, 50
)

// colours of the lines, which tell each other apart for the colour-blind too; their dashes do it without colour.
var (
	colours = []string{"#6b7280", "#0072b2", "#d55e00", "#009e73"}
	dashes  = []string{"2 3", "7 4", "none", "10 3 2 3"}
)

// svg draws a curve; the same one always gives the same text.
func (p plot) svg(c curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#111827">`+"\n", plotWidth, plotHeight, plotWidth, plotHeight)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n"+`<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", html.EscapeString(p.title), plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(p.title))
	xs, ys := p.scales(c)
	for _, v := range ys.ticks {
		y := ys.at(v)
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#e5e7eb"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y, plotWidth-right, y, left-8, y+4, short(v))
	}
	for _, v := range xs.ticks {
		x := xs.at(v)
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#e5e7eb"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x, top, x, plotHeight-bottom, x, plotHeight-bottom+18, p.tick(v))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+plotWidth-right)/2, plotHeight-10, html.EscapeString(p.x))
	fmt.Fprintf(&b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+plotHeight-bottom)/2, html.EscapeString(p.y))
	for i, l := range c.Lines {
		colour, dash, at := colours[i%len(colours)], dashes[i%len(dashes)], left+i*160
		fmt.Fprintf(&b, `<line x1="%d" y1="44" x2="%d" y2="44" stroke="%s" stroke-width="2.5" stroke-dasharray="%s"/><text x="%d" y="48">%s</text>`+"\n",
			at, at+26, colour, dash, at+32, html.EscapeString(l.Name))
		var path []string
		for _, pt := range l.Points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", xs.at(pt.X), ys.at(p.value(pt))))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5" stroke-dasharray="%s"/>`+"\n", strings.Join(path, " "), colour, dash)
		for _, pt := range l.Points {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s at %s: %s</title></circle>`+"\n",
				xs.at(pt.X), ys.at(p.value(pt)), colour, html.EscapeString(l.Name), p.tick(pt.X), number(p.value(pt)))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// A scale maps values to pixels.
type scale struct {
	min, max float64
	log      bool
	from, to float64 // pixels
	ticks    []float64
}

func (s scale) at(v float64) float64 {
	lo, hi := s.min, s.max
	if s.log {
		v, lo, hi = math.Log10(math.Max(v, s.min)), math.Log10(lo), math.Log10(hi)
	}
	if hi == lo {
		return (s.from + s.to) / 2
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// scales are those of x, with a tick at each value measured, and of y.
func (p plot) scales(c curve) (xs, ys scale) {
	xs = scale{min: math.Inf(1), log: true, from: left + 10, to: plotWidth - right - 20}
	ys = scale{min: math.Inf(1), log: p.logY, from: plotHeight - bottom, to: top}
	seen := map[float64]bool{}
	for _, l := range c.Lines {
		for _, pt := range l.Points {
			if !seen[pt.X] {
				seen[pt.X] = true
				xs.ticks = append(xs.ticks, pt.X)
			}
			xs.min, xs.max = math.Min(xs.min, pt.X), math.Max(xs.max, pt.X)
			ys.min, ys.max = math.Min(ys.min, p.value(pt)), math.Max(ys.max, p.value(pt))
		}
	}
	if len(seen) == 0 {
		xs.min, xs.max, ys.min, ys.max = 1, 10, 1, 10
	}
	if p.logY {
		ys.min = math.Pow(10, math.Floor(math.Log10(math.Max(ys.min, 0.001))))
		ys.max = math.Pow(10, math.Ceil(math.Log10(math.Max(ys.max, ys.min*1.001))))
		for v := ys.min; v <= ys.max*1.001; v *= 10 {
			ys.ticks = append(ys.ticks, v)
		}
		return xs, ys
	}
	step := niceStep(math.Max(ys.max, 1) / 5)
	ys.min, ys.max = 0, math.Ceil(math.Max(ys.max, 1)/step)*step
	for i := 0; float64(i)*step <= ys.max*1.001; i++ {
		ys.ticks = append(ys.ticks, float64(i)*step)
	}
	return xs, ys
}

// niceStep is 1, 2 or 5 times a power of ten, at least v.
func niceStep(v float64) float64 {
	base := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*base >= v {
			return m * base
		}
	}
	return 10 * base
}

func short(v float64) string {
	if v >= 1000 && v == math.Trunc(v) {
		text := fmt.Sprintf("%.0f", v)
		return text[:len(text)-3] + "," + text[len(text)-3:]
	}
	return fmt.Sprintf("%g", v)
}

// byteSize writes a size in bytes.
func byteSize(v float64) string {
	switch {
	case v >= 1<<20:
		return fmt.Sprintf("%g MiB", v/(1<<20))
	case v >= 1<<10:
		return fmt.Sprintf("%g KiB", v/(1<<10))
	}
	return fmt.Sprintf("%g B", v)
}
