package providertest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/callout"
)

// message is a request as a vector file has it: an HTTP/1.1 message with the absolute URL in its first line, lines of
// the head ended by a newline alone, headers in the order they were given, the body as it is to the file's end.
func message(r callout.Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\n", r.Method, r.URL)
	for _, h := range r.Header {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	b.WriteByte('\n')
	b.Write(r.Body)
	return b.Bytes()
}

// parseReply reads a .reply file: an HTTP/1.1 message whose lines end by a newline, with or without a carriage return;
// or one line, "callout: timeout" (or another kind), for no reply at all. A body may end in one newline, which is
// not part of it.
func parseReply(text []byte) (Reply, error) {
	if word, ok := strings.CutPrefix(string(text), "callout: "); ok {
		kind := callout.ParseKind(strings.TrimSpace(word))
		if kind.String() != strings.TrimSpace(word) {
			return Reply{}, fmt.Errorf("providertest: no callout error is called %q", strings.TrimSpace(word))
		}
		return Fail(kind), nil
	}
	line, rest, ok := cutLine(text)
	version, status, hasStatus := strings.Cut(line, " ")
	if !ok || !hasStatus || version != "HTTP/1.1" {
		return Reply{}, fmt.Errorf("providertest: first line %q, want HTTP/1.1 and a status", line)
	}
	code, _, _ := strings.Cut(status, " ")
	n, err := strconv.Atoi(code)
	if err != nil || n < 100 || n > 599 || http.StatusText(n) == "" {
		return Reply{}, fmt.Errorf("providertest: %q is no status", code)
	}
	reply := Reply{Status: n}
	for {
		line, rest, ok = cutLine(rest)
		if !ok {
			return Reply{}, fmt.Errorf("providertest: the head of the reply has no end")
		}
		if line == "" {
			reply.Body = bytes.TrimSuffix(rest, []byte("\n"))
			return reply, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return Reply{}, fmt.Errorf("providertest: %q is no header", line)
		}
		reply.Header = append(reply.Header, callout.Header{Name: name, Value: strings.TrimSpace(value)})
	}
}

// Recorded is the body of every reply among the wire vectors in testdata, for a fuzz test to start from.
func Recorded(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.reply")
	if err != nil || len(files) == 0 {
		t.Fatalf("providertest: no recorded replies: %v", err)
	}
	var bodies [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := parseReply(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if reply.Fail == nil {
			bodies = append(bodies, reply.Body)
		}
	}
	return bodies
}

func cutLine(text []byte) (line string, rest []byte, ok bool) {
	before, rest, ok := bytes.Cut(text, []byte("\n"))
	return strings.TrimSuffix(string(before), "\r"), rest, ok
}
