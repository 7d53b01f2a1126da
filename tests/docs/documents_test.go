// Package docs holds the documents to their word: each command they show is run, each link leads somewhere.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/idvgate/idvgate/tests/play"
)

// A page is one Markdown file of the tree.
type page struct {
	path  string // from the root, with slashes
	lines []string
}

func rootFolder(t *testing.T) string {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// pages are all Markdown files, those not yet added to git among them.
func pages(t *testing.T) []page {
	t.Helper()
	root := rootFolder(t)
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var all []page
	for _, path := range strings.Fields(string(out)) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if os.IsNotExist(err) {
			continue // removed, not yet from git
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page{path, strings.Split(string(text), "\n")})
	}
	if len(all) < 10 {
		t.Fatalf("only %d documents", len(all))
	}
	return all
}

// prose calls see for each line outside code.
func (p page) prose(see func(number int, line string)) {
	fenced := false
	for i, line := range p.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "    ") {
			see(i+1, line)
		}
	}
}

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// anchors are the fragments a page's headings get.
func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	p.prose(func(_ int, line string) {
		text, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			return
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, text)
		all[slug] = true
	})
	return all
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	root, by, links := rootFolder(t), map[string]page{}, 0
	all := pages(t)
	for _, p := range all {
		by[p.path] = p
	}
	for _, p := range all {
		p.prose(func(number int, line string) {
			for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, "code"), -1) {
				if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
					continue
				}
				links++
				to, fragment, _ := strings.Cut(m[1], "#")
				target := p.path
				if to != "" {
					target = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), to))
				}
				if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
					t.Errorf("%s:%d: %s is not there", p.path, number, m[1])
				} else if other, ok := by[target]; fragment != "" && ok && !other.anchors()[fragment] {
					t.Errorf("%s:%d: %s has no heading #%s", p.path, number, target, fragment)
				}
			}
		})
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

func TestTheIndexNamesEveryDocument(t *testing.T) {
	var index string
	all := pages(t)
	for _, p := range all {
		if p.path == "docs/README.md" {
			index = strings.Join(p.lines, "\n")
		}
	}
	for _, p := range all {
		name, ok := strings.CutPrefix(p.path, "docs/")
		if ok && name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}
