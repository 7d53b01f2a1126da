package state_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

func key(n int) (k state.Key) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	return k
}

var answers = []state.Answer{
	{At: 1, Outcome: providers.Match, Carrier: 1, Reference: "r-1"},
	{At: 1 << 40, Outcome: providers.Mismatch, Reason: "document_expired", Reference: strings.Repeat("x", 64)},
	{At: 1_800_000_000, Outcome: providers.NoRecord},
	{At: 1_800_000_000, Outcome: providers.InvalidInput, Claim: identity.ClaimIDNumber},
	{At: 1_800_000_000, Outcome: providers.Limited, Reference: "a.b_c-d"},
}

func TestAnAnswerIsTheSameAfterItWasPacked(t *testing.T) {
	for _, a := range answers {
		got, ok := state.Unpack(a.Pack())
		if !ok || got != a {
			t.Errorf("%+v became %+v, %v", a, got, ok)
		}
	}
}

func TestWhatIsNoAnswerIsNotUnpacked(t *testing.T) {
	whole := answers[1].Pack()
	with := func(at int, b byte) []byte {
		c := bytes.Clone(whole)
		c[at] = b
		return c
	}
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"cut in its head":             whole[:12],
		"cut in its reason":           whole[:14],
		"of another packing":          with(0, 2),
		"that nobody gave":            with(1, byte(providers.Unanswered)),
		"that is open":                with(1, byte(providers.Pending)),
		"of no outcome":               with(1, 7),
		"about no claim":              with(2, 7),
		"of no carrier":               with(3, 4),
		"from before the clock began": with(4, 0x80),
		"with a line in its reason":   with(14, '\n'),
	} {
		if a, ok := state.Unpack(b); ok {
			t.Errorf("an answer %s became %+v", name, a)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, a := range answers {
		f.Add(a.Pack())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := state.Unpack(b)
		if !ok {
			if a != (state.Answer{}) {
				t.Fatalf("refused, and yet %+v", a)
			}
			return
		}
		if !bytes.Equal(a.Pack(), b) {
			t.Fatalf("%x became %x", b, a.Pack())
		}
		if r := a.Result(); r.Outcome == providers.Pending || r.Outcome == providers.Unanswered || r.Billed != providers.BilledNo ||
			r.Reference != providers.Token(r.Reference) || r.Reason != providers.Token(r.Reason) {
			t.Fatalf("the result is %+v", r)
		}
	})
}

func TestOnlyWhatIsAnAnswerIsRemembered(t *testing.T) {
	for _, o := range providers.Outcomes() {
		a, ok := state.Of(&providers.Result{Outcome: o, Carrier: "unicom", Reference: "two words", Trace: "t", Billed: providers.BilledYes}, 5)
		if want := o != providers.Pending && o != providers.Unanswered; ok != want {
			t.Errorf("%s: remembered %v", o, ok)
		}
		if r := a.Result(); ok && (r.Outcome != o || r.Carrier != "unicom" || r.Reference != "" || r.Trace != "" || r.Billed != providers.BilledNo) {
			t.Errorf("%s became %+v", o, r)
		}
	}
}

func TestAgeIsNeverNegativeAndAClockSetBackMakesOld(t *testing.T) {
	a := state.Answer{At: 1000}
	for at, want := range map[int64]time.Duration{1000: 0, 1060: time.Minute, 990: 0, 900: 1<<63 - 1} {
		if got := a.Age(time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, not %s", at, got, want)
		}
	}
}

func TestAStoreGivesBackTheLatestAndForgets(t *testing.T) {
	s := state.New(nil)
	if _, ok := s.Recall(key(1)); ok {
		t.Error("an empty store recalls")
	}
	s.Remember(key(1), answers[0])
	s.Remember(key(1), answers[1])
	s.Remember(key(2), answers[2])
	if a, ok := s.Recall(key(1)); !ok || a != answers[1] || s.Len() != 2 {
		t.Errorf("%+v, %v, %d", a, ok, s.Len())
	}
	s.Forget(key(1))
	if _, ok := s.Recall(key(1)); ok || s.Len() != 1 {
		t.Error("not forgotten")
	}
}

// A hundred thousand answers are kept, the oldest go first, and all of it takes less than 40 MB.
func TestAStoreIsBounded(t *testing.T) {
	const most = 100_000
	before := heap()
	s := state.New(nil)
	for i := range most + 10 {
		a := answers[0]
		a.Reference = strings.Repeat("r", 36) + string(rune('a'+i%26))
		s.Remember(key(i), a)
	}
	if s.Len() != most {
		t.Errorf("%d answers", s.Len())
	}
	if _, ok := s.Recall(key(9)); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := s.Recall(key(10)); !ok {
		t.Error("a younger one has gone")
	}
	if took := int64(heap()) - int64(before); took > 40<<20 || took < 1<<20 {
		t.Errorf("%d bytes", took)
	}
	runtime.KeepAlive(s)
}

func TestLongAnswersAreBoundedByTheirBytes(t *testing.T) {
	s := state.New(nil)
	a := state.Answer{Outcome: providers.Match, Reason: strings.Repeat("x", 64), Reference: strings.Repeat("y", 64)}
	for i := range 100_000 {
		s.Remember(key(i), a)
	}
	if n := s.Len(); n >= 100_000 || n < 50_000 {
		t.Errorf("%d answers", n)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// outer is a store further out.
type outer map[string][]byte

func (o outer) Get(key string) []byte { return o[key] }

func (o outer) Put(key string, value []byte) {
	if value == nil {
		delete(o, key)
		return
	}
	o[key] = bytes.Clone(value)
}

func TestWhatOneMachineLearnsTheOthersKnow(t *testing.T) {
	o := outer{}
	first, second := state.New(o), state.New(o)
	first.Remember(key(1), answers[0])
	if a, ok := second.Recall(key(1)); !ok || a != answers[0] {
		t.Errorf("%+v, %v", a, ok)
	}
	o["garbage"] = nil
	k := key(2)
	o[string(k[:])] = []byte("garbage")
	if _, ok := second.Recall(k); ok {
		t.Error("garbage is recalled")
	}
	first.Forget(key(1))
	if len(o) != 1+1 {
		t.Errorf("kept: %v", o)
	}
}

func BenchmarkRecallOfAHundredThousand(b *testing.B) {
	s := state.New(nil)
	for i := range 100_000 {
		s.Remember(key(i), answers[0])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := s.Recall(key(i % 100_000)); !ok {
			b.Fatal("forgotten")
		}
		i += 7919
	}
}
