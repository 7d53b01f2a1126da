package main

import (
	"strings"
	"testing"
)

const profile = `mode: atomic
github.com/idvgate/idvgate/plugin/route.go:1.1,2.2 3 0
github.com/idvgate/idvgate/plugin/route.go:3.1,4.2 1 0
github.com/idvgate/idvgate/plugin/policy/source/read.go:1.1,2.2 2 5
github.com/idvgate/idvgate/plugin/policy/load.go:1.1,2.2 2 0
github.com/idvgate/idvgate/host/cmd/idvgate/main.go:1.1,2.2 4 1
github.com/idvgate/idvgate/plugin/route.go:1.1,2.2 3 7
`

func TestTable(t *testing.T) {
	rooms, err := read(strings.NewReader(profile))
	if err != nil {
		t.Fatal(err)
	}
	const want = `| room | ran | statements |
|---|--:|--:|
| host/cmd | 100.0 % | 4 |
| plugin | 75.0 % | 4 |
| plugin/policy | 50.0 % | 4 |
| all | 75.0 % | 12 |
`
	if got := markdown(rooms); got != want {
		t.Errorf("the table is\n%s\nnot\n%s", got, want)
	}
	if got := table(rooms); !strings.Contains(got, "plugin                     75.0 %       4 statements\n") {
		t.Errorf("the table is\n%s", got)
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	for _, c := range []struct{ name, profile, want string }{
		{"one without a block", "mode: set\n", "empty"},
		{"a line without a count", "mode: set\na/b.go:1.1,2.2 3\n", "line 2 of the profile has 2 fields"},
		{"a count that is no number", "mode: set\na/b.go:1.1,2.2 x 1\n", "line 2 of the profile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(strings.NewReader(c.profile)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read says %v, nothing of %q", err, c.want)
			}
		})
	}
}
