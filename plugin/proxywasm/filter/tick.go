package filter

import (
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
)

// tickMs is how often deadlines are looked at, while there are any.
const tickMs = 100

// wakeUp has the gateway tick.
func (r *root) wakeUp() {
	if !r.ticks {
		r.ticks = true
		r.filter.gateway.Tick(tickMs)
	}
}

// Tick looks at deadlines. It never asks a vendor by itself: a flow whose time is up goes on, and what it does then it
// would have done anyhow.
func (f *Filter) Tick(context uint32) {
	f.enter(context)
	r := f.roots[context]
	if r == nil {
		return
	}
	defer f.rescue(nil, nil)
	now := f.world.Now()
	var due []uint64
	left := r.timers[:0]
	for _, t := range r.timers {
		if now.Before(t.at) {
			left = append(left, t)
		} else {
			due = append(due, t.number)
		}
	}
	r.timers = left
	waiting := f.bodies(r, now)
	for _, number := range due {
		r.table.Timer(number)
	}
	if len(r.timers) == 0 && !waiting {
		r.ticks = false
		f.about(context)
		f.gateway.Tick(0)
	}
}

// bodies answers 503 where a body never begins, and reports whether one is still waited for. Without the switch that is
// named here Envoy holds a body back while the headers wait, and so the request would hang.
func (f *Filter) bodies(r *root, now time.Time) (waiting bool) {
	var silent []*stream
	for _, s := range f.streams {
		if s.root != r || !s.wants {
			continue
		}
		if s.began || now.Sub(s.since) < f.limits.FirstByte {
			waiting = true
			continue
		}
		silent = append(silent, s)
	}
	for _, s := range silent {
		f.say(abi.Error, "no body has come: is allow_on_headers_stop_iteration set in the plugin's configuration?",
			"waited "+f.limits.FirstByte.Round(time.Millisecond).String())
		f.refuse(s)
	}
	return waiting
}
