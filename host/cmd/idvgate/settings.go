package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers/catalog"
)

// settings say where a policy and what it names come from. Later ones win: environment, env file, folder of secrets.
type settings struct {
	policyFile string
	policyText []byte // instead of policyFile's content
	envFile    string
	envText    string // instead of envFile's content
	secretsDir string
	override   map[string]string // wins over all of them
}

func (s *settings) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.envFile, "env-file", "", "file of NAME=value lines the policy's variables and secrets are looked up in, after the environment")
	cmd.Flags().StringVar(&s.secretsDir, "secrets", "", "folder with one file a secret, named as the secret")
}

// loaded is a policy that is right, and all the guest needs of its surroundings.
type loaded struct {
	policy *policy.Policy
	rules  int
	digest string
	// config is what the guest reads: the policy in JSON, and just the variables and secrets that it names.
	config map[string]string
}

// load reads and checks the policy. The error is *mistakes where the document is at fault.
func (s *settings) load() (*loaded, error) {
	text := s.policyText
	if text == nil {
		var err error
		if text, err = os.ReadFile(s.policyFile); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
	}
	lookup, err := s.lookup()
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	noted := func(name string) (string, bool) {
		value, ok := lookup(name)
		if ok {
			config[name] = value
		}
		return value, ok
	}
	p, wrong, doc := source.Load(s.policyFile, text, catalog.List(), noted)
	if len(wrong) > 0 {
		return nil, &mistakes{wrong}
	}
	config["policy"] = string(doc)
	return &loaded{policy: p, rules: len(p.Rules), digest: p.Digest, config: config}, nil
}

// names is the variables and secrets that the policy names and that there are.
func (l *loaded) names() []string {
	var names []string
	for name := range l.config {
		if name != "policy" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *settings) lookup() (func(string) (string, bool), error) {
	var file map[string]string
	text := s.envText
	if s.envFile != "" {
		raw, err := os.ReadFile(s.envFile)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		text = string(raw)
	}
	if text != "" {
		var err error
		if file, err = source.ReadEnv(strings.NewReader(text)); err != nil {
			return nil, fmt.Errorf("--env-file %s: %w", s.envFile, err)
		}
	}
	if s.secretsDir != "" {
		if info, err := os.Stat(s.secretsDir); err != nil {
			return nil, fmt.Errorf("--secrets: %w", err)
		} else if !info.IsDir() {
			return nil, fmt.Errorf("--secrets: %s is not a folder", s.secretsDir)
		}
	}
	return func(name string) (string, bool) {
		if v, ok := s.override[name]; ok {
			return v, true
		}
		if v, ok := s.secret(name); ok {
			return v, true
		}
		if v, ok := file[name]; ok {
			return v, true
		}
		return os.LookupEnv(name)
	}, nil
}

// secret is the content of the secret's file, without the newline editors leave at its end.
func (s *settings) secret(name string) (string, bool) {
	if s.secretsDir == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return "", false
	}
	raw, err := os.ReadFile(filepath.Join(s.secretsDir, name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "idvgate: --secrets: %s cannot be read\n", name)
		}
		return "", false
	}
	return strings.TrimRight(string(raw), "\r\n"), true
}
