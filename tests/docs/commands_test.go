package docs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A command is one line of a sh block, with those that continue it.
type command struct {
	page, text string
	note       string // the comment behind it
	line       int    // where it begins
}

var (
	comment = regexp.MustCompile(`\s+#\s.*$`)
	fence   = regexp.MustCompile("^\\s*```([a-z]*)\\s*$")
)

// commands are the lines of a page's sh blocks.
func (p page) commands(t *testing.T) []command {
	t.Helper()
	var all []command
	language, inside, text, begun := "", false, "", 0
	for i, line := range p.lines {
		if m := fence.FindStringSubmatch(line); m != nil {
			inside = !inside
			language = ""
			if inside {
				language = m[1]
			}
			if slices.Contains([]string{"bash", "shell", "console", "zsh"}, language) {
				t.Errorf("%s:%d: write sh, so that its commands are run", p.path, i+1)
			}
			continue
		}
		line = strings.TrimSpace(line)
		if language != "sh" || line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if text == "" {
			begun = i + 1
		}
		if rest, more := strings.CutSuffix(line, `\`); more {
			text += strings.TrimSpace(rest) + " "
			continue
		}
		note := comment.FindString(line)
		all = append(all, command{p.path, text + strings.TrimSuffix(line, note), strings.TrimLeft(note, " #"), begun})
		text = ""
	}
	return all
}

// A way is how commands of one form are run.
type way struct {
	form  *regexp.Regexp
	pages string // of these pages only, by the beginning of their path
	run   func(*testing.T, *stage, command)
	why   string // why they are not run here; then run is nil
}

// ways is every form of command that a document may show. The first that fits counts.
var ways = []way{
	{form: regexp.MustCompile(`^make [a-z0-9-]+$`), run: makeTarget},
	{form: regexp.MustCompile(`^curl `), run: curl},
	{form: regexp.MustCompile(`^bin/idvgate sandbox &$`), pages: "examples/", why: "part of a block that make e2e runs as it stands"},
	{form: regexp.MustCompile(`^(bin/)?idvgate (run|demo|sandbox)\b`), run: serves},
	{form: regexp.MustCompile(`^(bin/)?idvgate (validate|version|completion)\b`), run: succeeds},
	{form: regexp.MustCompile(`^go test \./(providers|plugin)/[a-z./]+$`), run: succeedsInTree},
	{
		form: regexp.MustCompile(`^(cd|node|npm|npx|pip3?|python3?|\.cache/python/bin/(pip|python)|uv|kubectl|docker|java|\./|sh) `), pages: "examples/",
		why: "needs another runtime than Go; make e2e starts the same program",
	},
	{form: regexp.MustCompile(`^git clone `), why: "needs the network"},
}

// wayOf is how the command is run; nil: nobody knows.
func wayOf(c command) *way {
	for i := range ways {
		if w := &ways[i]; w.form.MatchString(c.text) && strings.HasPrefix(c.page, w.pages) {
			return w
		}
	}
	return nil
}

func TestEachCommandOfTheDocumentsRuns(t *testing.T) {
	s, n := newStage(t), 0
	for _, p := range pages(t) {
		for _, c := range p.commands(t) {
			t.Run(c.page+":"+strconv.Itoa(c.line), func(t *testing.T) {
				switch w := wayOf(c); {
				case w == nil:
					t.Errorf("nobody knows how to run %q: tell ways in tests/docs", c.text)
				case w.run == nil:
					t.Logf("not run: %s: %s", c.text, w.why)
				default:
					w.run(t, s, c)
					n++
				}
			})
		}
	}
	if n < 8 {
		t.Errorf("only %d commands were run", n)
	}
}

func TestCommandsAreReadAsAShellWould(t *testing.T) {
	p := page{"x.md", strings.Split("```sh\n# alone\nmake run   # it starts\ncurl a \\\n  b#c\n```\n```\nnot one\n```", "\n")}
	got := p.commands(t)
	want := []command{{"x.md", "make run", "it starts", 3}, {"x.md", "curl a b#c", "", 4}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestACommandThatNobodyKnowsIsFound(t *testing.T) {
	for _, c := range []command{
		{page: "README.md", text: "rm -rf bin"},
		{page: "README.md", text: "make run; make test"},
		{page: "README.md", text: "npm ci"},
		{page: "docs/x.md", text: "bin/idvgate fly"},
	} {
		if wayOf(c) != nil {
			t.Errorf("%s: %s is known", c.page, c.text)
		}
	}
	if w := wayOf(command{page: "examples/x/README.md", text: "npm ci"}); w == nil || w.why == "" {
		t.Error("what is not run has no reason")
	}
}
