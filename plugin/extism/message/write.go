package message

import (
	"math"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// A Writer collects the messages of one output. It is a flow.Sink and plugin.Metrics. The zero Writer is ready; Reset
// makes it so again.
type Writer struct {
	out     strictjson.Buffer
	metrics strictjson.Buffer // counts since the last Bytes, a comma before each
}

// Bytes is the output so far, counts at its end. It is valid until Reset.
func (w *Writer) Bytes() []byte {
	if counts := w.metrics.Bytes(); len(counts) > 0 {
		w.out.Raw(`{"metrics":[`)
		w.out.RawBytes(counts[1:])
		w.out.Raw("]}\n")
		w.metrics.Reset()
	}
	return w.out.Bytes()
}

// Reset forgets what was written.
func (w *Writer) Reset() { w.out.Reset() }

// WantBody asks for the body of a flow.
func (w *Writer) WantBody(flow uint64, limit int) {
	w.flow(flow)
	w.out.Raw(`,"want":"body","limit":`)
	w.out.Number(int64(limit))
	w.end(nil)
}

// WantCall asks for a callout.
func (w *Writer) WantCall(flow, call uint64, r *callout.Request) {
	w.flow(flow)
	w.out.Raw(`,"want":"call","callId":`)
	w.out.Number(int64(call))
	w.out.Member("method", r.Method)
	w.out.Member("url", r.URL)
	w.out.Member("target", r.Target)
	w.headers("headers", r.Header)
	w.out.Raw(`,"timeoutMs":`)
	w.out.Number(max(1, r.Timeout.Milliseconds()))
	w.end(r.Body)
}

// WantTimer asks to be called back.
func (w *Writer) WantTimer(flow, timer uint64, after time.Duration) {
	w.flow(flow)
	w.out.Raw(`,"want":"timer","timer":`)
	w.out.Number(int64(timer))
	w.out.Raw(`,"ms":`)
	w.out.Number(max(1, after.Milliseconds()))
	w.end(nil)
}

// Decided says what to do with the request. A decision that forgot its status is a 503.
func (w *Writer) Decided(flow uint64, d *plugin.Decision) {
	w.flow(flow)
	w.out.Raw(`,"decision":{"action":"`)
	w.out.Raw(d.Action.String())
	w.out.Raw(`"`)
	w.out.Member("id", d.ID)
	w.out.Member("reason", string(d.Reason))
	if d.Action == policy.Allow {
		if len(d.Remove) > 0 {
			w.out.Raw(`,"remove":[`)
			for i, name := range d.Remove {
				if i > 0 {
					w.out.Raw(`,`)
				}
				w.out.Text(name)
			}
			w.out.Raw(`]`)
		}
		if len(d.Set) > 0 {
			w.headers("set", d.Set)
		}
		if len(d.Header) > 0 {
			w.headers("headers", d.Header)
		}
		w.out.Raw(`}`)
		w.end(d.Body)
		return
	}
	status := d.Status
	if status == 0 {
		status = 503
	}
	w.out.Raw(`,"status":`)
	w.out.Number(int64(status))
	w.headers("headers", d.Header)
	w.out.Raw(`}`)
	w.end(d.Body)
}

// Lost denies a flow that nothing decides any more.
func (w *Writer) Lost(flow uint64) { w.Decided(flow, &plugin.Decision{Reason: plugin.Unavailable}) }

// Audit adds an audit line, which is JSON already.
func (w *Writer) Audit(line []byte) {
	w.out.Raw(`{"audit":`)
	w.out.RawBytes(line)
	w.out.Raw("}\n")
}

// Counter makes a counter.
func (w *Writer) Counter(name string, labels ...string) plugin.Add {
	return w.series("counter", name, labels)
}

// Histogram makes a histogram.
func (w *Writer) Histogram(name string, labels ...string) plugin.Add {
	return w.series("histogram", name, labels)
}

// Gauge makes a gauge.
func (w *Writer) Gauge(name string, labels ...string) plugin.Add {
	return w.series("gauge", name, labels)
}

// series writes all of a metric but its value once. The value is written to a millionth.
func (w *Writer) series(kind, name string, labels []string) plugin.Add {
	var b strictjson.Buffer
	b.Raw(`,{"name":`)
	b.Text(name)
	b.Member("type", kind)
	if len(labels) > 1 {
		b.Raw(`,"labels":{`)
		for i := 0; i+1 < len(labels); i += 2 {
			if i > 0 {
				b.Raw(",")
			}
			b.Text(labels[i])
			b.Raw(":")
			b.Text(labels[i+1])
		}
		b.Raw("}")
	}
	b.Name("value")
	prefix := string(b.Bytes())
	return func(value float64) {
		w.metrics.Raw(prefix)
		w.metrics.Millionths(int64(math.Round(value * 1e6)))
		w.metrics.Raw("}")
	}
}

// Info says who the guest is.
func (w *Writer) Info(i *plugin.Info) {
	i.Append(&w.out)
	w.end(nil)
}

func (w *Writer) flow(n uint64) {
	w.out.Raw(`{"flow":`)
	w.out.Number(int64(n))
}

// end closes the message and adds its raw bytes.
func (w *Writer) end(bytes []byte) {
	if len(bytes) > 0 {
		w.out.Raw(`,"bytes":`)
		w.out.Number(int64(len(bytes)))
	}
	w.out.Raw("}\n")
	w.out.RawBytes(bytes)
}

func (w *Writer) headers(name string, list []callout.Header) {
	w.out.Raw(`,"`)
	w.out.Raw(name)
	w.out.Raw(`":[`)
	for i := range list {
		if i > 0 {
			w.out.Raw(`,`)
		}
		w.out.Raw(`[`)
		w.out.Text(list[i].Name)
		w.out.Raw(`,`)
		w.out.Text(list[i].Value)
		w.out.Raw(`]`)
	}
	w.out.Raw(`]`)
}
