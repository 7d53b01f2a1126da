package play

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A Canary finds claim values in what must not hold any, in every form in which they could get there.
type Canary struct {
	needles map[string]string // form to what it is of; in lower case
}

// NewCanary watches for all claims of the people.
func NewCanary(people People) *Canary {
	c := &Canary{needles: map[string]string{}}
	for person, claims := range people {
		for claim, value := range claims {
			c.Add(claim+" of "+person, value)
		}
	}
	return c
}

// facePrefix is how much of an image is looked for: past its magic bytes, which all images share.
const facePrefix = 40

// minNeedle is the shortest form that is looked for, in bytes: shorter ones are in everything.
const minNeedle = 6

// Add watches for one value.
func (c *Canary) Add(what, value string) {
	if len(value) > 200 {
		value = value[16 : 16+facePrefix]
	}
	for _, plain := range []string{value, normalised(value), strings.ReplaceAll(value, "·", "."), strings.ToLower(value)} {
		if len(plain) < minNeedle {
			continue
		}
		forms := []string{plain, url.QueryEscape(plain), url.PathEscape(plain), escaped(plain), quoted(plain)}
		for skip := range 3 {
			forms = append(forms, inBase64(plain, skip)...)
		}
		for _, f := range forms {
			if len(f) >= minNeedle {
				c.needles[strings.ToLower(f)] = what
			}
		}
	}
}

// Watch watches for what a request says of a person: every text in its body that is long enough to be a claim.
func (c *Canary) Watch(r *Request) {
	var document any
	if json.Unmarshal(r.Body, &document) == nil {
		c.texts(document)
		return
	}
	if form, err := url.ParseQuery(string(r.Body)); err == nil {
		for _, values := range form {
			for _, v := range values {
				c.texts(v)
			}
		}
	}
}

func (c *Canary) texts(v any) {
	switch v := v.(type) {
	case string:
		if len(v) >= minNeedle {
			c.Add("a value of the request's body", v)
		}
	case []any:
		for _, e := range v {
			c.texts(e)
		}
	case map[string]any:
		for _, e := range v {
			c.texts(e)
		}
	}
}

// Find names a claim that is in the text; "": none is.
func (c *Canary) Find(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	folded := bytes.ToLower(text)
	for needle, what := range c.needles {
		if bytes.Contains(folded, []byte(needle)) {
			return what
		}
	}
	return ""
}

// normalised is the value as it is sent to a vendor.
func normalised(s string) string {
	s = strings.NewReplacer("•", "·", "‧", "·", "・", "·", ".", "·", " ", "", "-", "").Replace(strings.TrimSpace(s))
	return strings.TrimPrefix(strings.TrimPrefix(s, "+86"), "0086")
}

// escaped is the value with every character above ASCII as \uXXXX, quoted as fmt's %q would have it.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			b.WriteString(strings.Repeat("0", 4-len(strconv.FormatInt(int64(u), 16))))
			b.WriteString(strconv.FormatInt(int64(u), 16))
		}
	}
	return b.String()
}

func quoted(s string) string {
	q := strconv.QuoteToASCII(s)
	return q[1 : len(q)-1]
}

// inBase64 is what base64 makes of the value when skip bytes are before it, without what depends on its neighbours.
func inBase64(s string, skip int) []string {
	padded := append(make([]byte, skip), s...)
	padded = padded[:len(padded)-len(padded)%3]
	if len(padded) < 3 {
		return nil
	}
	from := 0
	if skip > 0 {
		from = 4
	}
	standard := base64.StdEncoding.EncodeToString(padded)[from:]
	return []string{standard, strings.NewReplacer("+", "-", "/", "_").Replace(standard)}
}
