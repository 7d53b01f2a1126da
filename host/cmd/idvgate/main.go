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
	cmd.AddCommand(runCommand(), demoCommand(), sandboxCommand(), validateCommand(), renderCommand(), guestCommand(), versionCommand())
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and those of the guests in it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), "idvgate "+version)
			for _, file := range []string{guestFile, proxyGuestFile, higressFile} {
				if wasm, err := embedded(file); err != nil {
					fmt.Fprintln(cmd.OutOrStdout(), "guest   none: "+err.Error())
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "guest   %s, %d bytes, sha256 %s\n", file, len(wasm), digest(wasm))
				}
			}
			return nil
		},
	}
}

func guestCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "guest extism|proxywasm|higress",
		Short: "Write the guest that this command carries, for another gateway",
		Long: `Writes the WebAssembly module that this command was built with: extism for gateways that host Extism
plugins, proxywasm for Envoy and what is built on it, higress for Higress where a policy names its Redis
(state.shared.redis).`,
		Example:   "  idvgate guest proxywasm --output /etc/idvgate/idvgate-proxywasm.wasm",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"extism", "proxywasm", "higress"},
		RunE: func(_ *cobra.Command, args []string) error {
			file, ok := map[string]string{"extism": guestFile, "proxywasm": proxyGuestFile, "higress": higressFile}[args[0]]
			if !ok {
				return fmt.Errorf("no guest is called %q: there are extism, proxywasm and higress", args[0])
			}
			wasm, err := embedded(file)
			if err != nil {
				return err
			}
			if output == "" {
				output = file
			}
			if err := os.WriteFile(output, wasm, 0o644); err != nil { //nolint:gosec // it is no secret
				return fmt.Errorf("--output: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "file to write; default: the guest's own name, here")
	return cmd
}

// mistakes are faults of a document, each a line of its own: file, line, column, what is wrong.
type mistakes struct{ lines []string }

func (m *mistakes) Error() string { return fmt.Sprintf("%d mistakes", len(m.lines)) }
