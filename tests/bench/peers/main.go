// Command peers is what the bench compares the gateway with, and what nobody else should have to download: an Extism
// plugin as one would first write it, OPA, and Caddy. Each does the task of package front.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/idvgate/idvgate/tests/bench/front"
)

func main() {
	peer := flag.String("peer", "", "be this peer: naive, opa or caddy")
	list := flag.Bool("versions", false, "print what the peers are made of, as JSON")
	flag.Parse()
	err := errors.New("which -peer?")
	switch {
	case *list:
		err = versions()
	case *peer != "":
		err = be(*peer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers: "+err.Error())
		os.Exit(1)
	}
}

func be(kind string) error {
	s, err := front.Read()
	if err != nil {
		return err
	}
	switch kind {
	case "naive":
		return naive(s)
	case "opa":
		return opa(s)
	case "caddy":
		return caddy(s)
	}
	return fmt.Errorf("no such peer: %s", kind)
}

// versions prints the modules that matter, by the names of the peers.
func versions() error {
	names := map[string]string{
		"github.com/extism/go-sdk": "naive", "github.com/open-policy-agent/opa": "opa", "github.com/caddyserver/caddy/v2": "caddy",
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("built without its modules' versions")
	}
	found := map[string]string{}
	for _, m := range info.Deps {
		if name, ok := names[m.Path]; ok {
			found[name] = m.Path + " " + m.Version
		}
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}
