package providertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

func TestAClaimIsFoundInEveryFormItIsSentIn(t *testing.T) {
	p := Sample(t)
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(p.Name.String())
	if err != nil {
		t.Fatal(err)
	}
	image, err := base64.StdEncoding.DecodeString(p.Face.Base64())
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(p.Name.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		claim identity.Claim
	}{
		"as it is":                 {`{"mobile":"13800001000"}`, identity.ClaimMobile},
		"as a JSON number":         {`{"mobile":13800001000}`, identity.ClaimMobile},
		"in quotes":                {string(quoted), identity.ClaimName},
		"percent-escaped":          {"name=" + url.QueryEscape(p.Name.String()), identity.ClaimName},
		"as \\u":                   {`{"name":"\u674e\u96f7"}`, identity.ClaimName},
		"in GBK":                   {"name=" + gbk, identity.ClaimName},
		"in GBK, percent-escaped":  {"name=" + url.QueryEscape(gbk), identity.ClaimName},
		"in base64":                {base64.StdEncoding.EncodeToString([]byte(`{"n":"110101199003070003"}`)), identity.ClaimIDNumber},
		"in base64, one byte on":   {base64.StdEncoding.EncodeToString([]byte(`{"nn":"110101199003070003"}`)), identity.ClaimIDNumber},
		"in base64, two bytes on":  {base64.StdEncoding.EncodeToString([]byte(`{"nnn":"110101199003070003"}`)), identity.ClaimIDNumber},
		"in base64 for URLs":       {base64.URLEncoding.EncodeToString([]byte("x" + p.Card.String())), identity.ClaimBankCard},
		"an image in base64":       {`{"img":"` + p.Face.Base64() + `"}`, identity.ClaimFaceImage},
		"an image as bytes":        {string(image), identity.ClaimFaceImage},
		"a user id inside a query": {"https://vendor.example/?u=52984126340480000&x", identity.ClaimUserID},
	} {
		if found := leaks(c.text, p); len(found) != 1 || found[0] != c.claim {
			t.Errorf("%s: found %v, want %s", name, found, c.claim)
		}
	}
	if found := leaks(`{"name":"韩梅梅","mobile":"13800001001","nonce":"4d9924b0-9946-4fd0-beea-c2a0fc858108"}`, p); len(found) != 0 {
		t.Errorf("another person's: found %v", found)
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		url, base string
		want      bool
	}{
		{"https://vendor.example/base/a?b=c", "https://vendor.example/base", true},
		{"https://vendor.example/base", "https://vendor.example/base", true},
		{"https://vendor.example/a", "https://vendor.example", true},
		{"https://vendor.example/basement", "https://vendor.example/base", false},
		{"https://vendor.example/base/../a", "https://vendor.example/base", false},
		{"http://vendor.example/base/a", "https://vendor.example/base", false},
		{"https://vendor.example:8443/base/a", "https://vendor.example/base", false},
		{"https://u:p@vendor.example/base/a", "https://vendor.example/base", false},
		{"/base/a", "https://vendor.example/base", false},
	} {
		if got := below(c.url, c.base); got != c.want {
			t.Errorf("%s below %s: %v, want %v", c.url, c.base, got, c.want)
		}
	}
}

func TestParseReply(t *testing.T) {
	r, err := parseReply([]byte("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nX: a:b\r\n\r\n{\n}\n"))
	if err != nil || r.Status != 429 || string(r.Body) != "{\n}" || len(r.Header) != 2 || r.Header[1] != (callout.Header{Name: "X", Value: "a:b"}) {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := parseReply([]byte("callout: too_large\n")); err != nil || r.Fail == nil || *r.Fail != callout.TooLarge {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, bad := range []string{"", "HTTP/1.1 200 OK\n", "HTTP/1.1 200 OK\nno header\n\n", "HTTP/1.1 99 X\n\n", "HTTP/2 200 OK\n\n", "callout: silence\n"} {
		if r, err := parseReply([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, r)
		}
	}
}

func TestDoerPlaysItsScriptAndKeepsWhatWasAsked(t *testing.T) {
	d := NewDoer(JSON(200, "a"), Fail(callout.Timeout))
	r := &callout.Request{Method: "POST", URL: "u", Body: []byte("b")}
	first, err := d.Do(t.Context(), r)
	if err != nil || string(first.Body) != "a" || first.Get("content-type") != "application/json" {
		t.Errorf("first: %+v, %v", first, err)
	}
	r.Body[0] = 'x'
	if _, err := d.Do(t.Context(), r); !callout.IsKind(err, callout.Timeout) {
		t.Errorf("second: %v", err)
	}
	if _, err := d.Do(t.Context(), r); !callout.IsKind(err, callout.Blocked) || d.Extra() != 1 {
		t.Errorf("third: %v, %d too many", err, d.Extra())
	}
	if all := d.Requests(); len(all) != 3 || string(all[0].Body) != "b" {
		t.Errorf("kept %+v", all)
	}
}

func TestShare(t *testing.T) {
	t.Run("one asks and all have its answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			share, asked := NewShare(), 0
			release := make(chan struct{})
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					got, err := share(t.Context(), "k", func(context.Context) ([]byte, error) {
						asked++
						<-release
						return []byte("answer"), nil
					})
					if err != nil || string(got) != "answer" {
						t.Errorf("got %q, %v", got, err)
					}
				})
			}
			synctest.Wait()
			close(release)
			all.Wait()
			if asked != 1 {
				t.Errorf("asked %d times, want once", asked)
			}
		})
	})
	t.Run("another asks when the one who asks is given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			share := NewShare()
			ctx, giveUp := context.WithCancel(t.Context())
			var all sync.WaitGroup
			all.Go(func() {
				_, err := share(ctx, "k", func(ctx context.Context) ([]byte, error) {
					<-ctx.Done()
					return nil, contextError(ctx)
				})
				if !callout.IsKind(err, callout.Unreachable) {
					t.Errorf("the one given up: %v", err)
				}
			})
			synctest.Wait()
			all.Go(func() {
				got, err := share(t.Context(), "k", func(context.Context) ([]byte, error) { return []byte("second"), nil })
				if err != nil || string(got) != "second" {
					t.Errorf("the one who waited: %q, %v", got, err)
				}
			})
			synctest.Wait()
			giveUp()
			all.Wait()
		})
	})
	t.Run("an error is shared and not kept", func(t *testing.T) {
		share := NewShare()
		broken := errors.New("broken")
		if _, err := share(t.Context(), "k", func(context.Context) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if got, err := share(t.Context(), "k", func(context.Context) ([]byte, error) { return []byte("x"), nil }); err != nil || string(got) != "x" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestRandomIsTheSameEveryTime(t *testing.T) {
	var a, b [64]byte
	for _, p := range [][]byte{a[:], b[:]} {
		if _, err := NewRandom().Read(p); err != nil {
			t.Fatal(err)
		}
	}
	if a != b || a == ([64]byte{}) {
		t.Errorf("%x and %x", a, b)
	}
}
