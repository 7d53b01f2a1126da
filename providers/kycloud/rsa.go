package kycloud

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
)

// RSA PKCS#1 v1.5 signatures (RFC 8017, 8.2) by math/big, because crypto/rsa is too big for a guest. math/big is not
// constant in time, so each signature is blinded: what is raised to the private exponent is random to an observer.

// hash is the digest of a signature.
type hash uint8

const (
	sha256Hash hash = iota // RSA2
	sha1Hash               // RSA
)

// String is the word of providers.Signer.
func (h hash) String() string {
	if h == sha1Hash {
		return "sha1"
	}
	return "sha256"
}

// DigestInfo up to the digest (RFC 8017, 9.2, note 1).
const (
	sha1Info   = "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
	sha256Info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
)

// digestInfo is what is padded: the digest of text with its algorithm.
func (h hash) digestInfo(text []byte) []byte {
	if h == sha1Hash {
		d := sha1.Sum(text)
		return append([]byte(sha1Info), d[:]...)
	}
	d := sha256.Sum256(text)
	return append([]byte(sha256Info), d[:]...)
}

// Key sizes in bits. The vendor's sign field holds 344 characters, the signature of a key of 2048 bits (seed); larger
// keys are read in case it takes them.
const (
	minKeyBits = 2048
	maxKeyBits = 4096
)

var (
	errKeySize    = errors.New("has not 2048 to 4096 bits")
	errKeyNumbers = errors.New("holds numbers that do not belong together")
	errRandom     = errors.New("no randomness to blind the signature with")
	errSignature  = errors.New("signature does not match its own public key")
)

// rsaKey is a private key whose numbers belong together, ready to sign by the Chinese remainder theorem.
type rsaKey struct {
	n, e, p, q, dp, dq, qinv *big.Int
	size                     int    // of n and of a signature, in bytes
	pkcs8                    []byte // the same key, for a signer outside
}

// parseKey reads a private key: PKCS#1 PEM, PKCS#8 PEM, or bare base64 DER of either. Its errors hold nothing of it.
func parseKey(text string) (*rsaKey, error) {
	der, shape, err := keyDER(text)
	if err != nil {
		return nil, err
	}
	raw, err := parseDER(der, shape)
	if err != nil {
		return nil, err
	}
	return newKey(raw)
}

func newKey(r *rawKey) (*rsaKey, error) {
	if bits := r.n.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, errKeySize
	}
	if !r.consistent() {
		return nil, errKeyNumbers
	}
	k := &rsaKey{
		n: r.n, e: r.e, p: r.p, q: r.q, dp: r.dp, dq: r.dq, qinv: r.qinv,
		size: (r.n.BitLen() + 7) / 8, pkcs8: pkcs8(r.pkcs1),
	}
	// Numbers can fit and p or q still not be prime: a trial shows it while somebody is looking.
	trial := new(big.Int).SetBytes(k.pad(sha256Hash, []byte("trial")))
	if k.public(k.private(trial)).Cmp(trial) != 0 {
		return nil, errKeyNumbers
	}
	return k, nil
}

// consistent checks every number against the others (RFC 8017, 3.2).
func (r *rawKey) consistent() bool {
	one := big.NewInt(1)
	// 31 bits, as crypto/rsa demands; a larger exponent would make the check of each signature dear.
	if r.e.BitLen() > 31 || r.e.Cmp(big.NewInt(3)) < 0 || r.e.Bit(0) == 0 {
		return false
	}
	if r.p.Cmp(one) <= 0 || r.q.Cmp(one) <= 0 || r.p.Bit(0) == 0 || r.q.Bit(0) == 0 || r.p.Cmp(r.q) == 0 ||
		new(big.Int).Mul(r.p, r.q).Cmp(r.n) != 0 {
		return false
	}
	p1, q1 := new(big.Int).Sub(r.p, one), new(big.Int).Sub(r.q, one)
	inverse := func(a, b, m *big.Int) bool {
		x := new(big.Int).Mul(a, b)
		return x.Mod(x, m).Cmp(one) == 0
	}
	return r.d.Cmp(r.n) < 0 && r.dp.Cmp(p1) < 0 && r.dq.Cmp(q1) < 0 && r.qinv.Cmp(r.p) < 0 &&
		inverse(r.e, r.d, p1) && inverse(r.e, r.d, q1) &&
		inverse(r.e, r.dp, p1) && inverse(r.e, r.dq, q1) && inverse(r.qinv, r.q, r.p)
}

// pad is EMSA-PKCS1-v1_5 of text, size bytes.
func (k *rsaKey) pad(h hash, text []byte) []byte {
	info := h.digestInfo(text)
	em := bytes.Repeat([]byte{0xff}, k.size)
	em[0], em[1] = 0, 1
	at := k.size - len(info)
	em[at-1] = 0
	copy(em[at:], info)
	return em
}

// public is x^e mod n.
func (k *rsaKey) public(x *big.Int) *big.Int { return new(big.Int).Exp(x, k.e, k.n) }

// private is x^d mod n, by way of p and q.
func (k *rsaKey) private(x *big.Int) *big.Int {
	mp := new(big.Int).Exp(x, k.dp, k.p)
	mq := new(big.Int).Exp(x, k.dq, k.q)
	mp.Sub(mp, mq)
	mp.Mul(mp, k.qinv)
	mp.Mod(mp, k.p)
	mp.Mul(mp, k.q)
	return mp.Add(mp, mq)
}

// sign is the signature of text. It is checked before it is returned: a fault in one half of the computation would
// give the key away.
func (k *rsaKey) sign(h hash, text []byte, random io.Reader) ([]byte, error) {
	blind, unblind, err := k.blinding(random)
	if err != nil {
		return nil, err
	}
	m := new(big.Int).SetBytes(k.pad(h, text))
	x := new(big.Int).Mul(m, blind)
	s := k.private(x.Mod(x, k.n))
	s.Mul(s, unblind)
	s.Mod(s, k.n)
	if k.public(s).Cmp(m) != 0 {
		return nil, errSignature
	}
	return s.FillBytes(make([]byte, k.size)), nil
}

// blinding is r^e and 1/r mod n for a random r.
func (k *rsaKey) blinding(random io.Reader) (blind, unblind *big.Int, err error) {
	if random == nil {
		return nil, nil, errRandom
	}
	buf := make([]byte, k.size)
	if _, err := io.ReadFull(random, buf); err != nil {
		return nil, nil, errRandom
	}
	r := new(big.Int).SetBytes(buf)
	r.Mod(r, k.n)
	unblind = new(big.Int).ModInverse(r, k.n)
	if unblind == nil { // r is 0 or shares a prime with n: never by chance
		return nil, nil, errRandom
	}
	return k.public(r), unblind, nil
}

// verify reports whether signature is this key's for text.
func (k *rsaKey) verify(h hash, text, signature []byte) bool {
	if len(signature) != k.size {
		return false
	}
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(k.n) >= 0 {
		return false
	}
	return bytes.Equal(k.public(s).FillBytes(make([]byte, k.size)), k.pad(h, text))
}
