package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// The guest the command was built with, if it was built by `make build`. The folder is kept in the repository without
// it, so that a fresh clone builds.
//
//go:embed all:wasm
var wasmFolder embed.FS

// The guests' files. The command runs the first where no other is named.
const (
	guestFile      = "idvgate-extism.wasm"
	proxyGuestFile = "idvgate-proxywasm.wasm"
	higressFile    = "idvgate-higress.wasm"
)

func embeddedGuest() ([]byte, error) { return embedded(guestFile) }

func embedded(file string) ([]byte, error) {
	wasm, err := wasmFolder.ReadFile("wasm/" + file)
	if err != nil {
		return nil, errors.New("this command was built without a guest: run make build or give --wasm")
	}
	return wasm, nil
}

// readGuest is the file at path, or the guest the command carries.
func readGuest(path string) ([]byte, error) {
	if path == "" {
		return embeddedGuest()
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--wasm: %w", err)
	}
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" {
		return nil, fmt.Errorf("--wasm: %s is not a WebAssembly module", path)
	}
	return wasm, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
