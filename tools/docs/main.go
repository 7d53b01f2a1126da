// Command docs writes the documents whose facts the code knows: the policy's words, the vendors' codes, problems,
// headers, audit lines, metrics, messages, the sandbox. With -check it writes nothing and fails where a file in the
// tree is not what the code says today.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/catalog"
)

func main() {
	root := flag.String("root", "..", "the repository")
	check := flag.Bool("check", false, "write nothing, fail if a document is stale")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	made, err := makeAll(facts{tree: os.DirFS(root), list: catalog.List()})
	if err != nil {
		return err
	}
	if check {
		return stale(os.DirFS(root), made)
	}
	for _, d := range made {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(d.path)), d.text, 0o644); err != nil {
			return fmt.Errorf("docs: %w", err)
		}
	}
	return nil
}

// facts is what documents are made from: the sources, for what stands in comments, and the code itself.
type facts struct {
	tree fs.FS
	list providers.List
	// played is what the engine says in an exchange; makeAll plays it.
	played *examples
}

// A document is a file of the repository that is made, never written.
type document struct {
	path string // from the repository's root
	text []byte
}

// makers is every document and who makes it.
var makers = []struct {
	path string
	make func(facts) ([]byte, error)
}{
	{"docs/policy.md", policyPage},
	{"docs/schema/policy.schema.json", policySchema},
	{"docs/providers.md", providersPage},
	{"docs/problems.md", problemsPage},
	{"docs/audit.md", auditPage},
	{"docs/metrics.md", metricsPage},
	{"docs/messages.md", messagesPage},
	{"docs/sandbox.md", sandboxPage},
}

func makeAll(f facts) ([]document, error) {
	var err error
	if f.played, err = play(); err != nil {
		return nil, fmt.Errorf("docs: the examples: %w", err)
	}
	var all []document
	for _, m := range makers {
		text, err := m.make(f)
		if err != nil {
			return nil, fmt.Errorf("docs: %s: %w", m.path, err)
		}
		all = append(all, document{m.path, text})
	}
	return all, nil
}

// stale names every document in the tree that is not as it was just made.
func stale(tree fs.FS, made []document) error {
	var wrong []error
	for _, d := range made {
		there, err := fs.ReadFile(tree, d.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			wrong = append(wrong, fmt.Errorf("%s is not there: run make docs", d.path))
		case err != nil:
			wrong = append(wrong, fmt.Errorf("docs: %w", err))
		case !bytes.Equal(there, d.text):
			wrong = append(wrong, fmt.Errorf("%s is stale (line %d): run make docs", d.path, firstDifference(there, d.text)))
		}
	}
	return errors.Join(wrong...)
}

// firstDifference is the line, from 1, where two texts part.
func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
