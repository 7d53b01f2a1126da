package source

import (
	"strconv"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// Load reads a policy from YAML, or JSON, and checks all of it. file is the name mistakes begin with. Either there is
// a policy, with the JSON a guest takes, or there are mistakes: lines such as
//
//	policy.yaml:12:7: unknown field "metod"; did you mean "methods"?
//
// in the order of the file.
func Load(file string, text []byte, list providers.List, lookup func(name string) (string, bool)) (*policy.Policy, []string, []byte) {
	r := parse(text)
	if r.doc == nil {
		return nil, lines(file, r.found), nil
	}
	p, problems := policy.Load(r.doc.json, list, lookup)
	for _, problem := range problems {
		if r.unreadable(problem.Path) {
			continue
		}
		line, column := r.doc.Position(problem.Path, problem.Key)
		r.found = append(r.found, mistake{place{line, column}, problem.Message})
	}
	if len(r.found) > 0 {
		return nil, lines(file, r.found), nil
	}
	return p, nil, r.doc.json
}

// unreadable is whether path leads into a value that could not be read: what loading says of it would be about what
// stands there instead.
func (r *reader) unreadable(path policy.Path) bool {
	for n := range len(path) + 1 {
		if r.refused[pathKey(path[:n])] {
			return true
		}
	}
	return false
}

func quote(s string) string { return shape.Quote(s) }

func itoa(n int) string { return strconv.Itoa(n) }
