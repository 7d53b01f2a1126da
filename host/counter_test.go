package host

import (
	"encoding/binary"
	"strings"
	"testing"
)

func takeRequest(key string, most, per, now uint64) []byte {
	b := append([]byte{'t'}, key...)
	for _, n := range []uint64{1, most, per, now} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func TestASharedCounterCountsInOneStep(t *testing.T) {
	m := newMemory()
	key := strings.Repeat("k", memoryKeyBytes)
	for _, now := range []uint64{1000, 1500} {
		if got := m.Get(countPrefix + string(takeRequest(key, 2, 1000, now))); len(got) != 17 || got[0] != 1 || binary.BigEndian.Uint64(got[1:]) != 1000 {
			t.Fatalf("at %d: %x", now, got)
		}
	}
	if got := m.count(takeRequest(key, 2, 1000, 1900)); got[0] != 0 || binary.BigEndian.Uint64(got[1:]) != 100 {
		t.Errorf("the third: %x", got)
	}
	give := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(append([]byte{'g'}, key...), 1), 1000)
	if got := m.count(give); len(got) != 1 {
		t.Errorf("given back: %x", got)
	}
	if got := m.count(takeRequest(key, 2, 1000, 1950)); got[0] != 1 {
		t.Errorf("after that: %x", got)
	}
	if got := m.count(takeRequest(key, 2, 1000, 2000)); got[0] != 1 || binary.BigEndian.Uint64(got[1:]) != 2000 {
		t.Errorf("in the next window: %x", got)
	}
	m.count(give) // of the window before
	if got := m.count(takeRequest(key, 1, 1000, 2000)); got[0] != 0 {
		t.Errorf("a try of another window came back: %x", got)
	}
	named := strings.Repeat("n", memoryKeyBytes)
	m.count(takeRequest(named, 1, 0, 1000))
	for i := range uint64(maxMemoryValues + 1) {
		m.count(takeRequest(string(binary.BigEndian.AppendUint64([]byte("a client"), i)), 1, 1000, 1000))
	}
	if got := m.count(takeRequest(named, 1, 0, 1<<60)); got[0] != 0 {
		t.Errorf("a budget was forgotten: %x", got)
	}
	for _, bad := range [][]byte{nil, {'t'}, {'x'}, give[:20], append(give, 0)} {
		if got := m.count(bad); got != nil {
			t.Errorf("%x is answered %x", bad, got)
		}
	}
	if m.values.Len() != 0 {
		t.Error("a request was kept as a value")
	}
}
