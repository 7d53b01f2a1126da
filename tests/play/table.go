package play

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A Row of the demo's table: what a person gets on a route. The ages in it hold from 2026-11-22 to 2028-05-31 (+08:00).
type Row struct {
	Person, Route string
	Status        int
	Reason        *string
	Outcome       string // null in the file where nobody was asked
	Calls         map[string]int
}

// Tour is a gateway with the demo's policy, in front of the sample upstream and the sandbox.
type Tour struct {
	Gateway, Vendors string // base URLs
	People           People
	// Audited waits for the audit line of a decision.
	Audited func(id string) (map[string]any, error)
}

// An Answer is what a row came to.
type Answer struct {
	Row     *Row
	Differs string // "" where it is as the row says
}

// Play plays the whole table (tests/testdata/expect.json): people beside each other, so that time-outs do not add up, a
// person's rows one after another, since some answers depend on the call before. noes is the bodies of mismatch, no
// record and limited, but for their instances.
func (d *Tour) Play(root string) (answers []Answer, noes map[string]int, err error) {
	text, err := os.ReadFile(filepath.Join(root, "tests", "testdata", "expect.json"))
	if err != nil {
		return nil, nil, err
	}
	var table struct {
		Fields map[string][]string
		Rows   []Row
	}
	if err := json.Unmarshal(text, &table); err != nil {
		return nil, nil, err
	}
	byPerson := map[string][]int{}
	for i := range table.Rows {
		byPerson[table.Rows[i].Person] = append(byPerson[table.Rows[i].Person], i)
	}
	answers, noes = make([]Answer, len(table.Rows)), map[string]int{}
	var mu sync.Mutex
	var people sync.WaitGroup
	for _, rows := range byPerson {
		people.Go(func() {
			for _, i := range rows {
				r := &table.Rows[i]
				came, err := d.row(r, table.Fields[r.Route])
				answers[i].Row = r
				if want := r.want(came.no); err != nil {
					answers[i].Differs = err.Error()
				} else if fmt.Sprint(came) != fmt.Sprint(want) {
					answers[i].Differs = fmt.Sprintf("got %+v, want %+v", came, want)
				}
				if came.no != "" {
					mu.Lock()
					noes[came.no]++
					mu.Unlock()
				}
			}
		})
	}
	people.Wait()
	return answers, noes, nil
}

// came is what can be seen of one request.
type came struct {
	status  int
	reason  string
	outcome string
	calls   map[string]int
	no      string // the body of a no, but for its instance
}

func (r *Row) want(no string) came {
	want := came{status: r.Status, outcome: r.Outcome, calls: map[string]int{}, no: no}
	for vendor, n := range r.Calls {
		if n > 0 {
			want.calls[vendor] = n
		}
	}
	if r.Reason != nil {
		want.reason = *r.Reason
	}
	return want
}

// verifying is how many verifying calls each vendor has had about a person.
func (d *Tour) verifying(person string) (map[string]int, error) {
	body, err := Fetch(d.Vendors + "/_sandbox/calls")
	if err != nil {
		return nil, err
	}
	var all struct{ Calls []Call }
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

func (d *Tour) row(r *Row, fields []string) (came, error) {
	before, err := d.verifying(r.Person)
	if err != nil {
		return came{}, err
	}
	body, err := d.People.body(r.Person, fields)
	if err != nil {
		return came{}, err
	}
	response, err := http.Post(d.Gateway+r.Route, "application/json", bytes.NewReader(body))
	if err != nil {
		return came{}, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err != nil {
		return came{}, err
	}
	a := came{status: response.StatusCode, calls: map[string]int{}}
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
func (d *Tour) readReply(a *came, reply []byte) error {
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
	line, err := d.Audited(m.Instance)
	if err != nil {
		return err
	}
	a.outcome, _ = line["outcome"].(string)
	if m.Reason == "identity_not_verified" {
		a.no = strings.ReplaceAll(string(reply), m.Instance, "INSTANCE")
	}
	return nil
}

// Fetch is what a URL answers.
func Fetch(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}
