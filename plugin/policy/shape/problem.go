package shape

import (
	"sort"
	"strconv"
	"strings"
)

// A Path names a place in a document: keys, and indexes as their digits.
type Path []string

// Key is the path of a member.
func (p Path) Key(key string) Path {
	return append(p[:len(p):len(p)], key)
}

// Index is the path of an item.
func (p Path) Index(i int) Path { return p.Key(strconv.Itoa(i)) }

// String writes rules[0].route.path.
func (p Path) String() string {
	var b strings.Builder
	for i, part := range p {
		if part != "" && strings.Trim(part, "0123456789") == "" {
			b.WriteString("[" + part + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// A Problem is one thing wrong with a document. Its text holds no secret and no value of a variable.
type Problem struct {
	Path    Path
	Key     bool // it is the key itself that is wrong, not its value
	Message string
	order   int // of the value at Path
}

// String writes rules[0].route.metod: unknown field "metod"; did you mean "methods"?
func (p Problem) String() string {
	path := p.Path.String()
	if path == "" || strings.HasSuffix(p.Message, path) {
		return p.Message
	}
	return path + ": " + p.Message
}

// Problems is all that is wrong with a document. As an error it is one problem a line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Add reports that n, or the key it stands under, is wrong, and marks it so that nobody reports what only follows
// from that.
func (ps *Problems) Add(n *Node, key bool, message string) {
	n.Faulty = true
	*ps = append(*ps, Problem{Path: n.Path, Key: key, Message: message, order: n.order})
}

// Missing reports what is not there: at the key of the mapping that should have it, without marking the mapping.
func (ps *Problems) Missing(n *Node, message string) {
	*ps = append(*ps, Problem{Path: n.Path, Key: true, Message: message, order: n.order})
}

// Sort puts them in the document's order.
func (ps Problems) Sort() {
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].order < ps[j].order })
}

// Under is whether any problem stands at path or below.
func (ps Problems) Under(path Path) bool {
	for _, p := range ps {
		if len(p.Path) < len(path) {
			continue
		}
		same := true
		for i := range path {
			same = same && p.Path[i] == path[i]
		}
		if same {
			return true
		}
	}
	return false
}
