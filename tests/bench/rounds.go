package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A play is one peer with one request.
type play struct {
	name string
	p    *process
	q    request
}

// A game plays its plays in turn, round after round, each round between two of the plain proxy.
type game struct {
	plain    *process
	control  request
	runs     []play
	rounds   int // that shall count
	requests int // a play and round
	warm     int // requests of each play before the first round; 0: a quarter of a round
	keepVoid bool
	until    time.Time // from then on, one round that counts is enough
}

// A sample is a median over the rounds that count.
type sample struct {
	micros float64 // of CPU time per request
	ratio  float64 // plain's over it: 1 is as cheap as plain
}

type found struct {
	plain        float64 // microseconds of CPU time per request
	samples      map[string]sample
	rounds, void int
}

// errBusy is a machine that gave no round that counts.
var errBusy = errors.New("no round counts: plain against plain never stayed within 0.95 to 1.05; the machine is too busy to measure")

func (g *game) play() (found, error) {
	if err := g.warmUp(); err != nil {
		return found{}, err
	}
	f := found{samples: map[string]sample{}}
	var plains []float64
	micros, ratios := map[string][]float64{}, map[string][]float64{}
	for f.rounds < g.rounds {
		if late := time.Now().After(g.until); late && f.rounds > 0 {
			break
		} else if late && f.void > 0 {
			return f, errBusy
		}
		first, err := closedLoop(g.plain, g.control, g.requests)
		if err != nil {
			return f, err
		}
		took := make([]time.Duration, len(g.runs))
		for i, r := range g.runs {
			if took[i], err = closedLoop(r.p, r.q, g.requests); err != nil {
				return f, err
			}
		}
		again, err := closedLoop(g.plain, g.control, g.requests)
		if err != nil {
			return f, err
		}
		against := float64(first) / float64(again)
		text := fmt.Sprintf("  plain %.1f %.1f", us(first), us(again))
		for i, r := range g.runs {
			text += fmt.Sprintf(", %s %.1f", r.name, us(took[i]))
		}
		if against < 0.95 || against > 1.05 {
			f.void++
			progress("%s µs; void: plain against plain %.2f", text, against)
			if !g.keepVoid {
				continue
			}
		} else {
			progress("%s µs", text)
		}
		f.rounds++
		plain := (us(first) + us(again)) / 2
		plains = append(plains, plain)
		for i, r := range g.runs {
			micros[r.name] = append(micros[r.name], us(took[i]))
			ratios[r.name] = append(ratios[r.name], plain/us(took[i]))
		}
	}
	f.plain = median(plains)
	for _, r := range g.runs {
		f.samples[r.name] = sample{median(micros[r.name]), median(ratios[r.name])}
	}
	return f, nil
}

func (g *game) warmUp() error {
	for _, r := range append([]play{{"plain", g.plain, g.control}}, g.runs...) {
		n := g.warm
		if n == 0 {
			n = max(connections, g.requests/4)
		}
		if _, err := closedLoop(r.p, r.q, n); err != nil {
			return err
		}
	}
	return nil
}

// median is the middle of what is not empty; of an even number, the mean of both middles.
func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// us is microseconds; at least one nanosecond, so that it divides.
func us(d time.Duration) float64 { return float64(max(d, 1)) / 1000 }
