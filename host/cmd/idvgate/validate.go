package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func validateCommand() *cobra.Command {
	var s settings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate POLICY...",
		Short: "Check policies and list every mistake with file, line and column",
		Long: `Checks each policy as run does, and lists every mistake at once:

  policy.yaml:12:7: unknown field "metod"; did you mean "methods"?

Of a policy that is right it says what each provider can cost at worst, by its budgets.

With --json it prints the policy in JSON instead, as a guest takes it in another gateway, variables unfilled.

The exit status is 0 if all are right, else 2.`,
		Example: "  idvgate validate --env-file examples/policies/demo.env examples/policies/demo.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			var wrong []string
			for _, file := range files {
				s.policyFile = file
				p, err := s.load()
				if m, ok := errors.AsType[*mistakes](err); ok {
					wrong = append(wrong, m.lines...)
					continue
				}
				if err != nil {
					return err
				}
				if asJSON {
					fmt.Fprintln(cmd.OutOrStdout(), p.config["policy"])
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d rules, digest %s\n", file, p.rules, p.digest)
				for _, line := range p.policy.Worst() {
					fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", line)
				}
			}
			if len(wrong) > 0 {
				return &mistakes{wrong}
			}
			return nil
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each policy that is right in JSON, on one line")
	return cmd
}
