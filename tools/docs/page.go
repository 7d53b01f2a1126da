package main

import (
	"fmt"
	"strings"
)

// A page is a document in Markdown, as it is written.
type page struct{ strings.Builder }

// newPage begins a page with its title and what it is made from.
func newPage(title, from string) *page {
	p := new(page)
	p.line("# " + title)
	p.line("")
	p.line("<!-- Made by `make docs` from " + from + ". Do not edit. -->")
	p.line("")
	return p
}

func (p *page) line(s string) {
	p.WriteString(s)
	p.WriteByte('\n')
}

func (p *page) text(s string) {
	p.line(s)
	p.line("")
}

func (p *page) heading(level int, s string) { p.text(strings.Repeat("#", level) + " " + s) }

// code is a fenced block.
func (p *page) code(language, s string) {
	p.line("```" + language)
	p.line(strings.TrimRight(s, "\n"))
	p.text("```")
}

// table is a table of rows that have as many cells as there are heads. A column without any content is left out.
func (p *page) table(heads []string, rows [][]string) {
	var keep []int
	for i := range heads {
		for _, row := range rows {
			if row[i] != "" {
				keep = append(keep, i)
				break
			}
		}
	}
	write := func(cells []string) {
		p.WriteByte('|')
		for _, i := range keep {
			p.WriteByte(' ')
			p.WriteString(strings.ReplaceAll(strings.ReplaceAll(cells[i], "\n", " "), "|", `\|`))
			p.WriteString(" |")
		}
		p.WriteByte('\n')
	}
	write(heads)
	p.line("|" + strings.Repeat("---|", len(keep)))
	for _, row := range rows {
		write(row)
	}
	p.line("")
}

func (p *page) bytes() []byte { return []byte(strings.TrimRight(p.String(), "\n") + "\n") }

// code is text as code in a line, "" for nothing.
func code(s string) string {
	if s == "" {
		return ""
	}
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

// codes is words as code, joined by commas.
func codes(words []string) string {
	var all []string
	for _, w := range words {
		all = append(all, code(w))
	}
	return strings.Join(all, ", ")
}

// anchor is the fragment that a heading gets.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(heading, "`", "")), " ", "-")
}

// sentence is text with a capital at its beginning and a full stop at its end.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	if c := s[0]; c >= 'a' && c <= 'z' && !strings.HasPrefix(s, "x-") {
		s = string(c-'a'+'A') + s[1:]
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// unknown is the error for a word of the code that a table of this package does not know.
func unknown(what, word, where string) error {
	return fmt.Errorf("%s %q is new: say what it means in %s", what, word, where)
}
