package kycloud

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"testing"
	"testing/iotest"
)

// encodings is a key in every text that a policy's secret may hold.
func encodings(t testing.TB, k *rsa.PrivateKey) map[string]string {
	t.Helper()
	p1 := x509.MarshalPKCS1PrivateKey(k)
	p8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"PKCS#1 PEM":         string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: p1})),
		"PKCS#8 PEM":         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8})),
		"PKCS#1 bare base64": base64.StdEncoding.EncodeToString(p1),
		"PKCS#8 bare base64": base64.StdEncoding.EncodeToString(p8) + "\n",
	}
}

func generate(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignaturesAreThoseOfTheStandardLibrary(t *testing.T) {
	text := []byte("bizContent={}&charset=utf-8")
	for _, bits := range []int{2048, 2048, 2056, 3072} {
		std := generate(t, bits)
		d1, d256 := sha1.Sum(text), sha256.Sum256(text)
		want1, err1 := rsa.SignPKCS1v15(nil, std, crypto.SHA1, d1[:])
		want256, err256 := rsa.SignPKCS1v15(nil, std, crypto.SHA256, d256[:])
		if err := errors.Join(err1, err256); err != nil {
			t.Fatal(err)
		}
		for how, encoded := range encodings(t, std) {
			k, err := parseKey(encoded)
			if err != nil {
				t.Fatalf("%d bits, %s: %v", bits, how, err)
			}
			for _, c := range []struct {
				hash hash
				want []byte
			}{{sha1Hash, want1}, {sha256Hash, want256}} {
				got, err := k.sign(c.hash, text, rand.Reader)
				if err != nil || !bytes.Equal(got, c.want) {
					t.Errorf("%d bits, %s, %s: another signature (%v)", bits, how, c.hash, err)
				}
				if !k.verify(c.hash, text, got) || k.verify(c.hash, text[1:], got) || k.verify(1-c.hash, text, got) || k.verify(c.hash, text, got[1:]) {
					t.Errorf("%d bits, %s, %s: verify does not tell right from wrong", bits, how, c.hash)
				}
			}
			outside, err := x509.ParsePKCS8PrivateKey(k.pkcs8)
			if err != nil || !std.Equal(outside) {
				t.Errorf("%d bits, %s: what a signer outside gets is not the key (%v)", bits, how, err)
			}
		}
	}
}

func TestASignatureOutOfRangeIsNotThisKeys(t *testing.T) {
	k, err := parseKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.sign(sha256Hash, nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tooLarge := new(big.Int).Add(new(big.Int).SetBytes(s), k.n)
	if tooLarge.BitLen() <= k.size*8 && k.verify(sha256Hash, nil, tooLarge.FillBytes(make([]byte, k.size))) {
		t.Error("s + n is taken for s")
	}
	if k.verify(sha256Hash, nil, bytes.Repeat([]byte{0xff}, k.size)) {
		t.Error("a number above n is taken")
	}
}

func TestAFaultInTheComputationNeverLeaves(t *testing.T) {
	k, err := parseKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	k.dp = new(big.Int).Xor(k.dp, big.NewInt(2)) // as a flipped bit would
	if s, err := k.sign(sha256Hash, []byte("x"), rand.Reader); !errors.Is(err, errSignature) || s != nil {
		t.Errorf("got %d bytes, %v", len(s), err)
	}
}

func TestNothingIsSignedWithoutRandomness(t *testing.T) {
	k, err := parseKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	zeros := bytes.NewReader(make([]byte, k.size))
	for name, r := range map[string]struct{ err error }{"absent": {}, "broken": {errors.New("broken")}} {
		var err error
		if r.err == nil {
			_, err = k.sign(sha256Hash, nil, nil)
		} else {
			_, err = k.sign(sha256Hash, nil, iotest.ErrReader(r.err))
		}
		if !errors.Is(err, errRandom) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.sign(sha256Hash, nil, zeros); !errors.Is(err, errRandom) {
		t.Errorf("all zero: %v", err)
	}
}

func TestKeysWhoseNumbersDoNotBelongTogetherAreRefused(t *testing.T) {
	good := generate(t, 2048)
	one := big.NewInt(1)
	raw := func() *rawKey {
		k, err := parseDER(x509.MarshalPKCS1PrivateKey(good), 1)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if _, err := newKey(raw()); err != nil {
		t.Fatalf("the key itself: %v", err)
	}
	bump := func(x **big.Int) { *x = new(big.Int).Add(*x, big.NewInt(2)) }
	cases := []struct {
		name  string
		spoil func(k *rawKey)
		want  error
	}{
		{"modulus is not p times q", func(k *rawKey) { bump(&k.n) }, errKeyNumbers},
		{"public exponent is another", func(k *rawKey) { bump(&k.e) }, errKeyNumbers},
		{"public exponent is 1", func(k *rawKey) { k.e = one }, errKeyNumbers},
		{"public exponent is even", func(k *rawKey) { k.e = big.NewInt(65536) }, errKeyNumbers},
		{"public exponent is huge", func(k *rawKey) { k.e = new(big.Int).Lsh(one, 40) }, errKeyNumbers},
		{"private exponent is another", func(k *rawKey) { bump(&k.d) }, errKeyNumbers},
		{"primes are swapped, the rest is not", func(k *rawKey) { k.p, k.q = k.q, k.p }, errKeyNumbers},
		{"first CRT exponent is another", func(k *rawKey) { bump(&k.dp) }, errKeyNumbers},
		{"second CRT exponent is another", func(k *rawKey) { bump(&k.dq) }, errKeyNumbers},
		{"coefficient is another", func(k *rawKey) { bump(&k.qinv) }, errKeyNumbers},
		{"coefficient is not reduced", func(k *rawKey) { k.qinv = new(big.Int).Add(k.qinv, k.p) }, errKeyNumbers},
		{"p is 1 and q the modulus", func(k *rawKey) { k.p, k.q = one, k.n }, errKeyNumbers},
		{"modulus is short", func(k *rawKey) { k.n = new(big.Int).Rsh(k.n, 1) }, errKeySize},
		{"modulus is long", func(k *rawKey) { k.n = new(big.Int).Lsh(k.n, 2049) }, errKeySize},
	}
	for _, c := range cases {
		k := raw()
		c.spoil(k)
		if _, err := newKey(k); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAKeyOfCompositePrimesIsRefused(t *testing.T) {
	// All congruences hold for these numbers, yet p is a product of two primes.
	one, e := big.NewInt(1), big.NewInt(65537)
	q := generate(t, 2048)
	q1 := new(big.Int).Sub(q.Primes[0], one)
	var n, p, p1, d *big.Int
	for d == nil || n.BitLen() < 2048 { // 65537 may divide p-1; three primes may make a bit less than two
		a, b := generate(t, 1024), generate(t, 1024)
		p = new(big.Int).Mul(a.Primes[0], b.Primes[0])
		n = new(big.Int).Mul(p, q.Primes[0])
		p1 = new(big.Int).Sub(p, one)
		d = new(big.Int).ModInverse(e, new(big.Int).Mul(p1, q1))
	}
	k := &rawKey{
		n: n, e: e, d: d, p: p, q: q.Primes[0],
		dp: new(big.Int).Mod(d, p1), dq: new(big.Int).Mod(d, q1), qinv: new(big.Int).ModInverse(q.Primes[0], p),
	}
	if !k.consistent() {
		t.Fatal("the numbers were meant to be consistent")
	}
	if _, err := newKey(k); !errors.Is(err, errKeyNumbers) {
		t.Errorf("got %v", err)
	}
}

func TestSigningLeavesTheKeyAlone(t *testing.T) {
	k, err := parseKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	numbers := func() []string {
		var s []string
		for _, x := range []*big.Int{k.n, k.e, k.p, k.q, k.dp, k.dq, k.qinv} {
			s = append(s, x.Text(16))
		}
		return s
	}
	before := numbers()
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := k.sign(sha256Hash, []byte("x"), rand.Reader)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(before, numbers()) {
		t.Error("a signature changed the key")
	}
}

func BenchmarkSign(b *testing.B) {
	k, err := parseKey(testKey(b))
	if err != nil {
		b.Fatal(err)
	}
	text := []byte("bizContent={\"cardNumber\":\"110101199003070003\"}&charset=utf-8&companyId=1&signType=RSA2&timestamp=2026-11-22 08:00:00")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.sign(sha256Hash, text, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseKey(b *testing.B) {
	text := testKey(b)
	for b.Loop() {
		if _, err := parseKey(text); err != nil {
			b.Fatal(err)
		}
	}
}
