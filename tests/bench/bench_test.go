package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheCommandLineIsRead(t *testing.T) {
	for _, c := range []struct {
		name string
		args string
		want string // of the error; "" for none
	}{
		{"nothing is enough", "", ""},
		{"fewer peers", "-peers plain,native,idvgate", ""},
		{"a peer nobody knows", "-peers plain,native,idvgate,envoy", `no such peer: "envoy"`},
		{"what the targets are about stays", "-peers plain,opa", "-peers needs plain, native, idvgate"},
		{"no rounds", "-rounds 0", "-rounds is at least 1"},
		{"a flag nobody knows", "-fast", "flag provided but not defined"},
		{"a word that is no flag", "quick", `what is "quick"?`},
	} {
		_, err := parse(strings.Fields(c.args), io.Discard)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	o, err := parse([]string{"-quick", "-requests", "4000", "-limit", "1m"}, io.Discard)
	if err != nil || !o.quick || o.rounds != 1 || o.requests != 400 || o.limit != time.Minute {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestAFigureIsJudgedByItsTarget(t *testing.T) {
	for _, c := range []struct {
		name string
		f    figure
		want string
	}{
		{"without a target nothing is said", figure{Value: 1}, ""},
		{"as much as is asked", figure{Value: 0.25}.atLeast(0.25), "met"},
		{"less than is asked", figure{Value: 0.24}.atLeast(0.25), "missed"},
		{"none lost", figure{Value: 0}.atMost(0), "met"},
		{"one lost", figure{Value: 1}.atMost(0), "missed"},
	} {
		if got := c.f.judged(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	for want, list := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 3, 2}, 7: {7}} {
		if got := median(list); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestABodyIsAsLongAsAsked(t *testing.T) {
	for _, size := range []int{100, 1 << 10, 1 << 20} {
		if n := len(bodyOf(leiLi, size)); n != size {
			t.Errorf("got %d bytes, want %d", n, size)
		}
	}
}

func TestACurveIsDrawn(t *testing.T) {
	c := curve{Name: curveRules}
	for i, x := range []float64{1, 10, 1000} {
		c.add("a & b", point{X: x, Micros: float64(100 * (i + 1))})
	}
	for _, logY := range []bool{false, true} {
		text := plot{"a < b", "x", "y", logY, micros, short}.svg(c)
		points, circles := "", 0
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			e, ok := token.(xml.StartElement)
			if ok && e.Name.Local == "circle" {
				circles++
			}
			if ok && e.Name.Local == "polyline" {
				points = e.Attr[0].Value
			}
		}
		want := "80.0,243.3 280.0,156.7 680.0,70.0"
		if logY {
			want = "80.0,330.0 280.0,251.7 680.0,205.9"
		}
		if circles != 3 || points != want {
			t.Errorf("logarithmic %v: %d circles, points %s, want %s", logY, circles, points, want)
		}
	}
}

func TestACurveWithoutPointsIsDrawnEmpty(t *testing.T) {
	text := plot{"a", "x", "y", true, micros, short}.svg(curve{})
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "polyline") {
		t.Error(text)
	}
}

func TestTheDocumentIsWhatItsFiguresGive(t *testing.T) {
	r, err := load("../../docs/performance.json")
	if err != nil {
		t.Fatal(err)
	}
	envoy, err := load("../../docs/performance-envoy.json")
	if err != nil {
		t.Fatal(err)
	}
	files := r.documents(envoy)
	if len(files) != 1+len(drawings) {
		t.Errorf("%d files: the kept run lacks a curve", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../docs", filepath.FromSlash(name)))
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is not what docs/performance.json gives (%v): go run . -docs", name, err)
		}
	}
}
