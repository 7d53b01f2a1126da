package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

// ReadEnv reads variables from lines of NAME=value. Empty lines and lines that begin with # are skipped, and an
// `export` before the name. A value in single quotes is taken as it stands; in double quotes \n, \" and \\ mean what
// they do in a shell's $'…'. The error names every line that is wrong and shows none of its values.
func ReadEnv(r io.Reader) (map[string]string, error) {
	vars := make(map[string]string)
	var wrong []error
	lines := bufio.NewScanner(io.LimitReader(r, maxBytes))
	lines.Buffer(nil, maxBytes)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		_, twice := vars[name]
		value, whole := unquote(strings.TrimSpace(value))
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("line %d: NAME=value is due", n))
		case !shape.Variable(name):
			wrong = append(wrong, fmt.Errorf("line %d: a name is letters, digits and _, and begins with no digit", n))
		case twice:
			wrong = append(wrong, fmt.Errorf("line %d: %s is set twice", n, name))
		case !whole:
			wrong = append(wrong, fmt.Errorf("line %d: the value of %s begins with a quote that does not end it", n, name))
		default:
			vars[name] = value
		}
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, err)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return vars, nil
}

// unquote takes the quotes off a value; false where they do not match.
func unquote(s string) (string, bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s, true
	}
	q := s[0]
	if len(s) < 2 || s[len(s)-1] != q {
		return "", false
	}
	inner := s[1 : len(s)-1]
	if q == '\'' {
		return inner, !strings.Contains(inner, "'")
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		switch {
		case c == '"':
			return "", false
		case c == '\\' && i+1 == len(inner):
			return "", false
		case c == '\\' && inner[i+1] == 'n':
			b.WriteByte('\n')
			i++
		case c == '\\' && (inner[i+1] == '"' || inner[i+1] == '\\'):
			b.WriteByte(inner[i+1])
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
