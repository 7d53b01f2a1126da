package providertest

import (
	"sync"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// Crowd asks the same n times at once; every answer must be a match.
func Crowd(t *testing.T, p providers.Provider, do callout.Doer, q providers.Query, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			r, err := p.Verify(t.Context(), do, q)
			if err != nil || r.Outcome != providers.Match {
				t.Errorf("got %s, %v, want match", r.Outcome, err)
			}
		})
	}
	all.Wait()
}
