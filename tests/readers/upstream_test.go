package readers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A Reading is what an upstream reads of a request. Pairs are in the order the upstream has them.
type Reading struct {
	Refused  bool              `json:"refused,omitempty"` // no handler was asked: 4xx, or the connection closed
	Path     *string           `json:"path,omitempty"`    // decoded, as it is routed
	Host     string            `json:"host,omitempty"`
	Headers  [][2]string       `json:"headers,omitempty"` // names in lower case
	Query    [][2]string       `json:"query,omitempty"`
	RawQuery [][2]string       `json:"rawQuery,omitempty"` // of what follows the path, ? and all, where that reads differently
	Media    string            `json:"media,omitempty"`    // json, form or other
	Form     [][2]string       `json:"form,omitempty"`     // the body as a form; media says whether the upstream takes it for one
	JSON     map[string]string `json:"json,omitempty"`     // s: text, n: number, else the type's word; absent: not there
}

// readGo is what a handler in Go reads, fields of JSON in any case.
func readGo(r *http.Request) Reading {
	body, _ := io.ReadAll(r.Body)
	v := Reading{Path: &r.URL.Path, Host: r.Host, Query: pairs(r.URL.Query()), JSON: map[string]string{}}
	for name, values := range r.Header {
		for _, s := range values {
			v.Headers = append(v.Headers, [2]string{strings.ToLower(name), s})
		}
	}
	switch kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case err != nil:
		v.Media = "other"
	case strings.HasSuffix(kind, "json"):
		v.Media = "json"
	case kind == "application/x-www-form-urlencoded":
		v.Media = "form"
	default:
		v.Media = "other"
	}
	form, _ := url.ParseQuery(string(body))
	v.Form = pairs(form)
	if !json.Valid(body) {
		return v
	}
	var doc struct {
		Name   json.RawMessage `json:"name"`
		Amount json.RawMessage `json:"amount"`
		User   struct {
			IDCard json.RawMessage `json:"idCard"`
		} `json:"user"`
	}
	_ = json.Unmarshal(body, &doc) // a field of another type is as if it were not there
	for name, raw := range map[string]json.RawMessage{"name": doc.Name, "idNumber": doc.User.IDCard, "amount": doc.Amount} {
		var s string
		switch {
		case len(raw) == 0 || string(raw) == "null":
		case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
			v.JSON[name] = "s:" + s
		case raw[0] == '[':
			v.JSON[name] = "array"
		case raw[0] == '{':
			v.JSON[name] = "object"
		case raw[0] == 't' || raw[0] == 'f':
			v.JSON[name] = "boolean"
		default:
			v.JSON[name] = "n:" + string(raw)
		}
	}
	return v
}

func pairs(values url.Values) [][2]string {
	var list [][2]string
	for name, all := range values {
		for _, v := range all {
			list = append(list, [2]string{name, v})
		}
	}
	return list
}

// send writes the raw request to the address and returns the reply's status and body; 0 where there is no reply.
func send(t *testing.T, addr, raw string) (int, []byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		return 0, nil
	}
	reply, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return 0, nil
	}
	return reply.StatusCode, body
}

// serve runs a handler on loopback.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// encode is JSON without HTML escapes, on one line.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
