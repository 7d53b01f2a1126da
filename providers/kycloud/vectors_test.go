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
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// signVectors is kycloud_sign.json. A field that is absent asserts nothing.
type signVectors struct {
	Key     string `json:"key"` // a file's name, and after a space anything
	Pub     string `json:"pub"`
	Vectors []struct {
		Name         string                     `json:"name"`
		Key          string                     `json:"key"`
		Pub          string                     `json:"pub"`
		Params       map[string]json.RawMessage `json:"params"`
		StringToSign *string                    `json:"string_to_sign"`
		SHA256       *string                    `json:"signed_bytes_sha256_hex_of_input"`
		SignType     string                     `json:"sign_type"` // else params.signType
		Charset      string                     `json:"charset"`   // else params.charset
		Sign         *string                    `json:"sign"`
		SignLen      *int                       `json:"sign_len"`
	} `json:"vectors"`
}

func TestVectors(t *testing.T) {
	// The first set's example string is the vendor's own; the signatures were checked with openssl.
	runVectors(t, "testdata/kycloud_sign.json", "testdata")
	dir := os.Getenv("IDVGATE_VECTORS")
	if dir == "" {
		return
	}
	file := filepath.Join(dir, "kycloud_sign.json")
	if _, err := os.Stat(file); os.IsNotExist(err) {
		t.Logf("no %s: only the vectors of testdata were run", file)
		return
	}
	runVectors(t, file, dir, "testdata")
}

func runVectors(t *testing.T, file string, keyDirs ...string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var set signVectors
	if err := json.Unmarshal(b, &set); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(set.Vectors) == 0 {
		t.Fatalf("%s: no vectors", file)
	}
	for _, v := range set.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			params := make([]param, 0, len(v.Params))
			for k, raw := range v.Params {
				params = append(params, param{k, plainText(t, raw)})
			}
			text := stringToSign(params)
			if v.Params == nil && v.StringToSign != nil {
				text = *v.StringToSign
			}
			if v.StringToSign != nil && text != *v.StringToSign {
				t.Fatalf("string to sign\n got %q\nwant %q", text, *v.StringToSign)
			}
			signed, err := charset{gbk: strings.EqualFold(or(v.Charset, v.Params["charset"]), "gbk")}.encode(text)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(signed); v.SHA256 != nil && hex.EncodeToString(sum[:]) != *v.SHA256 {
				t.Errorf("bytes to sign have SHA-256 %x, want %s", sum, *v.SHA256)
			}
			h := sha256Hash
			if or(v.SignType, v.Params["signType"]) == "RSA" {
				h = sha1Hash
			}
			keyName := fileName(v.Key, set.Key)
			if keyName == "" {
				return
			}
			key, err := parseKey(string(find(t, keyName, keyDirs)))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := key.sign(h, signed, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			got := base64.StdEncoding.EncodeToString(raw)
			if v.Sign != nil && got != *v.Sign {
				t.Errorf("sign\n got %s\nwant %s", got, *v.Sign)
			}
			if v.SignLen != nil && len(got) != *v.SignLen {
				t.Errorf("sign has %d characters, want %d", len(got), *v.SignLen)
			}
			if pub := fileName(v.Pub, set.Pub); pub != "" {
				verifyWithStandardLibrary(t, find(t, pub, keyDirs), h, signed, raw)
			}
		})
	}
}

func verifyWithStandardLibrary(t *testing.T, pub []byte, h hash, signed, signature []byte) {
	t.Helper()
	block, _ := pem.Decode(pub)
	if block == nil {
		t.Fatal("public key is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest, sum := crypto.SHA256, sha256.Sum256(signed)
	d := sum[:]
	if h == sha1Hash {
		digest = crypto.SHA1
		sum := sha1.Sum(signed)
		d = sum[:]
	}
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), digest, d, signature); err != nil {
		t.Errorf("the public key does not verify the signature: %v", err)
	}
}

// plainText is a parameter as it is signed: a string's text, or the JSON of anything else.
func plainText(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func or(s string, raw json.RawMessage) string {
	if s == "" && raw != nil {
		if err := json.Unmarshal(raw, &s); err != nil {
			return ""
		}
	}
	return s
}

func fileName(names ...string) string {
	for _, n := range names {
		if f := strings.Fields(n); len(f) > 0 {
			return filepath.Base(f[0])
		}
	}
	return ""
}

func find(t *testing.T, file string, dirs []string) []byte {
	t.Helper()
	for _, d := range dirs {
		if b, err := os.ReadFile(filepath.Join(d, file)); err == nil {
			return b
		}
	}
	t.Fatalf("no %s in %v", file, dirs)
	return nil
}
