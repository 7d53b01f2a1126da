package kycloud

import (
	"errors"
	"strings"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

const (
	codeExpired = "open_request_expired"
	codeUnknown = "open_auth_user_not_existed_error"
	// codePrefix starts every error code on the vendor's pages.
	codePrefix = "open_"
)

// Reasons, for the audit line.
const (
	reasonCharset     = "name_not_in_charset"
	reasonNotAuth     = "not_authenticated"
	reasonNotYetValid = "document_not_yet_valid"
	reasonExpired     = "document_expired"
)

const (
	seed   = "page of the interface, 2023; billing assumed"
	common = "page of common codes, 2023; billing assumed"
)

// codeTable is the vendor's error codes. It bills by the look-up, as far as anybody outside knows: its pages do not
// say, so each figure here and in judge is assumed.
var codeTable = [...]providers.Code{
	{Code: codeUnknown, Outcome: providers.NoRecord, Billed: providers.BilledNo, Meaning: "the platform does not hold the person", Source: seed},
	{Code: codeExpired, Kind: "refused", Billed: providers.BilledNo, Meaning: "timestamp too old, after one more try: our clock or zone is off", Source: common},
	{Code: "open_timestamp_format_error", Kind: "refused", Billed: providers.BilledNo, Meaning: "timestamp unreadable", Source: common},
	{Code: "open_invalid_parameter", Kind: "refused", Billed: providers.BilledNo, Meaning: "a parameter is wrong: our fault, not the person's", Source: common},
	{Code: "open_company_not_existed", Kind: "refused", Billed: providers.BilledNo, Meaning: "no such companyId", Source: common},
	{Code: "open_secret_key_not_existed", Kind: "refused", Billed: providers.BilledNo, Meaning: "our public key is not uploaded", Source: common},
	{Code: "open_ip_access_forbidden", Kind: "refused", Billed: providers.BilledNo, Meaning: "our address is not allowed", Source: common},
	{Code: "open_sign_verify_error", Kind: "refused", Billed: providers.BilledNo, Meaning: "wrong signature: another key, signType or charset", Source: common},
}

var (
	errRefused      = errors.New("the vendor refuses the request")
	errNoCode       = errors.New("failure without a code")
	errCode         = errors.New("unknown code")
	errContradicts  = errors.New("success with an error code")
	errObject       = errors.New("success without a readable object")
	errIsAuth       = errors.New("success without isAuth")
	errStoredName   = errors.New("success without a name")
	errStoredCard   = errors.New("success without the card number to compare")
	errOtherPerson  = errors.New("reply is about another person than asked for")
	errDocumentDate = errors.New("document date is not yyyy-MM-dd")
)

// judge says what the reply means for the person claimed. No Result has a reference: the vendor gives a look-up no
// number, and userId is the person's.
func (p *Provider) judge(person identity.Person, r *reply) (providers.Result, error) {
	if !r.Success.value {
		return p.failure(r)
	}
	o := &r.Object
	switch {
	case strings.HasPrefix(string(r.Code), codePrefix):
		return r.malformed(errContradicts)
	case !o.present || o.broken:
		return r.malformed(errObject)
	case !o.IsAuth.present:
		return r.malformed(errIsAuth)
	case !o.IsAuth.value:
		return providers.Result{Outcome: providers.NoRecord, Reason: reasonNotAuth, Billed: providers.BilledNo}, nil
	case strings.TrimSpace(string(o.Name)) == "":
		return r.malformed(errStoredName)
	}
	if same, err := p.samePerson(person, o); err != nil {
		return r.malformed(err)
	} else if !same {
		return answered(providers.Mismatch, ""), nil
	}
	return p.judgeDocument(r)
}

// answered is a look-up that found somebody: billed (assumed).
func answered(o providers.Outcome, reason string) providers.Result {
	return providers.Result{Outcome: o, Reason: reason, Billed: providers.BilledYes}
}

// samePerson compares what is stored with what is claimed, both normalised. A stored name or number that is none
// equals nothing. What was asked by has to come back as it was asked, if it comes back at all.
func (p *Provider) samePerson(person identity.Person, o *object) (bool, error) {
	if p.byUserID {
		if o.UserID != "" && string(o.UserID) != person.UserID.String() {
			return false, errOtherPerson
		}
		if !person.ID.IsZero() {
			if o.CardNumber == "" {
				return false, errStoredCard
			}
			if !p.sameCard(person.ID, o.CardNumber) {
				return false, nil
			}
		}
	} else if o.CardNumber != "" && !p.sameCard(person.ID, o.CardNumber) {
		return false, errOtherPerson
	}
	stored, err := identity.ParseName(string(o.Name))
	return err == nil && stored.String() == person.Name.String(), nil
}

func (p *Provider) sameCard(claimed identity.IDNumber, stored text) bool {
	id, err := identity.ParseIDNumber(string(stored), p.now())
	return err == nil && id.String() == claimed.String()
}

// judgeDocument turns a match into what the document's dates leave of it. The last day still counts (assumed).
func (p *Provider) judgeDocument(r *reply) (providers.Result, error) {
	start, hasStart, err := documentDate(r.Object.StartTime)
	if err != nil {
		return r.malformed(err)
	}
	end, hasEnd, err := documentDate(noEnd(r.Object.EntTime))
	if err != nil {
		return r.malformed(err)
	}
	today := p.now().In(p.zone).Format(time.DateOnly)
	switch {
	case hasStart && today < start:
		return answered(providers.Mismatch, reasonNotYetValid), nil
	case hasEnd && today > end && p.expired == providers.Match:
		return answered(providers.Match, ""), nil
	case hasEnd && today > end:
		return answered(p.expired, reasonExpired), nil
	}
	return answered(providers.Match, ""), nil
}

// noEnd drops what a card without an end says in place of a date (assumed, as it is printed on the cards).
func noEnd(t text) text {
	switch strings.TrimSpace(string(t)) {
	case "长期", "长期有效":
		return ""
	}
	return t
}

// documentDate checks a date, which then sorts as text; false if there is none.
func documentDate(t text) (date string, ok bool, err error) {
	date = strings.TrimSpace(string(t))
	if date == "" {
		return "", false, nil
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return "", false, errDocumentDate
	}
	return date, true, nil
}

// failure says what a failure's code means.
func (p *Provider) failure(r *reply) (providers.Result, error) {
	if r.Code == "" {
		return r.malformed(errNoCode)
	}
	for _, c := range codeTable {
		if c.Code != string(r.Code) {
			continue
		}
		if c.Outcome != providers.Unanswered {
			return providers.Result{Outcome: c.Outcome, Billed: c.Billed}, nil
		}
		return providers.Result{}, &providers.Error{
			Provider: name, Kind: providers.Refused, Status: r.status, Code: c.Code, Billed: c.Billed, Err: errRefused,
		}
	}
	return providers.Result{}, &providers.Error{
		Provider: name, Kind: providers.Malformed, Status: r.status, Code: token(r.Code),
		UnknownCode: true, Err: errCode,
	}
}

// malformed is a reply that cannot be believed. Whether it was billed is unknown.
func (r *reply) malformed(err error) (providers.Result, error) {
	return providers.Result{}, &providers.Error{
		Provider: name, Kind: providers.Malformed, Status: r.status, Code: token(r.Code), Err: err,
	}
}

// token is a code that may be logged. One with eight digits in a row might be somebody's number, and is dropped.
func token(code text) string {
	digits := 0
	for i := 0; i < len(code); i++ {
		if code[i] < '0' || code[i] > '9' {
			digits = 0
		} else if digits++; digits == 8 {
			return ""
		}
	}
	return providers.Token(string(code))
}
