package message

import (
	"strconv"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// A Writer collects the messages of one output. It is a flow.Sink. The zero Writer is ready; Reset makes it so again.
type Writer struct {
	out     []byte
	metrics []byte // counts since the last Bytes, comma-separated
}

// Bytes is the output so far, counts at its end. It is valid until Reset.
func (w *Writer) Bytes() []byte {
	if len(w.metrics) > 0 {
		w.out = append(w.out, `{"metrics":[`...)
		w.out = append(w.out, w.metrics...)
		w.out = append(w.out, "]}\n"...)
		w.metrics = w.metrics[:0]
	}
	return w.out
}

// Reset forgets what was written.
func (w *Writer) Reset() { w.out = w.out[:0] }

// WantBody asks for the body of a flow.
func (w *Writer) WantBody(flow uint64, limit int) {
	w.flow(flow)
	w.out = append(w.out, `,"want":"body","limit":`...)
	w.out = strconv.AppendInt(w.out, int64(limit), 10)
	w.end(nil)
}

// WantCall asks for a callout.
func (w *Writer) WantCall(flow, call uint64, r *callout.Request) {
	w.flow(flow)
	w.out = append(w.out, `,"want":"call","callId":`...)
	w.out = strconv.AppendUint(w.out, call, 10)
	w.member("method", r.Method)
	w.member("url", r.URL)
	w.member("target", r.Target)
	w.headers("headers", r.Header)
	w.out = append(w.out, `,"timeoutMs":`...)
	w.out = strconv.AppendInt(w.out, max(1, r.Timeout.Milliseconds()), 10)
	w.end(r.Body)
}

// WantTimer asks to be called back.
func (w *Writer) WantTimer(flow, timer uint64, after time.Duration) {
	w.flow(flow)
	w.out = append(w.out, `,"want":"timer","timer":`...)
	w.out = strconv.AppendUint(w.out, timer, 10)
	w.out = append(w.out, `,"ms":`...)
	w.out = strconv.AppendInt(w.out, max(1, after.Milliseconds()), 10)
	w.end(nil)
}

// Decided says what to do with the request. A decision that forgot its status is a 503.
func (w *Writer) Decided(flow uint64, d *plugin.Decision) {
	w.flow(flow)
	w.out = append(w.out, `,"decision":{"action":"`...)
	w.out = append(w.out, d.Action.String()...)
	w.out = append(w.out, '"')
	w.member("id", d.ID)
	w.member("reason", string(d.Reason))
	if d.Action == policy.Allow {
		if len(d.Remove) > 0 {
			w.out = append(w.out, `,"remove":[`...)
			for i, name := range d.Remove {
				if i > 0 {
					w.out = append(w.out, ',')
				}
				w.text(name)
			}
			w.out = append(w.out, ']')
		}
		if len(d.Set) > 0 {
			w.headers("set", d.Set)
		}
		w.out = append(w.out, '}')
		w.end(nil)
		return
	}
	status := d.Status
	if status == 0 {
		status = 503
	}
	w.out = append(w.out, `,"status":`...)
	w.out = strconv.AppendInt(w.out, int64(status), 10)
	w.headers("headers", d.Header)
	w.out = append(w.out, '}')
	w.end(d.Body)
}

// Audit adds an audit line, which is JSON already.
func (w *Writer) Audit(line []byte) {
	w.out = append(w.out, `{"audit":`...)
	w.out = append(w.out, line...)
	w.out = append(w.out, "}\n"...)
}

// Count adds to a counter.
func (w *Writer) Count(name string, value float64, labels ...string) {
	w.metric(name, "counter", value, labels)
}

// Observe adds an observation to a histogram.
func (w *Writer) Observe(name string, value float64, labels ...string) {
	w.metric(name, "histogram", value, labels)
}

func (w *Writer) metric(name, kind string, value float64, labels []string) {
	b := w.metrics
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(b, `{"name":"`...)
	b = append(b, name...)
	b = append(b, `","type":"`...)
	b = append(b, kind...)
	b = append(b, `","value":`...)
	b = strconv.AppendFloat(b, value, 'g', -1, 64)
	if len(labels) > 1 {
		b = append(b, `,"labels":{`...)
		for i := 0; i+1 < len(labels); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = strictjson.AppendString(b, labels[i])
			b = append(b, ':')
			b = strictjson.AppendString(b, labels[i+1])
		}
		b = append(b, '}')
	}
	w.metrics = append(b, '}')
}

// Info is what the guest says of itself. Errors is empty if and only if the policy loads.
type Info struct {
	Version   string
	Digest    string
	Rules     int
	Errors    []string
	Endpoints []plugin.Endpoint
}

// Info says who the guest is.
func (w *Writer) Info(i *Info) {
	w.out = append(w.out, `{"name":"idvgate","abi":1`...)
	w.member("version", i.Version)
	w.out = append(w.out, `,"policy":{"ok":`...)
	w.out = strconv.AppendBool(w.out, len(i.Errors) == 0)
	w.member("digest", i.Digest)
	w.out = append(w.out, `,"rules":`...)
	w.out = strconv.AppendInt(w.out, int64(i.Rules), 10)
	if len(i.Errors) > 0 {
		w.out = append(w.out, `,"errors":[`...)
		for n, e := range i.Errors {
			if n > 0 {
				w.out = append(w.out, ',')
			}
			w.text(e)
		}
		w.out = append(w.out, ']')
	}
	w.out = append(w.out, `},"endpoints":[`...)
	for n, e := range i.Endpoints {
		if n > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, `{"provider":`...)
		w.text(e.Provider)
		w.out = append(w.out, `,"url":`...)
		w.text(e.URL)
		w.out = append(w.out, `,"target":`...)
		w.text(e.Target)
		w.out = append(w.out, `,"plaintext":`...)
		w.out = strconv.AppendBool(w.out, e.Plaintext)
		w.out = append(w.out, `,"private":`...)
		w.out = strconv.AppendBool(w.out, e.Private)
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, ']')
	w.end(nil)
}

func (w *Writer) flow(n uint64) {
	w.out = append(w.out, `{"flow":`...)
	w.out = strconv.AppendUint(w.out, n, 10)
}

// end closes the message and adds its raw bytes.
func (w *Writer) end(bytes []byte) {
	if len(bytes) > 0 {
		w.out = append(w.out, `,"bytes":`...)
		w.out = strconv.AppendInt(w.out, int64(len(bytes)), 10)
	}
	w.out = append(w.out, "}\n"...)
	w.out = append(w.out, bytes...)
}

func (w *Writer) member(name, value string) {
	if value == "" {
		return
	}
	w.out = append(w.out, ',', '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
	w.text(value)
}

func (w *Writer) headers(name string, list []callout.Header) {
	w.out = append(w.out, ',', '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, `":[`...)
	for i := range list {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, '[')
		w.text(list[i].Name)
		w.out = append(w.out, ',')
		w.text(list[i].Value)
		w.out = append(w.out, ']')
	}
	w.out = append(w.out, ']')
}

func (w *Writer) text(s string) { w.out = strictjson.AppendString(w.out, s) }
