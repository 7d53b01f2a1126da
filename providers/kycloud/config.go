package kycloud

import (
	"strings"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/settings"
)

// Config is what a policy says about kycloud. The endpoint is the policy's own field: the vendor's is not public.
type Config struct {
	CompanyID   string           `json:"companyId" jsonschema:"required" jsonschema_description:"The number kycloud gave the company, in quotes: its 17 digits are more than a JSON number holds."`
	CompanyIDAs string           `json:"companyIdAs,omitempty" jsonschema:"enum=string,enum=number,default=string" jsonschema_description:"How companyId is written in the request's JSON. Assumed: string."`
	PrivateKey  providers.Secret `json:"privateKey" jsonschema:"required" jsonschema_description:"The company's RSA key, 2048 to 4096 bits: PKCS#8 or PKCS#1, as PEM or as bare base64 DER."`
	SignType    string           `json:"signType,omitempty" jsonschema:"enum=RSA2,enum=RSA,default=RSA2" jsonschema_description:"RSA2 is SHA256withRSA, which kycloud recommends; RSA is SHA1withRSA."`
	Charset     string           `json:"charset,omitempty" jsonschema:"enum=utf-8,enum=gbk,default=utf-8" jsonschema_description:"Of request, signature and reply. With gbk a name that GBK cannot hold is invalid input (name_not_in_charset)."`
	By          string           `json:"by,omitempty" jsonschema:"enum=cardNumber,enum=userId,default=cardNumber" jsonschema_description:"What the person is looked up by. With userId the check needs name and userId; an ID number that is claimed as well has to be the stored one."`
	Body        string           `json:"body,omitempty" jsonschema:"enum=json,enum=form,default=json" jsonschema_description:"How the parameters are sent. Assumed: one JSON object."`
	BizContent  string           `json:"bizContent,omitempty" jsonschema:"enum=string,enum=object,default=string" jsonschema_description:"How bizContent stands in a JSON body. Assumed: as a string of JSON. A form always has it as text."`
	Zone        string           `json:"zone,omitempty" jsonschema:"default=+08:00" jsonschema_description:"The vendor's time zone, of timestamp and document dates, such as +08:00 (assumed)."`
	Expired     string           `json:"expired,omitempty" jsonschema:"enum=mismatch,enum=match,enum=no_record,default=mismatch" jsonschema_description:"The outcome when everything fits but the person's document has expired."`
}

// maxCompanyID is in digits. The page says 11 and shows 17; a signed 64-bit number has at most 19.
const maxCompanyID = 20

// New makes a Provider. Its error is every fault of the configuration, each a *providers.ConfigError, joined.
func New(config []byte, env providers.Env) (*Provider, error) {
	var (
		f faults
		c Config
	)
	if !f.decode(config, &c) {
		return nil, f.Err()
	}
	p := &Provider{
		url:       strings.TrimSuffix(env.Endpoint, "/") + path,
		now:       env.Now,
		random:    env.Random,
		outside:   env.Sign,
		companyID: c.CompanyID,
	}
	p.asNumber = f.choice("companyIdAs", c.CompanyIDAs, "string", "number") == "number"
	f.companyID(c.CompanyID, p.asNumber)
	p.signType = f.choice("signType", c.SignType, "RSA2", "RSA")
	p.signHash = sha256Hash
	if p.signType == "RSA" {
		p.signHash = sha1Hash
	}
	p.charset = charset{gbk: f.choice("charset", c.Charset, "utf-8", "gbk") == "gbk"}
	p.byUserID = f.choice("by", c.By, "cardNumber", "userId") == "userId"
	p.form = f.choice("body", c.Body, "json", "form") == "form"
	p.object = f.choice("bizContent", c.BizContent, "string", "object") == "object"
	p.zone = f.zone(c.Zone)
	p.expired, _ = providers.ParseOutcome(f.choice("expired", c.Expired, "mismatch", "match", "no_record"))
	p.key = f.key(c.PrivateKey)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// faults is what is wrong with a configuration, with checks of its own.
type faults struct{ settings.Faults }

// add notes a field's fault; of several only the first.
func (f *faults) add(field, problem string) {
	for _, e := range f.Faults {
		if e.Field == field {
			return
		}
	}
	f.Add(field, problem)
}

// decode is false if nothing else about the configuration can be said.
func (f *faults) decode(config []byte, c *Config) bool {
	ok := f.Decode(name, config, c)
	for _, e := range f.Faults {
		if e.Problem == settings.WrongType && strings.HasPrefix(e.Field, "companyId") {
			e.Problem = "must be text: write it in quotes"
		}
	}
	return ok
}

// choice is the value or, if it is empty, the first of the words.
func (f *faults) choice(field, value string, words ...string) string {
	if value == "" {
		return words[0]
	}
	for _, w := range words {
		if value == w {
			return w
		}
	}
	f.add(field, "must be one of "+strings.Join(words, ", "))
	return words[0]
}

func (f *faults) companyID(s string, asNumber bool) {
	switch {
	case s == "":
		f.add("companyId", "is required")
	case len(s) > maxCompanyID || strings.Trim(s, "0123456789") != "":
		f.add("companyId", "must be 1 to 20 digits")
	case asNumber && len(s) > 1 && s[0] == '0':
		f.add("companyId", "a number cannot start with 0: use companyIdAs: string")
	}
}

// zone reads a fixed offset: a guest has no zone data.
func (f *faults) zone(s string) *time.Location {
	if s == "" {
		s = "+08:00"
	}
	t, err := time.ParseInLocation("-07:00", s, time.UTC)
	_, offset := t.Zone()
	if err != nil || offset < -12*3600 || offset > 14*3600 {
		f.add("zone", "must be an offset such as +08:00")
		return time.UTC
	}
	return time.FixedZone(s, offset)
}

func (f *faults) key(s providers.Secret) *rsaKey {
	if s.Value() == "" {
		f.add("privateKey", "is required")
		return nil
	}
	k, err := parseKey(s.Value())
	if err != nil {
		f.add("privateKey", err.Error())
		return nil
	}
	return k
}
