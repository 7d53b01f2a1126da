package plugin

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// reading is the documents one rule reads values from.
type reading struct {
	*Visit
	rule  *rule
	body  document
	token document
}

// extract reads the claims the rule names and parses each into its type: step 3. What is absent stays absent; whether
// it is needed is for precheck to say. What is there must be text that everybody reads alike.
func (q *question) extract() bool {
	q.now = q.engine.env.Now()
	for i := range q.rule.Claims {
		c := &q.rule.Claims[i]
		text, f := q.text(&c.Source)
		if f != nil {
			if f.detail == "" {
				return q.stopClaim(c.Claim, identity.FaultFormat)
			}
			return q.stop(f.reason, f.status, f.detail)
		}
		if text == "" {
			continue
		}
		if err := parse(&q.person, c.Claim, text, q.rule.Require.Luhn, q.now); err != nil {
			return q.stopClaim(c.Claim, err.Fault)
		}
	}
	return true
}

// faultText is a value that is there and is not text; the claim that wanted it is named by the caller.
var faultText = &fault{InvalidRequest, 400, ""}

// text is the value of a source, "" where it is absent.
func (r *reading) text(s *policy.Source) (string, *fault) {
	v, f := r.value(s)
	switch {
	case f != nil:
		return "", f
	case !v.there:
		return "", nil
	case !v.isText:
		return "", faultText
	}
	return v.text, nil
}

// value is what stands at a source.
type value struct {
	there  bool
	isText bool // read as text: a JSON string, or anything outside JSON
	text   string
	json   gjson.Result // of a JSON source
}

func (r *reading) value(s *policy.Source) (value, *fault) {
	switch s.Place {
	case policy.Body:
		if f := r.Visit.json(r.rule, &r.body); f != nil {
			return value{}, f
		}
		return at(&r.body, r.rule.bodyPaths[s.Path]), nil
	case policy.JWTClaim:
		if f := r.jwt(); f != nil {
			return value{}, f
		}
		return at(&r.token, r.rule.jwtPaths[s.Path]), nil
	case policy.Form:
		return r.form(s.Path)
	case policy.Header:
		return r.header(s.Path)
	case policy.Query:
		_, query, _ := strings.Cut(r.head.Path, "?")
		if !isASCII(query) {
			return value{}, faultText // bytes that some upstreams take for Latin-1
		}
		return field(query, s.Path)
	}
	return value{}, faultText
}

// at reads with gjson what the scan has found. A null is absent.
func at(d *document, path int) value {
	if len(d.spans) == 0 || d.spans[path].End == 0 {
		return value{}
	}
	v := gjson.ParseBytes(d.data[d.spans[path].Start:d.spans[path].End])
	switch v.Type {
	case gjson.Null:
		return value{}
	case gjson.String:
		return value{there: true, isText: true, text: v.Str, json: v}
	case gjson.False, gjson.True, gjson.Number, gjson.JSON:
	}
	return value{there: true, json: v}
}

// form reads a field of a form body. The same name in the query is refused: some upstreams take that one.
func (r *reading) form(name string) (value, *fault) {
	if r.head.media() != formMedia {
		return value{}, faultMedia
	}
	data, f := r.bytes(r.rule)
	if f != nil {
		return value{}, f
	}
	_, query, _ := strings.Cut(r.head.Path, "?")
	if v, f := field(query, name); f != nil || v.there {
		return value{}, faultText
	}
	return field(string(data), name)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func field(text, name string) (value, *fault) {
	v, n, ok := readField(text, name)
	if !ok || n > 1 {
		return value{}, faultText
	}
	return value{there: n == 1, isText: true, text: v}, nil
}

// header reads one header. A second one, one whose name an upstream could take for it, or one that a proxy
// takes off is refused.
func (r *reading) header(name string) (value, *fault) {
	var v value
	for i := range r.head.Header {
		h := &r.head.Header[i]
		if !sameHeader(h.Name, name) {
			continue
		}
		if v.there || !equalFold(h.Name, name) || !sound(h.Value) {
			return value{}, faultText
		}
		v = value{there: true, isText: true, text: strings.Trim(h.Value, " \t")}
	}
	if v.there && r.head.dropped(name) {
		return value{}, faultText
	}
	return v, nil
}

func sameHeader(a, lower string) bool {
	if len(a) != len(lower) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if fold(a[i]) != fold(lower[i]) {
			return false
		}
	}
	return true
}

// jwt scans the verified token's payload: the gateway's own, or the header the policy says somebody vouches for.
func (r *reading) jwt() *fault {
	d := &r.token
	if d.scanned {
		return d.fault
	}
	d.scanned = true
	d.data = r.head.JWT
	if d.data == nil && r.engine.policy.JWT.Header != "" {
		v, f := r.header(r.engine.policy.JWT.Header)
		if f != nil {
			d.fault = faultToken
			return d.fault
		}
		if v.there {
			d.data = []byte(v.text)
			if !strings.HasPrefix(v.text, "{") {
				raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(v.text, "="))
				if err != nil {
					d.fault = faultToken
					return d.fault
				}
				d.data = raw
			}
		}
	}
	if d.data == nil {
		return nil
	}
	d.spans = make([]strictjson.Span, len(r.rule.jwtPaths))
	if scan(r.rule.tokens, d.data, d.spans) != nil {
		d.fault = faultToken
	}
	return d.fault
}
