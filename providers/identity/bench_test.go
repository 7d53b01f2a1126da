package identity_test

import (
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

// parseAll reads what a bank4 question needs.
func parseAll(b *testing.B, f fields) identity.Person {
	var p identity.Person
	var errs [4]error
	p.Name, errs[0] = identity.ParseName(f.name)
	p.ID, errs[1] = identity.ParseIDNumber(f.id, today)
	p.Mobile, errs[2] = identity.ParseMobile(f.mobile)
	p.Card, errs[3] = identity.ParseBankCard(f.card, true)
	if errs != [4]error{} {
		b.Fatal(errs)
	}
	return p
}

func BenchmarkParsePerson(b *testing.B) {
	b.Run("in normal form", func(b *testing.B) {
		f := somebody()
		b.ReportAllocs()
		for b.Loop() {
			parseAll(b, f)
		}
	})
	b.Run("to be folded", func(b *testing.B) {
		f := fields{name: " 阿依古丽•买买提 ", id: "11010519491231002x", mobile: "+86 138-0000-1000", card: "6222 0200 0000 0001 008"}
		b.ReportAllocs()
		for b.Loop() {
			parseAll(b, f)
		}
	})
}

func BenchmarkParseFaceImage(b *testing.B) {
	s := image(jpegMagic, 150*1024)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := identity.ParseFaceImage(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	key := identity.NewKey(secret)
	f := somebody()
	f.face = ""
	p := f.parse(b)
	b.Run("person", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			key.Person(p)
		}
	})
	b.Run("subject", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			key.Subject(p)
		}
	})
}
