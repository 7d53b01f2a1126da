package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// jdAlgorithm is the only signature JD Cloud's gateway takes.
const jdAlgorithm = "JDCLOUD2-HMAC-SHA256"

// jdSkew is how far x-jdcloud-date may be from the vendor's clock, either way (assumed: not published).
const jdSkew = 15 * time.Minute

// A jdVerifier checks JDCLOUD2-HMAC-SHA256 signatures as the vendor's gateway does, on what came over the wire.
type jdVerifier struct {
	secrets map[string]string // by access key
	now     func() time.Time
	nonces  nonces
}

func newJDVerifier(secrets map[string]string, now func() time.Time) *jdVerifier {
	return &jdVerifier{secrets: secrets, now: now}
}

// jdAuthorization is the parsed Authorization header.
type jdAuthorization struct {
	accessKey, day, region, service string
	signed                          []string // lower-case header names in the order written
	signature                       string
}

var jdAuthorizationShape = regexp.MustCompile(
	`^JDCLOUD2-HMAC-SHA256 Credential=([^/,\s]+)/([0-9]{8})/([^/,\s]+)/([^/,\s]+)/jdcloud2_request, ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$`)

// verify says who signed for what, or which of the gateway's error codes refuses the request ("" for none).
func (v *jdVerifier) verify(r *http.Request, body []byte) (auth jdAuthorization, refusal string) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return auth, "APIGW_LACK_PARAMS"
	}
	m := jdAuthorizationShape.FindStringSubmatch(header)
	if m == nil {
		return auth, "APIGW_ILLEGAL_HEADER"
	}
	auth = jdAuthorization{m[1], m[2], m[3], m[4], strings.Split(m[5], ";"), m[6]}
	secret, known := v.secrets[auth.accessKey]
	if !known {
		return auth, "APIGW_KEY_NOT_EXITST"
	}
	date, nonce := r.Header.Get("X-Jdcloud-Date"), r.Header.Get("X-Jdcloud-Nonce")
	if date == "" || nonce == "" {
		return auth, "APIGW_LACK_PARAMS"
	}
	if !slices.Contains(auth.signed, "x-jdcloud-date") || !slices.Contains(auth.signed, "x-jdcloud-nonce") {
		return auth, "APIGW_LACK_PARAMS"
	}
	if r.Header.Get("X-Jdcloud-Security-Token") != "" && !slices.Contains(auth.signed, "x-jdcloud-security-token") {
		return auth, "APIGW_ILLEGAL_HEADER"
	}
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || at.Format("20060102") != auth.day {
		return auth, "APIGW_ILLEGAL_HEADER"
	}
	if off := v.now().Sub(at); off > jdSkew || off < -jdSkew {
		return auth, "UNAUTHENTICATED"
	}
	want := jdSignature(secret, auth, date, jdCanonical(r, auth.signed, body))
	if !hmac.Equal([]byte(want), []byte(auth.signature)) {
		return auth, "APIGW_SIGN_RESULT_NOT_SAME"
	}
	if !v.nonces.fresh(auth.accessKey+"/"+nonce, v.now()) {
		return auth, "APIGW_NONCE_CONFLICT"
	}
	return auth, ""
}

// jdCanonical is the canonical request: path and query exactly as they came, the signed headers' values with runs of
// spaces made one and repeated headers joined by a comma.
func jdCanonical(r *http.Request, signed []string, body []byte) string {
	path, query, _ := strings.Cut(wireTarget(r), "?")
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + query + "\n")
	for _, name := range signed {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		}
		trimmed := make([]string, len(values))
		for i, value := range values {
			trimmed[i] = strings.Join(strings.Fields(value), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	digest := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(digest[:]))
	return b.String()
}

// wireTarget is the request line's target without scheme and authority, which an absolute-form target has.
func wireTarget(r *http.Request) string {
	target := r.RequestURI
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			return rest[i:]
		}
		return ""
	}
	return target
}

func jdSignature(secret string, auth jdAuthorization, date, canonical string) string {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	digest := sha256.Sum256([]byte(canonical))
	scope := auth.day + "/" + auth.region + "/" + auth.service + "/jdcloud2_request"
	key := mac([]byte("JDCLOUD2"+secret), auth.day)
	key = mac(key, auth.region)
	key = mac(key, auth.service)
	key = mac(key, "jdcloud2_request")
	return hex.EncodeToString(mac(key, jdAlgorithm+"\n"+date+"\n"+scope+"\n"+hex.EncodeToString(digest[:])))
}

// nonces remembers each nonce for as long as its request's date can be in time: both sides of the allowed skew. It
// keeps two generations, so one may be remembered up to twice as long.
type nonces struct {
	mu    sync.Mutex
	born  time.Time // of the young generation
	young map[string]struct{}
	old   map[string]struct{}
}

// fresh notes the nonce and reports whether it was not there before.
func (n *nonces) fresh(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.young == nil || now.Sub(n.born) > 2*jdSkew {
		n.young, n.old, n.born = map[string]struct{}{}, n.young, now
	}
	_, seen := n.young[nonce]
	if _, before := n.old[nonce]; before || seen {
		return false
	}
	n.young[nonce] = struct{}{}
	return true
}
