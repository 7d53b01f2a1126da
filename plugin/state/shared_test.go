package state

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

var (
	clock  = time.Unix(1_800_000_000, 0)
	ours   = identity.NewKey([]byte("the key of the tests"))
	theirs = identity.NewKey([]byte("another"))
)

// webdis answers what it is told to, and notes what it is asked.
type webdis struct {
	asked  []*callout.Request
	status int
	body   string
	err    error
}

func (w *webdis) Do(_ context.Context, r *callout.Request) (*callout.Response, error) {
	w.asked = append(w.asked, r)
	if w.err != nil {
		return nil, w.err
	}
	return &callout.Response{Status: w.status, Body: []byte(w.body)}, nil
}

func TestCommandsAreWebdiss(t *testing.T) {
	s := NewShared("http://store.example.cn:7379", "webdis", "gate:word", time.Second)
	w := &webdis{status: 200, body: `{"SET":[true,"OK"]}`}
	k := Key{1, 2, 3}
	if err := s.Set(context.Background(), w, clock, k, ours, []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	r := w.asked[0]
	const want = "http://store.example.cn:7379/SET/idv:v:AQIDAAAAAAAAAAAAAAAAAA/"
	if r.Method != "GET" || r.Target != "webdis" || r.Timeout != time.Second || !strings.HasPrefix(r.URL, want) || !strings.HasSuffix(r.URL, "/EX/3600") {
		t.Errorf("%+v", r)
	}
	if len(r.Header) != 1 || r.Header[0].Value != "Basic Z2F0ZTp3b3Jk" {
		t.Errorf("%v", r.Header)
	}
	sealed := strings.TrimSuffix(strings.TrimPrefix(r.URL, want), "/EX/3600")
	w.body = `{"GET":"` + sealed + `"}`
	if v, err := s.Get(context.Background(), w, clock, k, ours); err != nil || string(v) != "value" {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := s.Get(context.Background(), w, clock.Add(time.Hour+time.Second), k, ours); err != nil || v != nil {
		t.Errorf("past its end: %q, %v", v, err)
	}
	for name, get := range map[string]func() ([]byte, error){
		"another key":    func() ([]byte, error) { return s.Get(context.Background(), w, clock, Key{1, 2, 4}, ours) },
		"another secret": func() ([]byte, error) { return s.Get(context.Background(), w, clock, k, theirs) },
		"a longer value": func() ([]byte, error) {
			w.body = `{"GET":"` + sealed + `A"}`
			return s.Get(context.Background(), w, clock, k, ours)
		},
		"a number":       func() ([]byte, error) { w.body = `{"GET":7}`; return s.Get(context.Background(), w, clock, k, ours) },
		"an empty value": func() ([]byte, error) { w.body = `{"GET":""}`; return s.Get(context.Background(), w, clock, k, ours) },
		"text of nothing": func() ([]byte, error) {
			w.body = `{"GET":"bm90aGluZw"}`
			return s.Get(context.Background(), w, clock, k, ours)
		},
	} {
		if v, err := get(); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %q, %v", name, v, err)
		}
	}
}

func TestAStoreThatDoesNotAnswerIsLeftAloneForAMoment(t *testing.T) {
	for name, w := range map[string]*webdis{
		"no reply":         {err: &callout.Error{Kind: callout.Timeout}},
		"403":              {status: 403, body: `{"GET":null}`},
		"no JSON":          {status: 200, body: `<html>`},
		"another command":  {status: 200, body: `{"SET":[true,"OK"]}`},
		"two commands":     {status: 200, body: `{"GET":null,"SET":null}`},
		"a failed command": {status: 200, body: `{"GET":[false,"WRONGTYPE"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewShared("http://s", "s", "", time.Second)
			get := func(now time.Time) error {
				_, err := s.Get(context.Background(), w, now, Key{1}, ours)
				return err
			}
			for _, now := range []time.Time{clock, clock.Add(999 * time.Millisecond)} {
				if err := get(now); !errors.Is(err, ErrDown) {
					t.Errorf("%v", err)
				}
			}
			if len(w.asked) != 1 {
				t.Errorf("asked %d times in a second", len(w.asked))
			}
			w.err, w.status, w.body = nil, 200, `{"GET":null}`
			if err := get(clock.Add(time.Second)); err != nil {
				t.Errorf("after a moment: %v", err)
			}
		})
	}
}

// FuzzSharedValues: no value that was not sealed for this key, under this secret, opens.
func FuzzSharedValues(f *testing.F) {
	f.Add([]byte("an answer"), byte(0), 0, byte(0))
	f.Add([]byte(""), byte(1), 3, byte(1))
	f.Add([]byte{1, 2, 3}, byte(2), 30, byte(64))
	f.Fuzz(func(t *testing.T, value []byte, other byte, at int, flip byte) {
		k := Key{7}
		text := []byte(seal(value, k, ours, clock.Unix()+10))
		if flip != 0 {
			text[int(uint(at)%uint(len(text)))] ^= flip
		}
		mac := ours
		if other&2 != 0 {
			mac = theirs
		}
		got, err := open(string(text), Key{7 + other&1}, mac, clock)
		if same := flip == 0 && other&3 == 0; same != (err == nil) || same && string(got) != string(value) {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

// FuzzWebdisReplies: no reply breaks the reader, and none but the command's own is taken for its result.
func FuzzWebdisReplies(f *testing.F) {
	for _, s := range []string{`{"GET":null}`, `{"GET":"x"}`, `{"INCRBY":7}`, `{"GET":[false,"ERR"]}`, `[]`, `{"GET":1,"GET":2}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if r := resultOf("GET", body); r != nil && !strings.Contains(string(body), "{") {
			t.Fatalf("%q of %q", r, body)
		}
		s := NewShared("http://s", "s", "", time.Second)
		w := &webdis{status: 200, body: string(body)}
		if v, err := s.Get(context.Background(), w, clock, Key{1}, ours); err == nil && v != nil {
			t.Fatalf("%q is %q", body, v)
		}
	})
}
