package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
)

const (
	celerityLoginPath  = "/core/auth/getVirtualToken"
	celerityVerifyPath = "/tech/ai/celerity/universal"
)

// Error numbers of the envelope (assumed: the page says only that 0 is success).
const (
	celerityUnauthorized = 401
	celerityBadRequest   = 400
)

func celerityError(errcode int, text string) reply {
	status := http.StatusOK
	if errcode == celerityUnauthorized {
		status = http.StatusUnauthorized
	}
	return jsonReply(status, map[string]any{"errcode": errcode, "errmsg": text})
}

func celerityRefused(errcode int, text string) result {
	code := map[int]string{celerityUnauthorized: "unauthorized", celerityBadRequest: "bad_request"}[errcode]
	return refused(code, celerityError(errcode, text))
}

func (s *Sandbox) celerityLogin(_ *http.Request, body []byte, _ string) result {
	var q struct {
		SysName  string `json:"sysName"`
		UserCode string `json:"userCode"`
		Password string `json:"password"`
	}
	if json.Unmarshal(body, &q) != nil || q.SysName == "" || q.UserCode == "" || q.Password == "" {
		return celerityRefused(celerityBadRequest, "sysName, userCode and password are required")
	}
	c := s.credentials
	if q.SysName != c.CelerityUser || q.UserCode != c.CelerityUserCode || q.Password != c.CelerityPassword {
		return celerityRefused(celerityUnauthorized, "wrong sysName, userCode or password")
	}
	return result{unknownPerson, "ok", jsonReply(http.StatusOK, map[string]any{
		"errcode": 0,
		"data": map[string]string{
			"accessToken":  s.celerity.grant("", s.now()),
			"refreshToken": requestID(),
		},
		"errmsg": "SUCCESS",
	})}
}

// celerityRequest is PhoneVerification's body. The page's table requires group, its sample leaves it out.
type celerityRequest struct {
	Buscode string  `json:"buscode"`
	Group   *string `json:"group"`
	Async   bool    `json:"async"`
	ExtData *struct {
		SerialNo string            `json:"serialNo"`
		Branch   string            `json:"branch"`
		Operator string            `json:"operator"`
		ExtInfo  map[string]string `json:"extInfo"`
	} `json:"extData"`
	Data *struct {
		IDCard string `json:"IdCard"`
		Name   string `json:"Name"`
		Phone  string `json:"Phone"`
	} `json:"data"`
}

func (s *Sandbox) celerityVerify(r *http.Request, body []byte, fault string) result {
	token := r.Header.Get("Authorization")
	fixed := s.credentials.CelerityToken != "" && token == s.credentials.CelerityToken
	if !fixed && !s.celerity.good(token, s.now()) {
		return celerityRefused(celerityUnauthorized, "token is unknown or expired")
	}
	var q celerityRequest
	switch {
	case !sendsJSON(r) || json.Unmarshal(body, &q) != nil:
		return celerityRefused(celerityBadRequest, "request is not readable")
	case q.Buscode != "PhoneVerification" || q.Group != nil && *q.Group != "real":
		return celerityRefused(celerityBadRequest, "unknown buscode or group")
	case q.Data == nil || q.Data.IDCard == "" || q.Data.Name == "" || q.Data.Phone == "":
		return celerityRefused(celerityBadRequest, "IdCard, Name and Phone are required")
	}
	c := claims{name: q.Data.Name, idNumber: q.Data.IDCard, mobile: q.Data.Phone}
	switch {
	case !validMobile(c.mobile):
		return result{unknownPerson, invalidInput, celerityAnswer("-6", "")}
	case !validID(c.idNumber):
		return result{unknownPerson, invalidInput, celerityAnswer("-7", "")}
	case !validName(c.name):
		return result{unknownPerson, invalidInput, celerityAnswer("-8", "")}
	}
	p := s.people.byID[strings.ToUpper(c.idNumber)]
	answer := s.answer(celerityVendor, celerityVerifyPath, p, c, fault)
	switch answer {
	case tokenExpired:
		return result{p.named(), answer, celerityError(celerityUnauthorized, "token is unknown or expired")}
	case mismatch:
		return result{p.named(), answer, celerityAnswer("-4", "")}
	case noRecord:
		return result{p.named(), answer, celerityAnswer("-9", "")}
	case invalidInput:
		return result{p.named(), answer, celerityAnswer("-7", "")}
	case limited:
		return result{p.named(), answer, celerityAnswer("-12", "")}
	case busy:
		return result{p.named(), answer, celerityAnswer("-11", "")}
	case unknownCode:
		return result{p.named(), answer, celerityAnswer("-99", "")}
	case drift:
		return result{p.named(), answer, celerityDrift()}
	case pending:
		if q.Async {
			return result{p.named(), answer, celerityEnvelope(nil)}
		}
		answer = match
	}
	return result{p.named(), answer, celerityAnswer("0", "移动")}
}

// celerityResponse is the innermost level of the answer.
type celerityResponse struct {
	Result      string
	Description string
	Isp         string
	RequestID   string `json:"RequestId"`
}

// celerityText is the description of each result (page of 2020; -12 as the public page of the twin Tencent API has it).
var celerityText = map[string]string{
	"0":   "认证通过",
	"-4":  "三要素信息不一致",
	"-6":  "手机号码不合法",
	"-7":  "身份证号码有误",
	"-8":  "姓名校验不通过",
	"-9":  "没有记录",
	"-11": "验证中心服务繁忙",
	"-12": "认证次数超过当日限制",
}

func celerityAnswer(code, isp string) reply {
	return celerityEnvelope(map[string]any{"responseJson": map[string]any{
		"Response": celerityResponse{code, celerityText[code], isp, requestID()},
	}})
}

// celerityDrift is a match in the page's other revision: no Response level, and result as JSON text.
func celerityDrift() reply {
	inner := jsonReply(0, map[string]any{"responseJson": celerityResponse{"0", celerityText["0"], "移动", requestID()}})
	return celerityEnvelope(string(inner.body))
}

// celerityEnvelope wraps a result; nil is a request accepted and not yet answered (assumed).
func celerityEnvelope(result any) reply {
	data := map[string]any{"traceNo": "1" + digits(16) + "00", "status": "success"}
	if result != nil {
		data["result"] = result
	}
	return jsonReply(http.StatusOK, map[string]any{"errcode": 0, "data": data, "errmsg": "SUCCESS"})
}
