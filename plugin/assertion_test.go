package plugin_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// registrar says match to everybody and notes whom it was asked about.
type registrar struct{ asked *[]providers.Query }

func (r registrar) Verify(_ context.Context, _ callout.Doer, q providers.Query) (providers.Result, error) {
	*r.asked = append(*r.asked, q)
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
}

// notary is an engine that asserts every check that can be, each at the path of its name; /bound does as /mobile3 for a
// session, and /proof/CHECK requires a proof of it.
type notary struct {
	*plugin.Engine
	now   time.Time
	asked []providers.Query
}

// What notaries sign with: an Ed25519 key of 32 zero bytes, and two secrets.
const ed25519Key = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

var notaryKeys = map[string]string{"ED": ed25519Key, "HS": strings.Repeat("secret of one ", 4), "HS2": strings.Repeat("secret of two ", 4)}

func newNotary(tb testing.TB, keys, issuer, audience, tenant string) *notary {
	tb.Helper()
	n := &notary{now: time.Unix(1_800_000_000, 0)}
	var rules []string
	rule := func(path, check, more string) {
		rules = append(rules, fmt.Sprintf(`{"name":%q,"route":{"path":%q},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id"},"mobile":{"header":"x-mobile"},"bankCard":{"header":"x-card"}},
			"verify":{"check":%q,"by":["v"]},"assert":{"goodFor":"1h"%s}}`, path, path, check, more))
	}
	for _, c := range providers.Checks() {
		if !c.Remembered() {
			continue
		}
		rule("/"+string(c), string(c), "")
		rules = append(rules, fmt.Sprintf(`{"name":"proof of %s","route":{"path":"/proof/%s"},"require":{"proof":[%q],"boundTo":{"header":"x-session"},"maxAge":"30m"}}`, c, c, c))
	}
	rule("/bound", "mobile3", `,"boundTo":{"header":"x-session"}`)
	doc := `{"version":1,"providers":{"v":{"use":"registrar"}},"state":{"key":{"secret":"HS"},"tenant":"` + tenant + `"},
		"assertion":{"key":{"secret":` + keys + `},"issuer":"` + issuer + `","audience":"` + audience + `"},"rules":[` + strings.Join(rules, ",") + `]}`
	list := providers.List{{
		Name: "registrar", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return registrar{&n.asked}, nil },
	}}
	e, err := plugin.Load([]byte(doc), list, plugin.Env{
		Lookup: func(name string) (string, bool) { return notaryKeys[name], true },
		Now:    func() time.Time { return n.now }, Random: rand.Reader,
	})
	if err != nil {
		tb.Fatal(err)
	}
	n.Engine = e
	return n
}

func usual(tb testing.TB) *notary { return newNotary(tb, `"ED"`, "i", "a", "t") }

// visitor is who asks: claims and session.
type visitor struct{ name, id, mobile, card, session string }

var (
	zhang = visitor{"张三", someone, "13800138000", "6222020000000007", "s1"}
	li    = visitor{"李四", "110101199003070011", "13900139000", "6222020000000015", "s2"}
)

// come asks at the path, and returns the assertion that comes of it and how many questions it took.
func (n *notary) come(path string, v visitor, assertion string) (d plugin.Decision, made string, asked int) {
	head := &plugin.Head{Method: "GET", Scheme: "https", Host: "a", Path: path, Client: here, Header: []callout.Header{
		{Name: "x-name", Value: v.name}, {Name: "x-id", Value: v.id}, {Name: "x-mobile", Value: v.mobile}, {Name: "x-card", Value: v.card}, {Name: "x-session", Value: v.session},
	}}
	if assertion != "" {
		head.Header = append(head.Header, callout.Header{Name: "Idv-Assertion", Value: assertion})
	}
	before := len(n.asked)
	d = n.Evaluate(context.Background(), headOnly{head}, nil)
	return d, header(d.Header, plugin.AssertionHeader), len(n.asked) - before
}

// made is a new assertion.
func (n *notary) made(tb testing.TB, path string, v visitor) string {
	tb.Helper()
	d, made, _ := n.come(path, v, "")
	if d.Action != policy.Allow || made == "" {
		tb.Fatalf("%s: %s %q, no assertion", path, d.Reason, d.Body)
	}
	return made
}

// asserted is the checks that can be.
func asserted() (list []providers.Check) {
	for _, c := range providers.Checks() {
		if c.Remembered() {
			list = append(list, c)
		}
	}
	return list
}

// The proof lattice of docs/state.md, pair by pair.
func TestWhatAProofAnswers(t *testing.T) {
	answers := map[providers.Check][]providers.Check{
		providers.ID2: {providers.ID2}, providers.Mobile2: {providers.Mobile2}, providers.Mobile3: {providers.Mobile3, providers.Mobile2},
		providers.Bank3: {providers.Bank3}, providers.Bank4: {providers.Bank4, providers.Bank3},
	}
	for _, proof := range asserted() {
		for _, question := range asserted() {
			n := usual(t)
			got, _, asked := n.come("/"+string(question), zhang, n.made(t, "/"+string(proof), zhang))
			want := 1
			if slices.Contains(answers[proof], question) {
				want = 0
			}
			if got.Action != policy.Allow || asked != want {
				t.Errorf("%s with a proof of %s: %s, asked %d times, not %d", question, proof, got.Reason, asked, want)
			}
		}
	}
}

// Whoever changes one claim of the question is asked about, and other claims make no difference.
func TestAnAssertionIsOfItsClaims(t *testing.T) {
	for _, check := range asserted() {
		for _, claim := range []string{"name", "idNumber", "mobile", "bankCard"} {
			n := usual(t)
			made, other := n.made(t, "/"+string(check), zhang), zhang
			switch claim {
			case "name":
				other.name = li.name
			case "idNumber":
				other.id = li.id
			case "mobile":
				other.mobile = li.mobile
			case "bankCard":
				other.card = li.card
			}
			want := 0
			for _, c := range check.Claims() {
				if c.String() == claim {
					want = 1
				}
			}
			if _, _, asked := n.come("/"+string(check), other, made); asked != want {
				t.Errorf("%s, another %s: asked %d times, not %d", check, claim, asked, want)
			}
		}
	}
}

func TestAnAssertionOfAnotherKeyIssuerAudienceOrTenantIsNone(t *testing.T) {
	for _, c := range []struct {
		name, keys, issuer, audience, tenant string
		good                                 bool
	}{
		{"the same", `"ED"`, "i", "a", "t", true},
		{"a new key, the old one listed", `["HS","ED"]`, "i", "a", "t", true},
		{"a new key alone", `"HS"`, "i", "a", "t", false},
		{"another issuer", `"ED"`, "j", "a", "t", false},
		{"another audience", `"ED"`, "i", "b", "t", false},
		{"another tenant", `"ED"`, "i", "a", "u", false},
	} {
		made := usual(t).made(t, "/mobile3", zhang)
		if _, _, asked := newNotary(t, c.keys, c.issuer, c.audience, c.tenant).come("/mobile3", zhang, made); (asked == 0) != c.good {
			t.Errorf("%s: asked %d times", c.name, asked)
		}
	}
}

func TestAnAssertionEndsWhenItsProofDoes(t *testing.T) {
	n := usual(t)
	made := n.made(t, "/mobile3", zhang)
	n.now = n.now.Add(time.Hour - time.Second)
	_, again, asked := n.come("/mobile3", zhang, made)
	if asked != 0 || again != "" {
		t.Errorf("in time: asked %d times, and signed %q", asked, again)
	}
	// Another proof beside it prolongs nothing.
	_, both, _ := n.come("/bank4", zhang, made)
	n.now = n.now.Add(2 * time.Second)
	if _, _, asked := n.come("/mobile3", zhang, made); asked != 1 {
		t.Errorf("too late: asked %d times", asked)
	}
	if _, _, asked := n.come("/mobile3", zhang, both); asked != 1 {
		t.Errorf("too late, beside another proof: asked %d times", asked)
	}
	if _, _, asked := n.come("/bank4", zhang, both); asked != 0 {
		t.Errorf("the other proof: asked %d times", asked)
	}
}

func TestAnAssertionFromTheFutureIsNone(t *testing.T) {
	n := usual(t)
	made := n.made(t, "/mobile3", zhang)
	for _, c := range []struct {
		back time.Duration
		want int
	}{{time.Minute, 0}, {time.Minute + time.Second, 1}} {
		n.now = time.Unix(1_800_000_000, 0).Add(-c.back)
		if _, _, asked := n.come("/mobile3", zhang, made); asked != c.want {
			t.Errorf("a clock that is %s behind: asked %d times, not %d", c.back, asked, c.want)
		}
	}
}

func TestARequiredProof(t *testing.T) {
	n := usual(t)
	bound, free := n.made(t, "/bound", zhang), n.made(t, "/mobile3", zhang)
	for _, c := range []struct {
		name, path, assertion, session string
		later                          time.Duration
		good                           bool
	}{
		{"its own", "/proof/mobile3", bound, "s1", 0, true},
		{"a weaker one is implied", "/proof/mobile2", bound, "s1", 0, true},
		{"another source", "/proof/bank3", bound, "s1", 0, false},
		{"a stronger one", "/proof/bank4", bound, "s1", 0, false},
		{"another session", "/proof/mobile3", bound, "s2", 0, false},
		{"no session", "/proof/mobile3", bound, "", 0, false},
		{"bound to nobody", "/proof/mobile3", free, "s1", 0, false},
		{"none", "/proof/mobile3", "", "s1", 0, false},
		{"as old as it may be", "/proof/mobile3", bound, "s1", 30 * time.Minute, true},
		{"older than the rule wants", "/proof/mobile3", bound, "s1", 30*time.Minute + time.Second, false},
	} {
		n.now = time.Unix(1_800_000_000, 0).Add(c.later)
		d, made, asked := n.come(c.path, visitor{session: c.session}, c.assertion)
		if (d.Action == policy.Allow) != c.good || asked != 0 || made != "" {
			t.Errorf("%s: %s, asked %d times, signed %q", c.name, d.Reason, asked, made)
		}
		if !c.good && (d.Status != 403 || d.Reason != plugin.VerificationNeeded) {
			t.Errorf("%s: %d %s", c.name, d.Status, d.Reason)
		}
	}
}

// FuzzAssertions permutes whose assertion goes with whose claims and session, and what becomes of its bytes: only what
// was signed for these claims spares a question.
func FuzzAssertions(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint8(0), uint16(0), uint8(0), "")
	f.Add(uint8(1), uint8(2), uint8(1), uint16(3), uint8(1), "eyJhbGciOiJub25lIn0..")
	f.Add(uint8(5), uint8(5), uint8(3), uint16(60), uint8(4), ".")
	paths := []string{"/id2", "/mobile2", "/mobile3", "/bank3", "/bank4", "/bound", "/proof/mobile3", "/proof/bank4"}
	f.Fuzz(func(t *testing.T, made, asked, who uint8, at uint16, flip uint8, other string) {
		n := usual(t)
		from, to := paths[int(made)%6], paths[int(asked)%len(paths)]
		owner, bearer := zhang, zhang
		if who&1 != 0 {
			bearer = li
		}
		if who&2 != 0 {
			bearer.session = li.session
		}
		token := n.made(t, from, owner)
		if other != "" {
			token = other
		}
		if flip != 0 {
			changed := []byte(token)
			changed[int(at)%len(changed)] ^= flip
			token = string(changed)
		}
		whole := other == "" && flip == 0
		d, _, questions := n.come(to, bearer, token)
		proofOnly := strings.HasPrefix(to, "/proof/")
		sameClaims := bearer.id == owner.id
		sameSession := bearer.session == owner.session
		check := func(path string) string {
			if path = strings.TrimPrefix(strings.TrimPrefix(path, "/proof"), "/"); path == "bound" {
				return "mobile3"
			}
			return path
		}
		covers := check(from) == check(to) || string(providers.Check(check(from)).Implies()) == check(to)
		switch {
		case proofOnly:
			if want := whole && from == "/bound" && sameSession && covers; (d.Action == policy.Allow) != want || questions != 0 {
				t.Fatalf("%s to %s, as %d: %s", from, to, who, d.Reason)
			}
		default:
			want := whole && sameClaims && covers && (to != "/bound" || from == "/bound" && sameSession)
			if (questions == 0) != want {
				t.Fatalf("%s to %s, as %d, %q: asked %d times", from, to, who, token, questions)
			}
		}
	})
}

// The token holds no claim, in any of the forms that one could be found in.
func TestAnAssertionHoldsNoClaim(t *testing.T) {
	n := usual(t)
	made := n.made(t, "/bank4", zhang)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(made, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range []string{zhang.name, zhang.id, zhang.mobile, zhang.card, zhang.session} {
		if strings.Contains(string(payload), claim) || strings.Contains(made, base64.RawURLEncoding.EncodeToString([]byte(claim))) {
			t.Errorf("%s is in %s", claim, payload)
		}
	}
	if !strings.Contains(string(payload), `"source":"bank"`) || !strings.Contains(string(payload), `"at":1800000000`) {
		t.Errorf("it does not say what was proven: %s", payload)
	}
}

func TestJWKSShowsOnlyWhatIsPublic(t *testing.T) {
	n := newNotary(t, `["HS","ED"]`, "i", "a", "t")
	keys := n.JWKS()
	if !strings.Contains(keys, `"crv":"Ed25519"`) || strings.Count(keys, `"kid"`) != 1 || strings.Contains(keys, "secret") || strings.Contains(keys, `"d"`) {
		t.Error(keys)
	}
}

func BenchmarkRecallByAssertion(b *testing.B) {
	for _, key := range []string{"ED", "HS"} {
		b.Run(key, func(b *testing.B) {
			n := newNotary(b, `"`+key+`"`, "i", "a", "t")
			made := n.made(b, "/mobile3", zhang)
			for b.Loop() {
				n.come("/mobile3", zhang, made)
			}
		})
	}
}
