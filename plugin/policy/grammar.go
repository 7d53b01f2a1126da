package policy

import (
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// Bounds and defaults of what a policy sets.
const (
	defaultTimeout = 3 * time.Second
	maxTimeout     = 30 * time.Second
	defaultWithin  = 5 * time.Second
	maxWithin      = 60 * time.Second
	maxRemember    = 10 * 365 * 24 * time.Hour
	defaultPending = 24 * time.Hour
	maxPending     = 30 * 24 * time.Hour
	maxRetry       = 3
	maxDenyFloor   = 10 * time.Second
	defaultMaxBody = 256 << 10
	maxMaxBody     = 16 << 20
	maxTreeDepth   = 8 // of verify and when, the root included
	maxAge         = 150
)

// Grammar is every word of a policy that may use these providers, and what each takes. Loading and the JSON Schema are
// made of it.
func Grammar(list providers.List) *shape.Object {
	provider := shape.Type{Kind: shape.AnObject, Object: providerGrammar(list)}
	rules := shape.Type{Kind: shape.AnObject, Object: ruleGrammar()}
	return &shape.Object{
		About: "Which requests need which identity check, by which vendor, and what happens on each answer.",
		Fields: []shape.Field{
			{Name: "version", Required: true, Type: shape.Type{Kind: shape.AWhole, Words: []string{"1"}}, About: "The version of this language: 1."},
			{Name: "providers", Required: true, Type: shape.Type{Kind: shape.AMap, Elem: &provider}, About: "The vendors that rules may ask, each under a name of your own."},
			{Name: "subject", Type: object(
				shape.Field{Name: "key", Required: true, Type: shape.Type{Kind: shape.ASecret}, About: "HMAC key of the person's digest."},
			), About: "How people are named in headers and audit lines: by a keyed digest."},
			{Name: "jwt", Type: object(
				shape.Field{Name: "header", Required: true, Type: text(), About: "The header that holds a verified token's payload."},
				shape.Field{Name: "vouchedBy", Required: true, Type: text(), About: "Who verified it and keeps clients from sending it."},
			), About: "Where verified token claims come from besides the gateway's own metadata."},
			{Name: "state", Type: object(
				shape.Field{Name: "key", Required: true, Type: shape.Type{Kind: shape.ASecret}, About: "HMAC key of what is remembered, another than the subject's. After a change the old one, listed second, still reads."},
				shape.Field{Name: "pendingFor", Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Minute), Max: int64(maxPending)}, About: "How long the handle of an open question (idv-pending) is good for; 24h if not written."},
				shape.Field{Name: "shared", Type: storeGrammar(), About: "What several gateways remember and count together: Redis behind Webdis. No claim's value goes there."},
				shape.Field{Name: "tenant", Type: text(), About: "Keeps apart what policies with the same key remember."},
			), About: "What outlives a request."},
			{Name: "assertion", Type: assertionGrammar(), About: "How what was proven is signed, so that it is not asked again: by idv-assertion, a JWT that the client keeps."},
			{Name: "budgets", Type: list1(shape.Type{Kind: shape.AnObject, Object: budgetGrammar()}), About: "What providers may cost."},
			{Name: "rules", Required: true, Type: list1(rules), About: "The first enforcing rule that applies decides."},
		},
	}
}

func text() shape.Type { return shape.Type{Kind: shape.AText, Min: 1} }

func words(w ...string) shape.Type { return shape.Type{Kind: shape.AText, Words: w} }

// list1 is a list of at least one.
func list1(elem shape.Type) shape.Type { return shape.Type{Kind: shape.AList, Min: 1, Elem: &elem} }

func object(fields ...shape.Field) shape.Type {
	return shape.Type{Kind: shape.AnObject, Object: &shape.Object{Fields: fields}}
}

func checkWords() []string {
	var all []string
	for _, c := range providers.Checks() {
		all = append(all, string(c))
	}
	return all
}

func providerGrammar(list providers.List) *shape.Object {
	prices := make([]shape.Field, 0, len(providers.Checks()))
	for _, c := range checkWords() {
		prices = append(prices, shape.Field{Name: c, Type: shape.Type{Kind: shape.APrice}, About: "Of one " + c + " question."})
	}
	allow := words("plaintext", "privateAddress")
	again := words("timeout")
	o := &shape.Object{
		Name: "provider", Switch: "use",
		About: "One vendor, as it is set up here.",
		Fields: []shape.Field{
			{Name: "use", Required: true, About: "Which vendor's adapter."},
			{Name: "endpoint", Type: text(), About: "The vendor's base URL; without it, the vendor's public one."},
			{Name: "target", Type: text(), About: "The gateway's name for the endpoint (an Envoy cluster); without it, the endpoint's host."},
			{Name: "allow", Type: shape.Type{Kind: shape.AList, Elem: &allow}, About: "What is refused unless it is written here: http, and private addresses."},
			{Name: "timeout", Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Millisecond), Max: int64(maxTimeout)}, About: "For one callout; 3s if not written."},
			{Name: "retry", Type: shape.Type{Kind: shape.AWhole, Min: 0, Max: maxRetry}, About: "How often it is asked again, at once, after its own busy code; 0 if not written."},
			{Name: "retryOn", Type: list1(again), About: "What else is asked again: a time-out may have been billed."},
			{Name: "limits", Type: limitsGrammar(), About: "How much of it may be asked; all if not written."},
			{Name: "breaker", Type: object(
				shape.Field{Name: "after", Required: true, Type: shape.Type{Kind: shape.AWhole, Min: 1, Max: maxQPS}, About: "How often in a row nobody answered."},
				shape.Field{Name: "rest", Required: true, Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Second), Max: int64(time.Hour)}, About: "How long it is not asked then; after that one question is let through."},
			), About: "Leaves it alone when it does not answer; it is always asked if not written."},
			{Name: "price", Type: shape.Type{Kind: shape.AnObject, Object: &shape.Object{Fields: prices}}, About: "What one billed question costs, by check: 0.25 CNY."},
		},
	}
	use := &o.Fields[0]
	use.Type = words()
	use.Type.Words = []string{}
	for _, i := range list {
		use.Type.Words = append(use.Type.Words, i.Name)
		o.Cases = append(o.Cases, shape.Case{Word: i.Name, About: i.Vendor, Fields: shape.Config(i.Config)})
	}
	return o
}

func ruleGrammar() *shape.Object {
	var claims []shape.Field
	from := sourceGrammar()
	for _, c := range identity.Claims() {
		claims = append(claims, shape.Field{Name: c.String(), Type: shape.Type{Kind: shape.AnObject, Object: from}, About: ofClaim(c)})
	}
	age := shape.Type{Kind: shape.AWhole, Min: 1, Max: maxAge}
	proof := []string{"require", "proof"}
	return &shape.Object{
		Name: "rule",
		Fields: []shape.Field{
			{Name: "name", Required: true, Type: text(), About: "Unique; it stands in audit lines and metrics."},
			{Name: "route", Required: true, Type: shape.Type{Kind: shape.AnObject, Object: routeGrammar()}, About: "Which requests the rule is for."},
			{Name: "when", Type: shape.Type{Kind: shape.AnObject, Object: whenGrammar()}, About: "A condition; what cannot be read makes the rule apply."},
			{Name: "claims", Required: true, Unless: proof, Type: object(claims...), About: "Where each claim is read from."},
			{Name: "require", Type: object(append(proofFields(),
				shape.Field{Name: "age", Type: object(
					shape.Field{Name: "min", Type: age, About: "The youngest that passes; no least if not written."},
					shape.Field{Name: "max", Type: age, About: "The oldest that passes; no most if not written."},
				), About: "In whole years, both included."},
				shape.Field{Name: "luhn", Type: shape.Type{Kind: shape.ABool}, About: "Whether a bank card's check digit must be right; true if not written."},
				shape.Field{Name: "virtualOperators", Type: words("allow", "deny"), About: "Mobiles of virtual operators; allow if not written."},
			)...), About: "What can be judged before anybody is paid."},
			{Name: "verify", Required: true, Unless: proof, Type: shape.Type{Kind: shape.AnObject, Object: verifyGrammar()}, About: "A check, or a tree of checks. Only a rule that requires a proof does without."},
			{Name: "assert", Type: assertGrammar(), About: "Signs a match into idv-assertion, and takes one for these claims instead of asking; neither if not written."},
			{Name: "remember", Type: rememberGrammar(), About: "How long each answer holds, so that nobody is paid twice; nothing is remembered if not written. Errors, pending and faces never are."},
			{Name: "throttle", Type: throttleGrammar(), About: "How often a client may try; 429 beyond. Nothing is counted if not written."},
			{Name: "denyFloor", Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Millisecond), Max: int64(maxDenyFloor)}, About: "The least time a denial takes once the claims are read, so that its speed tells nobody whether it was remembered; none if not written."},
			{Name: "decide", Type: decideGrammar(), About: "What happens on each outcome; match allows, pending challenges, all else denies."},
			{Name: "annotate", Type: annotateGrammar(), About: "The x-idv- headers the upstream gets; outcome and check if not written."},
			{Name: "forward", Type: forwardGrammar(), About: "What the upstream gets of a claim in the JSON body of a request that passes: the person's digest (x-idv-subject), its last four characters, or nothing."},
			{Name: "mode", Type: words("enforce", "shadow"), About: "shadow: beside the rule that decides, changes nothing, writes the audit line."},
			{Name: "sample", Type: shape.Type{Kind: shape.APercent}, About: "The share of people a shadow rule asks about."},
			{Name: "maxBody", Type: shape.Type{Kind: shape.ASize, Min: 1, Max: maxMaxBody}, About: "The largest body that is read; 256KiB if not written."},
		},
	}
}

func routeGrammar() *shape.Object {
	methods := words("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
	return &shape.Object{
		Name: "route",
		Fields: []shape.Field{
			{Name: "hosts", Type: list1(text()), About: "Whole host names without port; any if not written."},
			{Name: "methods", Type: list1(methods), About: "Any if not written."},
			{Name: "path", Required: true, Type: text(), About: "* stands for one segment, ** at the end for the rest."},
			{Name: "ignoreCase", Type: shape.Type{Kind: shape.ABool}, About: "For upstreams that take /A for /a."},
		},
	}
}

// places are the fields that name where a value is read, in the order of Place.
func places() []string { return []string{"body", "form", "header", "query", "jwt"} }

func sourceFields() []shape.Field {
	about := []string{
		"A path into a JSON body: keys and indexes, such as user.cards.0.",
		"A field of an x-www-form-urlencoded body.",
		"A header's name.",
		"A query parameter.",
		"A path into the payload of a token that the gateway verified.",
	}
	var fields []shape.Field
	for i, p := range places() {
		fields = append(fields, shape.Field{Name: p, Type: text(), About: about[i]})
	}
	return fields
}

func sourceGrammar() *shape.Object {
	return &shape.Object{Name: "source", Fields: sourceFields(), OneOf: [][]string{places()}}
}

// operators are the fields that say what a condition asks.
func operators() []string { return []string{"above", "equals", "in", "exists"} }

func whenGrammar() *shape.Object {
	o := &shape.Object{
		Name:  "when",
		OneOf: [][]string{append([]string{"all", "any"}, places()...), append([]string{"all", "any"}, operators()...)},
	}
	tree := list1(shape.Type{Kind: shape.AnObject, Object: o})
	o.Fields = append(sourceFields(),
		shape.Field{Name: "above", Type: shape.Type{Kind: shape.ANumber}, About: "True for a greater number."},
		shape.Field{Name: "equals", Type: shape.Type{Kind: shape.AScalar}, About: "True for this very value, of the same type."},
		shape.Field{Name: "in", Type: list1(shape.Type{Kind: shape.AScalar}), About: "True for one of these values."},
		shape.Field{Name: "exists", Type: shape.Type{Kind: shape.ABool}, About: "Whether there is to be a value, whatever it is."},
		shape.Field{Name: "all", Type: tree, About: "True if all of them are."},
		shape.Field{Name: "any", Type: tree, About: "True if one of them is."},
	)
	return o
}

func verifyGrammar() *shape.Object {
	check, by := words(checkWords()...), list1(text())
	group := [][]string{{"check", "all", "any"}, {"by", "all", "any"}}
	inner := &shape.Object{Name: "checks", OneOf: group}
	root := &shape.Object{Name: "verify", OneOf: group}
	tree := list1(shape.Type{Kind: shape.AnObject, Object: inner})
	fields := []shape.Field{
		{Name: "check", Type: check, About: "What is proven."},
		{Name: "by", Type: by, About: "Providers, asked in order until one answers."},
		{Name: "all", Type: tree, About: "Asked in order; stops at the first that is no match."},
		{Name: "any", Type: tree, About: "Asked in order until one answers."},
	}
	inner.Fields = append(fields[:4:4], shape.Field{Name: "within", Refused: "belongs at the root of verify"})
	root.Fields = append(fields[:4:4], shape.Field{
		Name: "within", Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Millisecond), Max: int64(maxWithin)}, About: "For the whole request; 5s if not written.",
	})
	return root
}

func rememberGrammar() shape.Type {
	lifetime := shape.Type{Kind: shape.ADuration, Min: int64(time.Second), Max: int64(maxRemember)}
	fields := make([]shape.Field, 0, len(remembered())+1)
	for _, o := range remembered() {
		fields = append(fields, shape.Field{Name: o.String(), Type: lifetime, About: "How long this answer holds; not at all if not written."})
	}
	return object(append(fields, shape.Field{
		Name: "staleFor", Type: lifetime, About: "How long after its time a match still holds while every provider is down; not at all if not written.",
	})...)
}

// remembered is the outcomes that may be remembered.
func remembered() []providers.Outcome {
	return []providers.Outcome{providers.Match, providers.Mismatch, providers.NoRecord, providers.InvalidInput, providers.Limited}
}

func decideGrammar() shape.Type {
	yes := shape.Type{Kind: shape.ABool}
	signed := &shape.Object{Name: "signed", About: "Allowing what is no match, signed with a reason.", Fields: []shape.Field{
		{Name: "allow", Required: true, Type: yes, About: "true: the request passes; false: it is denied all the same."},
		{Name: "reason", Required: true, Type: text(), About: "Who decided so and why; it stands in the audit line."},
	}}
	var rows []shape.Field
	for _, o := range providers.Outcomes() {
		t := shape.Type{Kind: shape.AWordOrObject, Words: []string{"deny"}, Object: signed, Refused: []shape.Refusal{
			{Word: "allow", Because: "allowing " + o.String() + " has to be signed: write {allow: true, reason: \"…\"}"},
			{Word: "challenge", Because: "only pending can be challenged"},
		}}
		switch o {
		case providers.Match:
			t = words("allow", "deny")
			t.Refused = []shape.Refusal{{Word: "challenge", Because: "only pending can be challenged"}}
		case providers.Pending:
			t.Words = []string{"challenge", "deny"}
		case providers.Mismatch, providers.NoRecord, providers.InvalidInput, providers.Limited, providers.Unanswered:
		}
		rows = append(rows, shape.Field{Name: o.String(), Type: t, About: onOutcome(o)})
	}
	return object(rows...)
}

func annotateGrammar() shape.Type {
	word := words()
	for a := AnnotateOutcome; a <= AnnotateVersion; a++ {
		word.Words = append(word.Words, a.String())
	}
	word.Refused = []shape.Refusal{{Word: "decisionId", Because: "the decision's id is always set: do not list it"}}
	return shape.Type{Kind: shape.AList, Elem: &word}
}
