package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/tests/bench/front"
)

// A person of the vendor's sandbox.
type person struct{ name, escaped, idNumber string }

var (
	leiLi = person{"李雷", "%E6%9D%8E%E9%9B%B7", "110101199003070003"}           // the fields belong together
	held  = person{"韩梅梅", "%E9%9F%A9%E6%A2%85%E6%A2%85", "110101199003080009"} // they do not; in load the vendor keeps her waiting
)

// A request is what is sent again and again.
type request struct {
	path, header, body string
	want               string // how the upstream's answer begins; the upstream says whether it saw the annotation
}

// ask is a request about a person on the route that asks the vendor, with a body of at least so many bytes.
func ask(p person, size int) request {
	return request{path: front.Path, body: bodyOf(p, size), want: "verified"}
}

// again is the same where the answer is remembered.
func again(p person) request {
	return request{path: front.RecallPath, body: bodyOf(p, 0), want: "verified"}
}

// pass is the same on a route no rule is for.
func pass(p person, size int) request {
	return request{path: "/v1/other", body: bodyOf(p, size), want: "passed"}
}

// through is the request as the peer needs it: forward_auth forwards no body, so Caddy's carries the fields in headers.
func (q request) through(kind string) request {
	if kind == "caddy" {
		for _, p := range []person{leiLi, held} {
			if strings.Contains(q.body, p.idNumber) {
				q.header = "X-Person-Name: " + p.escaped + "\r\nX-Person-Id-Number: " + p.idNumber + "\r\n"
			}
		}
	}
	return q
}

func bodyOf(p person, size int) string {
	text := `{"name":"` + p.name + `","idNumber":"` + p.idNumber + `"`
	const frame = `,"note":""}`
	if fill := size - len(text) - len(frame); fill >= 0 {
		return text + `,"note":"` + strings.Repeat("x", fill) + `"}`
	}
	return text + "}"
}

func (q request) bytes(addr string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench/1\r\n%sContent-Length: %d\r\n\r\n%s",
		q.path, addr, q.header, len(q.body), q.body)
}

// connections is how many clients send at once in the closed loop.
const connections = 16

// closedLoop sends n requests and returns the process's CPU time per request.
func closedLoop(p *process, q request, n int) (time.Duration, error) {
	q = q.through(p.kind)
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		wg.Go(func() {
			if err := client(p.addr, q, time.Now().Add(time.Minute), func() bool { return left.Add(-1) >= 0 }); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, fmt.Errorf("%s %s: %w", p.kind, q.path, err)
	default:
	}
	after, err := p.cpu()
	return (after - before) / time.Duration(n), err
}

// client sends requests over one connection while more says so, and checks each answer. By the deadline all is over.
func client(addr string, q request, deadline time.Time, more func() bool) error {
	conn, err := net.DialTimeout("tcp", addr, time.Until(deadline))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	r, raw := bufio.NewReader(conn), q.bytes(addr)
	for more() {
		if _, err := conn.Write(raw); err != nil {
			return err
		}
		status, body, err := answer(r)
		if err != nil {
			return err
		}
		if status != http.StatusOK || !bytes.HasPrefix(body, []byte(q.want)) {
			return fmt.Errorf("got %d %s", status, body)
		}
	}
	return nil
}

func answer(r *bufio.Reader) (status int, body []byte, err error) {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// prove shows, with the vendor's sandbox checking every signature, that a peer does the task.
func prove(w *world, p *process) error {
	w.proof.Store(true)
	defer w.proof.Store(false)
	for _, c := range []struct {
		q      request
		status int
		want   string
	}{
		{ask(leiLi, 0), http.StatusOK, "verified"},
		{ask(held, 0), http.StatusForbidden, ""},
		{pass(held, 0), http.StatusOK, "passed"},
	} {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a fresh connection takes one
		_, err = conn.Write(c.q.through(p.kind).bytes(p.addr))
		if err != nil {
			return err
		}
		status, body, err := answer(bufio.NewReader(conn))
		conn.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", p.kind, err)
		}
		if status != c.status || !bytes.HasPrefix(body, []byte(c.want)) {
			return fmt.Errorf("%s does not do the task: %s is answered %d %s, not %d %s", p.kind, c.q.path, status, body, c.status, c.want)
		}
	}
	return nil
}
