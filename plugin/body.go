package plugin

import (
	"errors"
	"strings"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// body is the request's body, fetched at most once.
type body struct {
	fetched bool
	data    []byte
	err     error
	limit   int // the widest of the rules that match
}

// fetch gets the body, which may suspend. A body that was fetched for another rule is not fetched again; each rule
// holds it to its own limit.
func (v *Visit) fetch(limit int) ([]byte, error) {
	b := &v.body
	if !b.fetched {
		b.fetched, b.limit = true, limit
		for _, r := range v.matched {
			if r.needsBody {
				b.limit = max(b.limit, r.MaxBody)
			}
		}
		if !v.head.NoBody {
			b.data, b.err = v.request.Body(b.limit)
		}
	}
	switch {
	case b.err != nil:
		return nil, b.err
	case len(b.data) > limit:
		return nil, ErrTooLarge
	}
	return b.data, nil
}

// media is what kind of body the head promises.
type media uint8

const (
	otherMedia media = iota
	jsonMedia
	formMedia
)

// media reads Content-Type and Content-Encoding strictly: one header, JSON or form, UTF-8, not compressed.
func (h *Head) media() media {
	value, n := h.get("content-type")
	if n != 1 || h.dropped("content-type") {
		return otherMedia
	}
	if coding, n := h.get("content-encoding"); n > 1 || n == 1 && !equalFold(strings.TrimSpace(coding), "identity") {
		return otherMedia
	}
	kind, params, _ := strings.Cut(value, ";")
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, charset, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !equalFold(strings.TrimSpace(name), "charset") {
			continue
		}
		if charset = strings.Trim(strings.TrimSpace(charset), `"`); !equalFold(charset, "utf-8") && !equalFold(charset, "utf8") {
			return otherMedia
		}
	}
	kind = strings.TrimSpace(kind)
	switch {
	case equalFold(kind, "application/json"), len(kind) > 5 && equalFold(kind[len(kind)-5:], "+json"):
		return jsonMedia
	case equalFold(kind, "application/x-www-form-urlencoded"):
		return formMedia
	}
	return otherMedia
}

// document is the body or token of one question, scanned for the paths of its rule.
type document struct {
	scanned bool
	data    []byte
	spans   []strictjson.Span
	fault   *fault
}

// fault ends the way: why, the HTTP status, a word that tells cases of one reason apart.
type fault struct {
	reason Reason
	status int
	detail string
}

var (
	faultMedia    = &fault{UnsupportedMedia, 415, "content_type"}
	faultTooLarge = &fault{BodyTooLarge, 413, "max_body"}
	faultGone     = &fault{InvalidRequest, 400, "body_broken_off"}
	faultToken    = &fault{InvalidRequest, 400, "token_unreadable"}
)

// json is the body as a JSON document of the rule r.
func (v *Visit) json(r *rule, d *document) *fault {
	if d.scanned {
		return d.fault
	}
	d.scanned = true
	if v.head.media() != jsonMedia {
		d.fault = faultMedia
		return d.fault
	}
	if d.data, d.fault = v.bytes(r); d.fault == nil {
		d.spans = make([]strictjson.Span, len(r.bodyPaths))
		d.fault = scan(r.watch, d.data, d.spans)
	}
	return d.fault
}

func (v *Visit) bytes(r *rule) ([]byte, *fault) {
	data, err := v.fetch(r.MaxBody)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, ErrTooLarge):
		return nil, faultTooLarge
	}
	return nil, faultGone
}

func scan(w *strictjson.Watch, data []byte, spans []strictjson.Span) *fault {
	err := w.Scan(data, spans)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return &fault{InvalidRequest, 400, "json_" + string(e.Fault)}
	}
	return &fault{InvalidRequest, 400, "json_syntax"}
}
