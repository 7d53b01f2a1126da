package tests

import (
	"fmt"
	"os"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// built is what TestMain builds for all tests: the guests of this very tree, and a cache for their machine code.
var built struct {
	wasm      []byte
	proxywasm []byte
	cache     string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "idvgate-tests-")
	if err == nil {
		defer os.RemoveAll(dir)
		var root string
		if root, err = play.Root(); err == nil {
			built.cache = dir
			if built.wasm, err = play.BuildGuest(root, dir); err == nil {
				if built.proxywasm, err = play.BuildProxyWasm(root, dir); err == nil {
					err = play.Warm(root, dir)
				}
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
