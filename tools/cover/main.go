// Command cover prints how much of each room the tests ran, from the profile that `go test -coverprofile` wrote with
// -coverpkg: there each block stands once per test binary, and has run if it ran in any of them.
//
//	cover profile [file.md]
//
// The table goes to standard output, and as Markdown to the file if one is given.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// product is the module whose rooms are told apart.
const product = "github.com/idvgate/idvgate/"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: cover profile [file.md]")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("cover: %w", err)
	}
	defer f.Close()
	rooms, err := read(f)
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if err := os.WriteFile(args[1], []byte(markdown(rooms)), 0o600); err != nil {
			return fmt.Errorf("cover: %w", err)
		}
	}
	_, err = io.WriteString(out, table(rooms))
	return err
}

// room is a part of the product, with its statements and how many of them ran.
type room struct {
	name       string
	statements int
	ran        int
}

// percent is how much of a room ran, 0 to 100. An empty room counts as run.
func (r room) percent() float64 {
	if r.statements == 0 {
		return 100
	}
	return 100 * float64(r.ran) / float64(r.statements)
}

// block is a run of statements without a branch.
type block struct {
	statements int
	ran        bool
}

// read sums a profile up by room, in the rooms' order, the whole at the end.
func read(profile io.Reader) ([]room, error) {
	blocks := map[string]block{}
	lines := bufio.NewScanner(profile)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") || line == "" {
			continue
		}
		// PATH:LINE.COLUMN,LINE.COLUMN STATEMENTS TIMES
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("cover: line %d of the profile has %d fields, not 3", n, len(fields))
		}
		statements, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("cover: line %d of the profile: %w", n, err)
		}
		was := blocks[fields[0]]
		blocks[fields[0]] = block{statements: statements, ran: was.ran || fields[2] != "0"}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cover: %w", err)
	}
	if len(blocks) == 0 {
		return nil, errors.New("cover: the profile is empty")
	}
	return sum(blocks), nil
}

func sum(blocks map[string]block) []room {
	by, total := map[string]room{}, room{name: "all"}
	for at, b := range blocks {
		path, _, _ := strings.Cut(at, ":")
		name := roomOf(path)
		r := by[name]
		r.name = name
		r.statements += b.statements
		total.statements += b.statements
		if b.ran {
			r.ran += b.statements
			total.ran += b.statements
		}
		by[name] = r
	}
	rooms := make([]room, 0, len(by)+1)
	for _, r := range by {
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b room) int { return cmp.Compare(a.name, b.name) })
	return append(rooms, total)
}

// roomOf is the room a file stands in: its folder, two deep at most, but for host/cmd/NAME, which is host/cmd.
//
//	plugin/route.go              plugin
//	plugin/policy/source/read.go plugin/policy
func roomOf(path string) string {
	folders := strings.Split(strings.TrimPrefix(path, product), "/")
	folders = folders[:len(folders)-1]
	return strings.Join(folders[:min(2, len(folders))], "/")
}

func table(rooms []room) string {
	var b strings.Builder
	for _, r := range rooms {
		fmt.Fprintf(&b, "%-24s %6.1f %%  %6d statements\n", r.name, r.percent(), r.statements)
	}
	return b.String()
}

func markdown(rooms []room) string {
	var b strings.Builder
	b.WriteString("| room | ran | statements |\n|---|--:|--:|\n")
	for _, r := range rooms {
		fmt.Fprintf(&b, "| %s | %.1f %% | %d |\n", r.name, r.percent(), r.statements)
	}
	return b.String()
}
