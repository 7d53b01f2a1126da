package tests

import (
	"encoding/json"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// TestDemoTable plays what each person gets on each route of the demo.
func TestDemoTable(t *testing.T) {
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t)
	tour := play.Tour{Gateway: d.gateway, Vendors: d.vendors, People: d.people, Audited: d.audited}
	answers, noes, err := tour.Play(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 363 {
		t.Fatalf("the table has %d rows, not 363", len(answers))
	}
	for i := range answers {
		a := &answers[i]
		t.Run(a.Row.Person+a.Row.Route, func(t *testing.T) {
			if a.Differs != "" {
				t.Error(a.Differs)
			}
		})
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
