package glodon

import (
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers/callout"
)

// Requests of the steps (seed). The vendor's sample writes idNum and mobile as bare numbers: 18 digits are more than a
// JSON number keeps, and an ID number may end in X. They are sent as strings.
type (
	accountRequest struct {
		Name   string `json:"name"`
		IDNum  string `json:"idNum"`
		Mobile string `json:"mobile"`
	}
	identifyRequest struct {
		AccountID string `json:"accountId"`
		Name      string `json:"name"`
		IDNum     string `json:"idNum"`
		Mobile    string `json:"mobile"`
		ReturnURL string `json:"returnUrl"`
	}
	certificateRequest struct {
		AccountID string `json:"accountId"`
	}
)

// reply is what any step gets (seed). code is a string in steps 1 and 2 and a number in step 4; a pointer tells an
// absent one. message only tells in words what the code tells: not read.
type reply struct {
	Code *text     `json:"code"`
	Data replyData `json:"data"`
}

type replyData struct {
	AccountID text `json:"accountId"` // step 1
	URL       text `json:"url"`       // step 2
	CertID    text `json:"certId"`    // step 4
}

// UnmarshalJSON takes what is no object for none: beside a code that is a failure anything may stand.
func (d *replyData) UnmarshalJSON(b []byte) error {
	*d = replyData{}
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	type plain replyData
	return json.Unmarshal(b, (*plain)(d))
}

// code is the reply's code; read has seen to it that there is one.
func (r *reply) code() string { return string(*r.Code) }

// tokenReply is what a login gets (doc; RFC 6749 section 5).
type tokenReply struct {
	AccessToken text  `json:"access_token"`
	TokenType   *text `json:"token_type"`
	ExpiresIn   *text `json:"expires_in"` // seconds
	Error       text  `json:"error"`
}

// text is a string, or a number as it was written: numbers of 16 and more digits would lose some as a float64. Any
// other value reads as "", which is no code.
type text string

// UnmarshalJSON never fails: what is no text decides nothing.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	if len(b) == 0 {
		return nil
	}
	switch c := b[0]; {
	case c == '"':
		var s string
		if json.Unmarshal(b, &s) == nil {
			*t = text(s)
		}
	case c == '-' || c >= '0' && c <= '9':
		*t = text(b)
	}
	return nil
}

// encode is a request's body.
func encode(v any) ([]byte, error) { return json.Marshal(v) }

var errNoCode = errors.New("reply without a code")

// read reads the reply to a step. Its error is an *Error.
func read(resp *callout.Response) (*reply, error) {
	if resp.Status != 200 {
		return nil, refused(resp)
	}
	r := &reply{}
	if err := callout.Decode(resp.Body, r); err != nil {
		return nil, malformed(err)
	}
	if r.Code == nil {
		return nil, malformed(errNoCode)
	}
	return r, nil
}
