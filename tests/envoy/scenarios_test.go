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
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			e := start(t, play.EnvoyOptions{Workers: workers})
			r := row{runtime: fmt.Sprintf("%s, %d workers", e.Version, workers)}
			var ours []*play.Scenario
			for i := range built.scenarios {
				if s := &built.scenarios[i]; s.For(e.Name()) && (workers == 1 || s.For(play.Workers)) {
					ours = append(ours, s)
				}
			}
			for _, group := range play.Groups(ours) {
				playGroup(t, e, group, &r)
			}
			summary = append(summary, r)
		})
	}
}

func playGroup(t *testing.T, e *play.EnvoyProcess, group []*play.Scenario, r *row) {
	t.Helper()
	stand, err := play.Open(built.root, e, group[0])
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
