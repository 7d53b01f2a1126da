//go:build e2e

package hosts

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadmes runs what the examples' READMEs say, in a shell, on other ports, with the packages of the cache.
func TestReadmes(t *testing.T) {
	for _, c := range []struct{ folder, from, to string }{
		{pythonExample, "", ""},
		{nodeExample, "examples/extism-node/gateway.mjs", ".cache/node/gateway.mjs"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(built.root, c.folder, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			blocks := strings.Split(string(text), "```sh\n")
			if len(blocks) != 3 {
				t.Fatalf("%d blocks of commands", len(blocks)-1)
			}
			dir := t.TempDir()
			vendors, upstream, gateway, admin := free(t), free(t), free(t), free(t)
			demo, err := os.ReadFile(filepath.Join(built.root, "examples", "policies", "demo.env"))
			if err != nil {
				t.Fatal(err)
			}
			env := filepath.Join(dir, "demo.env")
			if err := os.WriteFile(env, bytes.ReplaceAll(demo, []byte("127.0.0.1:8081"), []byte(vendors)), 0o600); err != nil {
				t.Fatal(err)
			}
			here := strings.NewReplacer("127.0.0.1:8082", upstream, "127.0.0.1:8080", gateway, "examples/policies/demo.env", env, "bin/demo.json", filepath.Join(dir, "demo.json"),
				"idvgate sandbox", "idvgate sandbox --listen "+vendors+" --upstream "+upstream, "host/cmd/idvgate/wasm/idvgate-extism.wasm", built.guest)
			var script []string
			for line := range strings.Lines(blocks[1][:strings.Index(blocks[1], "```")]) {
				switch {
				case strings.HasPrefix(line, "make"), strings.HasPrefix(line, "npm"), strings.HasPrefix(line, "python3 -m venv"), strings.Contains(line, "/bin/pip "):
					continue // made before
				}
				script = append(script, here.Replace(strings.ReplaceAll(strings.TrimSpace(line), orNothing(c.from), c.to)))
			}
			serve := exec.Command("sh", "-ec", strings.Join(script, "\n"))
			serve.Dir = built.root
			serve.Env = append(os.Environ(), append(built.runtimes[0].env, "IDVGATE_LISTEN="+gateway, "IDVGATE_ADMIN="+admin)...)
			serve.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stderr, err := serve.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := serve.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				syscall.Kill(-serve.Process.Pid, syscall.SIGKILL)
				serve.Wait()
			}()
			ready := make(chan string, 1)
			go func() {
				var said strings.Builder
				for s := bufio.NewScanner(stderr); s.Scan(); {
					fmt.Fprintln(&said, s.Text())
					if strings.Contains(s.Text(), "admin") && strings.Contains(s.Text(), "event") {
						ready <- ""
					}
				}
				ready <- said.String()
				io.Copy(io.Discard, stderr)
			}()
			select {
			case said := <-ready:
				if said != "" {
					t.Fatal(said)
				}
			case <-time.After(startTime):
				t.Fatal("it does not come up")
			}
			ask := exec.CommandContext(t.Context(), "sh", "-ec", here.Replace(blocks[2][:strings.Index(blocks[2], "```")]))
			out, err := ask.CombinedOutput()
			if err != nil || !strings.Contains(strings.ToLower(string(out)), "x-idv-outcome") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// orNothing is s, or what is in no text.
func orNothing(s string) string {
	if s == "" {
		return "\x00"
	}
	return s
}

// free is an address nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
