package providertest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

var update = flag.Bool("update", false, "write the requests and results of wire vectors anew; a vendor's reply is never written")

// A want file, <case>.want.json, says what is asked and what must come of it. `-update` writes result and error anew
// and leaves the rest as it is. The replies are in <case>.reply, or <case>.1.reply, <case>.2.reply … where there are
// several; the requests in files of the same names that end in .request.
type want struct {
	What   string          `json:"what"`             // a sentence
	Code   string          `json:"code,omitempty"`   // the row of Info.Codes this proves
	Config json.RawMessage `json:"config,omitempty"` // absent: Suite.Config
	Query  struct {
		Check      providers.Check `json:"check"`
		Person     Claims          `json:"person"`
		DecisionID string          `json:"decisionId,omitempty"`
	} `json:"query"`
	Resume string      `json:"resume,omitempty"` // the handle, as text; set: Resume is called
	Result *wantResult `json:"result,omitempty"`
	Error  *wantError  `json:"error,omitempty"`
}

type wantResult struct {
	Outcome     string       `json:"outcome"`
	Reason      string       `json:"reason,omitempty"`
	Claim       string       `json:"claim,omitempty"`
	Reference   string       `json:"reference,omitempty"`
	Trace       string       `json:"trace,omitempty"`
	Billed      string       `json:"billed"`
	Carrier     string       `json:"carrier,omitempty"`
	UnknownCode bool         `json:"unknownCode,omitempty"`
	Pending     *wantPending `json:"pending,omitempty"`
}

type wantPending struct {
	URL     string `json:"url,omitempty"`
	Handle  string `json:"handle,omitempty"`
	Expires string `json:"expires,omitempty"` // such as 30m0s
}

type wantError struct {
	Kind        string `json:"kind"`
	Status      int    `json:"status,omitempty"`
	Code        string `json:"code,omitempty"`
	Retry       string `json:"retry,omitempty"`
	Billed      string `json:"billed"`
	UnknownCode bool   `json:"unknownCode,omitempty"`
}

// vectors plays every case of the directory and notes in covered the codes they prove.
func (s *Suite) vectors(t *testing.T, covered map[string]bool) {
	dir := s.Vectors
	if dir == "" {
		dir = "testdata"
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.want.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no wire vector in %s", dir)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".want.json")
		t.Run(filepath.Base(base), func(t *testing.T) {
			w := readWant(t, file)
			covered[w.Code] = true
			s.vector(t, base, w)
		})
	}
}

func (s *Suite) vector(t *testing.T, base string, w want) {
	replies := readReplies(t, base)
	do := NewDoer(replies...)
	q := providers.Query{Check: w.Query.Check, Person: Person(t, w.Query.Person), DecisionID: w.Query.DecisionID}
	var handle []byte
	if w.Resume != "" {
		handle = []byte(w.Resume)
	}
	got, err := s.ask(t, do, string(w.Config), q, handle)
	if do.Left() > 0 || do.Extra() > 0 {
		t.Errorf("%d replies nobody asked for, %d requests too many", do.Left(), do.Extra())
	}
	if err != nil {
		_ = s.isError(t, got, err)
		w.Result, w.Error = compareWant(t, w, nil, describeError(providers.AsError(err)))
	} else {
		s.wellFormed(t, got)
		w.Result, w.Error = compareWant(t, w, describe(got), nil)
	}
	requests := do.Requests()
	for i, r := range requests {
		file := exchange(base, i, len(replies), ".request")
		if *update {
			write(t, file, message(r))
		}
		wanted, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (-update writes it)", err)
		}
		if !bytes.Equal(message(r), wanted) {
			t.Errorf("%s\n got %q\nwant %q", file, message(r), wanted)
		}
	}
	if *update {
		write(t, base+".want.json", indent(t, w))
	}
	s.agree(t, w.Code, w.Result.result(t), w.Error.err(t))
}

// compareWant fails the test where what came differs from w; with -update what came is the new want.
func compareWant(t *testing.T, w want, result *wantResult, err *wantError) (*wantResult, *wantError) {
	t.Helper()
	if *update {
		return result, err
	}
	got, wanted := string(indent(t, struct{ Result, Error any }{result, err})), string(indent(t, struct{ Result, Error any }{w.Result, w.Error}))
	if got != wanted {
		t.Errorf("got %s\nwant %s", got, wanted)
	}
	return w.Result, w.Error
}

func describe(r providers.Result) *wantResult {
	w := &wantResult{
		Outcome: r.Outcome.String(), Reason: r.Reason, Claim: r.Claim.String(), Reference: r.Reference, Trace: r.Trace,
		Billed: r.Billed.String(), Carrier: r.Carrier, UnknownCode: r.UnknownCode,
	}
	if p := r.Pending; p != nil {
		w.Pending = &wantPending{URL: p.URL, Handle: string(p.Handle)}
		if p.Expires != 0 {
			w.Pending.Expires = p.Expires.String()
		}
	}
	return w
}

func describeError(e *providers.Error) *wantError {
	w := &wantError{Kind: e.Kind.String(), Status: e.Status, Code: e.Code, Billed: e.Billed.String(), UnknownCode: e.UnknownCode}
	if e.Retry != 0 {
		w.Retry = e.Retry.String()
	}
	return w
}

// result is what of w the table of codes speaks of.
func (w *wantResult) result(t *testing.T) providers.Result {
	t.Helper()
	if w == nil {
		return providers.Result{}
	}
	outcome, ok := providers.ParseOutcome(w.Outcome)
	if !ok {
		t.Errorf("no outcome is called %q", w.Outcome)
	}
	claim, _ := identity.ParseClaim(w.Claim)
	return providers.Result{Outcome: outcome, Claim: claim, Billed: billing(w.Billed)}
}

func (w *wantError) err(t *testing.T) *providers.Error {
	t.Helper()
	if w == nil {
		return nil
	}
	for _, k := range []providers.ErrorKind{providers.Unavailable, providers.Busy, providers.Refused, providers.Malformed} {
		if k.String() == w.Kind {
			return &providers.Error{Kind: k, Billed: billing(w.Billed)}
		}
	}
	t.Errorf("no kind is called %q", w.Kind)
	return nil
}

func billing(word string) providers.Billing {
	for _, b := range []providers.Billing{providers.BilledYes, providers.BilledNo} {
		if b.String() == word {
			return b
		}
	}
	return providers.BilledUnknown
}

func readWant(t *testing.T, file string) want {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var w want
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if w.What == "" || w.Query.Check.Claims() == nil {
		t.Fatalf("%s: needs what and query.check", file)
	}
	if w.Result != nil && w.Result.Pending != nil && w.Result.Pending.Expires != "" {
		if _, err := time.ParseDuration(w.Result.Pending.Expires); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return w
}

func readReplies(t *testing.T, base string) []Reply {
	t.Helper()
	files := []string{base + ".reply"}
	if _, err := os.Stat(files[0]); err != nil {
		files = files[:0]
		for n := 1; ; n++ {
			file := fmt.Sprintf("%s.%d.reply", base, n)
			if _, err := os.Stat(file); err != nil {
				break
			}
			files = append(files, file)
		}
	}
	var replies []Reply
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := parseReply(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		replies = append(replies, reply)
	}
	return replies
}

// exchange is the name of a file of exchange i: numbered where the case has several.
func exchange(base string, i, of int, ending string) string {
	if of == 1 && i == 0 {
		return base + ending
	}
	return fmt.Sprintf("%s.%d%s", base, i+1, ending)
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
