package providertest

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

// Claims is a person as text, for tests and vector files. An empty field is a claim that is absent. FaceImage "sample"
// is SampleFace.
type Claims struct {
	Name      string `json:"name,omitempty"`
	IDNumber  string `json:"idNumber,omitempty"`
	Mobile    string `json:"mobile,omitempty"`
	BankCard  string `json:"bankCard,omitempty"`
	FaceImage string `json:"faceImage,omitempty"`
	UserID    string `json:"userId,omitempty"`
}

// Sample is an invented person with every claim set (sequence 000 is never given to anybody). No claim's text is part
// of another's.
func Sample(t testing.TB) identity.Person {
	t.Helper()
	return Person(t, Claims{
		Name: "李雷", IDNumber: "110101199003070003", Mobile: "13800001000",
		BankCard: "6222020000000001008", FaceImage: "sample", UserID: "52984126340480000",
	})
}

// SampleFace is an image of 6 KiB, base64, that begins as a JPEG and shows noise.
func SampleFace() string {
	image := make([]byte, 6*1024)
	_, _ = rand.NewChaCha8([32]byte([]byte("idvgate providertest face image "))).Read(image) // never fails
	copy(image, "\xff\xd8\xff\xe0\x00\x10JFIF\x00")
	return base64.StdEncoding.EncodeToString(image)
}

// Person parses c; a claim that is wrong fails the test. Card numbers need not satisfy Luhn.
func Person(t testing.TB, c Claims) identity.Person {
	t.Helper()
	if c.FaceImage == "sample" {
		c.FaceImage = SampleFace()
	}
	var p identity.Person
	parse(t, c.Name, &p.Name, identity.ParseName)
	parse(t, c.IDNumber, &p.ID, func(s string) (identity.IDNumber, error) { return identity.ParseIDNumber(s, Start()) })
	parse(t, c.Mobile, &p.Mobile, identity.ParseMobile)
	parse(t, c.BankCard, &p.Card, func(s string) (identity.BankCard, error) { return identity.ParseBankCard(s, false) })
	parse(t, c.FaceImage, &p.Face, identity.ParseFaceImage)
	parse(t, c.UserID, &p.UserID, identity.ParseUserID)
	return p
}

func parse[T any](t testing.TB, text string, into *T, how func(string) (T, error)) {
	t.Helper()
	if text == "" {
		return
	}
	v, err := how(text)
	if err != nil {
		t.Fatalf("providertest: the sample person: %v", err)
	}
	*into = v
}

// indent is v as the vector files have it: two spaces, a newline at the end.
func indent(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}
