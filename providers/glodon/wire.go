package glodon

import (
	"errors"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/wire"
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
	Code *wire.Text             `json:"code"`
	Data wire.Object[replyData] `json:"data"`
}

type replyData struct {
	AccountID wire.Text `json:"accountId"` // step 1
	URL       wire.Text `json:"url"`       // step 2
	CertID    wire.Text `json:"certId"`    // step 4
}

// code is the reply's code; read has seen to it that there is one.
func (r *reply) code() string { return string(*r.Code) }

// tokenReply is what a login gets (doc; RFC 6749 section 5).
type tokenReply struct {
	AccessToken wire.Text  `json:"access_token"`
	TokenType   *wire.Text `json:"token_type"`
	ExpiresIn   *wire.Text `json:"expires_in"` // seconds
	Error       wire.Text  `json:"error"`
}

var errNoCode = errors.New("reply without a code")

// read reads the reply to a step. Its error is an *Error.
func read(resp *callout.Response) (*reply, error) {
	if resp.Status != 200 {
		return nil, wire.Status(name, resp)
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
