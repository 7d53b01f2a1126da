package celerity

import (
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/wire"
)

// question is a request's body (seed). group is required by the page's table and missing in its sample: always sent.
type question struct {
	Buscode string   `json:"buscode"`
	Group   string   `json:"group"`
	Async   bool     `json:"async"`
	ExtData *extData `json:"extData,omitempty"`
	Data    data     `json:"data"`
}

type data struct {
	IDCard string `json:"IdCard"`
	Name   string `json:"Name"`
	Phone  string `json:"Phone"`
}

type extData struct {
	SerialNo string            `json:"serialNo,omitempty"`
	Branch   string            `json:"branch,omitempty"`
	Operator string            `json:"operator,omitempty"`
	ExtInfo  map[string]string `json:"extInfo,omitempty"`
}

// loginRequest is the body of a login (token page).
type loginRequest struct {
	SysName  string `json:"sysName"`
	UserCode string `json:"userCode"`
	Password string `json:"password"`
}

// loginReply is what a login gets (token page). The refresh token is not used: a login is as cheap.
type loginReply struct {
	ErrCode *wire.Text              `json:"errcode"`
	Data    *wire.Object[loginData] `json:"data"`
}

type loginData struct {
	AccessToken wire.Text `json:"accessToken"`
}

// reply is what a question gets (seed). status has no documented meaning, and errmsg says SUCCESS or tells what
// errcode tells: neither is read. Pointers tell an absent code from a 0.
type reply struct {
	ErrCode *wire.Text              `json:"errcode"`
	Data    *wire.Object[replyData] `json:"data"`
}

type replyData struct {
	TraceNo wire.Text       `json:"traceNo"`
	Result  json.RawMessage `json:"result"` // an object in the sample, a string in the table
}

type result struct {
	ResponseJSON *struct {
		Response *answer `json:"Response"`
		answer           // another revision of the page has no Response
	} `json:"responseJson"`
}

type answer struct {
	Result    *wire.Text `json:"Result"`
	Isp       wire.Text  `json:"Isp"`
	RequestID wire.Text  `json:"RequestId"`
}

var errTwice = errors.New("result stands at two levels and differs")

// open reads data.result: nil if there is none. It is an object, or the JSON text of one.
func open(raw json.RawMessage) (*answer, error) {
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '"' {
		var s string
		if err := callout.Decode(raw, &s); err != nil {
			return nil, err
		}
		if s == "" {
			return nil, nil
		}
		raw = json.RawMessage(s)
	}
	var r result
	if err := callout.Decode(raw, &r); err != nil {
		return nil, err
	}
	switch j := r.ResponseJSON; {
	case j == nil:
		return nil, errNoAnswer
	case j.Response == nil:
		return &j.answer, nil
	case j.Result != nil && (j.Response.Result == nil || *j.Result != *j.Response.Result):
		return nil, errTwice
	default:
		return j.Response, nil
	}
}
