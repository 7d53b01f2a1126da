package jdcloud

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// question is how one check is asked.
type question struct {
	claims []identity.Claim
	head   string // what every body of this check begins with
	state  []byte // SHA-256 state after head
}

// checkType is the vendor's number for a check (seed; 25 on the 2024 page).
func checkType(c providers.Check) int {
	switch c {
	case providers.Bank4:
		return 0
	case providers.Bank3:
		return 1
	case providers.ID2:
		return 2
	case providers.Face3:
		return 3
	case providers.Mobile3:
		return 4
	case providers.Mobile2:
		return 25
	}
	return -1
}

// questions is all checks. The seed lists the bank card among face3's fields, the 2024 page does not.
func questions(faceWithCard bool) map[providers.Check]*question {
	all := make(map[providers.Check]*question)
	d := newDigest()
	for _, c := range providers.Checks() {
		q := &question{claims: c.Claims()}
		if c == providers.Face3 && faceWithCard {
			q.claims = append(q.claims, identity.ClaimBankCard)
		}
		q.head = `{"personalSpec":{"checkType":` + strconv.Itoa(checkType(c)) + `,"personalUser":{"bankcard":`
		if !q.needs(identity.ClaimBankCard) {
			q.head += `null,"idCard":`
			if !q.needs(identity.ClaimIDNumber) {
				q.head += `null,"imgBase64":null,"mobile":`
			}
		}
		q.state = d.state(nil, q.head)
		all[c] = q
	}
	return all
}

func (q *question) needs(c identity.Claim) bool {
	for _, needed := range q.claims {
		if needed == c {
			return true
		}
	}
	return false
}

// answers reports whether the person has every claim that is needed.
func (q *question) answers(p identity.Person) bool {
	for _, c := range q.claims {
		if !p.Has(c) {
			return false
		}
	}
	return true
}

// body is the request's body byte for byte as the vendor's SDK writes it: keys sorted, what is not asked null.
func (q *question) body(p identity.Person) []byte {
	size := len(q.head) + len(`"","idCard":"","imgBase64":"","mobile":"","name":""}}}`) + 160
	face := q.needs(identity.ClaimFaceImage)
	if face {
		size += len(p.Face.Base64())
	}
	b := append(make([]byte, 0, size), q.head...)
	card, id := q.needs(identity.ClaimBankCard), q.needs(identity.ClaimIDNumber)
	if card {
		b = appendValue(b, p.Card.String(), true)
		b = append(b, `,"idCard":`...)
	}
	if id || card {
		b = appendValue(b, p.ID.String(), id)
		b = append(b, `,"imgBase64":`...)
		b = appendValue(b, p.Face.Base64(), face)
		b = append(b, `,"mobile":`...)
	}
	b = appendValue(b, p.Mobile.String(), q.needs(identity.ClaimMobile))
	b = append(b, `,"name":`...)
	b = appendName(b, p.Name.String())
	return append(b, "}}}"...)
}

// appendValue appends a value that holds nothing JSON escapes (digits, base64), or null.
func appendValue(b []byte, value string, set bool) []byte {
	if !set {
		return append(b, "null"...)
	}
	return append(append(append(b, '"'), value...), '"')
}

// appendName appends the name as encoding/json, which the SDK uses, would: <, > and & escaped too.
func appendName(b []byte, s string) []byte {
	from := len(b)
	b = strictjson.AppendString(b, s)
	if strings.ContainsAny(s, "<>&\u2028\u2029") {
		for _, pair := range [][2]string{{"<", `\u003c`}, {">", `\u003e`}, {"&", `\u0026`}, {"\u2028", `\u2028`}, {"\u2029", `\u2029`}} {
			b = append(b[:from], bytes.ReplaceAll(b[from:], []byte(pair[0]), []byte(pair[1]))...)
		}
	}
	return b
}

// reply is what the vendor said. A field that was absent, or of another type than the page says, is not there.
type reply struct {
	requestID string
	auth      authInfo
	hasAuth   bool     // result holds an authInfo, flat (SDK) or nested (seed)
	problem   envelope // error
	isError   bool
}

type authInfo struct {
	success, hasException flag
	code                  string
	charged               providers.Billing // of detail
	orderNumber           string            // of detail
}

// envelope is the gateway's error (SDK).
type envelope struct {
	code   int // an HTTP status, 0 if absent
	status string
}

// flag is a boolean with presence.
type flag uint8

const (
	absent flag = iota
	no
	yes
)

// What is read of a reply. message is not: it explains, and may quote what was asked.
const (
	atRequestID = iota
	atError
	atErrorCode
	atErrorStatus
	atResult
	atFlat     // success, hasException, code, detail
	atNested   = atFlat + 4
	atAuthInfo = atNested + 4
	paths      = atAuthInfo + 1
)

var (
	watch = strictjson.NewWatch([][]string{
		{"requestId"},
		{"error"},
		{"error", "code"},
		{"error", "status"},
		{"result"},
		{"result", "success"},
		{"result", "hasException"},
		{"result", "code"},
		{"result", "detail"},
		{"result", "authInfo", "success"},
		{"result", "authInfo", "hasException"},
		{"result", "authInfo", "code"},
		{"result", "authInfo", "detail"},
		{"result", "authInfo"},
	})
	watchDetail = strictjson.NewWatch([][]string{{"chargeFlag"}, {"orderNumber"}})
)

// decode reads a reply. It fails on what is not one JSON text that everybody reads alike; what the reply lacks is for
// the caller to judge. Its error holds no value of the reply.
func decode(body []byte) (reply, error) {
	var found [paths]strictjson.Span
	if err := watch.Scan(body, found[:]); err != nil {
		return reply{}, err
	}
	at := func(i int) []byte { return body[found[i].Start:found[i].End] }
	r := reply{requestID: text(at(atRequestID))}
	if problem := at(atError); isObject(problem) {
		r.problem.code, _ = strconv.Atoi(string(at(atErrorCode)))
		r.problem.status = text(at(atErrorStatus))
		r.isError = r.problem.code != 0 || r.problem.status != ""
	}
	from := atFlat
	if isObject(at(atAuthInfo)) {
		if found[atFlat].End != 0 {
			return r, nil // both shapes at once: neither can be trusted
		}
		from = atNested
	}
	r.hasAuth = found[from].End != 0 || found[from+1].End != 0
	r.auth = authInfo{success: boolean(at(from)), hasException: boolean(at(from + 1)), code: text(at(from + 2))}
	r.auth.charged, r.auth.orderNumber = detail(at(from + 3))
	return r, nil
}

// detail reads the JSON inside detail, a string such as {"chargeFlag":"1","message":"认证通过","orderNumber":"…"} (2024
// page, of a sister API). Whatever else stands there says nothing.
func detail(value []byte) (providers.Billing, string) {
	if len(value) > 0 && value[0] == '"' {
		value = []byte(gjson.ParseBytes(value).Str)
	}
	var found [2]strictjson.Span
	if watchDetail.Scan(value, found[:]) != nil {
		return providers.BilledUnknown, ""
	}
	order := text(value[found[1].Start:found[1].End])
	switch text(value[found[0].Start:found[0].End]) {
	case "1":
		return providers.BilledYes, order
	case "0":
		return providers.BilledNo, order
	}
	return providers.BilledUnknown, order
}

// text is a string's text, or a number as it is written; "" for anything else.
func text(value []byte) string {
	switch {
	case len(value) == 0:
		return ""
	case value[0] == '"' && bytes.IndexByte(value, '\\') < 0:
		return string(value[1 : len(value)-1])
	case value[0] == '"':
		return gjson.ParseBytes(value).Str
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return string(value)
	}
	return ""
}

func boolean(value []byte) flag {
	switch string(value) {
	case "true":
		return yes
	case "false":
		return no
	}
	return absent
}

func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }
