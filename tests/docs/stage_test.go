package docs

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// stage is a folder as the documents assume it: the command in bin, a policy, secrets, the examples.
type stage struct {
	root, folder string
	env          []string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{root: rootFolder(t), folder: t.TempDir()}
	wasm, err := play.BuildGuest(s.root, s.folder)
	if err != nil || len(wasm) == 0 {
		t.Fatal(err)
	}
	built := filepath.Join(s.folder, "built")
	build := exec.Command("go", "build", "-o", built, "./host/cmd/idvgate")
	build.Dir = s.root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	guest := filepath.Join(s.folder, "idvgate-extism.wasm")
	cache := filepath.Join(s.folder, "cache")
	// The command as it is written down, but with the guest of this tree and on ports that are free.
	script := `#!/bin/sh
case "$1" in
run) exec ` + built + ` "$@" --wasm ` + guest + ` --cache ` + cache + ` --listen "$LISTEN" --admin "$ADMIN" ;;
demo) exec ` + built + ` "$@" --wasm ` + guest + ` --cache ` + cache + ` --listen "$LISTEN" --admin "$ADMIN" --sandbox "$SANDBOX" --upstream "$UPSTREAM" ;;
sandbox) exec ` + built + ` "$@" --listen "$SANDBOX" --upstream "$UPSTREAM" ;;
*) exec ` + built + ` "$@" ;;
esac
`
	write := func(name, text string, mode os.FileMode) {
		file := filepath.Join(s.folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	policy, err := os.ReadFile(filepath.Join(s.root, "examples", "policies", "minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write("bin/idvgate", script, 0o755)
	write("policy.yaml", string(policy), 0o644)
	write("secrets/JD_ACCESS_KEY", "made-up", 0o600)
	write("secrets/JD_SECRET_KEY", "made-up", 0o600)
	if err := os.Symlink(filepath.Join(s.root, "examples"), filepath.Join(s.folder, "examples")); err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "PATH="+filepath.Join(s.folder, "bin")+":"+os.Getenv("PATH"), "HOME="+s.folder,
		"JD_ACCESS_KEY=made-up", "JD_SECRET_KEY=made-up")
	return s
}

// shell is a command as it is written down, in the stage's folder.
func (s *stage) shell(text string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", "exec "+strings.ReplaceAll(text, "/run/secrets", "secrets"))
	cmd.Dir, cmd.Env = s.folder, s.env
	return cmd
}

// makeTarget asks make for the commands of a target. What they are is CI's to run, but for run, which is played.
func makeTarget(t *testing.T, s *stage, c command) {
	target := strings.TrimPrefix(c.text, "make ")
	dry := exec.Command("make", "--no-print-directory", "-n", target)
	dry.Dir = s.root
	dry.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // make test may be what runs this
	out, err := dry.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if target == "run" {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		serves(t, s, command{text: lines[len(lines)-1]})
	}
}

func succeeds(t *testing.T, s *stage, c command) {
	if out, err := s.shell(c.text).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func succeedsInTree(t *testing.T, s *stage, c command) {
	cmd := exec.Command("sh", "-c", c.text)
	cmd.Dir = s.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// serves starts a server, waits until it says that it is ready, and stops it as a user would.
func serves(t *testing.T, s *stage, c command) {
	p := s.start(t, c.text)
	p.stop(t)
}

// server is a command that goes on until it is stopped.
type server struct {
	cmd    *exec.Cmd
	said   *output
	exited chan error
	ports  map[string]string
}

// output is what a server has said, and tells when it says that it is ready.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	once  sync.Once
	ready chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(b)
	if strings.Contains(o.text.String(), "idvgate: ready") {
		o.once.Do(func() { close(o.ready) })
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (s *stage) start(t *testing.T, text string) *server {
	t.Helper()
	p := &server{cmd: s.shell(text), said: &output{ready: make(chan struct{})}, exited: make(chan error, 1), ports: map[string]string{}}
	for name, written := range map[string]string{"LISTEN": "127.0.0.1:8080", "SANDBOX": "127.0.0.1:8081", "UPSTREAM": "127.0.0.1:8082", "ADMIN": "127.0.0.1:8083"} {
		p.ports[written] = free(t)
		p.cmd.Env = append(p.cmd.Env, name+"="+p.ports[written])
	}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	select {
	case <-p.said.ready:
	case err := <-p.exited:
		t.Fatalf("%s ended (%v) before it was ready:\n%s", text, err, p.said)
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		t.Fatalf("%s is never ready:\n%s", text, p.said)
	}
	return p
}

func (p *server) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		if err != nil {
			t.Errorf("it ends with %v:\n%s", err, p.said)
		}
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		t.Errorf("it does not end:\n%s", p.said)
	}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

var (
	written = regexp.MustCompile(`127\.0\.0\.1:808[0-3]`)
	status  = regexp.MustCompile(`\b[2-5][0-9]{2}\b`)
)

// curl makes the request against the demo, as curl would: the status in the comment behind it, else 200, must come back.
func curl(t *testing.T, s *stage, c command) {
	p := s.start(t, "idvgate demo")
	defer p.stop(t)
	words, ok := split(written.ReplaceAllStringFunc(c.text, func(a string) string { return p.ports[a] }))
	if !ok {
		t.Fatalf("not a form of curl that this test reads: %s", c.text)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://none", nil)
	if err != nil {
		t.Fatal(err)
	}
	address := ""
	for i := 1; i < len(words); i++ {
		value := func() string {
			if i++; i < len(words) {
				return words[i]
			}
			return ""
		}
		switch words[i] {
		case "-s", "-i", "-sS":
		case "-X":
			request.Method = value()
		case "-H":
			name, text, _ := strings.Cut(value(), ":")
			request.Header.Add(name, strings.TrimSpace(text))
		case "-d":
			if request.Method == "GET" {
				request.Method = "POST"
			}
			request.Body = io.NopCloser(strings.NewReader(value()))
		default:
			if strings.HasPrefix(words[i], "-") || address != "" {
				t.Fatalf("curl's %s is not read here", words[i])
			}
			address = words[i]
		}
	}
	if request.URL, err = request.URL.Parse(address); err != nil {
		t.Fatal(err)
	}
	request.Host = request.URL.Host
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(reply.Body)
	reply.Body.Close()
	want := status.FindString(c.note)
	if want == "" {
		want = "200"
	}
	if strconv.Itoa(reply.StatusCode) != want {
		t.Errorf("%s: got %d, want %s:\n%s", c.text, reply.StatusCode, want, body)
	}
}

// split cuts a command into words, single quotes honoured. False where a shell would do more than that.
func split(text string) (words []string, ok bool) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := " "
		if text[0] == '\'' {
			end, text = "'", text[1:]
		}
		word, rest, found := strings.Cut(text, end)
		if end == "'" && !found || end == " " && strings.ContainsAny(word, "\"'|&;<>$`") {
			return nil, false
		}
		words, text = append(words, word), rest
	}
	return words, true
}
