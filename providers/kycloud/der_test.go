package kycloud

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
)

// testKey is the throw-away key of the signature vectors, PKCS#8 PEM.
func testKey(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/kycloud_test_key.pem")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testDER(t testing.TB) (p1, p8 []byte) {
	t.Helper()
	block, _ := pem.Decode([]byte(testKey(t)))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey)), block.Bytes
}

func TestKeyTextsThatAreRead(t *testing.T) {
	for how, text := range encodings(t, generate(t, 2048)) {
		for name, variant := range map[string]string{
			"as written":            text,
			"with spaces around it": "\n \t" + text + "\r\n ",
			"with CRLF":             strings.ReplaceAll(text, "\n", "\r\n"),
		} {
			if _, err := parseKey(variant); err != nil {
				t.Errorf("%s %s: %v", how, name, err)
			}
		}
	}
}

func TestKeyTextsThatAreRefused(t *testing.T) {
	p1, p8 := testDER(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := os.ReadFile("testdata/kycloud_test_pub.pem")
	if err != nil {
		t.Fatal(err)
	}
	padded := append(p8[:len(p8):len(p8)], 0)
	for len(padded)%3 == 0 {
		padded = append(padded, 0)
	}
	labelled := func(label string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	good := labelled("PRIVATE KEY", p8)
	b64 := base64.StdEncoding.EncodeToString
	cases := []struct {
		name, text string
		want       error
	}{
		{"empty", "", errKeyText},
		{"spaces", " \n", errKeyText},
		{"prose", "the key is under the mat", errKeyText},
		{"base64 of nothing known", b64([]byte("nothing known")), errKeyShape},
		{"PEM cut before its end", good[:len(good)-10], errKeyText},
		{"PEM with another label at its end", strings.Replace(good, "END PRIVATE", "END RSA PRIVATE", 1), errKeyText},
		{"PEM of a label without dashes", "-----BEGIN PRIVATE KEY", errKeyText},
		{"PEM that is empty", "-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----", errKeyText},
		{"PEM after other text", "Bag Attributes\n" + good, errKeyText},
		{"two PEM blocks", good + good, errKeyText},
		{"base64 with a wrong character", strings.Replace(good, "MII", "M!I", 1), errKeyText},
		{"base64 without its padding", strings.TrimRight(b64(padded), "="), errKeyText},
		{"a public key", string(pub), errKeyShape},
		{"a certificate's label", labelled("CERTIFICATE", p8), errKeyShape},
		{"an EC key", labelled("PRIVATE KEY", ec8), errKeyShape},
		{"PKCS#1 labelled PKCS#8", labelled("PRIVATE KEY", p1), errKeyShape},
		{"PKCS#8 labelled PKCS#1", labelled("RSA PRIVATE KEY", p8), errKeyShape},
		{"encrypted PKCS#8", labelled("ENCRYPTED PRIVATE KEY", p8), errKeyEncrypted},
		{"encrypted PKCS#1", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + b64(p1) + "\n-----END RSA PRIVATE KEY-----", errKeyEncrypted},
		{"PKCS#8 inside PKCS#8", b64(pkcs8(p8)), errKeyShape},
		{"longer than any key", b64(make([]byte, maxKeyText)), errKeyText},
	}
	for _, c := range cases {
		if _, err := parseKey(c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDERIsReadInItsOnlyForm(t *testing.T) {
	p1, p8 := testDER(t)
	if got := pkcs8(p1); string(got) != string(p8) {
		t.Error("wrapping PKCS#1 does not give the PKCS#8 that openssl wrote")
	}
	seq := func(parts ...string) []byte { return appendElement(nil, tagSequence, []byte(strings.Join(parts, ""))) }
	inside := func(der []byte) string { return string(der[4:]) } // of a sequence with a two-byte length
	numbers := strings.TrimPrefix(inside(p1), "\x02\x01\x00")
	octets := string(appendElement(nil, tagOctetString, p1))
	algorithm := string(appendElement(nil, tagSequence, []byte(rsaAlgorithm)))
	if _, err := parseDER(seq("\x02\x01\x00", numbers), 0); err != nil {
		t.Fatalf("the key put together again: %v", err)
	}
	if _, err := parseDER(seq("\x02\x01\x00", algorithm, octets), 0); err != nil {
		t.Fatalf("the wrapped key put together again: %v", err)
	}
	cases := []struct {
		name string
		der  []byte
	}{
		{"nothing", nil},
		{"one byte", []byte{tagSequence}},
		{"trailing byte", append(p1[:len(p1):len(p1)], 0)},
		{"trailing byte inside", seq(inside(p1), "\x00")},
		{"trailing integer inside", seq(inside(p1), "\x02\x01\x01")},
		{"several primes", seq("\x02\x01\x01", numbers)},
		{"version missing", seq(numbers)},
		{"version of two bytes", seq("\x02\x02\x00\x00", numbers)},
		{"version empty", seq("\x02\x00", numbers)},
		{"version negative", seq("\x02\x01\xff", numbers)},
		{"modulus with a needless zero", seq("\x02\x01\x00", "\x02\x02\x00\x01", numbers)},
		{"modulus zero", seq("\x02\x01\x00", "\x02\x01\x00", numbers)},
		{"indefinite length", append([]byte{tagSequence, 0x80}, inside(p1)...)},
		{"length in three bytes that fits two", append([]byte{tagSequence, 0x83, 0, p1[2], p1[3]}, inside(p1)...)},
		{"length in two bytes that fits one", append([]byte{tagSequence, 0x82, 0, 3}, 2, 1, 0)},
		{"length in one long byte that fits the short form", append([]byte{tagSequence, 0x81, 3}, 2, 1, 0)},
		{"length of four gigabytes", []byte{tagSequence, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 0}},
		{"length byte cut off", []byte{tagSequence, 0x82, 1}},
		{"another tag outside", append([]byte{0x31}, p1[1:]...)},
		{"PKCS#8 version 1", seq("\x02\x01\x01", algorithm, octets)},
		{"PKCS#8 without NULL", seq("\x02\x01\x00", string(appendElement(nil, tagSequence, []byte(rsaAlgorithm[:11]))), octets)},
		{"PKCS#8 of another algorithm", seq("\x02\x01\x00", string(appendElement(nil, tagSequence, []byte(strings.Replace(rsaAlgorithm, "\x01\x01\x01", "\x01\x01\x0a", 1)))), octets)},
		{"PKCS#8 without a key", seq("\x02\x01\x00", algorithm)},
		{"PKCS#8 with attributes", seq("\x02\x01\x00", algorithm, octets, "\xa0\x00")},
		{"PKCS#8 with a bit string", seq("\x02\x01\x00", algorithm, "\x03"+octets[1:])},
		{"PKCS#8 whose key has a trailing byte", seq("\x02\x01\x00", algorithm, string(appendElement(nil, tagOctetString, append(p1[:len(p1):len(p1)], 0))))},
	}
	for _, c := range cases {
		if _, err := parseDER(c.der, 0); !errors.Is(err, errKeyShape) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for cut := range p8 {
		if _, err := parseDER(p8[:cut], 0); !errors.Is(err, errKeyShape) {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
	}
}

// FuzzKey: nothing panics, and what is read is what the standard library reads.
func FuzzKey(f *testing.F) {
	p1, p8 := testDER(f)
	f.Add(p1)
	f.Add(p8)
	f.Add([]byte("\x30\x80\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		raw, err := parseDER(der, 0)
		if err != nil {
			return
		}
		if again, err := parseDER(pkcs8(raw.pkcs1), 8); err != nil || again.n.Cmp(raw.n) != 0 {
			t.Fatalf("does not survive PKCS#8: %v", err)
		}
		ours, err := parseKey(base64.StdEncoding.EncodeToString(der))
		if err != nil {
			return
		}
		theirs, err := x509.ParsePKCS1PrivateKey(raw.pkcs1)
		if err != nil {
			t.Fatalf("crypto/x509 refuses it: %v", err)
		}
		if ours.n.Cmp(theirs.N) != 0 || int(ours.e.Int64()) != theirs.E || ours.p.Cmp(theirs.Primes[0]) != 0 || ours.q.Cmp(theirs.Primes[1]) != 0 {
			t.Fatal("crypto/x509 reads another key")
		}
	})
}

// FuzzKeyText: nothing panics on any text.
func FuzzKeyText(f *testing.F) {
	f.Add(testKey(f))
	f.Add("-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, text string) {
		der, shape, err := keyDER(text)
		if err == nil && (len(der) == 0 || shape != 0 && shape != 1 && shape != 8) {
			t.Fatalf("%d bytes of shape %d without an error", len(der), shape)
		}
	})
}
