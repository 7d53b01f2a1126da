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
		if taken := s.Take(key(1), 3, time.Hour, noon.Add(time.Duration(i)*time.Minute)); !taken.OK {
			t.Fatalf("try %d is refused", i+1)
		}
	}
	if taken := s.Take(key(1), 3, time.Hour, noon.Add(10*time.Minute)); taken.OK || taken.Wait != 50*time.Minute {
		t.Errorf("the fourth: %+v", taken)
	}
	if !s.Take(key(2), 3, time.Hour, noon).OK {
		t.Error("another key is refused")
	}
	if !s.Take(key(1), 3, time.Hour, noon.Add(time.Hour)).OK {
		t.Error("refused in the next window")
	}
}

func TestATryGivenBackIsThereAgain(t *testing.T) {
	s := state.New(nil)
	first := s.Take(key(1), 2, time.Hour, noon)
	second := s.Take(key(1), 2, time.Hour, noon)
	s.Give(second)
	s.Give(state.Take{}) // one that was never taken
	if !s.Take(key(1), 2, time.Hour, noon).OK {
		t.Error("not given back")
	}
	if s.Take(key(1), 2, time.Hour, noon).OK {
		t.Error("given back more than was taken")
	}
	later := noon.Add(2 * time.Hour)
	s.Take(key(1), 1, time.Hour, later)
	s.Give(first) // of a window that is over
	if s.Take(key(1), 1, time.Hour, later).OK {
		t.Error("a try of the last window came back in this one")
	}
}

func TestAClockSetBackBeginsAWindow(t *testing.T) {
	s := state.New(nil)
	s.Take(key(1), 1, time.Hour, noon)
	if !s.Take(key(1), 1, time.Hour, noon.Add(-2*time.Hour)).OK {
		t.Error("refused until the clock has caught up")
	}
}
