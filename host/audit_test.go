package host

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// stuck is a writer that waits.
type stuck struct {
	record
	gate chan struct{}
	in   chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	select {
	case s.in <- struct{}{}:
	default:
	}
	<-s.gate
	return s.record.Write(b)
}

func TestAuditNeverWaitsForItsWriter(t *testing.T) {
	w := &stuck{gate: make(chan struct{}), in: make(chan struct{}, 1)}
	lost := 0
	a := newAudit(w, func(error) { lost++ })
	a.line([]byte("first"))
	<-w.in
	line := []byte(strings.Repeat("x", 1<<20))
	for range 20 {
		a.line(line)
	}
	if lost == 0 || lost > 8 {
		t.Errorf("%d lines of 1 MiB were lost of 20 where 16 MiB wait", lost)
	}
	close(w.gate)
	a.flush()
	a.line([]byte("last"))
	a.close()
	if text := w.String(); !strings.HasPrefix(text, "first\nxxx") || !strings.HasSuffix(text, "x\nlast\n") || len(text) != 6+(20-lost)*(1<<20+1)+5 {
		t.Errorf("%d bytes", len(text))
	}
}

func TestAuditLinesStayWholeAndInOrder(t *testing.T) {
	w := newRecord()
	a := newAudit(w, func(error) { t.Error("lost") })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				a.line(fmt.Appendf(nil, "%d %04d", i, j))
			}
		})
	}
	all.Wait()
	a.close()
	last := [8]string{}
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	for _, line := range lines {
		of := line[0] - '0'
		if line <= last[of] || len(line) != 6 {
			t.Fatalf("%q after %q", line, last[of])
		}
		last[of] = line
	}
	if len(lines) != 4000 {
		t.Errorf("%d lines", len(lines))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAWriterThatFailsIsTold(t *testing.T) {
	told := make(chan error, 1)
	a := newAudit(broken{}, func(err error) { told <- err })
	a.line([]byte("x"))
	if err := <-told; err == nil {
		t.Error("no error was told")
	}
	a.close()
}

func TestGuestMetricsAreBounded(t *testing.T) {
	r := prometheus.NewRegistry()
	g := newGuestMetrics(r)
	for i := range maxSeries + 100 {
		if err := g.add(fmt.Appendf(nil, `[{"name":"idv_a","type":"counter","value":1,"labels":{"of":"%d"}}]`, i), "0"); err != nil {
			t.Fatal(err)
		}
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "idv_a":
			if len(f.Metric) != maxSeries {
				t.Errorf("%d series", len(f.Metric))
			}
		case "idvgate_guest_metrics_dropped_total":
			if n := f.Metric[0].Counter.GetValue(); n != 100 {
				t.Errorf("%v dropped", n)
			}
		}
	}
	for _, odd := range []string{
		`[{"name":"go_gc","type":"counter","value":1}]`, `[{"name":"idv_A","type":"counter","value":1}]`, `[{"name":"idv_","type":"counter","value":1}]`,
		`[{"name":"idv_b","type":"summary","value":1}]`, `[{"name":"idv_c","type":"counter","value":1,"labels":{"A-b":"x"}}]`, `[]`,
	} {
		if err := g.add([]byte(odd), "0"); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
	}
	if len(g.metrics) != 1 {
		t.Errorf("%d metrics", len(g.metrics))
	}
	for _, bad := range []string{`{}`, `[{]`, `[{"name":"idv_a","value":x}]`, `[{"name":"idv_a"}`} {
		if g.add([]byte(bad), "0") == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
