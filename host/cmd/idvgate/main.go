// Command idvgate is a gateway that verifies identities in front of an API, and the tools around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when the command is built.
var version = "dev"

// exitUsage is the exit status of everything that was wrong before anything was done: a flag, a policy, a port.
const exitUsage = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	var faulty *mistakes
	switch {
	case err == nil:
		return
	case errors.As(err, &faulty):
		for _, line := range faulty.lines {
			fmt.Fprintln(os.Stderr, line)
		}
	default:
		fmt.Fprintln(os.Stderr, "idvgate: "+err.Error())
	}
	os.Exit(exitUsage)
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "idvgate",
		Short: "Identity verification at the API gateway",
		Long: `idvgate verifies people's identity in front of an API. A WebAssembly plugin reads the identity fields
out of each request, asks a verification vendor whether they belong together, and lets the request
pass, sends the person to a verification page, or rejects it.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(runCommand(), demoCommand(), sandboxCommand(), validateCommand(), renderCommand(), versionCommand())
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and that of the guest in it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), "idvgate "+version)
			if wasm, err := embeddedGuest(); err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), "guest   none: "+err.Error())
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "guest   %s, %d bytes, sha256 %s\n", guestFile, len(wasm), digest(wasm))
			}
			return nil
		},
	}
}

// mistakes are faults of a document, each a line of its own: file, line, column, what is wrong.
type mistakes struct{ lines []string }

func (m *mistakes) Error() string { return fmt.Sprintf("%d mistakes", len(m.lines)) }
