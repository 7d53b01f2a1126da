//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEachPrintedCommandInAShell pastes what the demo prints into a shell, with curl.
func TestEachPrintedCommandInAShell(t *testing.T) {
	p, _ := demo(t)
	for _, s := range tour(t, p.text()) {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", s.curl+` -w '\n%{http_code}'`).CombinedOutput()
		if err != nil {
			t.Fatalf("%v (curl is the Debian package curl): %s", err, out)
		}
		i := strings.LastIndexByte(string(out), '\n')
		check(t, s.curl, string(out[i+1:]), s.status, s.reason, out[:i])
	}
}

// TestThePrintedWayToAPageAndBack pastes the whole way of who is sent to a page into a shell.
func TestThePrintedWayToAPageAndBack(t *testing.T) {
	p, _ := demo(t)
	_, way, found := strings.Cut(p.text(), "comes back with the handle\n")
	way, _, ends := strings.Cut(way, "\n\n")
	if !found || !ends {
		t.Fatalf("no such way:\n%s", p.text())
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", way+` -w '\n%{http_code}'`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if text := string(out); !strings.HasSuffix(text, "\n200") || !strings.Contains(text, `"x-idv-outcome":["match"]`) {
		t.Errorf("%s", text)
	}
}
