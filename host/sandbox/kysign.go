package sandbox

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// kycloudWindow is how far timestamp may be from the vendor's clock, either way (assumed: not published).
const kycloudWindow = 10 * time.Minute

// kycloudZone is the timestamp's zone (assumed).
var kycloudZone = time.FixedZone("+08:00", 8*60*60)

// Character sets the platform takes.
const (
	utf8Charset = "utf-8"
	gbkCharset  = "gbk"
)

// A kycloudVerifier checks parameter signatures of one company.
type kycloudVerifier struct {
	company string
	key     *rsa.PublicKey
	now     func() time.Time
}

func newKycloudVerifier(company, key string, now func() time.Time) (*kycloudVerifier, error) {
	var der []byte
	if block, _ := pem.Decode([]byte(key)); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(key); err != nil {
			return nil, errors.New("neither PEM nor base64")
		}
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return &kycloudVerifier{company, public, now}, nil
}

// verify is the vendor's code that refuses the parameters, or "".
func (v *kycloudVerifier) verify(p map[string]string) (code string) {
	for _, name := range []string{"companyId", "charset", "signType", "bizContent", "timestamp", "sign"} {
		if p[name] == "" {
			return "open_invalid_parameter"
		}
	}
	if p["companyId"] != v.company {
		return "open_company_not_existed"
	}
	if charset := kycloudCharset(p["charset"]); charset == "" || p["signType"] != "RSA" && p["signType"] != "RSA2" {
		return "open_invalid_parameter"
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", p["timestamp"], kycloudZone)
	if err != nil || len(p["timestamp"]) != len("2006-01-02 15:04:05") {
		return "open_timestamp_format_error"
	}
	signature, err := base64.StdEncoding.DecodeString(p["sign"])
	if err != nil {
		return "open_sign_verify_error"
	}
	signed, ok := kycloudEncode(kycloudSigned(p), kycloudCharset(p["charset"]))
	if !ok {
		return "open_sign_verify_error"
	}
	if p["signType"] == "RSA2" {
		digest := sha256.Sum256(signed)
		err = rsa.VerifyPKCS1v15(v.key, crypto.SHA256, digest[:], signature)
	} else {
		digest := sha1.Sum(signed)
		err = rsa.VerifyPKCS1v15(v.key, crypto.SHA1, digest[:], signature)
	}
	if err != nil {
		return "open_sign_verify_error"
	}
	if off := v.now().Sub(at); off > kycloudWindow || off < -kycloudWindow {
		return "open_request_expired"
	}
	return ""
}

// kycloudSigned is the text under the signature: all parameters but sign and empty ones, by name, joined raw.
func kycloudSigned(p map[string]string) string {
	var lines []string
	for name, value := range p {
		if name != "sign" && value != "" {
			lines = append(lines, name)
		}
	}
	slices.Sort(lines)
	for i, name := range lines {
		lines[i] = name + "=" + p[name]
	}
	return strings.Join(lines, "&")
}

// kycloudCharset is the character set as we call it, "" for one the platform does not take.
func kycloudCharset(name string) string {
	switch low := strings.ToLower(name); low {
	case utf8Charset, gbkCharset:
		return low
	case "utf8":
		return utf8Charset
	}
	return ""
}

// kycloudEncode writes text in the character set. It fails when that has no character for some of it.
func kycloudEncode(text, charset string) ([]byte, bool) {
	if charset != gbkCharset {
		return []byte(text), true
	}
	b, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	return b, err == nil
}

// kycloudReply is like kycloudEncode with a question mark for what the character set lacks, as servers write it.
func kycloudReply(text []byte, charset string) []byte {
	if b, ok := kycloudEncode(string(text), charset); ok {
		return b
	}
	var out []byte
	for _, r := range string(text) {
		b, ok := kycloudEncode(string(r), charset)
		if !ok {
			b = []byte("?")
		}
		out = append(out, b...)
	}
	return out
}

// kycloudParams reads the parameters of a JSON body or a form, written in the character set that one of them names.
// Numbers and objects are kept as they were written, for that is what was signed.
func kycloudParams(contentType string, body []byte) (map[string]string, bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, false
	}
	read := kycloudJSON
	if media == "application/x-www-form-urlencoded" {
		read = kycloudForm
	} else if media != "application/json" {
		return nil, false
	}
	p, ok := read(body, utf8Charset)
	if ok && kycloudCharset(p["charset"]) != gbkCharset {
		return p, true
	}
	return read(body, gbkCharset)
}

func kycloudJSON(body []byte, charset string) (map[string]string, bool) {
	text, ok := kycloudDecode(body, charset)
	var fields map[string]json.RawMessage
	if !ok || json.Unmarshal([]byte(text), &fields) != nil {
		return nil, false
	}
	p := make(map[string]string, len(fields))
	for name, raw := range fields {
		value := string(raw)
		if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &value) != nil {
			return nil, false
		}
		if value != "null" {
			p[name] = value
		}
	}
	return p, true
}

func kycloudForm(body []byte, charset string) (map[string]string, bool) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false
	}
	p := make(map[string]string, len(fields))
	for name, values := range fields {
		value, ok := kycloudDecode([]byte(values[0]), charset)
		if !ok || len(values) > 1 {
			return nil, false
		}
		p[name] = value
	}
	return p, true
}

func kycloudDecode(b []byte, charset string) (string, bool) {
	if charset != gbkCharset {
		return string(b), utf8.Valid(b)
	}
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(b)
	return string(text), err == nil && !bytes.ContainsRune(text, utf8.RuneError)
}
