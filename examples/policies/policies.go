// Package policies holds the policies of the examples, so that the command carries the demo's.
package policies

import _ "embed"

// Demo is demo.yaml.
//
//go:embed demo.yaml
var Demo []byte

// DemoEnv is demo.env: the sandbox's credentials, NAME=value a line.
//
//go:embed demo.env
var DemoEnv string

// DemoURLs are the variables of demo.env that name the vendors' base URLs, each with its path on the sandbox.
func DemoURLs() map[string]string {
	return map[string]string{
		"JDCLOUD_URL":        "/jdcloud",
		"CELERITY_URL":       "/celerity",
		"GLODON_URL":         "/glodon",
		"GLODON_ACCOUNT_URL": "/glodon-account",
		"KYCLOUD_URL":        "/kycloud",
		"PAGE_HOST":          "",
	}
}
