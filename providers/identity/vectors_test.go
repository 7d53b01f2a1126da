package identity_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

// vectors is the shape of identity_fields.json. A field that is absent or null asserts nothing.
type vectors struct {
	IDs []struct {
		ID         string
		Valid      *bool
		Why        string
		Birth      string // yyyy-mm-dd
		Sex        string // F or M
		Kind       string
		UpgradesTo string `json:"upgrades_to"`
	}
	Cards []struct {
		PAN  string
		Len  *int
		Luhn *bool
		Note string
	}
	Mobiles []struct {
		M      string
		OK     *bool
		Normal string
		MVNO   *bool // a virtual operator's
	}
	Names []struct {
		N      string
		OK     *bool
		Normal string
		Note   string
		Warn   string // accepted and marked
	}
}

// vectorKinds are the vectors' words for kinds.
var vectorKinds = map[string]identity.Kind{
	"resident": identity.KindResident, "resident_15": identity.KindResident,
	"hmt_permit_HK": identity.KindHongKong, "hmt_permit_MO": identity.KindMacao, "hmt_permit_TW": identity.KindTaiwan,
	"foreign_pr_18": identity.KindForeigner, "foreign_pr_15": identity.KindForeigner2017,
}

// TestVectors reads the table in testdata and, if IDVGATE_VECTORS names a directory that holds one, that one too.
func TestVectors(t *testing.T) {
	t.Run("testdata", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join("testdata", "identity_fields.json"))
		if err != nil {
			t.Fatal(err)
		}
		playVectors(t, text)
	})
	dir := os.Getenv("IDVGATE_VECTORS")
	if dir == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "identity_fields.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	t.Run("IDVGATE_VECTORS", func(t *testing.T) {
		if err != nil {
			t.Fatal(err)
		}
		playVectors(t, text)
	})
}

func playVectors(t *testing.T, text []byte) {
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.IDs)+len(v.Cards)+len(v.Mobiles)+len(v.Names) == 0 {
		t.Fatal("no vector in the file")
	}
	t.Run("ids", func(t *testing.T) { playIDs(t, v) })
	t.Run("cards", func(t *testing.T) { playCards(t, v) })
	t.Run("mobiles", func(t *testing.T) { playMobiles(t, v) })
	t.Run("names", func(t *testing.T) { playNames(t, v) })
	t.Run("no claim in any error", func(t *testing.T) { playErrors(t, v) })
}

func playIDs(t *testing.T, v vectors) {
	for _, c := range v.IDs {
		n, err := identity.ParseIDNumber(c.ID, today)
		if c.Valid != nil && *c.Valid != (err == nil) {
			t.Errorf("%s: %s: error %v, want valid %t", c.ID, c.Why, err, *c.Valid)
		}
		if err != nil {
			continue
		}
		want := strings.ToUpper(c.ID)
		if c.UpgradesTo != "" {
			want = c.UpgradesTo
		}
		if n.String() != want && (c.UpgradesTo != "" || len(c.ID) == 18) {
			t.Errorf("%s becomes %s, want %s", c.ID, n, want)
		}
		if c.Birth != "" && birthText(n) != c.Birth {
			t.Errorf("%s: born %s, want %s", c.ID, birthText(n), c.Birth)
		}
		if c.Sex != "" && n.Male() != (c.Sex == "M") {
			t.Errorf("%s: male %t, want sex %s", c.ID, n.Male(), c.Sex)
		}
		if c.Kind != "" {
			if kind, ok := vectorKinds[c.Kind]; !ok || n.Kind() != kind {
				t.Errorf("%s: kind %s, want %s", c.ID, n.Kind(), c.Kind)
			}
		}
	}
}

func playCards(t *testing.T, v vectors) {
	for _, c := range v.Cards {
		card, err := identity.ParseBankCard(c.PAN, false)
		if c.Len != nil {
			shortest := 13
			if strings.HasPrefix(c.PAN, "62") {
				shortest = 16
			}
			if fits := *c.Len >= shortest && *c.Len <= 19; fits != (err == nil) || fits && len(card.String()) != *c.Len {
				t.Errorf("%s: %s: error %v with length %d", c.PAN, c.Note, err, *c.Len)
			}
		}
		if c.Luhn != nil && err == nil {
			if _, err := identity.ParseBankCard(c.PAN, true); *c.Luhn != (err == nil) {
				t.Errorf("%s: %s: error %v, want Luhn %t", c.PAN, c.Note, err, *c.Luhn)
			}
		}
	}
}

func playMobiles(t *testing.T, v vectors) {
	for _, c := range v.Mobiles {
		m, err := identity.ParseMobile(c.M)
		if c.OK != nil && *c.OK != (err == nil) {
			t.Errorf("%s: error %v, want ok %t", c.M, err, *c.OK)
		}
		if err != nil {
			continue
		}
		if c.Normal != "" && m.String() != c.Normal {
			t.Errorf("%s becomes %s, want %s", c.M, m, c.Normal)
		}
		if c.MVNO != nil && m.Virtual() != *c.MVNO {
			t.Errorf("%s: virtual %t", c.M, m.Virtual())
		}
	}
}

func playNames(t *testing.T, v vectors) {
	for _, c := range v.Names {
		n, err := identity.ParseName(c.N)
		if c.OK != nil && *c.OK != (err == nil) {
			t.Errorf("%q: %s: error %v, want ok %t", c.N, c.Note, err, *c.OK)
		}
		if err != nil {
			continue
		}
		if c.Normal != "" && n.String() != c.Normal {
			t.Errorf("%q becomes %q, want %q", c.N, n, c.Normal)
		}
		if c.Warn != "" && !n.Rare() {
			t.Errorf("%q: not marked: %s", c.N, c.Warn)
		}
	}
}

// playErrors gives every value to every parser: no error may hold it, whichever claim it was sent as.
func playErrors(t *testing.T, v vectors) {
	var values []string
	for _, c := range v.IDs {
		values = append(values, c.ID)
	}
	for _, c := range v.Cards {
		values = append(values, c.PAN)
	}
	for _, c := range v.Mobiles {
		values = append(values, c.M)
	}
	for _, c := range v.Names {
		values = append(values, c.N)
	}
	refused := 0
	for _, value := range values {
		for _, p := range parsers() {
			for _, s := range []string{value, value + "?"} { // with a "?" hardly anything is right
				_, err := p.parse(s)
				if err == nil {
					continue
				}
				refused++
				wantClosedError(t, err, p.claim)
				if bare := strings.TrimSpace(value); bare != "" && strings.Contains(err.Error(), bare) {
					t.Errorf("the error of %s holds the value", p.claim)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("no value was refused as anything")
	}
}
