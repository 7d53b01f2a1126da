//go:build wasip1

// The naive guest: it is handed each request whole, as JSON, and asks the vendor by Extism's own http_request, so its
// VM does nothing else until the vendor has answered.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"github.com/extism/go-pdk"
	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/jdcloud"
)

// request is what the host says, answer what it is told.
type request struct {
	Method, Path, Body string
}

type answer struct {
	Allow   bool
	Outcome string
}

// vendor is made at the first call.
var vendor *jdcloud.Provider

func main() {}

//go:wasmexport check
func check() int32 {
	a, err := judge(pdk.Input())
	if err == nil {
		err = pdk.OutputJSON(a)
	}
	if err != nil {
		pdk.SetError(err)
		return 1
	}
	return 0
}

func judge(input []byte) (answer, error) {
	var r request
	if err := json.Unmarshal(input, &r); err != nil {
		return answer{}, err
	}
	if r.Method != "POST" || r.Path != "/v1/id2" {
		return answer{Allow: true}, nil
	}
	now := time.Now()
	person, err := person(r.Body, now)
	if err != nil {
		return answer{}, nil // refused
	}
	if vendor == nil {
		if vendor, err = open(); err != nil {
			return answer{}, err
		}
	}
	res, err := vendor.Verify(context.Background(), doer{}, providers.Query{Check: providers.ID2, Person: person})
	if err != nil {
		return answer{}, nil // refused
	}
	return answer{Allow: res.Outcome == providers.Match, Outcome: res.Outcome.String()}, nil
}

func person(body string, now time.Time) (identity.Person, error) {
	name, err := identity.ParseName(gjson.Get(body, "name").String())
	if err != nil {
		return identity.Person{}, err
	}
	id, err := identity.ParseIDNumber(gjson.Get(body, "idNumber").String(), now)
	return identity.Person{Name: name, ID: id}, err
}

func open() (*jdcloud.Provider, error) {
	endpoint, _ := pdk.GetConfig("vendor")
	config, _ := pdk.GetConfig("jdcloud")
	return jdcloud.New([]byte(config), providers.Env{Endpoint: strings.TrimSuffix(endpoint, "/"), Now: time.Now, Random: rand.Reader})
}

// doer asks by http_request.
type doer struct{}

func (doer) Do(_ context.Context, r *callout.Request) (*callout.Response, error) {
	q := pdk.NewHTTPRequest(pdk.MethodPost, r.URL)
	for _, h := range r.Header {
		q.SetHeader(h.Name, h.Value)
	}
	res := q.SetBody(r.Body).Send()
	return &callout.Response{Status: int(res.Status()), Body: res.Body()}, nil
}
