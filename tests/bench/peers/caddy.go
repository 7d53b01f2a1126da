package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	caddyserver "github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"                  // the Caddyfile's words
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"                  // copy_headers
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"             // reverse_proxy
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/forwardauth" // forward_auth
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"                  // how forward_auth names its URI

	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/jdcloud"
	"github.com/idvgate/idvgate/tests/bench/front"
)

const caddyfile = `{
	admin off
	auto_https off
	persist_config off
	log default {
		level ERROR
	}
}
http://%[1]s {
	@asked {
		method POST
		path %[2]s
	}
	forward_auth @asked %[3]s {
		uri /check
		copy_headers %[4]s
	}
	request_header @other -%[4]s
	reverse_proxy %[5]s
	@other not path %[2]s
}
`

// caddy is Caddy and, in the same process so that the CPU time of both is counted, the service it asks. forward_auth
// sends the head alone, so the person's name and ID number travel in headers.
func caddy(s front.Setup) error {
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h, err := authService(s.Vendor)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- http.Serve(service, h) }()

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	free.Close()
	text := fmt.Sprintf(caddyfile, address, front.Path, service.Addr(), front.OutcomeHeader, s.Upstream.Host)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		return err
	}
	if err := caddyserver.Load(config, true); err != nil {
		return err
	}
	return front.Stay("caddy", address, failed)
}

// authService asks the vendor natively and answers 200 with the outcome, or 403.
func authService(vendor string) (http.Handler, error) {
	config, err := json.Marshal(map[string][]string{"accessKey": {front.AccessKey}, "secretKey": {front.SecretKey}})
	if err != nil {
		return nil, err
	}
	p, err := jdcloud.New(config, providers.Env{Endpoint: vendor, Now: time.Now, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	do := within{native.NewDoer()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, err := fromHeaders(r.Header)
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		res, err := p.Verify(r.Context(), do, providers.Query{Check: providers.ID2, Person: person})
		if err != nil || res.Outcome != providers.Match {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set(front.OutcomeHeader, res.Outcome.String())
	}), nil
}

func fromHeaders(h http.Header) (identity.Person, error) {
	text, err := url.PathUnescape(h.Get("X-Person-Name"))
	if err != nil {
		return identity.Person{}, err
	}
	name, err := identity.ParseName(text)
	if err != nil {
		return identity.Person{}, err
	}
	id, err := identity.ParseIDNumber(h.Get("X-Person-Id-Number"), time.Now())
	return identity.Person{Name: name, ID: id}, err
}

// within gives each callout the time-out that the engine would.
type within struct{ callout.Doer }

func (w within) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	r.Timeout = 10 * time.Second
	return w.Doer.Do(ctx, r)
}
