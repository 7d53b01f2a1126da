package host

import (
	"bytes"
	"strconv"
	"testing"
)

func TestMemoryIsBoundedAndForgetsTheOldest(t *testing.T) {
	m := newMemory()
	m.Put("a", []byte("1"))
	m.Put("a", []byte("2"))
	m.Put("gone", []byte("3"))
	m.Put("gone", nil)
	m.Put("long", make([]byte, maxMemoryValue))
	if got := m.Get("a"); string(got) != "2" || m.Get("gone") != nil || m.Get("long") != nil || m.values.Len() != 1 {
		t.Errorf("a is %q, %d values", got, m.values.Len())
	}
	value := []byte("kept")
	m.Put("copy", value)
	value[0] = 'x'
	if got := m.Get("copy"); string(got) != "kept" {
		t.Errorf("what was kept has changed: %s", got)
	}
	big := make([]byte, 32<<10)
	for i := range 3 * maxMemoryBytes / len(big) {
		m.Put(strconv.Itoa(i), big)
	}
	if m.bytes > maxMemoryBytes || m.bytes < maxMemoryBytes/2 {
		t.Errorf("%d bytes", m.bytes)
	}
	if m.Get("0") != nil || !bytes.Equal(m.Get(strconv.Itoa(3*maxMemoryBytes/len(big)-1)), big) {
		t.Error("the oldest is there, or the youngest is not")
	}
}
