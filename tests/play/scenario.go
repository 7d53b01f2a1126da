package play

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/goccy/go-yaml"

	"github.com/idvgate/idvgate/plugin/policy/source"
)

// A Scenario is one entry of a file of tests/scenarios. The package comment says what its fields mean.
type Scenario struct {
	File    string            `json:"-"` // without its ending
	Name    string            `json:"name"`
	Policy  json.RawMessage   `json:"policy"`
	Env     map[string]string `json:"env"`
	Faults  json.RawMessage   `json:"faults"`
	Only    []string          `json:"only"`
	Except  []string          `json:"except"`
	Request *RequestText      `json:"request"`
	Expect  *Expect           `json:"expect"`
	Steps   []Step            `json:"steps"`
}

// A Step is one request and what must be seen.
type Step struct {
	// Page is what the person of the last page says there first: approved or declined.
	Page string `json:"page"`
	// Store is what happens to the fleet's store first: down, up, emptied or moved.
	Store string `json:"store"`
	// Faults replaces the faults of whole vendors first.
	Faults  json.RawMessage `json:"faults"`
	Request RequestText     `json:"request"`
	Expect  Expect          `json:"expect"`
}

// Expect is what must be seen of one request. A text that starts with ~ is a regular expression for the whole value.
type Expect struct {
	Decision string `json:"decision"` // allow, deny or challenge
	Status   int    `json:"status"`   // what the client gets; absent: 200
	Outcome  string `json:"outcome"`  // of the audit line, and of x-idv-outcome where the request passes; absent: nobody was asked
	Reason   string `json:"reason"`
	Detail   string `json:"detail"`
	Claim    string `json:"claim"` // the claim at fault, in audit line and problem
	// Unmatched: no rule decides. There is no audit line but of shadow rules, and the body is not read.
	Unmatched bool `json:"unmatched"`
	// BodyRead: the body is read all the same, by a condition or for a shadow rule.
	BodyRead bool `json:"bodyRead"`
	// Upstream is request headers at the upstream: a text, or null for absent.
	Upstream map[string]*string `json:"upstream"`
	// Forwards is members of the JSON object that the upstream gets as body, null for absent; all others are the client's.
	// Absent: the body is the client's, byte by byte.
	Forwards map[string]any `json:"forwards"`
	// Headers is the client's response headers.
	Headers map[string]*string `json:"headers"`
	// Problem is members of the problem; null: absent.
	Problem map[string]any `json:"problem"`
	// Calls is the verifying calls in order, as vendor; or if one of them says vendor:step, all calls so.
	Calls []string `json:"calls"`
	// Billed is how many calls are on the vendors' bills.
	Billed int `json:"billed"`
	// Audit is members of the audit line; of attempts ms, reference and trace may be left out.
	Audit map[string]any `json:"audit"`
	// Shadow is members of the audit lines of shadow rules, in any order, each naming its rule.
	Shadow []map[string]any `json:"shadow"`
	// Metrics is what was added to counters since the scenario began: name{label="value"}; of histograms the count, as name_count.
	Metrics map[string]float64 `json:"metrics"`
}

// all is the scenario's steps, whichever way they are written.
func (s *Scenario) all() []Step {
	if s.Request != nil {
		return []Step{{Request: *s.Request, Expect: *s.Expect}}
	}
	return s.Steps
}

// For reports whether the scenario is for a runtime.
func (s *Scenario) For(runtime string) bool {
	return (len(s.Only) == 0 || slices.Contains(s.Only, runtime)) && !slices.Contains(s.Except, runtime)
}

// Root is the repository's directory, found from the working directory upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "tests", "scenarios")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("play: no tests/scenarios above the working directory")
		}
		dir = up
	}
}

// Load reads every scenario, in the order of files and in them.
func Load(root string) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(root, "tests", "scenarios", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("play: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("play: no scenarios")
	}
	sort.Strings(files)
	var all []Scenario
	seen := map[string]bool{}
	for _, file := range files {
		list, err := loadFile(file)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if seen[list[i].Name] {
				return nil, fmt.Errorf("play: %s: two scenarios are named %q", file, list[i].Name)
			}
			seen[list[i].Name] = true
			if err := list[i].check(); err != nil {
				return nil, fmt.Errorf("play: %s: %q: %w", file, list[i].Name, err)
			}
			if err := list[i].resolvePolicy(root); err != nil {
				return nil, fmt.Errorf("play: %s: %q: %w", file, list[i].Name, err)
			}
		}
		all = append(all, list...)
	}
	return all, nil
}

func loadFile(file string) ([]Scenario, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("play: %s: %w", file, err)
	}
	var list []Scenario
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("play: %s: %w", file, err)
	}
	for i := range list {
		list[i].File = filepath.Base(file[:len(file)-len(".yaml")])
	}
	return list, nil
}

func (s *Scenario) check() error {
	switch {
	case s.Name == "":
		return fmt.Errorf("a scenario has a name")
	case (s.Request == nil) != (s.Expect == nil):
		return fmt.Errorf("request and expect stand together")
	case (s.Request == nil) == (len(s.Steps) == 0):
		return fmt.Errorf("a scenario has either a request or steps")
	}
	for _, r := range append(slices.Clone(s.Only), s.Except...) {
		if !slices.Contains(Names, r) {
			return fmt.Errorf("no runtime is named %q", r)
		}
	}
	for i, step := range s.all() {
		switch e := &step.Expect; {
		case e.Decision != "allow" && e.Decision != "deny" && e.Decision != "challenge":
			return fmt.Errorf("step %d: no decision is named %q", i+1, e.Decision)
		case e.Decision != "allow" && e.Status == 0:
			return fmt.Errorf("step %d: what is not allowed has a status", i+1)
		case !e.Unmatched && e.Reason == "":
			return fmt.Errorf("step %d: a reason is due", i+1)
		case !e.Unmatched && e.Decision == "allow" && e.Outcome == "":
			return fmt.Errorf("step %d: what is allowed has an outcome", i+1)
		}
	}
	return nil
}

// resolvePolicy turns Policy into a whole document.
func (s *Scenario) resolvePolicy(root string) error {
	file := "vendors.yaml"
	if len(s.Policy) > 0 {
		if err := json.Unmarshal(s.Policy, &file); err != nil {
			return s.completePolicy(root)
		}
	}
	doc, err := policyFile(root, file)
	s.Policy = doc
	return err
}

// completePolicy adds what the scenario's own policy takes from base.yaml.
func (s *Scenario) completePolicy(root string) error {
	base, err := policyFile(root, "base.yaml")
	if err != nil {
		return err
	}
	var from, to map[string]json.RawMessage
	if err := json.Unmarshal(base, &from); err != nil {
		return err
	}
	if err := json.Unmarshal(s.Policy, &to); err != nil {
		return err
	}
	for _, key := range []string{"version", "providers", "subject"} {
		if _, ok := to[key]; !ok {
			to[key] = from[key]
		} else if string(to[key]) == "null" {
			delete(to, key)
		}
	}
	if err := s.ownState(to); err != nil {
		return err
	}
	s.Policy, err = json.Marshal(to)
	return err
}

// ownState keeps what a scenario's policy remembers from other scenarios with the same policy.
func (s *Scenario) ownState(policy map[string]json.RawMessage) error {
	raw, ok := policy["state"]
	if !ok {
		return nil
	}
	var state map[string]json.RawMessage
	if err := json.Unmarshal(raw, &state); err != nil {
		return err
	}
	tenant, err := json.Marshal(s.Name)
	if err != nil {
		return err
	}
	state["tenant"] = tenant
	policy["state"], err = json.Marshal(state)
	return err
}

func policyFile(root, name string) (json.RawMessage, error) {
	text, err := os.ReadFile(filepath.Join(root, "tests", "policies", name))
	if err != nil {
		return nil, err
	}
	d, err := source.Parse(name, text)
	if err != nil {
		return nil, err
	}
	return d.JSON(), nil
}
