// Package fakeguest builds the guest of host/extism/testdata/guest, for tests.
package fakeguest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles the guest anew and returns its bytes. direct adds the exports buffer and step.
func Build(direct bool) ([]byte, error) {
	dir, err := os.MkdirTemp("", "fakeguest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	args := []string{"build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out}
	if direct {
		args = append(args, "-tags=direct")
	}
	cmd := exec.Command("go", append(args, "github.com/idvgate/idvgate/host/extism/testdata/guest")...)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fakeguest: %w: %s", err, text)
	}
	return os.ReadFile(out)
}
