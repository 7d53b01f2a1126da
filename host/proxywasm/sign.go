package proxywasm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // vendors sign with it
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
)

// maxSignBytes bounds the arguments of a signature.
const maxSignBytes = 1 << 20

// Sign is Envoy's foreign function "sign". Arguments and result are protobuf: 1 the hash's name, 2 the key in DER, 3 the
// text, 4 the key in PEM; 1 whether it went well, 2 the signature, 3 why not.
func Sign(arguments []byte) ([]byte, Status) {
	fields, ok := readFields(arguments)
	if !ok || len(arguments) > maxSignBytes {
		return nil, BadArgument
	}
	signature, err := sign(string(fields[1]), fields[2], fields[4], fields[3])
	if err != nil {
		return appendBytes(binary.AppendUvarint([]byte{1 << 3}, 0), 3, []byte(err.Error())), OK
	}
	return appendBytes([]byte{1 << 3, 1}, 2, signature), OK
}

var (
	errKey  = errors.New("no RSA key in PKCS#8")
	errHash = errors.New("unknown hash function")
)

func sign(hash string, der, text, message []byte) ([]byte, error) {
	if block, _ := pem.Decode(text); block != nil {
		der = block.Bytes
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errKey
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errKey
	}
	switch hash {
	case "sha256":
		sum := sha256.Sum256(message)
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case "sha1":
		sum := sha1.Sum(message) //nolint:gosec // vendors sign with it
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, sum[:])
	}
	return nil, errHash
}

// readFields reads protobuf fields of bytes, numbered up to 4.
func readFields(b []byte) (fields [5][]byte, ok bool) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag&7 != 2 {
			return fields, false
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return fields, false
		}
		value := b[n : n+int(size)]
		b = b[n+int(size):]
		if number := tag >> 3; number < uint64(len(fields)) {
			fields[number] = value
		}
	}
	return fields, true
}

func appendBytes(b []byte, number uint64, value []byte) []byte {
	b = binary.AppendUvarint(b, number<<3|2)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}
