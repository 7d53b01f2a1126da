package extism

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/host/internal/fakeguest"
)

var (
	plainWasm, directWasm []byte
	cache                 *Cache
)

func TestMain(m *testing.M) {
	var err error
	if plainWasm, err = fakeguest.Build(false); err == nil {
		directWasm, err = fakeguest.Build(true)
	}
	if err == nil {
		cache, err = NewCache("")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func compile(t testing.TB, wasm []byte, o Options) *Program {
	t.Helper()
	o.Cache = cache
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p, err := Compile(t.Context(), wasm, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

func newVM(t testing.TB, p *Program) *VM {
	t.Helper()
	v, err := p.NewVM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// forms are the two ways a guest is spoken to; each has to behave the same.
func forms(t *testing.T, o Options, f func(t *testing.T, p *Program)) {
	for name, wasm := range map[string][]byte{"input and output": plainWasm, "buffer and step": directWasm} {
		t.Run(name, func(t *testing.T) { f(t, compile(t, wasm, o)) })
	}
}

func begin(path string) []byte {
	return fmt.Appendf(nil, `{"flow":7,"head":{"method":"POST","host":"a","path":%q,"headers":[]}}`+"\n", path)
}

func TestStepSaysWhatTheGuestAnswers(t *testing.T) {
	forms(t, Options{}, func(t *testing.T, p *Program) {
		v := newVM(t, p)
		for range 3 {
			out, err := v.Step(Begin, begin("/body?1000000"), nil)
			if want := `{"flow":7,"limit":1000000,"want":"body"}` + "\n"; err != nil || string(out) != want {
				t.Fatalf("begin: %q, %v; want %q", out, err, want)
			}
			for _, size := range []int{0, 1, 7, 8, 5000, 900_000, 20} {
				body := bytes.Repeat([]byte("é"), size)[:size]
				line := fmt.Appendf(nil, `{"flow":7,"body":true,"bytes":%d}`+"\n", size)
				out, err = v.Step(Resume, line, body)
				if err != nil || !bytes.Contains(out, []byte(`["x-idv-outcome","true"]`)) {
					t.Fatalf("a body of %d bytes: %.200q, %v", size, out, err)
				}
			}
			out, err = v.Step(Cancel, []byte(`{"flow":7}`+"\n"), nil)
			if want := `{"audit":{"cancelled":true}}` + "\n"; err != nil || string(out) != want {
				t.Fatalf("cancel: %q, %v; want %q", out, err, want)
			}
		}
	})
}

func TestAFailedCallIsAnErrorAndTheNextVMWorks(t *testing.T) {
	forms(t, Options{}, func(t *testing.T, p *Program) {
		for path, want := range map[string]string{
			"/panic": "unreachable", "/overflow": "", "/kernel": "load_u64: offset outside", "/endless": "at most",
		} {
			if path == "/endless" {
				if want = "too long"; p.Direct() {
					want = "output of"
				}
			}
			v := newVM(t, p)
			out, err := v.Step(Begin, begin(path), nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %d bytes, error %v; want one with %q", path, len(out), err, want)
			}
			v.Close()
			v = newVM(t, p)
			if out, err := v.Step(Begin, begin("/"), nil); err != nil || !bytes.Contains(out, []byte("allow")) {
				t.Errorf("after %s a new VM says %q, %v", path, out, err)
			}
			v.Close()
		}
	})
}

func TestAnOutputOutsideOfTheGuestsMemoryIsAnError(t *testing.T) {
	v := newVM(t, compile(t, directWasm, Options{}))
	if out, err := v.Step(Begin, begin("/outside"), nil); err == nil {
		t.Fatalf("got %q", out)
	}
}

func TestMisuseOfTheSharedMemoryTrapsTheGuest(t *testing.T) {
	p := compile(t, plainWasm, Options{})
	for _, misuse := range []string{
		"load at 0", "load far away", "load across the end", "store at 0", "store far away", "output that is not there",
		"output that wraps around", "input beyond its end", "an error that is no block", "more memory than there is",
		"memory without end",
	} {
		v := newVM(t, p)
		_, err := v.Call("misuse", []byte(misuse))
		var fault trap
		if !errors.As(err, &fault) {
			t.Errorf("%s: error %v, want a trap", misuse, err)
		}
		v.Close()
	}
}

func TestVMsHaveClocksThatMoveAndRandomnessOfTheirOwn(t *testing.T) {
	forms(t, Options{}, func(t *testing.T, p *Program) {
		seen := map[string]bool{}
		for range 2 {
			v := newVM(t, p)
			for range 2 {
				for _, path := range []string{"/random", "/clock"} {
					out, err := v.Step(Begin, begin(path), nil)
					_, body, _ := strings.Cut(string(out), "\n")
					if err != nil || body == "" || seen[body] {
						t.Errorf("%s: %q, %v; seen before: %v", path, body, err, seen[body])
					}
					seen[body] = true
				}
			}
		}
	})
}

func TestConfigVariablesAndErrors(t *testing.T) {
	var log bytes.Buffer
	p := compile(t, plainWasm, Options{
		Config: map[string]string{"name": "somebody"},
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
	})
	v := newVM(t, p)
	out, err := v.Call("info", nil)
	if err != nil || !bytes.Contains(out, []byte(`"name":"somebody"`)) {
		t.Errorf("info: %q, %v", out, err)
	}
	for _, want := range []string{"1", "2", "3"} {
		if out, err := v.Call("vars", nil); err != nil || string(out) != want {
			t.Errorf("vars: %q, %v; want %s", out, err, want)
		}
	}
	if _, err := v.Call("vars", []byte("fail")); err == nil || !strings.Contains(err.Error(), "returned 7: as told") {
		t.Errorf("vars: error %v", err)
	}
	if _, err := v.Call("nothing", nil); err == nil {
		t.Error("an export that is not there was called")
	}
	if !strings.Contains(log.String(), "msg=counted") {
		t.Errorf("log: %s", &log)
	}
}

func TestWhatTheGuestWritesIsLoggedAndBounded(t *testing.T) {
	var log bytes.Buffer
	v := newVM(t, compile(t, plainWasm, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}))
	if _, err := v.Step(Begin, begin("/overflow"), nil); err == nil {
		t.Fatal("no error")
	}
	v = newVM(t, compile(t, plainWasm, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}))
	if _, err := v.Step(Begin, begin("/panic"), nil); err == nil {
		t.Fatal("no error")
	}
	if !strings.Contains(log.String(), `msg="about to panic"`) {
		t.Errorf("log lacks the guest's line: %.500s", log.String())
	}
	if n := strings.Count(log.String(), "\n"); n > 4*maxLinesPerSecond {
		t.Errorf("%d lines", n)
	}
}

func TestHTTPRequest(t *testing.T) {
	var asked *Request
	p := compile(t, plainWasm, Options{Fetch: func(_ context.Context, r *Request) (*Reply, error) {
		asked = &Request{r.Method, r.URL, r.Header, bytes.Clone(r.Body)}
		if r.URL == "http://down/" {
			return nil, errors.New("unreachable")
		}
		return &Reply{Status: 201, Header: map[string]string{"x-a": "b"}, Body: []byte("answer")}, nil
	}})
	v := newVM(t, p)
	out, err := v.Call("evaluate", []byte("http://vendor/ask"))
	if want := `201 answer {"x-a":"b"}`; err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	if asked.Method != "POST" || asked.URL != "http://vendor/ask" || asked.Header["x-question"] != "1" || string(asked.Body) != "question" {
		t.Errorf("asked %+v", asked)
	}
	var fault trap
	if _, err := v.Call("evaluate", []byte("http://down/")); !errors.As(err, &fault) {
		t.Errorf("no answer: error %v, want a trap", err)
	}
	v = newVM(t, compile(t, plainWasm, Options{}))
	if _, err := v.Call("evaluate", []byte("http://vendor/")); !errors.As(err, &fault) {
		t.Errorf("no Fetch: error %v, want a trap", err)
	}
}

func TestWhatIsNoGuestIsRefused(t *testing.T) {
	empty := []byte("\x00asm\x01\x00\x00\x00")
	for name, wasm := range map[string][]byte{"text": []byte("hello, this is text"), "nothing": {}, "an empty module": empty} {
		if _, err := Compile(t.Context(), wasm, Options{Cache: cache}); !errors.Is(err, ErrNotGuest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compile(t.Context(), plainWasm[:len(plainWasm)/2], Options{Cache: cache}); err == nil {
		t.Error("half a module was compiled")
	}
}

func TestTheCompilationCacheIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		c, err := NewCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(t.Context(), directWasm, Options{Cache: c, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := newVM(t, p).Step(Begin, begin("/"), nil); err != nil || !bytes.Contains(out, []byte("allow")) {
			t.Errorf("%q, %v", out, err)
		}
		p.Close(t.Context())
		c.Close(t.Context())
	}
	if files, _ := os.ReadDir(dir); len(files) == 0 {
		t.Error("nothing was kept")
	}
	if _, err := NewCache("/dev/null/cache"); err == nil {
		t.Error("a directory that cannot be made is no error")
	}
}

func BenchmarkStep(b *testing.B) {
	for name, wasm := range map[string][]byte{"input and output": plainWasm, "buffer and step": directWasm} {
		b.Run(name, func(b *testing.B) {
			v := newVM(b, compile(b, wasm, Options{}))
			body := bytes.Repeat([]byte("x"), 64<<10)
			line := fmt.Appendf(nil, `{"flow":7,"timer":1,"bytes":%d}`+"\n", len(body))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Step(Resume, line, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
