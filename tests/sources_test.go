package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// nativeRooms are never in a guest, so what kills one does them no harm.
var nativeRooms = []string{"plugin/native", "plugin/policy/source", "providers/providertest"}

// mainsOwn are the variables a guest's main may have: the engine, and what the linker stamps.
var mainsOwn = map[string][]string{"plugin/extism": {"guest", "version"}, "plugin/proxywasm": {"guest", "version"}}

// guestFiles are the Go files, tests apart, of what a guest is made of, by folder.
func guestFiles(t *testing.T, files *token.FileSet) map[string][]*ast.File {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string][]*ast.File{}
	for _, room := range []string{"plugin", "providers"} {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if d.IsDir() {
				if slices.Contains(nativeRooms, rel) || d.Name() == "testdata" {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
				return nil
			}
			f, err := parser.ParseFile(files, path, nil, 0)
			if err == nil {
				folders[filepath.ToSlash(filepath.Dir(rel))] = append(folders[filepath.ToSlash(filepath.Dir(rel))], f)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

// TestGuestSources looks for what suspends, ends or corrupts a guest, and for state outside of the engine.
func TestGuestSources(t *testing.T) {
	files := token.NewFileSet()
	folders := guestFiles(t, files)
	if len(folders) < 10 {
		t.Fatalf("only %d folders of sources", len(folders))
	}
	for folder, parsed := range folders {
		for _, fault := range inspect(files, folder, parsed) {
			t.Error(fault)
		}
	}
}

// inspect lists what is wrong with one folder.
func inspect(files *token.FileSet, folder string, parsed []*ast.File) (faults []string) {
	fault := func(n ast.Node, what string) {
		faults = append(faults, files.Position(n.Pos()).String()+": "+what)
	}
	own, objects := map[string]bool{}, map[*ast.Object]bool{} //nolint:staticcheck // within one file what the parser resolves is enough
	for _, f := range parsed {
		for _, decl := range f.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for _, name := range v.Names {
					if name.Name == "_" || slices.Contains(mainsOwn[folder], name.Name) {
						continue
					}
					own[name.Name], objects[name.Obj] = true, true
					if why := badVariable(name.Name, v.Values); why != "" {
						fault(name, "package variable "+name.Name+" "+why)
					}
				}
			}
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			if what := badNode(n); what != "" && !(folder == storeRoom && strings.Contains(what, aLock)) {
				fault(n, what)
			}
			for _, to := range written(n) {
				// The parser resolves what the same file declares; what it does not may be another file's.
				if id := rootOf(to); id != nil && own[id.Name] && (id.Obj == nil || objects[id.Obj]) {
					fault(n, "package variable "+id.Name+" is written to")
				}
			}
			return true
		})
	}
	return faults
}

// badVariable says why a package variable is no constant in disguise.
func badVariable(name string, values []ast.Expr) string {
	if len(values) == 0 {
		return "has no value: it is state"
	}
	for _, value := range values {
		call, ok := value.(*ast.CallExpr)
		isError := ok && selector(call.Fun) == "errors.New"
		if ast.IsExported(name) && !(isError && strings.HasPrefix(name, "Err")) {
			return "is exported: anybody may write to it"
		}
		switch value := value.(type) {
		case *ast.CompositeLit, *ast.BasicLit, *ast.BinaryExpr:
		case *ast.UnaryExpr:
			if _, literal := value.X.(*ast.CompositeLit); !literal {
				return "is no table"
			}
		case *ast.CallExpr:
			if !isError && !slices.Contains(pureCalls, selector(value.Fun)) {
				return "is made by a call that is not known to be pure"
			}
		default:
			return "is neither an error nor a table"
		}
	}
	return ""
}

// pureCalls make a value that never changes, out of nothing.
var pureCalls = []string{"errors.New", "base64.StdEncoding.Strict", "strictjson.NewWatch"}

// badNode says why a guest may not do this.
func badNode(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a go statement: nothing outlives a call into a guest"
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "a channel: waiting on it is a deadlock, which kills the guest"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "waiting on a channel is a deadlock, which kills the guest"
		}
	case *ast.FuncDecl:
		if n.Name.Name == "init" && n.Recv == nil {
			return "an init function"
		}
	case *ast.SelectorExpr:
		if why, bad := badSelectors[selector(n)]; bad {
			return selector(n) + ": " + why
		}
		if name := n.Sel.Name; name == "Lock" || name == "RLock" {
			return name + ": " + aLock + ", which kills the guest"
		}
	}
	return ""
}

// storeRoom is the one folder that locks, for the time of a map look-up: no file of it knows callouts.
const storeRoom, aLock = "plugin/state", "a lock held across a callout is a deadlock"

var badSelectors = map[string]string{
	"time.Sleep": "it stalls every request of the guest", "time.After": "nobody waits in a guest", "time.NewTimer": "nobody waits in a guest",
	"time.Tick": "nobody waits in a guest", "time.AfterFunc": "nothing outlives a call into a guest",
	"time.LoadLocation": "a guest has no zone data", "os.Exit": "it returns in a guest, and the code behind it runs",
	"sync.Mutex": aLock, "sync.RWMutex": aLock,
	"sync.Once": aLock, "time.NewTicker": "nobody waits in a guest",
	"sync.Cond": "nobody waits in a guest", "sync.WaitGroup": "nobody waits in a guest", "log.Fatal": "it ends the guest",
}

// selector is a.b.c as it is written, "" for anything else.
func selector(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if left := selector(e.X); left != "" {
			return left + "." + e.Sel.Name
		}
	}
	return ""
}

// written is what a statement writes to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.CallExpr:
		if name := selector(n.Fun); (name == "delete" || name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// rootOf is the variable behind an element, field or pointer.
func rootOf(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return rootOf(e.X)
	case *ast.SelectorExpr:
		return rootOf(e.X)
	case *ast.StarExpr:
		return rootOf(e.X)
	case *ast.ParenExpr:
		return rootOf(e.X)
	}
	return nil
}

func TestGuestSourcesThatWouldBeRefused(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"a goroutine", "func f() { go f() }", "go statement"},
		{"a channel", "func f(c chan int) {}", "channel"},
		{"waiting on a channel", "func f() { <-done }", "channel"},
		{"waiting for a context", "func f() { <-ctx.Done() }", "channel"},
		{"sleeping", "func f() { time.Sleep(1) }", "time.Sleep"},
		{"ending the process", "func f() { os.Exit(1) }", "os.Exit"},
		{"a mutex", "type s struct { mu sync.Mutex }", "sync.Mutex"},
		{"a lock by another name", "func (s *s) f() { s.guard.Lock() }", "Lock"},
		{"a lock held across a callout", "func (p *p) f(do callout.Doer) { p.mu.Lock(); defer p.mu.Unlock(); do.Do(nil, nil) }", "Lock"},
		{"once, which is a lock across what it runs", "type s struct { once sync.Once }", "sync.Once"},
		{"an init function", "func init() {}", "init"},
		{"a variable without a value", "var cache map[string]int", "state"},
		{"an exported table", "var Table = []int{1}", "exported"},
		{"a variable made by a call", "var now = time.Now()", "not known to be pure"},
		{"a table that is written to", "var table = []int{1}\nfunc f() { table[0] = 2 }", "written to"},
		{"an error that is replaced", "var errA = errors.New(\"a\")\nfunc f() { errA = nil }", "written to"},
		{"a map that is cleared", "var table = map[int]int{}\nfunc f() { delete(table, 1) }", "written to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, "x.go", "package x\n"+c.source, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(inspect(files, "x", []*ast.File{f}), "\n")
			if !strings.Contains(got, c.want) {
				t.Errorf("inspect says %q, nothing of %q", got, c.want)
			}
		})
	}
	t.Run("a local of the same name may be written to", func(t *testing.T) {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, "x.go", "package x\nvar table = []int{1}\nfunc f() { var table []int; table = nil; _ = table }\nfunc g(table []int) { table[0] = 1 }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := inspect(files, "x", []*ast.File{f}); len(got) > 0 {
			t.Errorf("inspect says %q", got)
		}
	})
}
