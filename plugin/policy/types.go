// Package policy is the author's document: what it may say, how it is read strictly, and what is checked of it before
// a request is ever served. It is read from JSON; people write YAML, which package source turns into JSON with
// positions.
package policy

import (
	"encoding/json"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// A Policy is a document that has been loaded and checked: total, with defaults filled in, variables expanded and
// secrets resolved. Nothing in it is optional any more, unless its comment says so.
type Policy struct {
	Digest    string // 22 characters base64url: SHA-256 of the document as given, before variables and secrets
	Providers []Provider
	Subject   Subject
	JWT       JWT
	State     State
	Assertion Assertion
	Budgets   []Budget
	Rules     []Rule
}

// A Provider is one entry of `providers`, in the document's order.
type Provider struct {
	Name           string                    // the policy's name for it
	Info           providers.Info            // of `use`
	Endpoint       string                    // base URL without trailing slash
	Target         string                    // the gateway's name for it; default: the endpoint's host with port
	Plaintext      bool                      // allow: plaintext
	Private        bool                      // allow: privateAddress
	Timeout        time.Duration             // per callout, default 3s
	Retry          int                       // how often more, at once, after its own busy code; default 0, at most 3
	RetryOnTimeout bool                      // retryOn: [timeout]
	Price          map[providers.Check]Price // may be nil
	Limits         Limits
	Breaker        Breaker
	Config         json.RawMessage // of Info.Config, with variables expanded and secrets filled in
	Meaning        string          // digest of what its answers depend on: use, endpoint, configuration without secrets
}

// A Breaker leaves a provider alone that did not answer. Zero: there is none.
type Breaker struct {
	After int           // so many times in a row
	Rest  time.Duration // for so long
}

// A Price is what one billed question costs.
type Price struct {
	Micros   int64  // millionths of the currency unit
	Currency string // three capital letters
}

// Subject says how people are named in headers and audit lines.
type Subject struct {
	Key providers.Secret // HMAC key; empty: no subject digests
}

// State is what outlives a request.
type State struct {
	Keys    providers.Secret // HMAC keys of what is remembered: the first is used, the rest still read; empty: nothing is remembered
	Pending time.Duration    // how long a handle is good for; default 24h
	Shared  *Store           // of the fleet; nil: none
	Tenant  string           // keeps apart what several policies remember under one key; may be empty
}

// A Store is Redis behind Webdis, or asked by the gateway itself, which several gateways share.
type Store struct {
	URL      string // without trailing slash; "" where Redis is written
	Redis    string // on Higress: the cluster that the gateway asks itself
	Target   string // the gateway's name for it; default: the URL's host with port
	User     string // of HTTP Basic; "": none
	Password providers.Secret
	Timeout  time.Duration // of a question to it; default 250ms
	Deny     bool          // onError: deny
}

// JWT says where verified token claims may come from besides the gateway's own metadata.
type JWT struct {
	Header    string // lower-case header holding the payload (JSON, base64url or plain); "" : none
	VouchedBy string // who verified it, and keeps clients from sending it
}

// A Rule is one entry of `rules`, in the document's order. Enforcing rules: the first that applies decides. Shadow
// rules: all that apply run beside it.
type Rule struct {
	Name     string
	Route    Route
	When     *Condition // nil: always
	Claims   []ClaimSource
	Require  Require
	Verify   Verify        // the tree's root; zero: a proof is all that is asked for
	Within   time.Duration // of verify, per request; default 5s
	Throttle Throttle
	Remember Remember
	Assert   Assert
	Forward  []Forward
	// DenyFloor is the least time that a denial takes once the person is known, so that it does not tell by its speed where it
	// came from; 0: none.
	DenyFloor time.Duration
	Decide    [outcomes]Row // by providers.Outcome
	Annotate  []Annotation  // in the document's order; default outcome, check
	MaxBody   int           // bytes; default 256 KiB
	Shadow    bool
	Sample    float64 // 0 < Sample <= 1; of people, for shadow rules
}

// Remember says how long answers hold.
type Remember struct {
	For [outcomes]time.Duration // by providers.Outcome; 0: that answer is not remembered
	// StaleFor is how long after its time a match is still served while every provider is down.
	StaleFor time.Duration
}

// Asks reports whether anybody is asked.
func (v *Verify) Asks() bool { return v.All != nil || v.Any != nil || v.Check != "" }

// Any reports whether any answer is remembered.
func (r *Remember) Any() bool { return r.For != [outcomes]time.Duration{} }

// outcomes bounds a table indexed by providers.Outcome.
const outcomes = 8

// Route says by the request's head which requests a rule is for.
type Route struct {
	Hosts      []string  // lower case, without port; nil: any
	Methods    []string  // nil: any
	Path       []Segment // of the pattern
	IgnoreCase bool
}

// A Segment of a path pattern: literal text, one segment (*) or the rest (**, last only).
type Segment struct {
	Kind SegmentKind
	Text string // of a Literal; lower case if the route ignores case
}

type SegmentKind uint8

const (
	Literal SegmentKind = iota
	One                 // *
	Rest                // **, zero or more segments
)

// Place is where a value is read from.
type Place uint8

const (
	Body     Place = iota // a gjson path of plain keys and indexes into a JSON body
	Form                  // a field of an x-www-form-urlencoded body
	Header                // lower-case name
	Query                 // a query parameter
	JWTClaim              // a gjson path into the verified token's payload
)

// String is the word used in policies.
func (p Place) String() string {
	switch p {
	case Body:
		return "body"
	case Form:
		return "form"
	case Header:
		return "header"
	case Query:
		return "query"
	case JWTClaim:
		return "jwt"
	}
	return "body"
}

// A Source names one value in a request.
type Source struct {
	Place Place
	Path  string   // as written
	Keys  []string // of a Body or JWTClaim path: its parts, unescaped; an index is a part of digits
}

// A ClaimSource says where a claim comes from.
type ClaimSource struct {
	Claim identity.Claim
	Source
}

// A Condition is a leaf (Op on Source) or a tree (All, Any).
type Condition struct {
	All, Any []Condition // one of them non-nil: a tree
	Source   Source
	Op       Op
	Number   float64  // of Above
	Values   []Scalar // of Equals (one) and In
	Want     bool     // of Exists
}

// Op is what a condition asks of its value.
type Op uint8

const (
	Exists Op = iota
	Equals
	In
	Above // a number, strictly greater
)

// A Scalar is a string, number or boolean to compare with. Compared by type and value; numbers as float64. In forms,
// headers and queries all values are text: there a number compares with a value that reads as that number, a boolean
// with "true" or "false".
type Scalar struct {
	Text   string
	Number float64
	Bool   bool
	Kind   ScalarKind
}

type ScalarKind uint8

const (
	TextKind ScalarKind = iota
	NumberKind
	BoolKind
)

// Require is what can be judged for free.
type Require struct {
	MinAge      int  // whole years, 0: none
	MaxAge      int  // whole years, inclusive, 0: none
	Luhn        bool // default true
	DenyVirtual bool // virtualOperators: deny
	Proof       Proof
}

// Verify is a node of the tree: a check by a chain of providers, or all/any of further nodes.
type Verify struct {
	All, Any []Verify // one of them non-nil: a tree
	Check    providers.Check
	By       []int // indexes into Policy.Providers
}

// Decision words of a rule's table.
type Action uint8

const (
	Deny Action = iota
	Allow
	Challenge
)

// String is the word used in policies, audit lines and metrics.
func (a Action) String() string {
	switch a {
	case Allow:
		return "allow"
	case Challenge:
		return "challenge"
	case Deny:
		return "deny"
	}
	return "deny"
}

// A Row is what happens on one outcome.
type Row struct {
	Action Action
	Signed string // the reason written for allowing anything but a match
}

// An Annotation is a header the upstream gets.
type Annotation uint8

const (
	AnnotateOutcome Annotation = iota
	AnnotateCheck
	AnnotateProvider
	AnnotateReference
	AnnotateSubject
	AnnotateCarrier
	AnnotateAgeBand
	AnnotateVersion
)
