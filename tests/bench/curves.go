package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Names of curves and of their lines.
const (
	curveRules   = "rules"
	curveBody    = "body"
	curveWaiting = "waiting"

	linePlain     = "plain proxy"
	lineUnmatched = "idvgate, no rule"
	lineSigned    = "idvgate, vendor call"
	lineNative    = "native, vendor call"
)

// at plays a game for one point of a curve. A point whose time passes without a round that counts is left out.
func (c *curve) at(r *results, x float64, g game, o options, memory func() float64) error {
	g.rounds, g.keepVoid, g.until = max(1, o.rounds/2), o.quick, time.Now().Add(o.limit/50)
	f, err := g.play()
	r.Void += f.void
	if errors.Is(err, errBusy) {
		progress("  left out: %s at %g", c.Name, x)
		return nil
	}
	if err != nil {
		return err
	}
	mib := 0.0
	if memory != nil {
		mib = memory()
	} else {
		c.add(linePlain, point{X: x, Micros: f.plain})
	}
	for _, run := range g.runs {
		c.add(run.name, point{x, f.samples[run.name].micros, mib})
	}
	return nil
}

// trio is the peers that curves are about.
func (l *lab) trio(rules int) (plain, native, gateway *process, stop func(), err error) {
	var all []*process
	stop = func() {
		for _, p := range all {
			p.stop()
		}
	}
	for _, kind := range allPeers[:3] {
		p, err := l.start(kind, rules)
		if err != nil {
			stop()
			return nil, nil, nil, nil, err
		}
		all = append(all, p)
	}
	return all[0], all[1], all[2], stop, nil
}

// rulesCurve is cost against the number of rules. The last one is for the request that is verified.
func rulesCurve(r *results, l *lab, o options) error {
	c := curve{Name: curveRules}
	for _, rules := range []int{1, 10, 100, 1000} {
		progress("%d rules", rules)
		plain, native, gateway, stop, err := l.trio(rules)
		if err != nil {
			return err
		}
		err = c.at(r, float64(rules), game{
			plain: plain, control: pass(leiLi, 0), requests: o.requests / 2,
			runs: []play{{lineUnmatched, gateway, pass(leiLi, 0)}, {lineSigned, gateway, ask(leiLi, 0)}, {lineNative, native, ask(leiLi, 0)}},
		}, o, nil)
		stop()
		if err != nil {
			return err
		}
	}
	r.Curves = append(r.Curves, c)
	return nil
}

// bodyCurve is cost against the size of the body.
func bodyCurve(r *results, l *lab, o options) error {
	plain, native, gateway, stop, err := l.trio(1)
	if err != nil {
		return err
	}
	defer stop()
	c := curve{Name: curveBody}
	for _, part := range []struct{ size, fewer int }{{100, 2}, {1 << 10, 2}, {10 << 10, 3}, {100 << 10, 12}, {1 << 20, 60}} {
		progress("body of %d bytes", part.size)
		err := c.at(r, float64(part.size), game{
			plain: plain, control: pass(leiLi, part.size), requests: max(connections, o.requests/part.fewer),
			runs: []play{{lineUnmatched, gateway, pass(leiLi, part.size)}, {lineSigned, gateway, ask(leiLi, part.size)}, {lineNative, native, ask(leiLi, part.size)}},
		}, o, nil)
		if err != nil {
			return err
		}
	}
	r.Curves = append(r.Curves, c)
	return nil
}

// waitingCurve is cost of a request, and memory, while so many others wait for the vendor.
func waitingCurve(r *results, l *lab, o options) error {
	c := curve{Name: curveWaiting}
	for _, n := range []int{1, 10, 100, 1000, 5000} {
		if o.quick && n > 1000 {
			break
		}
		plain, native, gateway, stop, err := l.trio(1)
		if err != nil {
			return err
		}
		for _, run := range []play{{lineNative, native, ask(leiLi, 0)}, {lineSigned, gateway, ask(leiLi, 0)}} {
			progress("%d requests wait: %s", n, run.name)
			if err = wait(l.world, run.p, n, func() error {
				return c.at(r, float64(n), game{plain: plain, control: pass(leiLi, 0), runs: []play{run}, requests: o.requests / 2}, o,
					func() float64 { return run.p.memory("VmRSS") })
			}); err != nil {
				break
			}
		}
		stop()
		if err != nil {
			return err
		}
	}
	r.Curves = append(r.Curves, c)
	return nil
}

// wait does something while n requests of a peer wait for the vendor; then each of them must be answered.
func wait(w *world, p *process, n int, meanwhile func() error) error {
	w.hold()
	var wg sync.WaitGroup
	var lost atomic.Int64
	for i := range n {
		wg.Go(func() {
			sent := false
			if client(p.addr, ask(held, 0), time.Now().Add(time.Minute), func() bool { defer func() { sent = true }(); return !sent }) != nil {
				lost.Add(1)
			}
		})
		if i%100 == 99 {
			time.Sleep(5 * time.Millisecond) // no more at once than a listener's queue takes
		}
	}
	err := allHeld(w, n)
	if err == nil {
		err = meanwhile()
	}
	w.letGo()
	wg.Wait()
	if lost := lost.Load(); err == nil && lost > 0 {
		err = fmt.Errorf("%s: %d of %d requests that waited were lost", p.kind, lost, n)
	}
	return err
}

func allHeld(w *world, n int) error {
	for end := time.Now().Add(20 * time.Second); w.held.Load() < int64(n); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("only %d of %d requests wait", w.held.Load(), n)
		}
	}
	return nil
}

// slowVendor holds connections against a vendor that takes one second.
func slowVendor(r *results, l *lab, o options) error {
	clients, lasts := 2000, 6*time.Second
	if o.quick {
		clients, lasts = 200, 2*time.Second
	}
	l.world.delay.Store(int64(time.Second))
	defer l.world.delay.Store(0)
	type outcome struct{ done, lost, mib float64 }
	all := map[string]outcome{}
	for _, kind := range o.peers[1:] {
		p, err := l.start(kind, 1)
		if err != nil {
			return err
		}
		done, lost := crowd(p, clients, lasts)
		all[kind] = outcome{float64(done), float64(lost), p.memory("VmHWM")}
		progress("vendor needs 1 s, %d connections, %s: %s completes %d, %d without an answer 4 s later, %.0f MiB at most", clients, lasts, kind, done, lost, all[kind].mib)
		p.stop()
	}
	native, ours := all["native"], all["idvgate"]
	note := fmt.Sprintf("%d connections for %s", clients, lasts)
	r.add(figure{Group: groupSlow, Name: "completed, idvgate against native", Value: ours.done / max(native.done, 1), Unit: "×", Note: note}.atLeast(0.8))
	r.add(figure{Group: groupSlow, Name: "most memory, idvgate against native", Value: ours.mib / max(native.mib, 1), Unit: "×"}.atMost(2))
	r.add(figure{Group: groupSlow, Name: "lost by idvgate", Value: ours.lost, Unit: "requests"}.atMost(0))
	for _, kind := range o.peers[1:] {
		a := all[kind]
		r.add(figure{Group: groupSlow, Name: "completed, " + kind, Value: a.done, Unit: "requests", Note: fmt.Sprintf("%.0f MiB at most; %.0f without an answer 4 s after the end", a.mib, a.lost)})
	}
	return nil
}

// crowd sends from so many clients for so long. Who has no answer four seconds later counts as lost.
func crowd(p *process, clients int, lasts time.Duration) (done, lost int64) {
	var count, failed atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(lasts)
	q := ask(leiLi, 0).through(p.kind)
	for range clients {
		wg.Go(func() {
			asked := false
			err := client(p.addr, q, end.Add(4*time.Second), func() bool {
				if asked {
					count.Add(1)
				}
				asked = true
				return time.Now().Before(end)
			})
			if err != nil {
				failed.Add(1)
				var timeout net.Error
				if !errors.As(err, &timeout) || !timeout.Timeout() {
					progress("  %s: %v", p.kind, err)
				}
			}
		})
	}
	wg.Wait()
	return count.Load(), failed.Load()
}
