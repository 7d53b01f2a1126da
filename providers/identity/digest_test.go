package identity_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func TestOnePersonOneDigest(t *testing.T) {
	key := identity.NewKey(secret)
	for _, c := range []struct {
		what string
		ways []fields
	}{
		{"ID number of 15 and of 18 digits, small and large X", []fields{
			{id: "11010519491231002X"}, {id: "11010519491231002x"}, {id: "110105491231002"},
		}},
		{"a foreigner's letters", []fields{{id: "USA110090010101"}, {id: "usa110090010101"}}},
		{"mobile with and without country code, in groups, full-width", []fields{
			{mobile: "13912345678"},
			{mobile: "+8613912345678"},
			{mobile: "0086 139-1234-5678"},
			{mobile: "86 13912345678"},
			{mobile: "１３９１２３４５６７８"},
			{mobile: "＋８６　１３９１２３４５６７８"},
		}},
		{"card in groups, full-width", []fields{
			{card: "6225880000000001"},
			{card: "6225 8800 0000 0001"},
			{card: "6225-8800-0000-0001"},
			{card: "６２２５８８０００００００００１"},
		}},
		{"name with every separator, and space around", []fields{
			{name: "阿卜杜拉·买买提"},
			{name: "阿卜杜拉•买买提"},
			{name: "阿卜杜拉‧买买提"},
			{name: "阿卜杜拉・买买提"},
			{name: "阿卜杜拉.买买提"},
			{name: "\u3000阿卜杜拉·买买提 "},
		}},
		{"image with prefix, in lines, without padding", []fields{
			{face: image(jpegMagic, 6001)},
			{face: "data:image/jpeg;base64," + image(jpegMagic, 6001)},
			{face: lines(image(jpegMagic, 6001), "\r\n")},
			{face: strings.TrimRight(image(jpegMagic, 6001), "=")},
		}},
		{"a whole person", []fields{
			{name: "阿卜杜拉·买买提", id: "11010519491231002X", mobile: "13912345678", card: "6225880000000001"},
			{name: " 阿卜杜拉.买买提", id: "110105491231002", mobile: "+86 １３９1234 5678", card: "6225 8800 0000 0001"},
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			first := c.ways[0].parse(t)
			for i, way := range c.ways[1:] {
				p := way.parse(t)
				if p != first {
					t.Errorf("way %d is another person", i+1)
				}
				if key.Person(p) != key.Person(first) || key.Subject(p) != key.Subject(first) {
					t.Errorf("way %d has another digest", i+1)
				}
			}
		})
	}
}

// TestDigestEncoding says the encoding in other words than digest.go, because digests are kept in shared stores: a
// change of it needs a new domain.
func TestDigestEncoding(t *testing.T) {
	f := somebody()
	f.face = image(jpegMagic, 6001)
	p := f.parse(t)
	encode := func(domain string, claims ...string) string {
		message := fmt.Appendf(nil, "\x00\x00\x00\x00\x00\x00%c%c%s", len(domain)>>8, len(domain)&0xFF, domain)
		for i := 0; i < len(claims); i += 2 {
			message = append(message, 0, 0, 0, 0, 0, 0, 0, 1)
			message = append(message, claims[i]...)
			message = append(message, 0, 0, 0, 0, 0, 0, byte(len(claims[i+1])>>8), byte(len(claims[i+1])))
			message = append(message, claims[i+1]...)
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(message)
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	}
	key := identity.NewKey(secret)
	const person, subject = "idvgate.person.1", "idvgate.subject.1"
	for _, c := range []struct {
		what, got, want string
	}{
		{"all claims", key.Person(p), encode(person, "\x01", f.name, "\x02", f.id, "\x03", f.mobile, "\x04", f.card, "\x05", f.face, "\x06", f.user)},
		{"two claims", key.Person(p.Only(identity.ClaimMobile, identity.ClaimName)), encode(person, "\x01", f.name, "\x03", f.mobile)},
		{"no claim", key.Person(identity.Person{}), encode(person)},
		{"subject by ID number", key.Subject(p), encode(subject, "\x02", f.id)},
		{"subject by user id", key.Subject(p.Only(identity.ClaimUserID, identity.ClaimMobile)), encode(subject, "\x06", f.user)},
		{"subject by mobile", key.Subject(p.Only(identity.ClaimMobile, identity.ClaimName, identity.ClaimBankCard)), encode(subject, "\x03", f.mobile)},
		{"no subject", key.Subject(p.Only(identity.ClaimName, identity.ClaimBankCard, identity.ClaimFaceImage)), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	if n := len(key.Person(p)); n != 22 {
		t.Errorf("a digest has %d characters", n)
	}
}

func TestOtherPersonsHaveOtherDigests(t *testing.T) {
	key, other := identity.NewKey(secret), identity.NewKey(append([]byte("x"), secret...))
	seen := map[string]string{}
	add := func(what, digest string) {
		t.Helper()
		if before, ok := seen[digest]; ok {
			t.Errorf("%s has the digest of %s", what, before)
		}
		seen[digest] = what
	}
	whole := somebody().parse(t)
	all := identity.Claims()
	for set := range 1 << len(all) {
		var claims []identity.Claim
		for i, c := range all {
			if set>>i&1 == 1 {
				claims = append(claims, c)
			}
		}
		add(fmt.Sprintf("person %v", claims), key.Person(whole.Only(claims...)))
		add(fmt.Sprintf("person %v under another key", claims), other.Person(whole.Only(claims...)))
	}
	for _, c := range []identity.Claim{identity.ClaimIDNumber, identity.ClaimUserID, identity.ClaimMobile} {
		add("subject by "+c.String(), key.Subject(whole.Only(c)))
		add("subject under another key by "+c.String(), other.Subject(whole.Only(c)))
	}
	// The same characters in different claims.
	add("a mobile", key.Person(fields{mobile: "13912345678"}.parse(t)))
	add("a user id like it", key.Person(fields{user: "13912345678"}.parse(t)))
	add("a mobile as subject", key.Subject(fields{mobile: "13912345678"}.parse(t)))
	add("a user id like it as subject", key.Subject(fields{user: "13912345678"}.parse(t)))
	add("a card", key.Person(fields{card: "6225880000000001"}.parse(t)))
	add("a user id like the card", key.Person(fields{user: "6225880000000001"}.parse(t)))
	add("an ID number", key.Person(fields{id: "440524188001010014"}.parse(t)))
	add("a user id like the ID number", key.Person(fields{user: "440524188001010014"}.parse(t)))
	// Images that differ in their last byte alone.
	add("an image of 6002 bytes", key.Person(fields{face: image(jpegMagic, 6002)}.parse(t)))
	add("an image of 6003 bytes", key.Person(fields{face: image(jpegMagic, 6003)}.parse(t)))
}

func TestSumIsInjective(t *testing.T) {
	key := identity.NewKey(secret)
	long := strings.Repeat("a", 1000)
	lists := [][]string{ // the first is the domain
		{""},
		{"", ""},
		{"", "", ""},
		{"a"},
		{"a", ""},
		{"", "a"},
		{"ab"},
		{"a", "b"},
		{"a", "b", ""},
		{"a", "", "b"},
		{"", "ab"},
		{"", "a", "b"},
		{"ab", "c"},
		{"a", "bc"},
		{"abc"},
		{"a", "b", "c"},
		{"a", "\x00\x00\x00\x00\x00\x00\x00\x01b"},
		{"a", "b\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"a\x00\x00\x00\x00\x00\x00\x00\x01b"},
		{long},
		{long, long},
		{"", long},
		{long[1:], "a"},
		{"a", long[1:]},
	}
	seen := map[[32]byte][]string{}
	for _, list := range lists {
		var parts [][]byte
		for _, s := range list[1:] {
			parts = append(parts, []byte(s))
		}
		sum := key.Sum(list[0], parts...)
		if before, ok := seen[sum]; ok {
			t.Errorf("%q and %q have one sum", before, list)
		}
		seen[sum] = list
		if again := key.Sum(list[0], parts...); again != sum {
			t.Errorf("%q has two sums", list)
		}
	}
}

func TestPersonIsASum(t *testing.T) {
	key := identity.NewKey(secret)
	f := somebody()
	sum := key.Sum("idvgate.person.1", []byte{1}, []byte(f.name), []byte{3}, []byte(f.mobile))
	got := key.Person(f.parse(t).Only(identity.ClaimName, identity.ClaimMobile))
	if want := base64.RawURLEncoding.EncodeToString(sum[:16]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestKeyKeepsACopy(t *testing.T) {
	mine := bytes.Clone(secret)
	key := identity.NewKey(mine)
	clear(mine)
	if key.Sum("a") != identity.NewKey(secret).Sum("a") {
		t.Error("the key changed with the caller's bytes")
	}
}

func TestKeyIsSafeForConcurrentUse(t *testing.T) {
	key := identity.NewKey(secret)
	people := []identity.Person{
		somebody().parse(t), fields{id: "11010519491231002X"}.parse(t), fields{mobile: "13912345678"}.parse(t),
	}
	var want []string
	for _, p := range people {
		want = append(want, key.Person(p), key.Subject(p))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				var got []string
				for _, p := range people {
					got = append(got, key.Person(p), key.Subject(p))
				}
				if !slices.Equal(got, want) {
					t.Error("a digest changed under concurrent use")
					return
				}
			}
		})
	}
	wg.Wait()
}
