package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	glodonLoginPath   = "/oauth2/token"
	glodonAccountPath = "/api/v2/account/person"
	glodonVerifyPath  = "/api/v2/identify/person/3/async"
	glodonCertPath    = "/api/v2/account/apply/cert"
)

// glodonText is what the codes mean, shortened (the vendor's API page).
var glodonText = map[string]string{
	"10000": "成功",
	"10002": "参数错误",
	"10003": "认证信息不能为空",
	"10005": "第三方服务异常",
	"10030": "请求不是JSON格式",
	"10055": "认证信息错误",
	"20010": "用户已注册",
	"20020": "用户已实名",
	"20021": "用户未实名",
	"20030": "用户不存在",
	"20065": "证书已申请",
	"40010": "一致性校验未通过",
	"99999": "沙箱未知返回码",
}

// glodonReply has the code as text, as steps 1 and 2 of the vendor's page do.
func glodonReply(code string, data any) reply {
	status := http.StatusOK
	if code == "10055" {
		status = http.StatusUnauthorized
	}
	return jsonReply(status, glodonShape(code, data, code))
}

// glodonNumberReply has the code as a number, as step 4 does.
func glodonNumberReply(code string, data any) reply {
	n, _ := strconv.Atoi(code)
	return jsonReply(http.StatusOK, glodonShape(n, data, code))
}

func glodonShape(written, data any, code string) map[string]any {
	shape := map[string]any{"code": written, "message": glodonText[code]}
	if data != nil {
		shape["data"] = data
	}
	return shape
}

func (s *Sandbox) glodonLogin(r *http.Request, body []byte, _ string) result {
	key, secret, given := r.BasicAuth()
	if !given || key != s.credentials.GlodonKey || secret != s.credentials.GlodonSecret {
		return refused("invalid_client", jsonReply(http.StatusUnauthorized, map[string]string{
			"error": "invalid_client", "error_description": "Bad client credentials",
		}))
	}
	grant := r.URL.Query().Get("grant_type")
	if form, err := url.ParseQuery(string(body)); grant == "" && err == nil {
		grant = form.Get("grant_type")
	}
	if grant != "client_credentials" {
		return refused("unsupported_grant_type", jsonReply(http.StatusBadRequest, map[string]string{
			"error": "unsupported_grant_type", "error_description": "Unsupported grant type",
		}))
	}
	return result{unknownPerson, "ok", jsonReply(http.StatusOK, map[string]any{
		"access_token": s.glodon.grant("cn-", s.now()),
		"token_type":   "bearer",
		"expires_in":   int(s.glodon.lifetime.Seconds()),
		"scope":        "account identify",
	})}
}

// flexible is a field that may come as a string or as a bare number, kept digit by digit.
type flexible string

func (f *flexible) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		return json.Unmarshal(text, (*string)(f))
	}
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	*f = flexible(n)
	return nil
}

type glodonRequest struct {
	AccountID string   `json:"accountId"`
	Name      string   `json:"name"`
	IDNum     flexible `json:"idNum"`
	Mobile    flexible `json:"mobile"`
	ReturnURL string   `json:"returnUrl"`
}

func (q glodonRequest) claims() claims {
	return claims{name: q.Name, idNumber: strings.ToUpper(string(q.IDNum)), mobile: string(q.Mobile)}
}

// glodonRead is what every call after the login begins with. A code other than "" refuses it.
func (s *Sandbox) glodonRead(r *http.Request, body []byte) (q glodonRequest, code string) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || !s.glodon.good(token, s.now()) {
		return q, "10055"
	}
	if !sendsJSON(r) || json.Unmarshal(body, &q) != nil {
		return q, "10030"
	}
	return q, ""
}

// glodonJudge says whether the person's fields are there and well formed.
func glodonJudge(c claims) (code string) {
	switch {
	case c.name == "" || c.idNumber == "" || c.mobile == "":
		return "10003"
	case !validName(c.name) || !validID(c.idNumber) || !validMobile(c.mobile):
		return "10002"
	}
	return ""
}

func (s *Sandbox) glodonAccount(r *http.Request, body []byte, _ string) result {
	q, code := s.glodonRead(r, body)
	if code == "" {
		code = glodonJudge(q.claims())
	}
	if code != "" {
		return refused(code, glodonReply(code, nil))
	}
	p := s.people.byID[q.claims().idNumber]
	if p != nil && p.Answers[glodonVendor] == registered {
		return result{p.named(), registered, glodonReply("20010", nil)}
	}
	id, created := s.accounts.create(q.claims())
	if !created {
		return result{p.named(), registered, glodonReply("20010", nil)}
	}
	return result{p.named(), "ok", glodonReply("10000", map[string]string{"accountId": id})}
}

func (s *Sandbox) glodonVerify(r *http.Request, body []byte, fault string) result {
	q, code := s.glodonRead(r, body)
	c := q.claims()
	if code == "" {
		code = glodonJudge(c)
	}
	if code == "" && (q.AccountID == "" || q.ReturnURL == "") {
		code = "10003"
	}
	if code == "" {
		// The mobile may be another than the account's: the page's own sample has two.
		switch owner, known := s.accounts.owner(q.AccountID); {
		case !known:
			code = "20030"
		case owner.idNumber != c.idNumber || plainName(owner.name) != plainName(c.name):
			code = "10002"
		}
	}
	if code != "" {
		return refused(code, glodonReply(code, nil))
	}
	p := s.people.byID[c.idNumber]
	answer := s.answer(glodonVendor, glodonVerifyPath, p, c, fault)
	if answer == pending {
		switch s.pages.said(c.idNumber) {
		case approved:
			answer = match
		case declined:
			answer = mismatch
		}
	}
	return result{p.named(), answer, s.glodonAnswer(answer, r, p, q)}
}

func (s *Sandbox) glodonAnswer(answer string, r *http.Request, p *person, q glodonRequest) reply {
	switch answer {
	case tokenExpired:
		return glodonReply("10055", nil)
	case mismatch:
		return glodonReply("40010", nil)
	case busy:
		return glodonReply("10005", nil)
	case unknownCode:
		return glodonReply("99999", nil)
	case drift:
		return glodonNumberReply("20020", nil)
	case pending:
		return glodonReply("10000", map[string]string{"url": s.newPage(r, p, q)})
	}
	s.accounts.verified(q.AccountID)
	return glodonReply("20020", nil)
}

func (s *Sandbox) glodonCertificate(r *http.Request, body []byte, _ string) result {
	q, code := s.glodonRead(r, body)
	if code == "10055" {
		return refused(code, glodonReply(code, nil))
	}
	if code == "" && q.AccountID == "" {
		code = "10003"
	}
	if code != "" {
		return refused(code, glodonNumberReply(code, nil))
	}
	owner, known := s.accounts.owner(q.AccountID)
	if !known {
		return refused("20030", glodonNumberReply("20030", nil))
	}
	p := s.people.byID[owner.idNumber]
	if code := s.accounts.certify(q.AccountID); code != "" {
		return result{p.named(), code, glodonNumberReply(code, nil)}
	}
	// The account named here is not the one asked about, in the vendor's own sample too.
	return result{p.named(), "ok", glodonNumberReply("10000", map[string]string{
		"accountId": "acct" + digits(16), "certId": "cert" + digits(16),
	})}
}

// maxAccounts is how many accounts are kept; the oldest go first.
const maxAccounts = 100_000

// accounts are what step 1 created. There is one for an ID number, and one for a mobile.
type accounts struct {
	mu     sync.Mutex
	byID   map[string]*account
	owners map[string]string // account by ID number and by mobile, which never look alike
	order  []string          // oldest first
}

type account struct {
	owner     claims
	verified  bool // step 2 has said so
	certified bool
}

// create makes an account, unless the ID number or the mobile has one.
func (a *accounts) create(owner claims) (id string, created bool) {
	id = "acct" + digits(16)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owners[owner.idNumber] != "" || a.owners[owner.mobile] != "" {
		return "", false
	}
	if a.byID == nil {
		a.byID, a.owners = map[string]*account{}, map[string]string{}
	}
	if len(a.order) >= maxAccounts {
		oldest := a.byID[a.order[0]].owner
		delete(a.owners, oldest.idNumber)
		delete(a.owners, oldest.mobile)
		delete(a.byID, a.order[0])
		a.order = a.order[1:]
	}
	a.byID[id] = &account{owner: owner}
	a.owners[owner.idNumber], a.owners[owner.mobile] = id, id
	a.order = append(a.order, id)
	return id, true
}

func (a *accounts) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID, a.owners, a.order = nil, nil, nil
}

// An accountState is an account as the control path shows it.
type accountState struct {
	Account   string `json:"accountId"`
	Person    string `json:"person"`
	Verified  bool   `json:"verified"`
	Certified bool   `json:"certified"`
}

func (s *Sandbox) getAccounts(w http.ResponseWriter, _ *http.Request) {
	s.accounts.mu.Lock()
	list := make([]accountState, 0, len(s.accounts.order))
	for _, id := range s.accounts.order {
		x := s.accounts.byID[id]
		list = append(list, accountState{id, s.people.byID[x.owner.idNumber].named(), x.verified, x.certified})
	}
	s.accounts.mu.Unlock()
	slices.Reverse(list)
	writeJSON(w, http.StatusOK, map[string]any{"accounts": list})
}

func (s *Sandbox) deleteAccounts(w http.ResponseWriter, _ *http.Request) {
	s.accounts.forget()
	w.WriteHeader(http.StatusNoContent)
}

func (a *accounts) owner(id string) (claims, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if x := a.byID[id]; x != nil {
		return x.owner, true
	}
	return claims{}, false
}

func (a *accounts) verified(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if x := a.byID[id]; x != nil {
		x.verified = true
	}
}

// certify issues the account's certificate, or says why not: not real-named yet, or issued before.
func (a *accounts) certify(id string) (code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.byID[id]
	switch {
	case x == nil:
		return "20030"
	case !x.verified:
		return "20021"
	case x.certified:
		return "20065"
	}
	x.certified = true
	return ""
}
