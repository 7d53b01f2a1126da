package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/idvgate/idvgate/tests/bench/front"
)

//go:embed idv.rego
var idvRego string

// opa is OPA as a library in front of the proxy: no sidecar, no gRPC. The query is prepared once.
func opa(s front.Setup) error {
	vendor, err := url.Parse(s.Vendor)
	if err != nil {
		return err
	}
	data := map[string]any{"vendor": map[string]any{
		"base": s.Vendor, "host": vendor.Host, "path": vendor.Path + "/v1/personal",
		"accessKey": front.AccessKey, "secretKey": front.SecretKey,
	}}
	query, err := rego.New(
		rego.Query("answer := data.idv.decision"), rego.Module("idv.rego", idvRego), rego.Store(inmem.NewFromObject(data)),
	).PrepareForEval(context.Background())
	if err != nil {
		return err
	}
	proxy := front.Proxy(s.Upstream)
	return front.Serve("opa", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		set, err := query.Eval(r.Context(), rego.EvalInput(map[string]any{"method": r.Method, "path": r.URL.Path, "body": string(body)}))
		if err != nil || len(set) != 1 {
			fmt.Fprintf(os.Stderr, "opa: %d answers, %v\n", len(set), err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer, _ := set[0].Bindings["answer"].(map[string]any)
		if allow, _ := answer["allow"].(bool); !allow {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		outcome, _ := answer["outcome"].(string)
		forward(proxy, w, r, body, outcome)
	}))
}
