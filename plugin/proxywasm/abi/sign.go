package abi

import (
	"encoding/binary"
	"errors"
)

// ErrNotSigned: the gateway has not signed.
var ErrNotSigned = errors.New("abi: the gateway has not signed")

// Sign signs text with RSA PKCS#1 v1.5 by Envoy's foreign function of that name. hash is sha256 or sha1, key a PKCS#8
// DER private key.
func (h *Host) Sign(hash string, key, text []byte) ([]byte, error) {
	result, status := h.Foreign("sign", appendSign(nil, hash, key, text))
	if status != OK {
		return nil, ErrNotSigned
	}
	signature, ok := signed(result)
	if !ok {
		return nil, ErrNotSigned
	}
	return signature, nil
}

// appendSign writes the arguments: protobuf with 1 the hash's name, 2 the key, 3 the text.
func appendSign(b []byte, hash string, key, text []byte) []byte {
	b = appendField(b, 1, []byte(hash))
	b = appendField(b, 2, key)
	return appendField(b, 3, text)
}

const (
	wireVarint = 0
	wireBytes  = 2
)

func appendField(b []byte, number uint64, value []byte) []byte {
	b = binary.AppendUvarint(b, number<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// signed reads the result: protobuf with 1 whether it went well, 2 the signature, 3 why not.
func signed(b []byte) (signature []byte, ok bool) {
	var well bool
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, false
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, false
		}
		b = b[n:]
		switch tag & 7 {
		case wireVarint:
			if tag>>3 == 1 {
				well = value == 1
			}
		case wireBytes:
			if value > uint64(len(b)) {
				return nil, false
			}
			if tag>>3 == 2 {
				signature = b[:value]
			}
			b = b[value:]
		default:
			return nil, false
		}
	}
	return signature, well && len(signature) > 0
}
