package state

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// Errors of a Shared.
var (
	// ErrDown says that the store did not answer, or did not a moment ago.
	ErrDown = errors.New("state: the shared store does not answer")
	// ErrForged says that a value is not one that we wrote under this key.
	ErrForged = errors.New("state: the shared store has a value that is none of ours")
)

// restAfter is how long nobody asks a store that did not answer: else every request would wait for it.
const restAfter = time.Second

// A Shared is a store that several gateways use: Redis behind Webdis, by HTTP. It may forget, and whoever can write to it
// can neither make nor move an answer: values hold a MAC over their key, their end and what they say. It uses the
// commands GET, SET, DEL, INCRBY and EXPIRE. It is safe for concurrent use.
type Shared struct {
	url, target string
	redis       bool // url and target are a cluster that the gateway asks itself
	header      []callout.Header
	timeout     time.Duration
	rests       atomic.Int64 // until when, Unix nanoseconds

	mu   sync.Mutex
	seen *simplelru.LRU[Key, int64] // the most that each counter was
}

// NewShared makes one. login is user:password, or "".
func NewShared(url, target, login string, timeout time.Duration) *Shared {
	s := &Shared{url: url, target: target, timeout: timeout}
	if login != "" {
		s.header = []callout.Header{{Name: "authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(login))}}
	}
	s.seen, _ = simplelru.NewLRU[Key, int64](maxNamed, nil) // fails for sizes below 1 only
	return s
}

// NewRedis makes one of a Redis that the gateway asks itself.
func NewRedis(cluster, user, password string, timeout time.Duration) *Shared {
	s := NewShared(callout.RedisScheme+cluster, cluster, "", timeout)
	s.redis, s.header = true, []callout.Header{{Name: callout.RedisUser, Value: user}, {Name: callout.RedisPassword, Value: password}}
	return s
}

// Names in the store begin so: values, leases, and counters.
const (
	valuePrefix   = "idv:v:"
	leasePrefix   = "idv:l:"
	counterPrefix = "idv:c:"
)

func nameOf(prefix string, k Key) string { return prefix + base64.RawURLEncoding.EncodeToString(k[:]) }

// Get is what is kept under a key, nil where nothing is.
func (s *Shared) Get(ctx context.Context, do callout.Doer, now time.Time, k Key, mac *identity.Key) ([]byte, error) {
	text, err := s.get(ctx, do, now, nameOf(valuePrefix, k))
	if err != nil || text == nil {
		return nil, err
	}
	return open(*text, k, mac, now)
}

// get is the text that a name has, nil where it has none.
func (s *Shared) get(ctx context.Context, do callout.Doer, now time.Time, name string) (text *string, err error) {
	raw, err := s.command(ctx, do, now, "GET", name)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &text) != nil {
		return nil, ErrForged
	}
	return text, nil
}

// A value is base64url of: its end, Unix seconds in 8 bytes; what it says; and the MAC, 16 bytes.
const (
	endBytes = 8
	macBytes = 16
)

func seal(value []byte, k Key, mac *identity.Key, end int64) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, endBytes+len(value)+macBytes), uint64(end))
	b = append(b, value...)
	sum := mac.Sum("idvgate.shared.1", k[:], b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:macBytes]...))
}

// open is what seal was given for the same key. One that is past its end is nothing.
func open(text string, k Key, mac *identity.Key, now time.Time) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < endBytes+macBytes {
		return nil, ErrForged
	}
	said := b[:len(b)-macBytes]
	sum := mac.Sum("idvgate.shared.1", k[:], said)
	switch {
	case !hmac.Equal(sum[:macBytes], b[len(said):]):
		return nil, ErrForged
	case int64(binary.BigEndian.Uint64(said)) < now.Unix():
		return nil, nil
	}
	return said[endBytes:], nil
}

// Set keeps a value for a while.
func (s *Shared) Set(ctx context.Context, do callout.Doer, now time.Time, k Key, mac *identity.Key, value []byte, lives time.Duration) error {
	seconds := max(1, int64(lives/time.Second))
	_, err := s.command(ctx, do, now, "SET", nameOf(valuePrefix, k), seal(value, k, mac, now.Unix()+seconds), "EX", strconv.FormatInt(seconds, 10))
	return err
}

// Lease is a question's, for as long as its asker may take: who gets it asks, the others wait for the answer. It is a
// hint and no lock: whoever waits too long asks as well.
func (s *Shared) Lease(ctx context.Context, do callout.Doer, now time.Time, k Key, lives time.Duration) (mine bool, err error) {
	seconds := max(1, int64((lives+time.Second-1)/time.Second))
	raw, err := s.command(ctx, do, now, "SET", nameOf(leasePrefix, k), "1", "NX", "EX", strconv.FormatInt(seconds, 10))
	return err == nil && string(raw) != "null", err
}

// Return ends a lease.
func (s *Shared) Return(ctx context.Context, do callout.Doer, now time.Time, k Key) error {
	_, err := s.command(ctx, do, now, "DEL", nameOf(leasePrefix, k))
	return err
}

// Forget drops what is kept under a key.
func (s *Shared) Forget(ctx context.Context, do callout.Doer, now time.Time, k Key) error {
	_, err := s.command(ctx, do, now, "DEL", nameOf(valuePrefix, k))
	return err
}

// Add adds to a counter whose key names its window, and answers what it is then. Who makes a counter says how long it
// lives. One that is made anew though this worker has seen more of it was lost with the store's content: it goes on from
// there.
func (s *Shared) Add(ctx context.Context, do callout.Doer, now time.Time, k Key, amount int64, lives time.Duration) (int64, error) {
	name := nameOf(counterPrefix, k)
	count, err := s.add(ctx, do, now, name, amount)
	if err != nil {
		return 0, err
	}
	if count == amount && amount > 0 {
		if lost := s.sawOf(k); lost > 0 {
			if count, err = s.add(ctx, do, now, name, lost); err != nil {
				return 0, err
			}
		}
		seconds := max(1, int64(lives/time.Second))
		if _, err := s.command(ctx, do, now, "EXPIRE", name, strconv.FormatInt(seconds, 10)); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.seen.Get(k); amount < 0 || !ok || count > last {
		s.seen.Add(k, count)
	}
	return count, nil
}

// Full reports whether a counter has no room for the amount, where this worker has seen it near its bound: without adding
// anything, since many who add and are refused would keep it full.
func (s *Shared) Full(ctx context.Context, do callout.Doer, now time.Time, k Key, amount, most int64) (bool, error) {
	if s.sawOf(k) < most-most/8-amount {
		return false, nil
	}
	text, err := s.get(ctx, do, now, nameOf(counterPrefix, k))
	if err != nil || text == nil {
		return false, err
	}
	count, err := strconv.ParseInt(*text, 10, 64)
	if err != nil {
		return false, ErrForged
	}
	return amount > most-count, nil
}

func (s *Shared) sawOf(k Key) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, _ := s.seen.Get(k)
	return last
}

func (s *Shared) add(ctx context.Context, do callout.Doer, now time.Time, name string, amount int64) (int64, error) {
	raw, err := s.command(ctx, do, now, "INCRBY", name, strconv.FormatInt(amount, 10))
	if err != nil {
		return 0, err
	}
	count, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, ErrForged
	}
	return count, nil
}

// webdis is a command to Webdis: GET /COMMAND/ARGUMENT/…, whose reply is {"COMMAND": result}. None of our arguments needs
// an escape.
func (s *Shared) webdis(command string, arguments []string) *callout.Request {
	url := s.url + "/" + command
	for _, a := range arguments {
		url += "/" + a
	}
	return &callout.Request{Method: "GET", URL: url, Header: s.header, Target: s.target, Timeout: s.timeout}
}

// command is the result of a command, as Webdis writes it in JSON.
func (s *Shared) command(ctx context.Context, do callout.Doer, now time.Time, command string, arguments ...string) ([]byte, error) {
	if now.UnixNano() < s.rests.Load() {
		return nil, ErrDown
	}
	request, resultOf := s.webdis(command, arguments), resultOf
	if s.redis {
		request, resultOf = s.resp(command, arguments), respResult
	}
	reply, err := do.Do(ctx, request)
	var result []byte
	if err == nil && reply.Status == 200 {
		result = resultOf(command, reply.Body)
	}
	if result == nil {
		s.rests.Store(now.Add(restAfter).UnixNano())
		return nil, ErrDown
	}
	return result, nil
}

// resultOf is what a reply holds for the command, nil where it holds none, or says that the command failed.
func resultOf(command string, body []byte) []byte {
	var reply map[string]json.RawMessage
	if json.Unmarshal(body, &reply) != nil || len(reply) != 1 {
		return nil
	}
	result := bytes.TrimSpace(reply[command])
	if len(result) == 0 || bytes.HasPrefix(result, []byte("[false")) {
		return nil
	}
	return result
}
