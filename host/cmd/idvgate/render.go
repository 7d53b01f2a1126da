package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idvgate/idvgate/host/cmd/idvgate/render"
)

func renderCommand() *cobra.Command {
	var s settings
	var o render.Options
	var unmatched, output string
	cmd := &cobra.Command{
		Use:   "render " + strings.Join(render.Kinds(), "|") + " POLICY",
		Short: "Print another gateway's configuration for a policy",
		Long: `Prints a complete, commented configuration for the proxy-wasm guest in another gateway: the filter, the
filter behind it that denies what was not judged, and a cluster for each vendor.

Variables of the policy are looked up as in validate, to find where vendors are. No secret is printed: the
gateway hands them to the guest from its own environment.`,
		Example: `  idvgate render envoy examples/policies/demo.yaml --env-file examples/policies/demo.env \
    --listen 127.0.0.1:10000 --upstream http://127.0.0.1:8082 --wasm idvgate-proxywasm.wasm`,
		Args:      cobra.ExactArgs(2),
		ValidArgs: render.Kinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := args[0]
			known := false
			for _, k := range render.Kinds() {
				known = known || k == kind
			}
			if !known {
				return fmt.Errorf("no gateway is called %q: there are %s", kind, strings.Join(render.Kinds(), ", "))
			}
			switch unmatched {
			case "allow":
			case "deny":
				o.DenyOthers = true
			default:
				return fmt.Errorf("--unmatched: allow or deny, not %q", unmatched)
			}
			if o.TrustedHops < 0 {
				return fmt.Errorf("--trusted-hops: %d is less than none", o.TrustedHops)
			}
			s.policyFile, o.File = args[1], filepath.Base(args[1])
			p, err := s.load()
			if err != nil {
				return err
			}
			text, err := render.Write(kind, p.policy, []byte(p.config["policy"]), p.names(), o)
			if err != nil {
				return err
			}
			if output == "" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			if err := os.WriteFile(output, text, 0o644); err != nil { //nolint:gosec // no secret is in it
				return fmt.Errorf("--output: %w", err)
			}
			return nil
		},
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:10000", "address that clients come to")
	f.StringVar(&o.Upstream, "upstream", "http://127.0.0.1:8082", "base URL of the API behind the gateway")
	f.StringVar(&o.Wasm, "wasm", "/etc/idvgate/idvgate-proxywasm.wasm", "the guest's file, as the gateway sees it")
	f.StringVar(&o.Admin, "admin", "127.0.0.1:9901", "address of Envoy's admin interface")
	f.IntVar(&o.TrustedHops, "trusted-hops", 0, "proxies in front that are trusted to have written X-Forwarded-For")
	f.StringVar(&unmatched, "unmatched", "allow", "what happens to a request no rule is for: allow or deny")
	f.StringVar(&output, "output", "", "file to write instead of the standard output")
	return cmd
}
