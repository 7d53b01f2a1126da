package state

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

func TestCommandsAreRediss(t *testing.T) {
	s := NewRedis("outbound|6379||redis.dns", "gate", "word", time.Second)
	w := &webdis{status: 200, body: "+OK\r\n"}
	if err := s.Set(context.Background(), w, clock, Key{1, 2, 3}, ours, []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	r := w.asked[0]
	if r.Method != callout.RedisMethod || r.Target != "outbound|6379||redis.dns" || r.Timeout != time.Second || r.Get(callout.RedisUser) != "gate" || r.Get(callout.RedisPassword) != "word" {
		t.Errorf("%+v", r)
	}
	parts := strings.Split(string(r.Body), "\r\n")
	if len(parts) != 12 || parts[0] != "*5" || parts[2] != "SET" || parts[3] != "$28" || parts[4] != "idv:v:AQIDAAAAAAAAAAAAAAAAAA" || parts[8] != "EX" || parts[10] != "3600" || parts[11] != "" {
		t.Errorf("%q", parts)
	}
	sealed := parts[6]
	bulk := func(text string) string { return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n" }
	for _, c := range []struct {
		name, reply, want string
		err               error
	}{
		{"the value", bulk(sealed), "value", nil},
		{"nothing", "$-1\r\n", "", nil},
		{"another's", bulk(sealed + "A"), "", ErrForged},
		{"no text of ours", bulk("\x00\xff"), "", ErrForged},
		{"a number", ":7\r\n", "", ErrForged},
	} {
		w.body = c.reply
		if v, err := s.Get(context.Background(), w, clock, Key{1, 2, 3}, ours); !errors.Is(err, c.err) || string(v) != c.want {
			t.Errorf("%s: %q, %v", c.name, v, err)
		}
	}
	w.body = ":41\r\n"
	if n, err := s.Add(context.Background(), w, clock, Key{9}, 1, time.Hour); err != nil || n != 41 {
		t.Errorf("%d, %v", n, err)
	}
	for reply, mine := range map[string]bool{"+OK\r\n": true, "$-1\r\n": false} {
		w.body = reply
		if got, err := s.Lease(context.Background(), w, clock, Key{9}, time.Second); err != nil || got != mine {
			t.Errorf("%q: %v, %v", reply, got, err)
		}
	}
}

// FuzzRedisReplies: no reply breaks the reader, and none but a whole one is a result.
func FuzzRedisReplies(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR no\r\n", ":7\r\n", "$-1\r\n", "$3\r\nabc\r\n", "$3\r\nab\r\n", "*1\r\n:1\r\n", "", "\r\n", ":7", "$99999999999999999999\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if r := respResult("GET", body); r != nil && (len(body) < 3 || body[0] == '-' || !strings.HasSuffix(string(body), "\r\n")) {
			t.Fatalf("%q of %q", r, body)
		}
		s := NewRedis("c", "", "", time.Second)
		w := &webdis{status: 200, body: string(body)}
		if v, err := s.Get(context.Background(), w, clock, Key{1}, ours); err == nil && v != nil {
			t.Fatalf("%q is %q", body, v)
		}
	})
}
