package plugin

import (
	"errors"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// A Request is one request as the gateway sees it.
type Request interface {
	Head() *Head
	// Body is the whole body, at most limit bytes. It may suspend. The error is ErrTooLarge or ErrGone.
	Body(limit int) ([]byte, error)
}

// Body's errors.
var (
	ErrTooLarge = errors.New("plugin: body over the limit")
	ErrGone     = errors.New("plugin: body broke off")
)

// Head is the head of a request, as it came: nothing decoded, nothing normalised.
type Head struct {
	ID      string // the gateway's request id, or ""
	Method  string
	Scheme  string // http, https or ""
	Host    string // Host or :authority, with its port
	Path    string // the raw request target with its query
	Header  []callout.Header
	Client  string // the client's address as the gateway trusts it, without port
	JWT     []byte // the payload (JSON) of a token the gateway itself has verified; nil: none
	NoBody  bool   // the gateway knows that no body follows
	Upgrade bool   // an upgrade or CONNECT
}

// get is the value of the first header of that lower-case name, and how many there are.
func (h *Head) get(name string) (value string, n int) {
	for i := range h.Header {
		if equalFold(h.Header[i].Name, name) {
			if n == 0 {
				value = h.Header[i].Value
			}
			n++
		}
	}
	return value, n
}

// dropped reports whether Connection names the header of that lower-case name: a proxy takes such a header off, and what
// was read of it here the upstream does not see.
func (h *Head) dropped(name string) bool {
	for i := range h.Header {
		if !equalFold(h.Header[i].Name, "connection") {
			continue
		}
		for option := range strings.SplitSeq(h.Header[i].Value, ",") {
			if equalFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}

// equalFold compares a header name with one in lower case, in ASCII.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// A Decision is what the gateway does with the request. The zero Decision denies: a reply without a status is a 503.
type Decision struct {
	Action  policy.Action
	ID      string // 22 characters; "" where no rule was for the request
	Rule    string
	Reason  Reason
	Outcome providers.Outcome

	// Allow: these request headers are removed, then those added.
	Remove []string
	Set    []callout.Header

	// Deny and Challenge: this goes to the client. Allow: Header is added to the upstream's response, and Body, unless it
	// is nil, is what the upstream gets in place of the client's; Remove and Set have its length right.
	Status int
	Header []callout.Header
	Body   []byte
}

// Reason is the word for why, in problems, audit lines and metrics. Where a request passes it is the outcome's word.
type Reason string

const (
	ReasonNoRule       Reason = "no_rule"                  // no rule is for the request, and the gateway denies what none is for; else it passes
	InvalidRequest     Reason = "invalid_request"          // head, body or a claim cannot be read in one way only, or a claim is malformed or missing
	AgeRequirement     Reason = "age_requirement"          // the person's age is outside what the rule requires
	NotVerified        Reason = "identity_not_verified"    // mismatch, no record or limited, with one and the same body, so that nobody can ask whose data is right
	TooManyTries       Reason = "too_many_tries"           // the client has used up its tries for now; Retry-After says when there is another
	VerificationNeeded Reason = "verification_required"    // the person has to visit a page first
	BodyTooLarge       Reason = "body_too_large"           // the body is over the rule's maxBody
	UnsupportedMedia   Reason = "unsupported_media_type"   // neither JSON nor a form, not UTF-8, or compressed
	Unavailable        Reason = "verification_unavailable" // nobody answered: our fault or the vendor's, never the person's
)
