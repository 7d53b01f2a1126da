package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Answers of data/test-identities.json. Some mean match everywhere (minor, rare_name, middle_dot).
const (
	match        = "match"
	mismatch     = "mismatch"
	noRecord     = "no_record"
	invalidInput = "invalid_input"
	limited      = "limited"
	busy         = "busy"
	busyOnce     = "busy_once"
	http500      = "http_500"
	html200      = "html_200"
	truncated    = "truncated"
	empty        = "empty"
	unknownCode  = "unknown_code"
	reset        = "reset"
	timeout      = "timeout"
	slow         = "slow"
	huge         = "huge"
	drift        = "drift"
	pending      = "pending"
	expired      = "expired"
	tokenExpired = "token_expired"
	registered   = "registered_elsewhere"
)

// unknownPerson is who a call is about when nobody listed was recognised.
const unknownPerson = "unknown"

// transport reports whether the answer is a fault of network or server, which any vendor can have.
func transport(answer string) bool {
	switch answer {
	case http500, html200, truncated, empty, reset, timeout, slow, huge:
		return true
	}
	return false
}

// billed reports whether a verifying call with this answer is on the vendor's bill: a match or a mismatch was found,
// whether or not the reply got through whole.
func billed(answer string) bool {
	switch answer {
	case match, mismatch, drift, slow, expired, huge, truncated, timeout:
		return true
	}
	return false
}

// plays reports whether the vendor has a way to give the answer. What it has no way to give it plays as match.
func plays(vendor, answer string) bool {
	if transport(answer) {
		return true
	}
	common := []string{match, mismatch, unknownCode, drift}
	own := map[string][]string{
		jdcloudVendor:  {noRecord, invalidInput, limited, busy, busyOnce},
		celerityVendor: {noRecord, invalidInput, limited, busy, busyOnce, pending, tokenExpired},
		kycloudVendor:  {noRecord, expired},
		glodonVendor:   {busy, busyOnce, pending, tokenExpired, registered},
	}
	return slices.Contains(common, answer) || slices.Contains(own[vendor], answer)
}

// A person is one entry of data/test-identities.json. None is real.
type person struct {
	Person   string            `json:"person"`
	Name     string            `json:"name"`
	IDNumber string            `json:"idNumber"`
	Mobile   string            `json:"mobile"`
	BankCard string            `json:"bankCard"`
	UserID   string            `json:"userId"`
	Answers  map[string]string `json:"answers"` // by vendor, "*" for those not named
}

// named is the person's name in calls, for nil as well.
func (p *person) named() string {
	if p == nil {
		return unknownPerson
	}
	return p.Person
}

// people finds the listed by what a vendor is asked about.
type people struct {
	byID, byMobile, byCard, byUser map[string]*person
}

func loadPeople(document []byte) (people, error) {
	var d struct{ People []*person }
	if err := json.Unmarshal(document, &d); err != nil {
		return people{}, fmt.Errorf("sandbox: people: %w", err)
	}
	all := people{map[string]*person{}, map[string]*person{}, map[string]*person{}, map[string]*person{}}
	for _, p := range d.People {
		all.byID[p.IDNumber] = p
		all.byMobile[p.Mobile] = p
		all.byCard[p.BankCard] = p
		all.byUser[p.UserID] = p
	}
	return all, nil
}

// claims is what a request says of a person. An empty field was not asked about.
type claims struct{ name, idNumber, mobile, bankCard string }

// differ reports whether one of the claims is not the person's.
func (c claims) differ(p *person) bool {
	other := func(claimed, stored string) bool { return claimed != "" && claimed != stored }
	return other(plainName(c.name), plainName(p.Name)) ||
		other(strings.ToUpper(c.idNumber), p.IDNumber) ||
		other(c.mobile, p.Mobile) ||
		other(c.bankCard, p.BankCard)
}

// plainName writes the separators in use for the middle dot (U+2022, U+2027, U+30FB, full stop) as U+00B7.
func plainName(name string) string {
	return strings.NewReplacer("•", "·", "‧", "·", "・", "·", ".", "·").Replace(strings.TrimSpace(name))
}

// answer is what the vendor says about p (nil: not listed) when these claims are made on this path.
func (s *Sandbox) answer(vendor, path string, p *person, c claims, fault string) string {
	switch {
	case fault != "":
		return fault
	case p == nil && plays(vendor, noRecord):
		return noRecord
	case p == nil || c.differ(p):
		return mismatch
	}
	a, named := p.Answers[vendor]
	if !named {
		a = p.Answers["*"]
	}
	if !plays(vendor, a) {
		return match
	}
	switch a {
	case busyOnce:
		if s.turns.odd(vendor + path + p.Person) {
			return busy
		}
		return match
	case tokenExpired:
		if s.turns.odd(vendor + path + p.Person) {
			return tokenExpired
		}
		return match
	}
	return a
}

// turns counts the calls about a person on a path, for answers that alternate.
type turns struct {
	mu    sync.Mutex
	calls map[string]int
}

// odd counts one call and reports whether it is the 1st, 3rd, 5th …
func (t *turns) odd(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls == nil {
		t.calls = map[string]int{}
	}
	t.calls[key]++
	return t.calls[key]%2 == 1
}

// What the vendors accept as well formed. Foreigners' cards of 2017 have 15 characters and a check of their own.
var (
	residentID  = regexp.MustCompile(`^[0-9]{17}[0-9Xx]$`)
	legacyID    = regexp.MustCompile(`^([0-9]{15}|[A-Za-z]{3}[0-9]{12})$`)
	mobileShape = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	cardShape   = regexp.MustCompile(`^[0-9]{13,19}$`)
)

// validID judges an ID number by its form and check character (GB 11643-1999, MOD 11-2).
func validID(id string) bool {
	if !residentID.MatchString(id) {
		return legacyID.MatchString(id)
	}
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += w * int(id[i]-'0')
	}
	return "10X98765432"[sum%11] == strings.ToUpper(id)[17]
}

func validMobile(m string) bool { return mobileShape.MatchString(m) }

func validCard(c string) bool { return cardShape.MatchString(c) }

// validName asks for two to fifty characters. One alone is nobody's whole name.
func validName(n string) bool {
	length := utf8.RuneCountInString(strings.TrimSpace(n))
	return utf8.ValidString(n) && length >= 2 && length <= 50
}
