package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/idvgate/idvgate/host/sandbox"
)

func sandboxCommand() *cobra.Command {
	var listen, upstream string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run simulators of the vendors and a sample upstream",
		Long: `Runs simulators of the vendors on one port, and a sample upstream that answers with what it was
sent. They know invented people only; /_sandbox/identities lists them, /_sandbox/calls what was asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vendors, up, err := startSandbox(listen, upstream)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "idvgate: ready: vendors %s, upstream %s\n", vendors.url(), up.url())
			return serveAll(cmd.Context(), 2*time.Second, vendors, up)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8081", "address of the vendors")
	cmd.Flags().StringVar(&upstream, "upstream", "127.0.0.1:8082", "address of the sample upstream")
	return cmd
}

func startSandbox(listen, upstream string) (vendors, up *service, err error) {
	if vendors, err = listenOn("listen", listen, nil); err != nil {
		return nil, nil, err
	}
	s, err := sandbox.New(sandbox.Options{PublicURL: vendors.url()})
	if err != nil {
		closeAll(vendors)
		return nil, nil, err
	}
	vendors.server.Handler = s.Handler()
	vendors.server.RegisterOnShutdown(s.Close)
	if up, err = listenOn("upstream", upstream, sandbox.Upstream()); err != nil {
		closeAll(vendors)
		return nil, nil, err
	}
	return vendors, up, nil
}
