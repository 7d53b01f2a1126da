package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// kycloudPath is the look-up of an identity card.
const kycloudPath = "/api/kycloud/open/v1.0/auth/idcard/check"

// kycloudText is what the platform's common codes say, and the look-up's own.
var kycloudText = map[string]string{
	"open_invalid_parameter":           "参数有误",
	"open_company_not_existed":         "企业不存在",
	"open_sign_verify_error":           "验签失败",
	"open_request_expired":             "请求过期,请求重新发起",
	"open_timestamp_format_error":      "发送请求的时间格式错误",
	"open_auth_user_not_existed_error": "用户不存在",
	"open_sandbox_unknown":             "沙箱未知错误码",
}

// kycloudObject is the person the platform holds. Its age does not follow from the card number: nor does it in the
// page's own sample.
type kycloudObject struct {
	UserID       string `json:"userId"`
	Name         string `json:"name"`
	CardNumber   string `json:"cardNumber"`
	Address      string `json:"address"`
	Age          string `json:"age"`
	CardFrontURL string `json:"cardFrontUrl"`
	CardBackURL  string `json:"cardBackUrl"`
	StartTime    string `json:"startTime"`
	EntTime      string `json:"entTime"`
	IsAuth       any    `json:"isAuth"` // a boolean; its text for drift
}

func (s *Sandbox) kycloudCheck(r *http.Request, body []byte, fault string) result {
	params, ok := kycloudParams(r.Header.Get("Content-Type"), body)
	charset := kycloudCharset(params["charset"])
	refuse := func(code string) result { return refused(code, kycloudError(code, charset)) }
	if !ok {
		return refuse("open_invalid_parameter")
	}
	if code := s.kycloud.verify(params); code != "" {
		return refuse(code)
	}
	var biz struct {
		CardNumber string `json:"cardNumber"`
		UserID     string `json:"userId"`
	}
	if json.Unmarshal([]byte(params["bizContent"]), &biz) != nil ||
		(biz.CardNumber == "") == (biz.UserID == "") || // one of the two
		utf8.RuneCountInString(biz.CardNumber) > 18 || utf8.RuneCountInString(biz.UserID) > 20 {
		return refuse("open_invalid_parameter")
	}
	p := s.people.byID[strings.ToUpper(biz.CardNumber)]
	if biz.UserID != "" {
		p = s.people.byUser[biz.UserID]
	}
	answer := s.answer(kycloudVendor, kycloudPath, p, claims{}, fault)
	switch {
	case answer == busy: // beyond the cap on calls; the platform has no code for it
		return result{p.named(), answer, htmlReply(http.StatusServiceUnavailable)}
	case answer == unknownCode:
		return result{p.named(), answer, kycloudError("open_sandbox_unknown", charset)}
	case answer == noRecord || p == nil: // whom it does not hold it cannot show, whatever is set for everybody
		return result{p.named(), noRecord, kycloudError("open_auth_user_not_existed_error", charset)}
	}
	return result{p.named(), answer, kycloudAnswer(p, answer, charset)}
}

func kycloudAnswer(p *person, answer, charset string) reply {
	o := kycloudObject{
		UserID: p.UserID, Name: p.Name, CardNumber: p.IDNumber, Address: "北京市沙箱区一号", Age: "18",
		CardFrontURL: "https://sandbox.invalid/front.png", CardBackURL: "https://sandbox.invalid/back.png",
		StartTime: "2000-01-01", EntTime: "2099-10-01", IsAuth: true,
	}
	shape := map[string]any{"success": true}
	switch answer {
	case mismatch:
		o.Name = "沈沙箱"
	case expired:
		o.EntTime = "2019-12-31"
	case drift:
		o.IsAuth, shape["success"] = "true", "true"
	}
	shape["object"] = o
	return kycloudSend(shape, charset)
}

func kycloudError(code, charset string) reply {
	return kycloudSend(map[string]any{"code": code, "success": false, "message": kycloudText[code]}, charset)
}

// kycloudSend writes a reply in the request's character set, UTF-8 where that is not known.
func kycloudSend(shape map[string]any, charset string) reply {
	if charset == "" {
		charset = utf8Charset
	}
	r := jsonReply(http.StatusOK, shape)
	return reply{r.status, "application/json;charset=" + strings.ToUpper(charset), kycloudReply(r.body, charset)}
}
