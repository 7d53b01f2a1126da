package providertest

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// claims asks every check about a person with every claim, and proves that the answer is match. What was sent is
// looked through by ask.
func (s *Suite) claims(t *testing.T) {
	for _, c := range s.Info.Checks {
		t.Run(string(c), func(t *testing.T) {
			do := NewDoer(append(append([]Reply{}, s.Setup...), s.Match)...)
			got, err := s.ask(t, do, "", providers.Query{Check: c, Person: s.Person, DecisionID: decisionID}, nil)
			if err != nil || got.Outcome != providers.Match {
				t.Errorf("got %s and error %v, want match", show(got), err)
			}
			s.wellFormed(t, got)
			if do.Left() > 0 {
				t.Errorf("%d replies nobody asked for", do.Left())
			}
		})
	}
}

// sends is the claims whose values may be sent for the check.
func (s *Suite) sends(p providers.Provider, c providers.Check) []identity.Claim {
	if claims, ok := s.Sends[c]; ok {
		return claims
	}
	if claimer, ok := p.(providers.Claimer); ok {
		return claimer.Claims(c)
	}
	return c.Claims()
}

// requests proves that every request goes below an endpoint, leaves the engine's fields alone and has no claim in it
// that the check does not need.
func (s *Suite) requests(t *testing.T, p providers.Provider, env providers.Env, q providers.Query, all []callout.Request) {
	t.Helper()
	bases := []string{env.Endpoint}
	if e, ok := p.(providers.Endpointer); ok {
		bases = append(bases, e.Endpoints()...)
	}
	needed := s.sends(p, q.Check)
	for i, r := range all {
		if !slices.ContainsFunc(bases, func(base string) bool { return below(r.URL, base) }) {
			t.Errorf("request %d goes to %q, below none of %q", i+1, r.URL, bases)
		}
		if r.Method == "" || r.Target != "" || r.Timeout != 0 {
			t.Errorf("request %d: method %q, target %q, time-out %s; target and time-out are the engine's", i+1, r.Method, r.Target, r.Timeout)
		}
		text := string(message(r))
		for _, leak := range leaks(text, q.Person) {
			if !slices.Contains(needed, leak) {
				t.Errorf("request %d carries the %s, which %s does not need", i+1, leak, q.Check)
			}
		}
	}
}

// below reports whether u is an absolute URL at or under base.
func below(u, base string) bool {
	parsed, err := url.Parse(u)
	if err != nil || parsed.User != nil || parsed.Fragment != "" || parsed.Host == "" {
		return false
	}
	root, err := url.Parse(base)
	if err != nil || parsed.Scheme != root.Scheme || parsed.Host != root.Host || strings.Contains(parsed.Path, "/../") {
		return false
	}
	path, under := strings.CutPrefix(parsed.Path, strings.TrimSuffix(root.Path, "/"))
	return under && (path == "" || path[0] == '/')
}

// leaks is the claims of p whose value is in text, in any form a value takes on its way: as it is, percent-escaped,
// JSON-escaped, base64 at any alignment, hex, and all of that in GBK too.
func leaks(text string, p identity.Person) []identity.Claim {
	var found []identity.Claim
	for _, c := range identity.Claims() {
		if v := value(p, c); v != "" && slices.ContainsFunc(forms(v), func(f string) bool { return strings.Contains(text, f) }) {
			found = append(found, c)
		}
	}
	return found
}

// value is the claim's text; of a face image, a piece out of its middle that identifies it.
func value(p identity.Person, c identity.Claim) string {
	if !p.Has(c) {
		return ""
	}
	switch c {
	case identity.ClaimName:
		return p.Name.String()
	case identity.ClaimIDNumber:
		return p.ID.String()
	case identity.ClaimMobile:
		return p.Mobile.String()
	case identity.ClaimBankCard:
		return p.Card.String()
	case identity.ClaimFaceImage:
		image := p.Face.Base64()
		return image[len(image)/2 : len(image)/2+48]
	case identity.ClaimUserID:
		return p.UserID.String()
	case identity.ClaimNone:
	}
	return ""
}

func forms(v string) []string {
	all := encodings(v)
	if gbk, err := simplifiedchinese.GBK.NewEncoder().String(v); err == nil && gbk != v {
		all = append(all, encodings(gbk)...)
	}
	ascii := strconv.QuoteToASCII(v)
	all = append(all, ascii[1:len(ascii)-1])
	if raw, err := base64.StdEncoding.DecodeString(v); err == nil && len(raw) >= 30 {
		all = append(all, string(raw))
	}
	return all
}

func encodings(v string) []string {
	escaped := url.QueryEscape(v)
	all := []string{v, escaped, strings.ToLower(escaped), url.PathEscape(v), hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v)))}
	for before := range 3 {
		core := base64Core(v, before)
		all = append(all, core, strings.NewReplacer("+", "-", "/", "_").Replace(core))
	}
	return all
}

// base64Core is the characters that v alone decides in the base64 of a text that has v after `before` bytes (mod 3).
func base64Core(v string, before int) string {
	coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + v))
	first := (before*8 + 5) / 6
	last := (before + len(v)) * 8 / 6
	return coded[first:last]
}
