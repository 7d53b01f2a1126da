package main

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/catalog"
)

const root = "../.."

// made is every document as the code says it, by path.
func made(t *testing.T, f facts) map[string]string {
	t.Helper()
	all, err := makeAll(f)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]string{}
	for _, d := range all {
		by[d.path] = string(d.text)
	}
	return by
}

func TestTheTreeHoldsWhatTheCodeSays(t *testing.T) {
	if err := run(root, true); err != nil {
		t.Error(err)
	}
}

func TestDocumentsAreTheSameEachTime(t *testing.T) {
	f := facts{tree: os.DirFS(root), list: catalog.List()}
	first := made(t, f)
	for path, text := range made(t, f) {
		if text != first[path] {
			t.Errorf("%s differs from one run to the next", path)
		}
	}
}

// changed is the tree with one text of one file replaced.
func changed(t *testing.T, file, old, with string) fs.FS {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(root), file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(text, []byte(old)) != 1 {
		t.Fatalf("%s does not hold %q once", file, old)
	}
	return overlay{os.DirFS(root), fstest.MapFS{file: {Data: bytes.Replace(text, []byte(old), []byte(with), 1)}}}
}

// An overlay is a tree with other files over it.
type overlay struct {
	under fs.FS
	over  fstest.MapFS
}

func (o overlay) Open(name string) (fs.File, error) {
	if o.over[name] != nil {
		return o.over.Open(name)
	}
	return o.under.Open(name)
}

func TestAChangeOfTheCodeMakesItsDocumentStale(t *testing.T) {
	codes := func() providers.List {
		list := catalog.List()
		for i := range list {
			if list[i].Name == "celerity" {
				list[i].Codes = append([]providers.Code{}, list[i].Codes...)
				list[i].Codes[1].Outcome = providers.NoRecord
			}
		}
		return list
	}
	renamed := func() providers.List {
		list := catalog.List()
		list[0].Vendor = "Somebody else"
		return list
	}
	for _, c := range []struct {
		name  string
		facts facts
		stale string
	}{
		{"another outcome of a vendor's code", facts{tree: os.DirFS(root), list: codes()}, "docs/providers.md"},
		{"another description of a vendor", facts{tree: os.DirFS(root), list: renamed()}, "docs/schema/policy.schema.json"},
		{"a vendor less", facts{tree: os.DirFS(root), list: catalog.List()[1:]}, ""},
		{"another name of a header", facts{tree: changed(t, "plugin/annotate.go", `"x-idv-carrier"`, `"x-idv-operator"`), list: catalog.List()}, ""},
		{"another meaning of a header", facts{tree: changed(t, "plugin/annotate.go", "the policy's digest, 22", "the policy's hash, 22"), list: catalog.List()}, "docs/problems.md"},
		{"another status of a reason", facts{tree: changed(t, "plugin/precheck.go", "AgeRequirement, 403", "AgeRequirement, 451"), list: catalog.List()}, "docs/problems.md"},
		{"a reason without a meaning", facts{tree: changed(t, "plugin/request.go", "// the body is over the rule's maxBody", ""), list: catalog.List()}, ""},
		{"another label", facts{tree: changed(t, "plugin/count.go", `"rule", q.rule.Name`, `"mode", q.rule.Name`), list: catalog.List()}, "docs/metrics.md"},
		{"another of the gateway's metrics", facts{tree: changed(t, "host/metrics.go", "idvgate_body_bytes", "idvgate_held_bytes"), list: catalog.List()}, "docs/metrics.md"},
		{"another member of the audit line", facts{tree: changed(t, messagesFile, "One a decision.", "One line a decision."), list: catalog.List()}, "docs/audit.md"},
		{"another word of a message", facts{tree: changed(t, messagesFile, "Once a flow.", "At most once a flow."), list: catalog.List()}, "docs/messages.md"},
		{"another person", facts{tree: changed(t, "host/sandbox/data/test-identities.json", "a final no, billed", "a no"), list: catalog.List()}, "docs/sandbox.md"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := makeAll(c.facts)
			if c.stale == "" { // it cannot even be made, and the error says what to mend
				if err == nil || !strings.HasPrefix(err.Error(), "docs: docs/") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			err = stale(os.DirFS(root), all)
			if err == nil || !strings.Contains(err.Error(), c.stale+" is stale") || !strings.Contains(err.Error(), "run make docs") {
				t.Errorf("got %v, want %s to be stale", err, c.stale)
			}
		})
	}
}

func TestAMissingDocumentIsNamed(t *testing.T) {
	err := stale(fstest.MapFS{}, []document{{"docs/policy.md", nil}})
	if err == nil || err.Error() != "docs/policy.md is not there: run make docs" {
		t.Errorf("got %v", err)
	}
}

func TestTablesEscapeBarsAndLeaveOutEmptyColumns(t *testing.T) {
	p := new(page)
	p.table([]string{"a", "b", "c"}, [][]string{{"x|y", "", "1\n2"}})
	if want := "| a | c |\n|---|---|\n| x\\|y | 1 2 |\n\n"; p.String() != want {
		t.Errorf("got %q, want %q", p.String(), want)
	}
}
