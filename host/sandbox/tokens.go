package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// tokens are the ones a vendor has granted and that have not expired.
type tokens struct {
	lifetime time.Duration

	mu      sync.Mutex
	expires map[string]time.Time
}

// grant makes a token that is good for the lifetime.
func (t *tokens) grant(prefix string, now time.Time) string {
	token := prefix + requestID()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expires == nil {
		t.expires = map[string]time.Time{}
	}
	for old, end := range t.expires {
		if !now.Before(end) {
			delete(t.expires, old)
		}
	}
	t.expires[token] = now.Add(t.lifetime)
	return token
}

// good reports whether the token was granted and has not expired.
func (t *tokens) good(token string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	end, granted := t.expires[token]
	return granted && now.Before(end)
}

// requestID is a random UUID of version 4.
func requestID() string {
	b := random()
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// digits is a random decimal number of n places (at most 16) that does not begin with 0.
func digits(n int) string {
	b := random()
	text := []byte{'1' + b[0]%9}
	for _, x := range b[1:n] {
		text = append(text, '0'+x%10)
	}
	return string(text)
}

func random() (b [16]byte) {
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return b
}
