//go:build e2e

package hosts

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// summary is what was played where.
var summary table

// A table has a row a runtime.
type table struct {
	mu   sync.Mutex
	rows []*row
}

type row struct {
	runtime           string
	played, different int
}

func (s *table) row(runtime string) *row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, &row{runtime: runtime})
	return s.rows[len(s.rows)-1]
}

func (s *table) played(r *row, different bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.played++
	if different {
		r.different++
	}
}

func (s *table) print() {
	if len(s.rows) == 0 {
		return
	}
	fmt.Printf("\n%-62s %9s  %s\n", "scenarios on", "played", "differences from the native engine")
	for _, r := range s.rows {
		different := "none"
		if r.different > 0 {
			different = fmt.Sprint(r.different)
		}
		fmt.Printf("%-62s %9d  %s\n", r.runtime, r.played, different)
	}
	fmt.Println()
}

// TestScenarios plays every scenario on each of the gateways. What a scenario expects holds on the native engine, so
// that whatever is not as expected is a difference.
func TestScenarios(t *testing.T) {
	all, err := play.Load(built.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range built.runtimes {
		t.Run(on.name, func(t *testing.T) {
			r := summary.row(on.version)
			var ours []*play.Scenario
			for i := range all {
				if s := &all[i]; s.For(on.Name()) {
					ours = append(ours, s)
				}
			}
			for i, group := range play.Groups(ours) {
				t.Run("gateway", func(t *testing.T) {
					if i > 0 { // the first alone: what it compiles the others find in the cache
						t.Parallel()
					}
					playGroup(t, on, group, r)
				})
			}
		})
	}
}

func playGroup(t *testing.T, on *runtime, group []*play.Scenario, r *row) {
	stand, err := play.Open(built.root, on, group[0])
	if err != nil {
		summary.played(r, true)
		t.Fatal(err)
	}
	for _, s := range group {
		t.Run(s.File+"/"+s.Name, func(t *testing.T) {
			faults := stand.Play(s)
			summary.played(r, len(faults) > 0)
			if len(faults) > 0 {
				t.Error(strings.Join(faults, "\n"))
			}
		})
	}
	if faults := stand.Close(); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
}
