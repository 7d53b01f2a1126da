package play

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/idvgate/idvgate/host/proxywasm"
)

// BuildGuest builds the Extism guest of this tree into dir and returns it: never a stale one. It is built as it is
// shipped, stripped.
func BuildGuest(root, dir string) ([]byte, error) { return buildGuest(root, dir, "extism") }

// BuildProxyWasm builds the proxy-wasm guest likewise.
func BuildProxyWasm(root, dir string) ([]byte, error) { return buildGuest(root, dir, "proxywasm") }

// BuildHigress builds the guest for Higress.
func BuildHigress(root, dir string) ([]byte, error) {
	return buildGuest(root, dir, "proxywasm", "-tags", "higress")
}

func buildGuest(root, dir, kind string, more ...string) ([]byte, error) {
	file := filepath.Join(dir, "idvgate-"+kind+strings.Join(more, "")+".wasm")
	arguments := append([]string{"build", "-trimpath", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", file}, more...)
	build := exec.Command("go", append(arguments, "./plugin/"+kind)...)
	build.Dir = root
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("play: the guest does not build: %w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// Warm has another process, which is never slowed down by the race detector, compile the guests that were built into
// dir, into a cache there. A test binary does not know its wazero's version, by which caches are told apart; so the other
// process is told to go by the same.
func Warm(root, dir string) error {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	if err := cache.Close(context.Background()); err != nil {
		return err
	}
	suffix := "-" + runtime.GOARCH + "-" + runtime.GOOS
	made, err := filepath.Glob(filepath.Join(dir, "wazero-*"+suffix))
	if err != nil {
		return fmt.Errorf("play: the cache: %w", err)
	}
	if len(made) != 1 {
		return fmt.Errorf("play: the cache has %d folders, not one", len(made))
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(made[0]), "wazero-"), suffix)
	guests, err := filepath.Glob(filepath.Join(dir, "idvgate-*.wasm"))
	if err != nil || len(guests) == 0 {
		return fmt.Errorf("play: %s holds no guest: %w", dir, err)
	}
	args := append([]string{"run", "-ldflags", "-X github.com/tetratelabs/wazero/internal/version.version=" + version, "./tests/play/warm"}, guests...)
	warm := exec.Command("go", append(args, dir)...)
	warm.Dir = root
	if out, err := warm.CombinedOutput(); err != nil {
		return fmt.Errorf("play: the guest does not compile: %w\n%s", err, out)
	}
	return nil
}

// Compile compiles a guest into the cache in dir, and another time with the listener that records messages, where it is
// one that has them.
func Compile(wasm []byte, dir string) error {
	if proxywasm.Is(wasm) {
		return compile(context.Background(), wasm, dir)
	}
	listening := experimental.WithFunctionListenerFactory(context.Background(), &border{})
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i, ctx := range []context.Context{context.Background(), listening} {
		both.Go(func() { errs[i] = compile(ctx, wasm, dir) })
	}
	both.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

func compile(ctx context.Context, wasm []byte, dir string) error {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	defer cache.Close(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
	defer r.Close(ctx)
	_, err = r.CompileModule(ctx, wasm)
	return err
}
