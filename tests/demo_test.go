package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// row is one of testdata/expect.json. The ages in it hold from 2026-11-22 to 2028-05-31 (+08:00).
type row struct {
	Person, Route string
	Status        int
	Reason        *string
	Outcome       string // null in the file where nobody was asked
	Calls         map[string]int
}

// verifying is how many verifying calls each vendor has had about a person.
func (d *demo) verifying(person string) (map[string]int, error) {
	body, err := fetch(d.vendors + "/_sandbox/calls")
	if err != nil {
		return nil, err
	}
	var all struct{ Calls []play.Call }
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, c := range all.Calls {
		if c.Person == person && c.Step == "verify" {
			count[c.Vendor]++
		}
	}
	return count, nil
}

// answer is what a row came to.
type answer struct {
	status  int
	reason  string
	outcome string
	calls   map[string]int
	no      string // the body of a no, but for its instance
}

func (d *demo) play(r *row, fields []string) (answer, error) {
	before, err := d.verifying(r.Person)
	if err != nil {
		return answer{}, err
	}
	claims := map[string]string{}
	for _, f := range fields {
		claims[f] = d.people[r.Person][f]
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return answer{}, err
	}
	response, err := http.Post(d.gateway+r.Route, "application/json", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, calls: map[string]int{}}
	after, err := d.verifying(r.Person)
	if err != nil {
		return a, err
	}
	for vendor, n := range after {
		if n != before[vendor] {
			a.calls[vendor] = n - before[vendor]
		}
	}
	return a, d.readReply(&a, reply)
}

// readReply reads the outcome: at the upstream for a 200, else in the audit line.
func (d *demo) readReply(a *answer, reply []byte) error {
	var m struct {
		Headers          map[string][]string // of the upstream's echo
		Reason, Instance string              // of a problem
	}
	if err := json.Unmarshal(reply, &m); err != nil {
		return fmt.Errorf("reply %q: %w", reply, err)
	}
	a.reason = m.Reason
	if a.status == http.StatusOK {
		a.outcome = strings.Join(m.Headers["x-idv-outcome"], ",")
		return nil
	}
	line, err := d.audited(m.Instance)
	if err != nil {
		return err
	}
	a.outcome, _ = line["outcome"].(string)
	if m.Reason == "identity_not_verified" {
		a.no = strings.ReplaceAll(string(reply), m.Instance, "INSTANCE")
	}
	return nil
}

// TestDemoTable plays what each person gets on each route of the demo. People are played beside each other, so that
// time-outs do not add up; a person's rows one after another, since some answers depend on the call before.
func TestDemoTable(t *testing.T) {
	text, err := os.ReadFile("testdata/expect.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Fields map[string][]string
		Rows   []row
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 363 {
		t.Fatalf("the table has %d rows, not 363", len(table.Rows))
	}
	d := startDemo(t)
	answers, errs := make([]answer, len(table.Rows)), make([]error, len(table.Rows))
	byPerson := map[string][]int{}
	for i := range table.Rows {
		byPerson[table.Rows[i].Person] = append(byPerson[table.Rows[i].Person], i)
	}
	var people sync.WaitGroup
	for _, rows := range byPerson {
		people.Go(func() {
			for _, i := range rows {
				answers[i], errs[i] = d.play(&table.Rows[i], table.Fields[table.Rows[i].Route])
			}
		})
	}
	people.Wait()

	noes := map[string]int{}
	for i := range table.Rows {
		r, a := &table.Rows[i], &answers[i]
		t.Run(r.Person+r.Route, func(t *testing.T) {
			want := answer{status: r.Status, outcome: r.Outcome, calls: map[string]int{}, no: a.no}
			for vendor, n := range r.Calls {
				if n > 0 {
					want.calls[vendor] = n
				}
			}
			if r.Reason != nil {
				want.reason = *r.Reason
			}
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if fmt.Sprint(*a) != fmt.Sprint(want) {
				t.Errorf("got %+v, want %+v", *a, want)
			}
		})
		if a.no != "" {
			noes[a.no]++
		}
	}
	if len(noes) != 1 {
		t.Errorf("mismatch, no record and limited have %d bodies, not one and the same: %v", len(noes), noes)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	canary := play.NewCanary(d.people)
	for _, line := range d.audit {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		if claim := canary.Find(text); claim != "" {
			t.Errorf("%s is in audit line %s", claim, text)
		}
	}
}
