package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/extism/message"
	"github.com/idvgate/idvgate/plugin/flow"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

// examplePolicy is what the examples are played with: celerity logs in first, so that one request waits for another's.
const examplePolicy = `
version: 1
providers:
  phone:
    use: celerity
    endpoint: "https://celerity.example.cn"
    login: { sysName: gate, userCode: u1, password: { secret: CELERITY_PASSWORD } }
    timeout: 2s
    price: { mobile3: "0.25 CNY" }
subject: { key: { secret: IDV_SUBJECT_KEY } }
rules:
  - name: real name
    route: { methods: [POST], path: /v1/realname }
    claims: { name: { body: name }, idNumber: { body: idNumber }, mobile: { body: mobile } }
    verify: { check: mobile3, by: [phone] }
    annotate: [outcome, check, provider, reference, subject, carrier, ageBand, version]
`

// examples is what an engine said in a played exchange. Clock and randomness are fixed, so it says the same each time.
type examples struct {
	sent     map[string]string // messages to the guest, by their name in the schema
	said     map[string]string // messages of the guest, likewise
	problem  map[string]string // bodies of problems, by reason
	upstream map[string]string // headers added to the request that passed
	audit    string
}

// stage is a guest without a sandbox around it: the same table and writer.
type stage struct {
	engine *plugin.Engine
	table  *flow.Table
	out    message.Writer
	shown  examples
}

// counter is randomness that is none.
type counter byte

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		*c += 37
		b[i] = byte(*c)
	}
	return len(b), nil
}

// play plays the script.
func play() (*examples, error) {
	now := func() time.Time { return time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC) }
	s := &stage{shown: examples{
		sent: map[string]string{}, said: map[string]string{}, problem: map[string]string{}, upstream: map[string]string{},
	}}
	d, err := source.Parse("example", []byte(examplePolicy))
	if err != nil {
		return nil, err
	}
	s.table = flow.New(&s.out, now)
	s.engine, err = plugin.Load(d.JSON(), catalog.List(), plugin.Env{
		Lookup: func(string) (string, bool) { return "made-up", true },
		Now:    now, Random: new(counter),
		Audit: s.out.Audit, Metrics: &s.out, Share: s.table.Share, Beside: s.table.Beside,
	})
	if err != nil {
		return nil, err
	}
	s.out.Info(&plugin.Info{Version: "1.0.0", Digest: s.engine.Digest(), Rules: s.engine.Rules(), Endpoints: s.engine.Endpoints()})
	if err := s.hear(); err != nil {
		return nil, err
	}
	for _, step := range script() {
		if err := s.tell(step); err != nil {
			return nil, err
		}
	}
	return &s.shown, nil
}

// A line is one message to the guest: its name in the schema, its JSON without bytes, its raw bytes.
type line struct{ name, text, raw string }

// script is the exchange: one request that passes, one that waits for the same login and whose vendor then is silent, one with
// a wrong check digit, and a timer nobody waits for any more.
func script() []line {
	const head = `{"flow":%d,"head":{"id":"r-%[1]d","method":"POST","scheme":"https","host":"api.example.cn","path":"/v1/realname",` +
		`"headers":[["content-type","application/json"]],"client":"203.0.113.9"}}`
	person := func(id string) string {
		return `{"name":"李雷","idNumber":"` + id + `","mobile":"13800001000"}`
	}
	const headers = `"headers":[["content-type","application/json"]]`
	return []line{
		{"begin", fmt.Sprintf(head, 7), ""},
		{"body", `{"flow":7,"body":true}`, person("110101199003070003")},
		{"begin", fmt.Sprintf(head, 8), ""},
		{"body", `{"flow":8,"body":true}`, person("110101199003070003")},
		{"login", `{"flow":7,"callId":1,"status":200,` + headers + `}`, `{"errcode":0,"data":{"accessToken":"t-1"}}`},
		{
			"reply", `{"flow":7,"callId":3,"status":200,` + headers + `}`,
			`{"errcode":0,"data":{"traceNo":"1529","result":{"responseJson":{"Response":{"Result":"0","Isp":"移动","RequestId":"a5fdb909"}}}}}`,
		},
		{"timer", `{"flow":8,"timer":2}`, ""},
		{"failure", `{"flow":8,"callId":4,"error":"timeout"}`, ""},
		{"begin", fmt.Sprintf(head, 9), ""},
		{"body", `{"flow":9,"body":true}`, person("110101199003070004")},
		{"cancel", `{"flow":9}`, ""},
	}
}

// tell hands the guest one message, notes it as an example, and hears what comes of it.
func (s *stage) tell(l line) error {
	text := l.text
	if l.raw != "" {
		text = fmt.Sprintf(`%s,"bytes":%d}`, strings.TrimSuffix(text, "}"), len(l.raw))
	}
	if s.shown.sent[l.name] == "" {
		s.shown.sent[l.name] = strings.TrimSpace(text + "\n" + l.raw)
	}
	m, rest, err := message.Read([]byte(text + "\n" + l.raw))
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("the example message %s cannot be read", l.name)
	}
	s.out.Reset()
	switch {
	case m.Head != nil:
		s.table.Begin(m.Flow, m.Head, s.engine.Evaluate)
	case m.Body != "":
		s.table.Body(m.Flow, bytes.Clone(m.Bytes), nil)
	case m.Timer != 0:
		s.table.Timer(m.Timer)
	case m.Error != "":
		s.table.Failure(m.CallID, callout.ParseKind(m.Error))
	case m.CallID != 0:
		s.table.Reply(m.CallID, &callout.Response{Status: m.Status, Header: m.Header, Body: bytes.Clone(m.Bytes)})
	}
	return s.hear()
}

// hear takes apart what the guest said and notes an example of each message.
func (s *stage) hear() error {
	for out := s.out.Bytes(); len(out) > 0; {
		text, rest, _ := bytes.Cut(out, []byte{'\n'})
		var m struct {
			Bytes    int
			Want     string
			Name     string
			Audit    json.RawMessage
			Metrics  json.RawMessage
			Decision *struct {
				Action, Reason string
				Set            [][2]string
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return fmt.Errorf("message %q: %w", text, err)
		}
		raw := rest[:m.Bytes]
		out = rest[m.Bytes:]
		name := ""
		switch {
		case m.Want != "":
			name = "want" + strings.ToUpper(m.Want[:1]) + m.Want[1:]
		case m.Decision != nil:
			name = "decided"
			if m.Decision.Action != "allow" {
				s.shown.problem[m.Decision.Reason] = string(raw)
				name = "denied"
			}
			for _, h := range m.Decision.Set {
				s.shown.upstream[h[0]] = h[1]
			}
		case m.Audit != nil:
			name = "audited"
			if s.shown.audit == "" {
				s.shown.audit = string(m.Audit)
			}
		case m.Metrics != nil:
			name = "metered"
		case m.Name != "":
			name = "info"
		}
		if s.shown.said[name] == "" {
			s.shown.said[name] = strings.TrimSpace(string(text) + "\n" + string(raw))
		}
	}
	return nil
}
