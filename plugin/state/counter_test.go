package state_test

import (
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/state"
)

var noon = time.Unix(1_800_000_000, 0)

func TestTriesEndAndComeBackWithTheWindow(t *testing.T) {
	s := state.New(nil)
	for i := range 3 {
		if taken := s.Take(key(1), 1, 3, time.Hour, noon.Add(time.Duration(i)*time.Minute)); !taken.OK {
			t.Fatalf("try %d is refused", i+1)
		}
	}
	if taken := s.Take(key(1), 1, 3, time.Hour, noon.Add(10*time.Minute)); taken.OK || taken.Wait != 50*time.Minute {
		t.Errorf("the fourth: %+v", taken)
	}
	if !s.Take(key(2), 1, 3, time.Hour, noon).OK {
		t.Error("another key is refused")
	}
	if !s.Take(key(1), 1, 3, time.Hour, noon.Add(time.Hour)).OK {
		t.Error("refused in the next window")
	}
}

func TestATryGivenBackIsThereAgain(t *testing.T) {
	s := state.New(nil)
	first := s.Take(key(1), 1, 2, time.Hour, noon)
	second := s.Take(key(1), 1, 2, time.Hour, noon)
	s.Give(second)
	s.Give(state.Take{}) // one that was never taken
	if !s.Take(key(1), 1, 2, time.Hour, noon).OK {
		t.Error("not given back")
	}
	if s.Take(key(1), 1, 2, time.Hour, noon).OK {
		t.Error("given back more than was taken")
	}
	later := noon.Add(2 * time.Hour)
	s.Take(key(1), 1, 1, time.Hour, later)
	s.Give(first) // of a window that is over
	if s.Take(key(1), 1, 1, time.Hour, later).OK {
		t.Error("a try of the last window came back in this one")
	}
}

func TestAClockSetBackBeginsAWindow(t *testing.T) {
	s := state.New(nil)
	s.Take(key(1), 1, 1, time.Hour, noon)
	if !s.Take(key(1), 1, 1, time.Hour, noon.Add(-2*time.Hour)).OK {
		t.Error("refused until the clock has caught up")
	}
}

func TestACrowdOfClientsEndsNoBudget(t *testing.T) {
	s := state.New(nil)
	spent := s.Take(key(1), 100, 100, 0, noon)
	for i := range 110_000 {
		s.Take(key(i+2), 1, 3, time.Hour, noon)
	}
	for _, now := range []time.Time{noon, noon.Add(40 * 24 * time.Hour), noon.Add(-time.Hour)} {
		if s.Take(key(1), 1, 100, 0, now).OK {
			t.Errorf("what is spent was forgotten by %v", now)
		}
	}
	s.Give(spent)
	if !s.Take(key(1), 100, 100, 0, noon).OK {
		t.Error("not given back")
	}
}

func TestAmountsAddUpToTheMost(t *testing.T) {
	s := state.New(nil)
	for _, c := range []struct {
		amount int64
		ok     bool
		count  int64
	}{{40, true, 40}, {70, false, 0}, {60, true, 100}, {1, false, 0}, {0, true, 100}} {
		if taken := s.Take(key(1), c.amount, 100, time.Hour, noon); taken.OK != c.ok || taken.Count != c.count {
			t.Errorf("%d: %+v", c.amount, taken)
		}
	}
	if s.Take(key(2), 1<<62, 100, time.Hour, noon).OK || !s.Take(key(2), 100, 100, time.Hour, noon).OK {
		t.Error("an amount beyond the most was taken, or kept the rest from being so")
	}
}
