package kycloud

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// timestampLayout is yyyy-MM-dd HH:mm:ss (seed).
const timestampLayout = "2006-01-02 15:04:05"

// A param is one common parameter of a request.
type param struct{ name, value string }

// stringToSign drops sign and empty values, sorts by name and joins k=v with &, values raw (doc).
func stringToSign(params []param) string {
	kept := make([]param, 0, len(params))
	for _, p := range params {
		if p.name != "sign" && p.value != "" {
			kept = append(kept, p)
		}
	}
	slices.SortFunc(kept, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var s strings.Builder
	for i, p := range kept {
		if i > 0 {
			s.WriteByte('&')
		}
		s.WriteString(p.name)
		s.WriteByte('=')
		s.WriteString(p.value)
	}
	return s.String()
}

// content is bizContent: whom to look up. Both values are letters, digits, - and _ by their types: nothing to escape.
func (p *Provider) content(person identity.Person) string {
	if p.byUserID {
		return `{"userId":"` + person.UserID.String() + `"}`
	}
	return `{"cardNumber":"` + person.ID.String() + `"}`
}

// request is the whole request, signed for this moment.
func (p *Provider) request(content string) (*callout.Request, error) {
	params := []param{
		{"bizContent", content},
		{"charset", p.charset.String()},
		{"companyId", p.companyID},
		{"signType", p.signType},
		{"timestamp", p.now().In(p.zone).Format(timestampLayout)},
	}
	sign, err := p.sign(stringToSign(params))
	if err != nil {
		return nil, err
	}
	params = append(params, param{"sign", sign})
	write, media := p.jsonBody, "application/json"
	if p.form {
		write, media = p.formBody, "application/x-www-form-urlencoded"
	}
	body, err := write(params)
	if err != nil {
		return nil, err
	}
	encoded, err := p.charset.encode(body)
	if err != nil {
		return nil, err
	}
	return &callout.Request{
		Method: "POST",
		URL:    p.url,
		Header: []callout.Header{{Name: "Content-Type", Value: media + "; charset=" + p.charset.String()}},
		Body:   encoded,
	}, nil
}

// sign signs the text's bytes in the charset: by the gateway where it can, else here. A signature from outside is
// used only if it is this key's.
func (p *Provider) sign(text string) (string, error) {
	b, err := p.charset.encode(text)
	if err != nil {
		return "", err
	}
	if p.outside != nil {
		s, err := p.outside(p.signHash.String(), p.key.pkcs8, b)
		if err == nil && p.key.verify(p.signHash, b, s) {
			return base64.StdEncoding.EncodeToString(s), nil
		}
	}
	s, err := p.key.sign(p.signHash, b, p.random)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(s), nil
}

// jsonBody is the parameters as one JSON object. What goes as a string is signed as what the string says; a
// bizContent object is signed as its text, which is compact and so the same bytes.
func (p *Provider) jsonBody(params []param) (string, error) {
	fields := make(map[string]any, len(params)) // written sorted by name
	for _, v := range params {
		if v.name == "bizContent" && p.object || v.name == "companyId" && p.asNumber {
			fields[v.name] = json.RawMessage(v.value)
			continue
		}
		fields[v.name] = v.value
	}
	b, err := json.Marshal(fields)
	return string(b), err
}

// formBody is the parameters as a form, each value percent-encoded from its bytes in the charset.
func (p *Provider) formBody(params []param) (string, error) {
	var s strings.Builder
	for i, v := range params {
		b, err := p.charset.encode(v.value)
		if err != nil {
			return "", err
		}
		if i > 0 {
			s.WriteByte('&')
		}
		s.WriteString(v.name)
		s.WriteByte('=')
		s.WriteString(url.QueryEscape(string(b)))
	}
	return s.String(), nil
}
