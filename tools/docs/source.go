package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

// A constant is a text constant with the comment on its line.
type constant struct{ name, value, about string }

// parseFiles parses the files of a folder, its tests apart, in the order of their names.
func (f facts) parseFiles(folder string) ([]*ast.File, error) {
	names, err := fs.Glob(f.tree, path.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(f.tree, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no Go files in %s", folder)
	}
	return files, nil
}

// constants are the text constants of a folder that are wanted, in the order they are written. Each must have a comment.
func (f facts) constants(folder string, wanted func(name, of string) bool) ([]constant, error) {
	files, err := f.parseFiles(folder)
	if err != nil {
		return nil, err
	}
	var all []constant
	for _, file := range files {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				continue
			}
			for _, s := range decl.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
					continue
				}
				of, _ := spec.Type.(*ast.Ident)
				value, isText := textOf(spec.Values[0])
				if !isText || !wanted(spec.Names[0].Name, nameOf(of)) {
					continue
				}
				all = append(all, constant{spec.Names[0].Name, value, strings.TrimSpace(spec.Comment.Text())})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of the constants sought stands in %s", folder)
	}
	return all, nil
}

// inspect calls see for every node of the folder's files until one call fails.
func (f facts) inspect(folder string, see func(ast.Node) error) error {
	files, err := f.parseFiles(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if err == nil && n != nil {
				err = see(n)
			}
			return err == nil
		})
	}
	return err
}

// packageComment is the comment of a folder's package in Markdown, headings from the given level on.
func (f facts) packageComment(folder string, level int) (string, error) {
	files, err := f.parseFiles(folder)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if file.Doc == nil {
			continue
		}
		parsed := new(comment.Parser).Parse(file.Doc.Text())
		printer := new(doc.Package).Printer()
		printer.HeadingLevel = level
		printer.HeadingID = func(*comment.Heading) string { return "" }
		return strings.TrimSpace(string(printer.Markdown(parsed))), nil
	}
	return "", fmt.Errorf("the package of %s has no comment", folder)
}

// textOf is the value of a text literal.
func textOf(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// numberOf is the value of a whole number's literal.
func numberOf(e ast.Expr) (int, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.INT {
		return 0, false
	}
	n, err := strconv.Atoi(lit.Value)
	return n, err == nil
}

// nameOf is an identifier, or the last part of a selector; "" for anything else.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if e != nil {
			return e.Name
		}
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// comments are the comments on the lines of a folder's constants, by the words that name them in documents: the
// constant's text, or its name in snake_case.
func (f facts) comments(folder string) (map[string]string, error) {
	about := map[string]string{}
	err := f.inspect(folder, func(n ast.Node) error {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			return nil
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 {
				continue
			}
			word := snake(spec.Names[0].Name)
			if len(spec.Values) == 1 {
				if text, isText := textOf(spec.Values[0]); isText {
					word = text
				}
			}
			text := spec.Comment.Text()
			if text == "" {
				_, text, _ = strings.Cut(spec.Doc.Text(), ": ") // Busy: the vendor's own code …
			}
			about[word] = strings.Join(strings.Fields(text), " ")
		}
		return nil
	})
	return about, err
}

// snake writes NoRecord as no_record.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
