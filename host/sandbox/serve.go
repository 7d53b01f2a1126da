package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Steps as they are named in calls.
const (
	stepLogin       = "login"
	stepAccount     = "account"
	stepVerify      = "verify"
	stepCertificate = "certificate"
)

// maxBody bounds a request: a face of 150 KB in base64 and room to spare, in bytes.
const maxBody = 1 << 20

// hugeBody is the size of a huge reply, in bytes.
const hugeBody = 8 << 20

// A reply is what a vendor would send if the network and the vendor's servers were well.
type reply struct {
	status      int
	contentType string
	body        []byte
}

// A result is how one call went: about whom, with which answer (one of people's answers, or a refusal's own code), and
// the reply that says so. For answers that are a way of not answering the reply is the match they spoil.
type result struct {
	person string
	answer string
	reply  reply
}

// refused is a result about nobody: the request was turned away.
func refused(code string, r reply) result {
	return result{person: unknownPerson, answer: code, reply: r}
}

// jsonReply is v as JSON, without HTML escapes, as the vendors write it.
func jsonReply(status int, v any) reply {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // a shape of ours that JSON cannot hold
	}
	return reply{status, "application/json;charset=UTF-8", bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

// sendsJSON reports whether the request says that its body is JSON, whatever its parameters.
func sendsJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/json"
}

// serve is the way of every call to a vendor: read, draw the vendor's fault, ask the vendor, count, answer.
func (s *Sandbox) serve(vendor, step string, ask func(r *http.Request, body []byte, fault string) result) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			write(w, htmlReply(http.StatusRequestEntityTooLarge))
			return
		}
		fault := s.faults.draw(vendor, step, s.now())
		answerFault := fault
		if transport(fault) {
			answerFault = ""
		}
		res := ask(r, body, answerFault)
		if transport(fault) && fault != slow {
			res.answer = fault
		}
		s.calls.add(call{
			Vendor: vendor, Step: step, Person: res.person, Answer: res.answer,
			Billed: step == stepVerify && billed(res.answer), At: s.now().UTC(),
		})
		if fault == slow && res.answer != slow {
			s.wait(r.Context(), s.slow)
		}
		s.play(w, r, res.answer, res.reply)
	}
}

// play sends the reply in the way the answer says.
func (s *Sandbox) play(w http.ResponseWriter, r *http.Request, answer string, good reply) {
	switch answer {
	case http500:
		write(w, htmlReply(http.StatusInternalServerError))
	case html200:
		write(w, htmlReply(http.StatusOK))
	case empty:
		write(w, reply{good.status, good.contentType, nil})
	case truncated:
		write(w, reply{good.status, good.contentType, good.body[:len(good.body)/2]})
	case reset:
		breakOff(w)
	case timeout:
		s.wait(r.Context(), s.silence)
		panic(http.ErrAbortHandler)
	case slow:
		s.wait(r.Context(), s.slow)
		write(w, good)
	case huge:
		writeHuge(w, good)
	default:
		write(w, good)
	}
}

// wait holds a request for d. When the client goes away or the sandbox closes, it breaks the connection off at once.
func (s *Sandbox) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	case <-s.done:
		panic(http.ErrAbortHandler)
	}
}

// breakOff resets the connection (RST rather than FIN where it is TCP).
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func write(w http.ResponseWriter, r reply) {
	w.Header().Set("Content-Type", r.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}

// writeHuge pads a JSON object with one more field until it is hugeBody long: still valid, only too much.
func writeHuge(w http.ResponseWriter, r reply) {
	head := append(bytes.TrimSuffix(r.body, []byte("}")), `,"padding":"`...)
	const tail = `"}`
	w.Header().Set("Content-Type", r.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(hugeBody))
	w.WriteHeader(r.status)
	if _, err := w.Write(head); err != nil {
		return
	}
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for left := hugeBody - len(head) - len(tail); left > 0; {
		n, err := w.Write(chunk[:min(left, len(chunk))])
		if err != nil {
			return
		}
		left -= n
	}
	_, _ = io.WriteString(w, tail)
}

// htmlReply is the page of some proxy on the way.
func htmlReply(status int) reply {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	page := "<html>\r\n<head><title>" + text + "</title></head>\r\n<body><center><h1>" + text + "</h1></center></body>\r\n</html>\r\n"
	return reply{status, "text/html; charset=utf-8", []byte(page)}
}
