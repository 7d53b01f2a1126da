package tests

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// TestNoClaimLeaks plays every scenario, after which all that was logged, audited, counted, answered to a denied client
// or returned as an error is searched for every claim of everybody. The same search is part of every play on every
// other runtime.
func TestNoClaimLeaks(t *testing.T) { playAll(t, play.NativeRuntime{}, true) }

// leaky is a runtime that lets a claim out.
type leaky struct {
	play.NativeRuntime
	leak func(record *play.Record, seen *play.Seen) error
}

func (l leaky) Start(doc []byte, env map[string]string, stage *play.Stage, record *play.Record) (play.Gateway, error) {
	g, err := l.NativeRuntime.Start(doc, env, stage, record)
	return leakyGateway{g, l, record}, err
}

type leakyGateway struct {
	play.Gateway
	by     leaky
	record *play.Record
}

func (g leakyGateway) Play(r *play.Request) (play.Seen, error) {
	seen, err := g.Gateway.Play(r)
	return seen, errors.Join(err, g.by.leak(g.record, &seen))
}

func TestTheCanaryFindsWhatLeaks(t *testing.T) {
	const name, id, card = "韩梅梅", "110101199003080009", "6222020000000001016"
	log := func(text string) func(*play.Record, *play.Seen) error {
		return func(r *play.Record, _ *play.Seen) error { _, err := r.Write([]byte(text)); return err }
	}
	root, all := load(t)
	var denied *play.Scenario
	for i := range all {
		if all[i].Name == "JD Cloud says that the claims do not belong together" {
			denied = &all[i]
		}
	}
	if denied == nil {
		t.Fatal("the scenario to leak from is gone")
	}
	for _, c := range []struct {
		name string
		leak func(*play.Record, *play.Seen) error
	}{
		{"a number in the log", log("asked about " + id)},
		{"a name in the log", log("asked about " + name)},
		{"a name in the log, escaped for JSON", log(`{"msg":"\u97e9\u6885\u6885"}`)},
		{"a name in the log, escaped for a URL", log("GET /?name=" + url.QueryEscape(name))},
		{"a number in base64 behind something else", log(base64.StdEncoding.EncodeToString([]byte("id=" + id)))},
		{"a name in base64 for URLs", log(base64.RawURLEncoding.EncodeToString([]byte(name + "!")))},
		{"a card of somebody else", log(card)},
		{"a part of an image", log(play.Face("mismatch")[:100])},
		{"a number in an audit line that was not expected", func(r *play.Record, _ *play.Seen) error {
			r.Audit([]byte(`{"person":"` + id + `"}`))
			return nil
		}},
		{"a number in a metric's label", func(r *play.Record, _ *play.Seen) error {
			r.Count("idv_x_total", 1, "person", id)
			return nil
		}},
		{"a number in a problem", func(_ *play.Record, seen *play.Seen) error {
			seen.Body = []byte(strings.Replace(string(seen.Body), `"status"`, `"who":"`+id+`","status"`, 1))
			return nil
		}},
		{"a number in an error", func(*play.Record, *play.Seen) error { return errors.New("no answer about " + id) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := strings.Join(play.Run(root, leaky{leak: c.leak}, denied), "\n")
			if !strings.Contains(faults, " is in ") {
				t.Errorf("nobody noticed: %q", faults)
			}
		})
	}
	t.Run("nothing where nothing leaks", func(t *testing.T) {
		if faults := play.Run(root, leaky{leak: log("all is well")}, denied); len(faults) > 0 {
			t.Errorf("%q", faults)
		}
	})
}
