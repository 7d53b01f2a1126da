package play

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strings"
)

// RequestText is a request as a scenario writes it.
type RequestText struct {
	Method      string            `json:"method"`
	Host        string            `json:"host"`
	Path        string            `json:"path"`
	Headers     [][2]string       `json:"headers"`
	Client      string            `json:"client"`
	JWT         json.RawMessage   `json:"jwt"`
	Upgrade     bool              `json:"upgrade"`
	Trailers    [][2]string       `json:"trailers"`
	Person      string            `json:"person"`
	Fields      []string          `json:"fields"`
	JSON        json.RawMessage   `json:"json"`
	Form        map[string]string `json:"form"`
	Body        *string           `json:"body"`
	BodyBase64  string            `json:"bodyBase64"`
	BodyRepeat  *Repeat           `json:"bodyRepeat"`
	ContentType *string           `json:"contentType"`
}

// Repeat is a text so many times, between two others.
type Repeat struct {
	Before string `json:"before"`
	Text   string `json:"text"`
	Times  int    `json:"times"`
	After  string `json:"after"`
}

// A Request is one to send, as it goes over the wire.
type Request struct {
	Method, Host, Path string
	Headers            [][2]string // names as written
	Client             string      // the address a gateway trusts, where the runtime can say it
	JWT                []byte      // a payload the gateway has verified, where the runtime can say it
	Upgrade            bool
	HasBody            bool
	Body               []byte
	Trailers           [][2]string
}

const (
	defaultHost   = "play.example.cn"
	defaultClient = "192.0.2.7"
)

// build makes the request of the text.
func (t *RequestText) build(people People) (*Request, error) {
	r := &Request{
		Method: t.Method, Host: t.Host, Path: people.fill(t.Path), Headers: people.fillPairs(t.Headers),
		Client: t.Client, Upgrade: t.Upgrade, Trailers: people.fillPairs(t.Trailers),
	}
	if len(t.JWT) > 0 {
		r.JWT = []byte(people.fill(string(t.JWT)))
	}
	media, err := t.body(people, r)
	if err != nil {
		return nil, err
	}
	if r.HasBody = media != ""; r.Method == "" {
		r.Method = "GET"
		if r.HasBody {
			r.Method = "POST"
		}
	}
	if r.Host == "" {
		r.Host = defaultHost
	}
	if r.Client == "" {
		r.Client = defaultClient
	}
	if t.ContentType != nil {
		media = *t.ContentType
	}
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], "content-type") {
			media = ""
		}
	}
	if media != "" {
		r.Headers = append(r.Headers, [2]string{"content-type", media})
	}
	return r, nil
}

// body fills in the body and returns its media type, "" if there is none.
func (t *RequestText) body(people People, r *Request) (media string, err error) {
	const jsonMedia = "application/json"
	switch {
	case t.Person != "":
		r.Body, err = people.body(t.Person, t.Fields)
		return jsonMedia, err
	case len(t.JSON) > 0:
		var b bytes.Buffer
		err = json.Compact(&b, []byte(people.fill(string(t.JSON))))
		r.Body = b.Bytes()
		return jsonMedia, err
	case t.Form != nil:
		names := make([]string, 0, len(t.Form))
		for name := range t.Form {
			names = append(names, name)
		}
		sort.Strings(names)
		pairs := make([]string, 0, len(names))
		for _, name := range names {
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(people.fill(t.Form[name])))
		}
		r.Body = []byte(strings.Join(pairs, "&"))
		return "application/x-www-form-urlencoded", nil
	case t.Body != nil:
		r.Body = []byte(people.fill(*t.Body))
		return jsonMedia, nil
	case t.BodyBase64 != "":
		r.Body, err = base64.StdEncoding.DecodeString(t.BodyBase64)
		return jsonMedia, err
	case t.BodyRepeat != nil:
		x := t.BodyRepeat
		r.Body = []byte(people.fill(x.Before) + strings.Repeat(x.Text, x.Times) + people.fill(x.After))
		return jsonMedia, nil
	}
	return "", nil
}

// People are the sandbox's, by the word that names them.
type People map[string]map[string]string

// ParsePeople reads what GET /_sandbox/identities answers, and gives each a face.
func ParsePeople(document []byte) (People, error) {
	var d struct {
		People []struct{ Person, Name, IDNumber, Mobile, BankCard, UserID string }
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("play: people: %w", err)
	}
	people := People{}
	for _, p := range d.People {
		people[p.Person] = map[string]string{
			"name": p.Name, "idNumber": p.IDNumber, "mobile": p.Mobile, "bankCard": p.BankCard, "userId": p.UserID,
			"faceImage": Face(p.Person),
		}
	}
	return people, nil
}

// Face is an image of the right type and size, another one for each person.
func Face(person string) string {
	image := append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), bytes.Repeat([]byte(person+" "), 7000/(len(person)+1))...)
	return base64.StdEncoding.EncodeToString(image)
}

// body is a JSON object of some of a person's claims.
func (p People) body(person string, fields []string) ([]byte, error) {
	claims, ok := p[person]
	if !ok {
		return nil, fmt.Errorf("play: nobody is called %q", person)
	}
	b := []byte{'{'}
	for i, f := range fields {
		value, ok := claims[f]
		if !ok {
			return nil, fmt.Errorf("play: %q is no claim", f)
		}
		if i > 0 {
			b = append(b, ',')
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, '"'), f...), '"', ':')
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

// fill puts claims in place of {PERSON.CLAIM}.
func (p People) fill(s string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	for person, claims := range p {
		if !strings.Contains(s, "{"+person+".") {
			continue
		}
		for claim, value := range claims {
			s = strings.ReplaceAll(s, "{"+person+"."+claim+"}", value)
		}
	}
	return s
}

func (p People) fillPairs(pairs [][2]string) [][2]string {
	filled := make([][2]string, 0, len(pairs)+1)
	for _, h := range pairs {
		filled = append(filled, [2]string{h[0], p.fill(h[1])})
	}
	return filled
}
