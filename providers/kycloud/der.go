package kycloud

import (
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
)

// A reader of RSA private keys and nothing else, because crypto/x509 is 1.4 MB of guest. It takes PKCS#1 (RFC 8017,
// A.1.2) and unencrypted PKCS#8 (RFC 5208) in strict DER and refuses all else, attributes and several primes included.

// maxKeyText is in bytes. The PEM of a key of 4096 bits has about 3,300.
const maxKeyText = 16 << 10

var (
	errKeyText      = errors.New("is neither PEM nor base64 of an RSA private key")
	errKeyEncrypted = errors.New("is encrypted: give an unencrypted key")
	errKeyShape     = errors.New("is not an RSA private key in PKCS#1 or PKCS#8 DER")
)

const (
	tagInteger     = 0x02
	tagOctetString = 0x04
	tagSequence    = 0x30
)

// rsaAlgorithm is the inside of AlgorithmIdentifier: OID 1.2.840.113549.1.1.1 (rsaEncryption) and NULL.
const rsaAlgorithm = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"

// rawKey is the numbers of an RSAPrivateKey as they stand there, not yet checked against one another.
type rawKey struct {
	n, e, d, p, q, dp, dq, qinv *big.Int
	pkcs1                       []byte
}

// keyDER is the DER inside a key's text, and which shape a PEM label promised: 1, 8, or 0 for bare base64.
func keyDER(text string) (der []byte, shape int, err error) {
	if len(text) > maxKeyText {
		return nil, 0, errKeyText
	}
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "-----BEGIN "); ok {
		label, rest, ok := strings.Cut(rest, "-----")
		if !ok {
			return nil, 0, errKeyText
		}
		if text, ok = strings.CutSuffix(rest, "-----END "+label+"-----"); !ok {
			return nil, 0, errKeyText
		}
		switch label {
		case "RSA PRIVATE KEY":
			shape = 1
		case "PRIVATE KEY":
			shape = 8
		case "ENCRYPTED PRIVATE KEY":
			return nil, 0, errKeyEncrypted
		default:
			return nil, 0, errKeyShape
		}
		if strings.Contains(text, "ENCRYPTED") { // the Proc-Type header of an encrypted PKCS#1 key
			return nil, 0, errKeyEncrypted
		}
	}
	der, err = base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return nil, 0, errKeyText
	}
	return der, shape, nil
}

// parseDER reads PKCS#1 or PKCS#8. shape is what it has to be, 1 or 8, or 0 for either.
func parseDER(der []byte, shape int) (*rawKey, error) {
	outer := derReader{der}
	key := derReader{outer.element(tagSequence)}
	if !outer.done() {
		return nil, errKeyShape
	}
	version := key.integer()
	if version == nil || version.Sign() != 0 {
		return nil, errKeyShape
	}
	if key.next() == tagSequence {
		algorithm := key.element(tagSequence)
		inner := key.element(tagOctetString)
		if shape == 1 || string(algorithm) != rsaAlgorithm || !key.done() {
			return nil, errKeyShape
		}
		return parseDER(inner, 1)
	}
	if shape == 8 {
		return nil, errKeyShape
	}
	k := rawKey{pkcs1: der}
	for _, to := range []**big.Int{&k.n, &k.e, &k.d, &k.p, &k.q, &k.dp, &k.dq, &k.qinv} {
		if *to = key.integer(); *to == nil || (*to).Sign() == 0 {
			return nil, errKeyShape
		}
	}
	if !key.done() {
		return nil, errKeyShape
	}
	return &k, nil
}

// pkcs8 wraps a PKCS#1 key, for a signer outside the guest.
func pkcs8(pkcs1 []byte) []byte {
	body := []byte{tagInteger, 1, 0}
	body = appendElement(body, tagSequence, []byte(rsaAlgorithm))
	body = appendElement(body, tagOctetString, pkcs1)
	return appendElement(nil, tagSequence, body)
}

// derReader takes elements off the front. After a fault it is broken: every further element is nil, done is false.
type derReader struct{ rest []byte }

// broken is what rest becomes after a fault: no element starts with its tag.
var broken = []byte{0}

// done reports whether everything was read, without a fault.
func (r *derReader) done() bool { return len(r.rest) == 0 }

// next is the tag to come, or 0.
func (r *derReader) next() byte {
	if len(r.rest) == 0 {
		return 0
	}
	return r.rest[0]
}

// element is the content of the next element if it has this tag and a length in its only DER form; else nil.
func (r *derReader) element(tag byte) []byte {
	b := r.rest
	r.rest = broken
	if len(b) < 2 || b[0] != tag {
		return nil
	}
	n := int(b[1])
	b = b[2:]
	switch {
	case n < 0x80:
	case n == 0x81 && len(b) >= 1 && b[0] >= 0x80:
		n, b = int(b[0]), b[1:]
	case n == 0x82 && len(b) >= 2 && b[0] != 0:
		n, b = int(b[0])<<8|int(b[1]), b[2:]
	default: // indefinite, not minimal, cut off, or 64 KiB and more: maxKeyText is less
		return nil
	}
	if n > len(b) {
		return nil
	}
	r.rest = b[n:]
	return b[:n:n]
}

// integer is the next element if it is a non-negative INTEGER in its only DER form; else nil.
func (r *derReader) integer() *big.Int {
	b := r.element(tagInteger)
	if len(b) == 0 || b[0] >= 0x80 || len(b) > 1 && b[0] == 0 && b[1] < 0x80 {
		r.rest = broken
		return nil
	}
	return new(big.Int).SetBytes(b)
}

func appendElement(to []byte, tag byte, content []byte) []byte {
	to = append(to, tag)
	switch n := len(content); {
	case n < 0x80:
		to = append(to, byte(n))
	case n < 0x100:
		to = append(to, 0x81, byte(n))
	default:
		to = append(to, 0x82, byte(n>>8), byte(n))
	}
	return append(to, content...)
}
