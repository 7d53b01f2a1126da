// Package otoroshi is what the API gateway Otoroshi asks of an Extism plugin, and what it wants to hear: the JSON of its
// plugins "Wasm Access Validator" and "Wasm Request Transformer" (Otoroshi's sources, NgAccessContext and
// NgTransformerRequestContext, of 2024).
//
// A request's method, path and host are the client's. Its headers are those that go to the backend, where there are any:
// what is verified is what the backend reads. Otoroshi gives one value a name.
package otoroshi

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// Evaluate judges a request.
type Evaluate func(plugin.Request) plugin.Decision

// request is what a context says of a request.
type request struct {
	head plugin.Head
	out  []callout.Header // what goes to the backend as it stands, in its order; access: nil
	body []byte
	// given: the context has the body. asked: the engine wanted it.
	given, asked bool
}

func (r *request) Head() *plugin.Head { return &r.head }

func (r *request) Body(limit int) ([]byte, error) {
	r.asked = true
	switch {
	case !r.given:
		return nil, plugin.ErrGone
	case len(r.body) > limit:
		return nil, plugin.ErrTooLarge
	}
	return r.body, nil
}

// unavailable is the answer to a context that cannot be read.
const unavailable = string(plugin.Unavailable)

// Access answers an access validator's context, which has no body: where a rule needs one, it denies and says so. Nothing
// can be added to the request or taken off it here.
func Access(input []byte, evaluate Evaluate) []byte {
	r := read(input)
	if r == nil {
		return refuse(503, unavailable)
	}
	d := evaluate(r)
	switch {
	case d.Action == policy.Allow && d.Body == nil:
		return []byte(`{"result":true}`)
	case r.asked && !r.given && d.Action == policy.Deny:
		return refuse(503, "a rule for this request reads the body: use transform_request")
	case d.Status >= 400:
		return refuse(d.Status, string(d.Reason))
	case d.Action == policy.Challenge: // a redirection, which cannot be told here
		return refuse(403, string(d.Reason))
	}
	return refuse(503, unavailable)
}

func refuse(status int, message string) []byte {
	var b strictjson.Buffer
	b.Raw(`{"result":false,"error":{"status":`)
	b.Number(int64(status))
	b.Member("message", message)
	b.Raw("}}")
	return b.Bytes()
}

// Transform answers a request transformer's context. What passes has all headers as they are to be, since what is
// answered replaces them, and the very body that was judged.
func Transform(input []byte, evaluate Evaluate) []byte {
	var b strictjson.Buffer
	r := read(input)
	if r == nil || r.out == nil {
		b.Raw(`{"error":true,"status":503,"headers":{"content-type":"text/plain","cache-control":"no-store"},"body_str":"` + unavailable + `"}`)
		return b.Bytes()
	}
	d := evaluate(r)
	if d.Action == policy.Allow {
		b.Raw(`{"headers":`)
		writeHeaders(&b, apply(r.out, &d))
		if d.Body != nil {
			r.body = d.Body
		}
		if len(r.body) > 0 {
			b.Member("body_base64", base64.StdEncoding.EncodeToString(r.body))
		}
		b.Raw("}")
		return b.Bytes()
	}
	if d.Status == 0 {
		d.Status = 503
	}
	b.Raw(`{"error":true,"status":`)
	b.Number(int64(d.Status))
	b.Raw(`,"headers":`)
	writeHeaders(&b, d.Header)
	b.Name("body_str")
	b.Text(string(d.Body))
	b.Raw("}")
	return b.Bytes()
}

// apply is the headers with those removed and set that the decision says.
func apply(headers []callout.Header, d *plugin.Decision) []callout.Header {
	kept := make([]callout.Header, 0, len(headers)+len(d.Set))
	for _, h := range headers {
		if !slices.ContainsFunc(d.Remove, func(name string) bool { return strings.EqualFold(name, h.Name) }) {
			kept = append(kept, h)
		}
	}
	return append(kept, d.Set...)
}

// writeHeaders writes an object. Values of one name are joined, as HTTP allows.
func writeHeaders(b *strictjson.Buffer, headers []callout.Header) {
	one := make([]callout.Header, 0, len(headers))
	for _, h := range headers {
		i := slices.IndexFunc(one, func(o callout.Header) bool { return strings.EqualFold(o.Name, h.Name) })
		if i < 0 {
			one = append(one, h)
		} else {
			one[i].Value += ", " + h.Value
		}
	}
	b.Raw("{")
	for i, h := range one {
		if i > 0 {
			b.Raw(",")
		}
		b.Text(h.Name)
		b.Raw(":")
		b.Text(h.Value)
	}
	b.Raw("}")
}

// read takes a context apart in one pass; nil where it is none. It comes from the gateway: what is not understood in it
// is passed over, what is missing denies.
func read(input []byte) *request {
	r := &request{}
	document := gjson.ParseBytes(input)
	if !document.IsObject() {
		return nil
	}
	var hasBody, ok bool
	var own []callout.Header
	document.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "snowflake":
			r.head.ID = value.Str
		case "request":
			own, hasBody = r.line(value)
			ok = r.head.Method != "" && r.head.Path != ""
		case "otoroshi_request":
			value.ForEach(func(key, value gjson.Result) bool {
				if key.Str == "headers" {
					r.out = headers(value)
				}
				return true
			})
		case "request_body_bytes":
			r.body, r.given = numbers(value.Raw)
		}
		return true
	})
	if !ok {
		return nil
	}
	r.head.NoBody = !hasBody && !r.given
	r.head.Host, own = takeHost(own)
	r.head.Header = own
	if r.out != nil {
		_, r.head.Header = takeHost(r.out)
	}
	for _, h := range own {
		if strings.EqualFold(h.Name, "upgrade") && strings.EqualFold(strings.TrimSpace(h.Value), "websocket") {
			r.head.Upgrade = true
		}
	}
	return r
}

// line reads the member request: what the client sent.
func (r *request) line(v gjson.Result) (own []callout.Header, hasBody bool) {
	r.head.Scheme = "http"
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "method":
			r.head.Method = value.Str
		case "uri": // as it came, with its query; path is without
			r.head.Path = value.Str
		case "tls":
			if value.Type == gjson.True {
				r.head.Scheme = "https"
			}
		case "remote":
			r.head.Client = value.Str
		case "has_body":
			hasBody = value.Type == gjson.True
		case "headers":
			own = headers(value)
		}
		return true
	})
	return own, hasBody
}

func headers(v gjson.Result) []callout.Header {
	list := []callout.Header{}
	v.ForEach(func(name, value gjson.Result) bool {
		if value.Type == gjson.String {
			list = append(list, callout.Header{Name: strings.ToLower(name.Str), Value: value.Str})
		}
		return true
	})
	return list
}

// takeHost is the host, and the headers without it. More than one is no host: the engine refuses that.
func takeHost(list []callout.Header) (host string, rest []callout.Header) {
	rest = make([]callout.Header, 0, len(list))
	for _, h := range list {
		switch {
		case h.Name != "host":
			rest = append(rest, h)
		case host != "":
			host += "," + h.Value
		default:
			host = h.Value
		}
	}
	return host, rest
}

// numbers reads an array of bytes as Scala writes them: signed, -128 to 127, without white space. 0 to 255 is read too.
func numbers(raw string) (body []byte, ok bool) {
	if raw == "[]" {
		return nil, true
	}
	if len(raw) < 2 || raw[0] != '[' || raw[len(raw)-1] != ']' {
		return nil, false
	}
	body = make([]byte, 0, len(raw)/3)
	n, digits, sign := 0, 0, 1
	for i := 1; i < len(raw); i++ {
		switch c := raw[i]; {
		case c >= '0' && c <= '9' && digits < 3:
			n, digits = n*10+int(c-'0'), digits+1
		case c == '-' && digits == 0 && sign == 1:
			sign = -1
		case c == ',' || c == ']' && i == len(raw)-1:
			if n *= sign; digits == 0 || n < -128 || n > 255 {
				return nil, false
			}
			body = append(body, byte(n))
			n, digits, sign = 0, 0, 1
		default:
			return nil, false
		}
	}
	return body, true
}
