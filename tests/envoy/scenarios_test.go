//go:build e2e

package envoy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// summary is what was played where.
var summary table

// A table has a row a runtime.
type table []row

type row struct {
	runtime           string
	played, different int
}

func (t table) print() {
	if len(t) == 0 {
		return
	}
	fmt.Printf("\n%-62s %9s  %s\n", "scenarios on", "played", "differences from the native engine")
	for _, r := range t {
		different := "none"
		if r.different > 0 {
			different = fmt.Sprint(r.different)
		}
		fmt.Printf("%-62s %9d  %s\n", r.runtime, r.played, different)
	}
	fmt.Println()
}

// TestScenarios plays every scenario. What a scenario expects holds on the native engine, so that whatever is not as
// expected is a difference.
func TestScenarios(t *testing.T) {
	for _, of := range []struct {
		name    string
		workers int
		http2   bool
		not     string // who is not for this is left out
	}{
		{"1 worker, HTTP/1.1", 1, false, ""},
		{"1 worker, HTTP/2", 1, true, play.HTTP2},
		{"2 workers, HTTP/1.1", 2, false, play.Workers},
	} {
		t.Run(of.name, func(t *testing.T) {
			e := start(t, play.EnvoyOptions{Workers: of.workers})
			runtime := e.With(play.ListenerOptions{HTTP2: of.http2})
			r := row{runtime: e.Version + ", " + of.name}
			var ours []*play.Scenario
			for i := range built.scenarios {
				if s := &built.scenarios[i]; s.For(runtime.Name()) && (of.not == "" || s.For(of.not)) {
					ours = append(ours, s)
				}
			}
			for _, group := range play.Groups(ours) {
				playGroup(t, runtime, group, &r)
			}
			summary = append(summary, r)
		})
	}
}

func playGroup(t *testing.T, on play.Runtime, group []*play.Scenario, r *row) {
	t.Helper()
	stand, err := play.Open(built.root, on, group[0])
	if err != nil {
		r.played++
		r.different++
		t.Error(err)
		return
	}
	for _, s := range group {
		t.Run(s.File+"/"+s.Name, func(t *testing.T) {
			faults := stand.Play(s)
			r.played++
			if len(faults) > 0 {
				r.different++
				t.Error(strings.Join(faults, "\n"))
			}
		})
	}
	if faults := stand.Close(); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
}
