// Package jwt compares assertions with what a JWT library makes of them, and the other way round. It is a module of its
// own, so that nobody inherits the library.
package jwt

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

type yes struct{ asked *int }

func (y yes) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	*y.asked++
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
}

const secret = "a secret of more than thirty-two bytes"

// The private key of RFC 8032, 7.1, test 1, in PKCS#8.
var (
	seed = []byte("\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60")
	pem  = "-----BEGIN PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString(append([]byte("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"), seed...)) + "\n-----END PRIVATE KEY-----\n"
)

type gate struct {
	*plugin.Engine
	asked int
}

func newGate(t *testing.T, key string) *gate {
	t.Helper()
	g := &gate{}
	list := providers.List{{
		Name: "yes", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return yes{&g.asked}, nil },
	}}
	doc := `{"version":1,"providers":{"v":{"use":"yes"}},"subject":{"key":{"secret":"KEY"}},
		"assertion":{"key":{"secret":"KEY"},"issuer":"https://gate.example.cn","audience":"api"},
		"rules":[{"name":"r","route":{"path":"/"},"claims":{"name":{"header":"x-name"},"mobile":{"header":"x-mobile"}},"verify":{"check":"mobile2","by":["v"]},"assert":{"goodFor":"1h"}}]}`
	e, err := plugin.Load([]byte(doc), list, plugin.Env{Lookup: func(string) (string, bool) { return key, true }, Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	g.Engine = e
	return g
}

type request struct{ head *plugin.Head }

func (r request) Head() *plugin.Head     { return r.head }
func (request) Body(int) ([]byte, error) { return nil, plugin.ErrGone }

// come asks, with a token where there is one, and says what it got and whether anybody was asked.
func (g *gate) come(token string) (made string, asked bool) {
	head := &plugin.Head{Method: "GET", Scheme: "https", Host: "a", Path: "/", Header: []callout.Header{
		{Name: "x-name", Value: "张三"}, {Name: "x-mobile", Value: "13800138000"}, {Name: "idv-assertion", Value: token},
	}}
	before := g.asked
	d := g.Evaluate(context.Background(), request{head}, nil)
	for _, h := range d.Header {
		if h.Name == plugin.AssertionHeader {
			made = h.Value
		}
	}
	return made, g.asked > before
}

// keyOf is what verifies, of EdDSA the key that the JWKS shows.
func keyOf(t *testing.T, g *gate, method jwt.SigningMethod) any {
	t.Helper()
	if method == jwt.SigningMethodHS256 {
		return []byte(secret)
	}
	var set struct {
		Keys []struct{ Kty, Crv, Alg, Kid, X string }
	}
	if err := json.Unmarshal([]byte(g.JWKS()), &set); err != nil || len(set.Keys) != 1 || set.Keys[0].Kty != "OKP" || set.Keys[0].Crv != "Ed25519" {
		t.Fatalf("%v: %s", err, g.JWKS())
	}
	public, err := base64.RawURLEncoding.DecodeString(set.Keys[0].X)
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.PublicKey(public)
}

func TestALibraryVerifiesWhatIsSigned(t *testing.T) {
	for _, c := range []struct {
		method jwt.SigningMethod
		key    string
	}{{jwt.SigningMethodEdDSA, pem}, {jwt.SigningMethodHS256, secret}} {
		g := newGate(t, c.key)
		made, _ := g.come("")
		var claims jwt.MapClaims
		token, err := jwt.ParseWithClaims(made, &claims, func(*jwt.Token) (any, error) { return keyOf(t, g, c.method), nil },
			jwt.WithValidMethods([]string{c.method.Alg()}), jwt.WithIssuer("https://gate.example.cn"), jwt.WithAudience("api"), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
		if err != nil || !token.Valid || token.Header["typ"] != "idv-assertion+jwt" {
			t.Fatalf("%s: %v, header %v", c.method.Alg(), err, token.Header)
		}
		list, _ := claims["idv"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["check"] != "mobile2" || list[0].(map[string]any)["source"] != "carrier" || claims["sub"] == nil {
			t.Errorf("%s: %v", c.method.Alg(), claims)
		}
	}
}

func TestWhatALibrarySignsIsTakenAndTricksAreNot(t *testing.T) {
	for _, c := range []struct {
		method jwt.SigningMethod
		key    string
		sign   any
	}{{jwt.SigningMethodEdDSA, pem, ed25519.NewKeyFromSeed(seed)}, {jwt.SigningMethodHS256, secret, []byte(secret)}} {
		g := newGate(t, c.key)
		made, _ := g.come("")
		var claims jwt.MapClaims
		token, _, err := jwt.NewParser().ParseUnverified(made, &claims)
		if err != nil {
			t.Fatal(err)
		}
		signed := func(method jwt.SigningMethod, key any, header map[string]any) string {
			own := jwt.NewWithClaims(method, claims)
			for name, value := range header {
				own.Header[name] = value
			}
			text, err := own.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		header := map[string]any{"kid": token.Header["kid"], "typ": token.Header["typ"]}
		if _, asked := g.come(signed(c.method, c.sign, header)); asked {
			t.Errorf("%s: what the library signs with the key is not taken", c.method.Alg())
		}
		public, _ := keyOf(t, g, c.method).(ed25519.PublicKey)
		parts := strings.Split(made, ".")
		for name, trick := range map[string]string{
			"no algorithm":               signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header),
			"the public key as a secret": signed(jwt.SigningMethodHS256, append([]byte(nil), public...), header),
			"another key":                signed(jwt.SigningMethodHS256, []byte("another secret of thirty-two bytes!"), header),
			"another type":               signed(c.method, c.sign, map[string]any{"kid": token.Header["kid"], "typ": "JWT"}),
			"no key id":                  signed(c.method, c.sign, map[string]any{"typ": token.Header["typ"]}),
			"a key of its own":           signed(c.method, c.sign, map[string]any{"kid": token.Header["kid"], "typ": token.Header["typ"], "jwk": map[string]any{"kty": "OKP"}}),
			"no signature":               parts[0] + "." + parts[1] + ".",
			"padding":                    made + "=",
			"a fourth part":              made + ".x",
			"white space":                parts[0] + "." + parts[1] + ". " + parts[2],
		} {
			if _, asked := g.come(trick); !asked {
				t.Errorf("%s: %s is taken", c.method.Alg(), name)
			}
		}
	}
}
