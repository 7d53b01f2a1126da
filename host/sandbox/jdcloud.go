package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// jdPath is personalAuth (page of 2020-12-02).
const jdPath = "/v1/personal"

// jdRequest is the body. The vendor's SDK sends fields that are not set as null.
type jdRequest struct {
	PersonalSpec *struct {
		CheckType    *int    `json:"checkType"`
		PersonalUser *jdUser `json:"personalUser"`
	} `json:"personalSpec"`
}

type jdUser struct {
	Name      string `json:"name"`
	IDCard    string `json:"idCard"`
	Bankcard  string `json:"bankcard"`
	Mobile    string `json:"mobile"`
	ImgBase64 string `json:"imgBase64"`
}

// jdAuthInfo is the answer. Its codes are opaque, and ours are named so that nobody takes them for the vendor's.
type jdAuthInfo struct {
	Success      bool   `json:"success"`
	HasException bool   `json:"hasException"`
	Code         string `json:"code"`
	Message      string `json:"message"`
	Detail       string `json:"detail"`
}

// jdErrors are the codes of the error envelope with their HTTP status and text (the API gateway's page of error codes).
var jdErrors = map[string]struct {
	status  int
	message string
}{
	"APIGW_LACK_PARAMS":          {401, "某个参数不存在"},
	"APIGW_KEY_NOT_EXITST":       {401, "错误的密钥"},
	"APIGW_SIGN_RESULT_NOT_SAME": {401, "签名不一致"},
	"APIGW_ILLEGAL_HEADER":       {401, "请求含有非法头信息"},
	"UNAUTHENTICATED":            {401, "认证失败"},
	"APIGW_NONCE_CONFLICT":       {403, "重复访问"},
	"APIGW_SERVICE_NOT_FOUND":    {404, "服务未注册"},
	"ARGUMENT_NOT_FOUND":         {400, "参数是必填参数"},
	"ARGUMENT_WRONG_FORMAT":      {400, "参数类型错误"},
	"OUT_OF_RANGE":               {400, "参数取值不合法"},
	"INVALID_ARGUMENT":           {400, "参数存在错误"},
	"RATE_LIMIT_EXCEEDED":        {429, "请求过频繁"},
}

func jdError(code string) reply {
	e := jdErrors[code]
	return jsonReply(e.status, map[string]any{
		"requestId": requestID(),
		"error":     map[string]any{"code": e.status, "status": code, "message": e.message},
	})
}

func (s *Sandbox) jdPersonal(r *http.Request, body []byte, fault string) result {
	auth, refusal := s.jd.verify(r, body)
	if refusal == "" && auth.service != "cloudauth" {
		refusal = "APIGW_SERVICE_NOT_FOUND"
	}
	if refusal == "" && r.Header.Get("Content-Type") != "application/json" {
		refusal = "APIGW_ILLEGAL_HEADER"
	}
	if refusal != "" {
		return refused(refusal, jdError(refusal))
	}
	var q jdRequest
	if json.Unmarshal(body, &q) != nil {
		return refused("ARGUMENT_WRONG_FORMAT", jdError("ARGUMENT_WRONG_FORMAT"))
	}
	if q.PersonalSpec == nil || q.PersonalSpec.CheckType == nil || q.PersonalSpec.PersonalUser == nil {
		return refused("ARGUMENT_NOT_FOUND", jdError("ARGUMENT_NOT_FOUND"))
	}
	c, refusal := jdClaims(*q.PersonalSpec.CheckType, *q.PersonalSpec.PersonalUser)
	if refusal != "" {
		return refused(refusal, jdError(refusal))
	}
	p := s.people.byID[strings.ToUpper(c.idNumber)]
	switch {
	case c.idNumber == "" && c.mobile != "":
		p = s.people.byMobile[c.mobile]
	case c.idNumber == "":
		p = s.people.byCard[c.bankCard]
	}
	answer := s.answer(jdcloudVendor, jdPath, p, c, fault)
	return result{p.named(), answer, jdAnswer(answer)}
}

// jdClaims is what a check type asks about, or the code that refuses it.
func jdClaims(checkType int, u jdUser) (c claims, refusal string) {
	face := false
	switch checkType {
	case 0: // bank card, four elements
		c = claims{u.Name, u.IDCard, u.Mobile, u.Bankcard}
	case 1: // bank card, three elements
		c = claims{name: u.Name, idNumber: u.IDCard, bankCard: u.Bankcard}
	case 2: // name and ID number
		c = claims{name: u.Name, idNumber: u.IDCard}
	case 3: // face: with the ID number (page of 2024), with the card (page of 2020) or both
		c, face = claims{name: u.Name, idNumber: u.IDCard, bankCard: u.Bankcard}, true
	case 4: // mobile, three elements
		c = claims{name: u.Name, idNumber: u.IDCard, mobile: u.Mobile}
	case 25: // name and mobile (added 2024-05-16)
		c = claims{name: u.Name, mobile: u.Mobile}
	default:
		return c, "OUT_OF_RANGE"
	}
	if c.name == "" ||
		c.idNumber == "" && checkType != 25 && (!face || c.bankCard == "") ||
		c.mobile == "" && (checkType == 0 || checkType == 4 || checkType == 25) ||
		c.bankCard == "" && (checkType == 0 || checkType == 1) ||
		u.ImgBase64 == "" && face {
		return c, "ARGUMENT_NOT_FOUND"
	}
	if !validName(c.name) ||
		c.idNumber != "" && !validID(c.idNumber) ||
		c.mobile != "" && !validMobile(c.mobile) ||
		c.bankCard != "" && !validCard(c.bankCard) ||
		face && !validImage(u.ImgBase64) {
		return c, "INVALID_ARGUMENT"
	}
	return c, ""
}

// validImage accepts JPEG and PNG of 5 to 150 KB, whichever way a KB is counted. Any such image shows the person.
func validImage(text string) bool {
	image, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(image) < 5_000 || len(image) > 150<<10 {
		return false
	}
	return bytes.HasPrefix(image, []byte("\xff\xd8\xff")) || bytes.HasPrefix(image, []byte("\x89PNG\r\n\x1a\n"))
}

// jdAnswer plays an answer: flat in result, as the vendor's SDK reads it; nested as on its page for drift.
func jdAnswer(answer string) reply {
	switch answer {
	case invalidInput:
		return jdError("INVALID_ARGUMENT")
	case busy:
		return jdError("RATE_LIMIT_EXCEEDED")
	}
	id := requestID()
	info, charge, message := jdAuthInfo{Success: true, Code: "SANDBOX_MATCH"}, "1", "认证通过"
	switch answer {
	case mismatch:
		info, message = jdAuthInfo{Code: "SANDBOX_MISMATCH"}, "认证不通过"
	case noRecord:
		info, charge, message = jdAuthInfo{Code: "SANDBOX_NO_RECORD"}, "0", "查无记录"
	case limited:
		info, charge, message = jdAuthInfo{Code: "SANDBOX_LIMITED"}, "0", "超过当日次数"
	case unknownCode:
		info, charge, message = jdAuthInfo{HasException: true, Code: "SANDBOX_UNKNOWN"}, "0", "认证异常"
	}
	info.Message = message
	info.Detail = string(jsonReply(0, map[string]string{"chargeFlag": charge, "message": message, "orderNumber": id}).body)
	if answer == drift {
		return jsonReply(http.StatusOK, map[string]any{"requestId": id, "result": map[string]any{"authInfo": info}})
	}
	return jsonReply(http.StatusOK, map[string]any{"requestId": id, "result": info})
}
