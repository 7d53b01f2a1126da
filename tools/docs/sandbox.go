package main

import (
	"encoding/json"
	"io/fs"
	"maps"
	"sort"
	"strconv"
	"strings"
)

// sandboxPage is the simulated vendors and the people they know.
func sandboxPage(f facts) ([]byte, error) {
	about, err := f.packageComment("host/sandbox", 2)
	if err != nil {
		return nil, err
	}
	people, err := f.people()
	if err != nil {
		return nil, err
	}
	p := newPage("The sandbox", "host/sandbox and its data")
	p.text(strings.Replace(about, "Package sandbox simulates", "`idvgate sandbox`, and `idvgate demo` with it, simulates", 1))
	p.heading(2, "Who there is")
	p.text("Invented people. Sequence 000 is never given to anybody, so no ID number here is a real one.")
	var rows [][]string
	for _, who := range people.People {
		rows = append(rows, []string{code(who.Person), who.Name, code(who.IDNumber), code(who.Mobile), code(who.BankCard), who.answers(), who.What})
	}
	p.table([]string{"person", "name", "ID number", "mobile", "bank card", "answer", "what it shows"}, rows)
	if err := p.expected(f, people); err != nil {
		return nil, err
	}
	return p.bytes(), nil
}

type cast struct {
	About  string
	People []somebody
}

type somebody struct {
	Person, Name, IDNumber, Mobile, BankCard, What string
	Answers                                        map[string]string
}

func (f facts) people() (cast, error) {
	var c cast
	text, err := fs.ReadFile(f.tree, "host/sandbox/data/test-identities.json")
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

// answers is how the vendors answer about somebody, those that differ named.
func (s somebody) answers() string {
	var named []string
	for vendor := range s.Answers {
		if vendor != "*" {
			named = append(named, vendor)
		}
	}
	sort.Strings(named)
	var all []string
	for _, vendor := range named {
		all = append(all, vendor+" "+code(s.Answers[vendor]))
	}
	if rest := s.Answers["*"]; rest != "" && len(named) > 0 {
		all = append(all, "others "+code(rest))
	} else if rest != "" {
		all = append(all, code(rest))
	}
	return strings.Join(all, ", ")
}

// A row of the demo's table: what one person gets on one route.
type row struct {
	Person, Route, Outcome string
	Status                 int
	Calls                  map[string]int
}

// cell is the row in a few words.
func (r row) cell() string {
	calls := 0
	for _, n := range r.Calls {
		calls += n
	}
	s := strconv.Itoa(r.Status)
	if r.Outcome != "" {
		s += " " + r.Outcome
	}
	switch calls {
	case 1:
		return s
	case 0:
		return s + ", no call"
	}
	return s + ", " + strconv.Itoa(calls) + " calls"
}

// expected is what each person gets on each route of the demo. Routes on which everybody gets the same share a column.
func (p *page) expected(f facts, people cast) error {
	text, err := fs.ReadFile(f.tree, "host/sandbox/data/expect.json")
	if err != nil {
		return err
	}
	var table struct{ Rows []row }
	if err := json.Unmarshal(text, &table); err != nil {
		return err
	}
	var routes []string
	cells := map[string]map[string]string{} // by route and person
	for _, r := range table.Rows {
		if cells[r.Route] == nil {
			cells[r.Route] = map[string]string{}
			routes = append(routes, r.Route)
		}
		cells[r.Route][r.Person] = r.cell()
	}
	heads, columns := []string{"person"}, []map[string]string{}
next:
	for _, route := range routes {
		for i, c := range columns {
			if maps.Equal(c, cells[route]) {
				heads[i+1] += " " + code(route)
				continue next
			}
		}
		heads = append(heads, code(route))
		columns = append(columns, cells[route])
	}
	var rows [][]string
	for _, who := range people.People {
		line := []string{code(who.Person)}
		for _, c := range columns {
			line = append(line, c[who.Person])
		}
		rows = append(rows, line)
	}
	p.heading(2, "What they get in the demo")
	p.text("With [the demo's policy](../examples/policies/demo.yaml): the status, the outcome (at the upstream for a 200, in the audit line otherwise), and how many verifying calls " +
		"the vendors see, unless it is one. A person's requests are played one after another.")
	p.table(heads, rows)
	return nil
}
