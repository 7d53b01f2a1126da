package plugin

import (
	"slices"
	"strconv"

	"github.com/tidwall/sjson"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// forward rewrites the body of a request that passes, so that the upstream gets of each claim what the rule says. Where it
// cannot, the request does not pass.
func (q *question) forward() {
	doc := &q.body
	if q.action != policy.Allow || len(q.rule.Forward) == 0 || len(doc.spans) == 0 {
		return
	}
	var ok bool
	if q.forwarded, ok = q.rewritten(doc); !ok {
		q.stop(Unavailable, 503, "forward")
		q.decide()
	}
}

// replaceBody has the upstream get the rewritten body, if there is one, with headers that are true of it.
func (q *question) replaceBody(d *Decision) {
	if q.forwarded == nil {
		return
	}
	d.Body = q.forwarded
	for i := range q.head.Header {
		name := q.head.Header[i].Name
		if ofBody(name) {
			d.Remove = append(d.Remove, name)
		}
	}
	if _, n := q.head.get("content-length"); n > 0 {
		d.Set = append(d.Set, callout.Header{Name: "content-length", Value: strconv.Itoa(len(d.Body))})
	}
}

// ofBody reports whether a header says something of the body's bytes, which is not true any more.
func ofBody(name string) bool {
	for _, is := range [...]string{"content-length", "content-md5", "digest", "content-digest", "repr-digest"} {
		if equalFold(name, is) {
			return true
		}
	}
	return false
}

// rewritten is the body with each claim in its new form; nil: there is nothing to rewrite. It is read again to see that
// the new form is what stands there now, and that every other claim is as it was.
func (q *question) rewritten(doc *document) (body []byte, ok bool) {
	data := doc.data
	changed := make([][]byte, len(doc.spans)) // by path; nil: as it was
	for i := range q.rule.Forward {
		f := &q.rule.Forward[i]
		if !q.person.Has(f.Claim) {
			continue
		}
		path, form, in := q.rule.bodyPaths[f.Path], q.form(f), sjsonPath(f.Keys)
		var err error
		if form == nil {
			data, err = sjson.DeleteBytes(data, in)
			form = nothing
		} else {
			data, err = sjson.SetRawBytes(data, in, form)
		}
		if err != nil {
			return nil, false
		}
		changed[path] = form
		body = data
	}
	if body == nil {
		return nil, true
	}
	spans := make([]strictjson.Span, len(doc.spans))
	if scan(q.rule.watch, body, spans) != nil {
		return nil, false
	}
	for i := range q.rule.Claims {
		c := &q.rule.Claims[i]
		if c.Place != policy.Body {
			continue
		}
		path := q.rule.bodyPaths[c.Path]
		want := changed[path]
		if want == nil {
			want = part(doc.data, doc.spans[path])
		}
		if !slices.Equal(part(body, spans[path]), want) {
			return nil, false
		}
	}
	return body, true
}

// nothing is what stands where nothing does.
var nothing = []byte{}

func part(data []byte, s strictjson.Span) []byte { return data[s.Start:s.End] }

// form is what is forwarded of a claim that is there, as JSON; nil: nothing. An element of a list becomes null, so that
// those after it keep their places.
func (q *question) form(f *policy.Forward) []byte {
	text := ""
	switch f.As {
	case policy.Digest:
		text = q.subjectDigest()
	case policy.Last4:
		text = q.person.Last4(f.Claim)
	case policy.Drop:
	}
	switch {
	case text != "":
		return []byte(`"` + text + `"`)
	case digits(f.Keys[len(f.Keys)-1]): // an index
		return []byte("null")
	}
	return nil
}

// sjsonPath is keys as sjson takes them, whatever is in them.
func sjsonPath(keys []string) string {
	var b []byte
	for i, key := range keys {
		if i > 0 {
			b = append(b, '.')
		}
		for j := 0; j < len(key); j++ {
			switch c := key[j]; {
			case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '-', c >= 0x80:
			default:
				b = append(b, '\\')
			}
			b = append(b, key[j])
		}
	}
	return string(b)
}
