package identity_test

import (
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

// fields is a person as a request writes it.
type fields struct{ name, id, mobile, card, face, user string }

// somebody is invented: sequence 000 is given to nobody.
func somebody() fields {
	return fields{
		name: "李雷", id: "110101199003070003", mobile: "13800001000", card: "6222020000000001008",
		face: image(jpegMagic, 6001), user: "52984126340480000",
	}
}

// parse reads the fields that are there.
func (f fields) parse(t testing.TB) identity.Person {
	t.Helper()
	var p identity.Person
	var err error
	do := func(s string, parse func()) {
		t.Helper()
		if s == "" {
			return
		}
		if parse(); err != nil {
			t.Fatal(err)
		}
	}
	do(f.name, func() { p.Name, err = identity.ParseName(f.name) })
	do(f.id, func() { p.ID, err = identity.ParseIDNumber(f.id, today) })
	do(f.mobile, func() { p.Mobile, err = identity.ParseMobile(f.mobile) })
	do(f.card, func() { p.Card, err = identity.ParseBankCard(f.card, true) })
	do(f.face, func() { p.Face, err = identity.ParseFaceImage(f.face) })
	do(f.user, func() { p.UserID, err = identity.ParseUserID(f.user) })
	return p
}

func TestOnlyAndHas(t *testing.T) {
	p := somebody().parse(t)
	all := identity.Claims()
	for set := range 1 << len(all) {
		var want []identity.Claim
		for i, c := range all {
			if set>>i&1 == 1 {
				want = append(want, c)
			}
		}
		q := p.Only(want...)
		var has []identity.Claim
		for _, c := range all {
			if q.Has(c) {
				has = append(has, c)
			}
		}
		if len(has) != len(want) {
			t.Fatalf("only %v has %v", want, has)
		}
		for i := range has {
			if has[i] != want[i] {
				t.Fatalf("only %v has %v", want, has)
			}
		}
		if set == 1<<len(all)-1 && q != p {
			t.Error("all claims are not the person")
		}
	}
	if p.Has(identity.ClaimNone) || p.Has(identity.Claim(200)) {
		t.Error("the person has a claim that is none")
	}
	if q := p.Only(identity.ClaimNone, identity.Claim(200)); q != (identity.Person{}) {
		t.Error("no claim leaves something")
	}
	if q := (identity.Person{}).Only(all...); q != (identity.Person{}) {
		t.Error("an absent claim appears")
	}
	if q := p.Only(identity.ClaimName, identity.ClaimName); q != (identity.Person{Name: p.Name}) {
		t.Error("a claim named twice is not the claim")
	}
}

func TestCheck(t *testing.T) {
	const foreign = identity.FaultForeigner
	for _, c := range []struct {
		what  string
		in    fields
		fault identity.Fault
	}{
		{what: "nobody", in: fields{}},
		{what: "a Han name and a resident", in: fields{name: "李雷", id: "110101199003070003"}},
		{what: "a Han name alone", in: fields{name: "李雷", mobile: "13800001000"}},
		{what: "a Han name and a foreigner", in: fields{name: "李雷", id: "911840199001010018"}},
		{what: "a Latin name and a foreigner of 2023", in: fields{name: "JOHN SMITH", id: "911840199001010018"}},
		{what: "a Latin name and a foreigner of 2017", in: fields{name: "JOHN SMITH", id: "USA110090010101"}},
		{what: "an ID number alone", in: fields{id: "110101199003070003"}},
		{what: "a Latin name and a resident", in: fields{name: "JOHN SMITH", id: "110101199003070003"}, fault: foreign},
		{what: "a Latin name and a permit of Hong Kong", in: fields{name: "JOHN SMITH", id: "810000199001010019"}, fault: foreign},
		{what: "a Latin name without an ID number", in: fields{name: "JOHN SMITH", mobile: "13800001000"}, fault: foreign},
	} {
		t.Run(c.what, func(t *testing.T) {
			wantFault(t, c.in.parse(t).Check(), identity.ClaimName, c.fault)
		})
	}
}

func TestNormalFormsAllocateNothing(t *testing.T) {
	f := somebody()
	var p identity.Person
	n := testing.AllocsPerRun(100, func() {
		p.Name, _ = identity.ParseName(f.name)
		p.ID, _ = identity.ParseIDNumber(f.id, today)
		p.Mobile, _ = identity.ParseMobile(f.mobile)
		p.Card, _ = identity.ParseBankCard(f.card, true)
		p.UserID, _ = identity.ParseUserID(f.user)
		p.Face, _ = identity.ParseFaceImage(f.face)
	})
	if n != 0 || p != f.parse(t) {
		t.Errorf("%v allocations", n)
	}
}
