package plugin

import (
	"strconv"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// Info is what a guest says of itself. Errors is empty if and only if the policy loads.
type Info struct {
	Version   string
	Digest    string
	Rules     int
	Errors    []string
	Endpoints []Endpoint
	JWKS      string // the public keys of assertions, as JSON; "": none are signed
}

// About is the info of a guest of that version; e is nil where the policy does not load.
func About(version string, e *Engine, errors []string) *Info {
	i := &Info{Version: version, Errors: errors}
	if e != nil {
		i.Digest, i.Rules, i.Endpoints = e.Digest(), e.Rules(), e.Endpoints()
		if len(e.signers) > 0 {
			i.JWKS = e.JWKS()
		}
	}
	return i
}

// Append writes the info message without its end.
func (i *Info) Append(b *strictjson.Buffer) {
	b.Raw(`{"name":"idvgate","abi":1`)
	b.Member("version", i.Version)
	b.Raw(`,"policy":{"ok":`)
	b.Raw(strconv.FormatBool(len(i.Errors) == 0))
	b.Member("digest", i.Digest)
	b.Raw(`,"rules":`)
	b.Number(int64(i.Rules))
	if len(i.Errors) > 0 {
		b.Raw(`,"errors":[`)
		for n, e := range i.Errors {
			if n > 0 {
				b.Raw(`,`)
			}
			b.Text(e)
		}
		b.Raw(`]`)
	}
	b.Raw(`},"endpoints":[`)
	for n, e := range i.Endpoints {
		if n > 0 {
			b.Raw(`,`)
		}
		b.Raw(`{"provider":`)
		b.Text(e.Provider)
		b.Raw(`,"url":`)
		b.Text(e.URL)
		b.Raw(`,"target":`)
		b.Text(e.Target)
		b.Raw(`,"plaintext":`)
		b.Raw(strconv.FormatBool(e.Plaintext))
		b.Raw(`,"private":`)
		b.Raw(strconv.FormatBool(e.Private))
		b.Raw(`}`)
	}
	b.Raw(`]`)
	if i.JWKS != "" {
		b.Raw(`,"jwks":`)
		b.Raw(i.JWKS)
	}
}
