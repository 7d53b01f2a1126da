package plugin

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/identity"
)

// A signer signs and verifies assertions with one key of the policy.
type signer struct {
	header  string // of its tokens, as they begin
	jwk     string // its public key; "": it has none
	digests *identity.Key
	private ed25519.PrivateKey // nil: HS256
	secret  []byte             // of HS256
}

// A signer's header is exactly this: what verifies is what this project signs, and RFC 8725 asks for a type of its own.
//
//	{"alg":"EdDSA","kid":"…","typ":"idv-assertion+jwt"}
func newSigner(k policy.SigningKey) signer {
	s := signer{secret: k.Secret, digests: identity.NewKey(append([]byte("idvgate.assertion.digests.1\x00"), append(k.Seed, k.Secret...)...))}
	algorithm, id := "HS256", ""
	if k.Seed != nil {
		algorithm = "EdDSA"
		s.private = ed25519.NewKeyFromSeed(k.Seed)
		public := base64.RawURLEncoding.EncodeToString(s.private[len(k.Seed):])
		sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + public + `"}`)) // RFC 7638
		id = base64.RawURLEncoding.EncodeToString(sum[:])
		s.jwk = `{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"` + id + `","x":"` + public + `"}`
	} else {
		sum := s.digests.Sum("idvgate.assertion.kid.1")
		id = base64.RawURLEncoding.EncodeToString(sum[:8])
	}
	s.header = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + algorithm + `","kid":"` + id + `","typ":"idv-assertion+jwt"}`))
	return s
}

// sign is a JWT in the compact form.
func (s *signer) sign(payload []byte) string {
	text := s.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.signature([]byte(text)))
}

func (s *signer) signature(text []byte) []byte {
	if s.private != nil {
		return ed25519.Sign(s.private, text)
	}
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(text)
	return mac.Sum(nil)
}

func (s *signer) verify(text, signature []byte) bool {
	if s.private != nil {
		return ed25519.Verify(s.private.Public().(ed25519.PublicKey), text, signature)
	}
	return hmac.Equal(s.signature(text), signature)
}

// JWKS is the public keys that verify the policy's assertions, as RFC 7517 has it; keys for HS256 are not public.
func (e *Engine) JWKS() string {
	keys := ""
	for i := range e.signers {
		if k := e.signers[i].jwk; k != "" {
			if keys != "" {
				keys += ","
			}
			keys += k
		}
	}
	return `{"keys":[` + keys + `]}`
}
