package readers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Upstreams in the order they are shown; each is asked straight and behind a proxy that forwards as the gateway does.
var upstreams = []string{"go", "node", "python", "go forwarded", "node forwarded", "python forwarded"}

const everybody = "all"

// kept is testdata/readings.json.
type kept struct {
	Versions []string `json:"versions"`
	Tricks   []entry  `json:"tricks"`
}

// entry is what the upstreams read of one trick: those that read alike share a group.
type entry struct {
	Kind    string  `json:"kind"`
	Name    string  `json:"name"`
	Request string  `json:"request"` // a digest of the raw request
	Groups  []group `json:"groups"`
}

type group struct {
	By      []string `json:"by"`
	Reading Reading  `json:"reading"`
}

const readingsFile = "testdata/readings.json"

func (e *entry) of(upstream string) (Reading, bool) {
	for _, g := range e.Groups {
		if slices.Contains(g.By, upstream) || slices.Contains(g.By, everybody) {
			return g.Reading, true
		}
	}
	return Reading{}, false
}

func (e *entry) add(upstream string, v Reading) {
	for i := range e.Groups {
		if reflect.DeepEqual(e.Groups[i].Reading, v) {
			e.Groups[i].By = append(e.Groups[i].By, upstream)
			return
		}
	}
	e.Groups = append(e.Groups, group{[]string{upstream}, v})
}

// close writes a group that has them all shorter.
func (e *entry) close() {
	if len(e.Groups) == 1 {
		e.Groups[0].By = []string{everybody}
	}
}

func digest(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:8])
}

func load(t *testing.T) kept {
	t.Helper()
	text, err := os.ReadFile(readingsFile)
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// format is the file's text: a trick is a line.
func (k *kept) format() ([]byte, error) {
	versions, err := encode(k.Versions)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("{\"versions\":" + string(versions) + ",\n\"tricks\":[\n")
	for i := range k.Tricks {
		line, err := encode(&k.Tricks[i])
		if err != nil {
			return nil, err
		}
		b.Write(line)
		if i < len(k.Tricks)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

// ask gives every trick to the engine.
func ask(t *testing.T, all []trick) []Answer {
	t.Helper()
	addr := serve(t, engine(t))
	answers := make([]Answer, len(all))
	for i, c := range all {
		status, body := send(t, addr, c.raw)
		if status != 200 {
			answers[i].Refused = "net/http"
			continue
		}
		if err := json.Unmarshal(body, &answers[i]); err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// TestNobodyIsVerifiedWhomTheUpstreamDoesNotSee is the corpus against what was kept of the upstreams.
func TestNobodyIsVerifiedWhomTheUpstreamDoesNotSee(t *testing.T) {
	all := tricks()
	k := load(t)
	answers := ask(t, all)
	known := map[string]*entry{}
	for i := range k.Tricks {
		known[k.Tricks[i].Kind+"/"+k.Tricks[i].Name] = &k.Tricks[i]
	}
	if len(known) != len(all) {
		t.Errorf("%d tricks, %d are kept (or two have one name): record them anew", len(all), len(known))
	}
	count := map[string]int{}
	for i, c := range all {
		e := known[c.kind+"/"+c.name]
		if e == nil || e.Request != digest(c.raw) {
			t.Errorf("%s: %s: not kept as it is now: record it anew", c.kind, c.name)
			continue
		}
		for _, u := range upstreams {
			v, ok := e.of(u)
			if !ok {
				t.Errorf("%s: %s: nothing is kept of %s", c.kind, c.name, u)
			}
			if fault := judge(answers[i], v); fault != "" {
				t.Errorf("%s: %s: %s: %s\nengine  %+v\nreading %+v", c.kind, c.name, u, fault, answers[i], v)
			}
		}
		switch {
		case answers[i].Refused != "":
			count["refused"]++
		case answers[i].Rule != "":
			count["verified"]++
		default:
			count["passed"]++
		}
	}
	if count["verified"] < 50 || count["refused"] < 400 || count["passed"] < 20 {
		t.Errorf("the corpus has lost its point: %v", count)
	}
	t.Logf("%d tricks: %v", len(all), count)
}

// TestTheJudgeNotices: each way to read otherwise is told.
func TestTheJudgeNotices(t *testing.T) {
	path := func(s string) *string { return &s }
	good := func(rule string) (Answer, Reading) {
		both := [][2]string{{"name", nameA}, {"user.idCard", idA}}
		return Answer{Rule: rule, Name: nameA, IDNumber: idA}, Reading{
			Path: path("/v1/" + rule), Host: "play.example.cn:80", Query: nil, Media: map[string]string{"json": "json", "form": "form"}[rule], Form: both,
			JSON:    map[string]string{"name": "s:" + nameA, "idNumber": "s:" + idA},
			Headers: [][2]string{{"x-name", nameA}, {"x-id-card", idA}},
		}
	}
	for _, c := range []struct {
		name, rule string
		spoil      func(a *Answer, v *Reading)
		want       string
	}{
		{"nothing is wrong with JSON", "json", func(*Answer, *Reading) {}, ""},
		{"nothing is wrong with a form", "form", func(*Answer, *Reading) {}, ""},
		{"nothing is wrong with headers", "header", func(*Answer, *Reading) {}, ""},
		{"refused, whatever was read", "json", func(a *Answer, v *Reading) { a.Refused = "x"; v.JSON = nil }, ""},
		{"another name", "json", func(_ *Answer, v *Reading) { v.JSON["name"] = "s:" + nameB }, "another name"},
		{"another ID number", "json", func(_ *Answer, v *Reading) { v.JSON["idNumber"] = "s:" + idB }, "another ID number"},
		{"a number", "json", func(_ *Answer, v *Reading) { v.JSON["idNumber"] = "n:" + idA }, "no text"},
		{"absent", "json", func(_ *Answer, v *Reading) { delete(v.JSON, "name") }, "no text"},
		{"taken for a form", "json", func(_ *Answer, v *Reading) { v.Media = "form" }, "for a form"},
		{"taken for JSON", "form", func(_ *Answer, v *Reading) { v.Media = "json" }, "for JSON"},
		{"a second field", "form", func(_ *Answer, v *Reading) { v.Form = append(v.Form, [2]string{"name", nameA}) }, "not one"},
		{"a field in the query", "form", func(_ *Answer, v *Reading) { v.Query = [][2]string{{"name", nameB}} }, "not one"},
		{"an alias of the field", "form", func(_ *Answer, v *Reading) { v.Form = append(v.Form, [2]string{"User[idCard]", idB}) }, "can take"},
		{"an element of the field", "form", func(_ *Answer, v *Reading) { v.Form = append(v.Form, [2]string{"name[3]", nameB}) }, "can take"},
		{"an alias of the header", "header", func(_ *Answer, v *Reading) { v.Headers = append(v.Headers, [2]string{"x_name", nameB}) }, "can take"},
		{"no header", "header", func(_ *Answer, v *Reading) { v.Headers = nil }, "not one"},
		{"another rule's path", "json", func(_ *Answer, v *Reading) { v.Path = path("/v2/x") }, "serves that of"},
		{"no rule matched", "json", func(a *Answer, _ *Reading) { a.Rule = "" }, "serves that of"},
		{"no rule matched, and the condition holds", "pay", func(a *Answer, v *Reading) { a.Rule = ""; v.JSON["amount"] = "n:501" }, "serves that of"},
		{"no rule matched, and the condition does not hold", "pay", func(a *Answer, v *Reading) { a.Rule = ""; v.JSON["amount"] = "n:500" }, ""},
		{"another host", "json", func(_ *Answer, v *Reading) { v.Host = "other.example.cn" }, "serves that of"},
	} {
		a, v := good(c.rule)
		c.spoil(&a, &v)
		if got := judge(a, v); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
