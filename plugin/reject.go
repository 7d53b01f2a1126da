package plugin

import (
	"io"
	"strconv"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// Title is the sentence of a problem: one for each reason, so that one reason always has one body.
func (r Reason) Title() string {
	switch r {
	case InvalidRequest:
		return "The request cannot be read, or a field of it is malformed"
	case AgeRequirement:
		return "The person does not meet the age requirement"
	case NotVerified, ReasonNoRule:
		return "The identity was not verified"
	case VerificationNeeded:
		return "The person has to complete the verification"
	case TooManyTries:
		return "Too many tries, try again later"
	case BodyTooLarge:
		return "The request body is too large"
	case UnsupportedMedia:
		return "The request body has to be application/json or application/x-www-form-urlencoded, in UTF-8, not compressed"
	case Unavailable:
		return "The verification is not available, try again later"
	}
	return "The request was denied"
}

// retryAfter is what a 503 says, in seconds.
const retryAfter = "5"

// reject fills in what the client gets: an RFC 9457 problem. Mismatch, no record and limited have one and the same
// body but for the decision's id, so that nobody can ask whose data is right.
func (q *question) reject(d *Decision) {
	url, handle := "", ""
	if d.Action == policy.Challenge {
		url, handle = q.verifyURL(), q.pending
		if mode, _ := q.head.get("sec-fetch-mode"); url != "" && mode == "navigate" {
			d.Status = 303
		}
	}
	d.explain(q.fault.Claim, url, handle)
	if handle != "" {
		d.Header = append(d.Header, callout.Header{Name: PendingHeader, Value: handle})
	}
	if d.Status == 429 {
		d.Header = append(d.Header, callout.Header{Name: "retry-after", Value: strconv.FormatInt(waitSeconds(q.wait), 10)})
	}
}

// Broken denies a request where no engine can: it is gone, or was never made, or serves as many as it can. What the
// client gets is what it gets where no vendor answers.
func Broken(random io.Reader) Decision {
	d := Decision{Reason: Unavailable, Status: 503, ID: newID(random)}
	d.explain(identity.ClaimNone, "", "")
	return d
}

// explain fills in header and body of a rejection.
func (d *Decision) explain(c identity.Claim, url, handle string) {
	d.Header = append(make([]callout.Header, 0, 4),
		callout.Header{Name: "content-type", Value: "application/problem+json"},
		callout.Header{Name: "cache-control", Value: "no-store"})
	if d.Status == 303 {
		d.Header = append(d.Header, callout.Header{Name: "location", Value: url})
	}
	if d.Status == 503 {
		d.Header = append(d.Header, callout.Header{Name: "retry-after", Value: retryAfter})
	}
	d.Body = problem(d, c, url, handle)
}

func problem(d *Decision, c identity.Claim, url, handle string) []byte {
	var b strictjson.Buffer
	b.Raw(`{"type":"urn:idvgate:problem:`)
	b.Raw(string(d.Reason))
	b.Raw(`","title":`)
	b.Text(d.Reason.Title())
	b.Name("status")
	b.Number(int64(d.Status))
	b.Member("reason", string(d.Reason))
	if d.Reason == InvalidRequest && c != identity.ClaimNone {
		b.Member("claim", c.String())
	}
	b.Member("verifyUrl", url)
	b.Member("pending", handle)
	b.Name("instance")
	b.Text(d.ID)
	b.Raw("}")
	return b.Bytes()
}

// verifyURL is the page of the pending answer, "" where there is none.
func (q *question) verifyURL() string {
	for _, i := range q.answers {
		if p := q.attempts[i].result.Pending; p != nil && p.URL != "" {
			return p.URL
		}
	}
	return ""
}
