package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/idvgate/idvgate/examples/policies"
	"github.com/idvgate/idvgate/host/sandbox"
)

func demoCommand() *cobra.Command {
	var f gatewayFlags
	var vendorsAddress, upstreamAddress string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run gateway, vendors' sandbox and sample upstream in one process",
		Long: `Runs the gateway with the demo policy, simulators of the vendors and a sample upstream, in one
process, and prints commands to try. The people it knows are invented.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vendors, up, err := startSandbox(vendorsAddress, upstreamAddress)
			if err != nil {
				return err
			}
			if f.settings.policyFile == "" {
				f.settings.policyFile, f.settings.policyText = "demo.yaml", policies.Demo
			}
			if f.settings.envFile == "" {
				f.settings.envText = policies.DemoEnv
			}
			f.settings.override = map[string]string{}
			for name, path := range policies.DemoURLs() {
				f.settings.override[name] = vendors.url() + path
			}
			to, err := url.Parse(up.url())
			if err != nil {
				return err
			}
			gate, err := listenOn("listen", f.listen, nil)
			if err != nil {
				closeAll(vendors, up)
				return err
			}
			f.settings.override["RETURN_URL"] = gate.url() + sandbox.TourBack
			g, err := f.start(cmd.Context(), gate, to, cmd.OutOrStdout())
			if err != nil {
				closeAll(vendors, up, gate)
				return err
			}
			tour(cmd.OutOrStdout(), g, vendors)
			return g.serve(cmd.Context(), &f, vendors, up)
		},
	}
	cmd.Flags().StringVar(&f.settings.policyFile, "policy", "", "another policy; default: the demo's")
	cmd.Flags().StringVar(&vendorsAddress, "sandbox", "127.0.0.1:8081", "address of the vendors")
	cmd.Flags().StringVar(&upstreamAddress, "upstream", "127.0.0.1:8082", "address of the sample upstream")
	f.flags(cmd)
	return cmd
}

// stop is one command of the tour and what it answers.
type stop struct {
	title, path, body string
	status            int
	reason            string // of a rejection
}

// toThePage is a person whom Glodon sends to its page.
const toThePage = `{"name":"何洁","idNumber":"110101199003240009","mobile":"13800001017"}`

var stops = []stop{
	{"name and ID number belong together: the upstream sees x-idv-* headers", "/v1/id2", `{"name":"李雷","idNumber":"110101199003070003"}`, 200, ""},
	{"they do not", "/v1/id2", `{"name":"韩梅梅","idNumber":"110101199003080009"}`, 403, "identity_not_verified"},
	{"a typo costs nothing: the check digit is wrong", "/v1/id2", `{"name":"李雷","idNumber":"110101199003070004"}`, 400, "invalid_request"},
	{"celerity has no record, JD Cloud has", "/v1/chain/mobile3", `{"name":"谢霆","idNumber":"11010119910401000X","mobile":"13800001023"}`, 200, ""},
	{"under 18", "/v1/adults/mobile3", `{"name":"梁宇","idNumber":"110101201203070008","mobile":"13800001020"}`, 403, "age_requirement"},
	{"the person has to visit a page", "/v1/glodon/mobile3", toThePage, 403, "verification_required"},
	{"the vendor is down", "/v1/id2", `{"name":"赵敏","idNumber":"110101199003140008"}`, 503, "verification_unavailable"},
	{"no rule is for this", "/anything", `{}`, 200, ""},
}

// tour prints that all is ready, and commands to try with what they answer.
func tour(w io.Writer, g *running, vendors *service) {
	fmt.Fprintf(w, "idvgate: ready: gateway %s, vendors %s%s\n\nTry:\n", g.gate.url(), vendors.url(), g.adminNote())
	for _, s := range stops {
		fmt.Fprintf(w, "\n  # %s: %d %s\n", s.title, s.status, s.reason)
		fmt.Fprintf(w, "  %s\n", asking(g, s.path, s.body))
	}
	fmt.Fprintf(w, "\n  # the person says yes on the page and comes back with the handle\n")
	ask := asking(g, "/v1/glodon/mobile3", toThePage)
	for _, line := range []string{
		"problem=$(" + ask + ")",
		`member() { printf %s "$problem" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }`,
		`curl -s -X POST "$(member verifyUrl)"`,
		ask + ` -H "idv-pending: $(member pending)"`,
	} {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintf(w, "\n  # the same in a browser: %s%s\n", g.gate.url(), sandbox.TourPath)
	fmt.Fprintf(w, "\n  # what the vendors were asked\n  curl -s %s/_sandbox/calls\n\nAudit lines follow. Ctrl-C stops.\n\n", vendors.url())
}

// asking is a command that sends a body to the gateway.
func asking(g *running, path, body string) string {
	return fmt.Sprintf("curl -s %s%s -H 'content-type: application/json' -d '%s'", g.gate.url(), path, body)
}
