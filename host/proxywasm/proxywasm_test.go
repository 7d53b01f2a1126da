package proxywasm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestPairs(t *testing.T) {
	list := Pairs{{":method", "POST"}, {"a", ""}, {"a", "again"}, {"name", "李雷"}}
	whole := list.append(nil)
	got, err := readPairs(whole)
	if err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("%v %v", got, err)
	}
	for n := 1; n < len(whole); n++ {
		if got, err := readPairs(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes read as %v", n, len(whole), got)
		}
	}
	if got := list.with("a", "one"); !reflect.DeepEqual(got, Pairs{{":method", "POST"}, {"a", "one"}, {"name", "李雷"}}) {
		t.Errorf("with: %v", got)
	}
	if got := list.with("b", "new"); len(got) != 5 || got[4] != (Pair{"b", "new"}) {
		t.Errorf("with a new name: %v", got)
	}
	if got := list.without("a"); len(got) != 2 {
		t.Errorf("without: %v", got)
	}
	if len(list) != 4 {
		t.Error("the list itself was changed")
	}
}

func FuzzReadPairs(f *testing.F) {
	f.Add(Pairs{{":method", "POST"}, {"a", ""}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := readPairs(b)
		if err != nil || len(b) == 0 {
			return
		}
		if again, err := readPairs(list.append(nil)); err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%v read again as %v, %v", list, again, err)
		}
	})
}

func signArguments(hash string, der, text, key []byte) []byte {
	b := appendBytes(nil, 1, []byte(hash))
	if der != nil {
		b = appendBytes(b, 2, der)
	}
	b = appendBytes(b, 3, text)
	if key != nil {
		b = appendBytes(b, 4, key)
	}
	return b
}

func TestSign(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("what is signed")
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for name, arguments := range map[string][]byte{"DER": signArguments("sha256", der, text, nil), "PEM": signArguments("sha256", nil, text, inPEM)} {
		result, status := Sign(arguments)
		signature, ok := bytes.CutPrefix(result, []byte{1 << 3, 1, 2<<3 | 2, 0x80, 0x02})
		sum := sha256.Sum256(text)
		if status != OK || !ok || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
			t.Errorf("%s: %d, %x", name, status, result)
		}
	}
	if result, status := Sign(signArguments("sha1", der, text, nil)); status != OK || result[1] != 1 {
		t.Errorf("sha1: %d %x", status, result)
	}
	for name, arguments := range map[string][]byte{
		"a hash that nobody knows": signArguments("md5", der, text, nil), "no key": signArguments("sha256", nil, text, nil),
	} {
		if result, status := Sign(arguments); status != OK || result[1] != 0 {
			t.Errorf("%s: %d %x", name, status, result)
		}
	}
	for name, arguments := range map[string][]byte{"cut": {10, 200}, "a field that is no bytes": {8, 1}, "cut in a size": {10}} {
		if _, status := Sign(arguments); status != BadArgument {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func FuzzReadFields(f *testing.F) {
	f.Add(signArguments("sha256", []byte{1}, []byte("text"), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, ok := readFields(b)
		if !ok {
			return
		}
		for _, value := range fields {
			if !bytes.Contains(b, value) {
				t.Errorf("%q of %q", value, b)
			}
		}
	})
}

func TestSharedData(t *testing.T) {
	s := NewShared()
	if _, _, ok := s.get("a"); ok {
		t.Error("there was something")
	}
	if status := s.set("a", []byte("1"), 7); status != CasMismatch {
		t.Errorf("a first value with a number: %d", status)
	}
	if status := s.set("a", []byte("1"), 0); status != OK {
		t.Error(status)
	}
	value, cas, ok := s.get("a")
	if string(value) != "1" || cas == 0 || !ok {
		t.Errorf("%s %d %t", value, cas, ok)
	}
	if status := s.set("a", []byte("2"), cas); status != OK {
		t.Error(status)
	}
	if status := s.set("a", []byte("3"), cas); status != CasMismatch {
		t.Errorf("a number that is out of date: %d", status)
	}
}

// module is a WebAssembly module with an export section alone.
func module(names ...string) []byte {
	section := binary.AppendUvarint(nil, uint64(len(names)))
	for _, n := range names {
		section = append(binary.AppendUvarint(section, uint64(len(n))), n...)
		section = append(section, 0, 0)
	}
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = append(b, 0, 3, 1, 'x', 'y') // a custom section before it
	b = append(b, exportSection)
	return append(binary.AppendUvarint(b, uint64(len(section))), section...)
}

func TestAGuestIsToldByWhatItExports(t *testing.T) {
	if !Is(module("memory", "proxy_abi_version_0_2_1", "proxy_on_tick")) {
		t.Error("it is one")
	}
	whole := module("memory", "proxy_abi_version_0_2_1")
	for name, wasm := range map[string][]byte{
		"another guest": module("memory", "info", "step"), "not WebAssembly": []byte("proxy_abi_version_0_2_1"), "nothing": nil,
		"no exports": []byte("\x00asm\x01\x00\x00\x00"), "the name elsewhere": append([]byte("\x00asm\x01\x00\x00\x00\x00\x18\x00"), "proxy_abi_version_0_2_1"...),
	} {
		if Is(wasm) {
			t.Errorf("%s", name)
		}
	}
	for n := range whole {
		if Is(whole[:n]) && n < len(whole)-2 {
			t.Errorf("%d of %d bytes", n, len(whole))
		}
	}
}

func FuzzExported(f *testing.F) {
	f.Add(module("memory", "proxy_abi_version_0_2_1"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		for _, name := range exported(wasm) {
			if !strings.Contains(string(wasm), name) {
				t.Errorf("%q", name)
			}
		}
	})
}

func TestWhatIsNoGuestIsRefused(t *testing.T) {
	for name, wasm := range map[string][]byte{"not WebAssembly": []byte("GIF89a, for once"), "another guest": module()} {
		if _, err := Compile(context.Background(), wasm, Options{}); !errors.Is(err, ErrNotGuest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
