package host

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// head is what a guest is told of a request at first.
type head struct {
	flow       uint64
	r          *http.Request
	id, client string
	upgrade    bool
	line       []byte // the begin message, for a guest that reads it
}

// readable reports whether the head has one reading, and writes the begin message into room where the guest reads it. A
// head of which a part is not UTF-8 is refused.
func (gen *generation) readable(h *head, room []byte) (ok bool) {
	if _, direct := gen.guest.(proxyGuest); direct {
		h.line = room
		return isText(h.r)
	}
	h.line, ok = appendHead(room, h.flow, h.r, h.id, h.client, h.upgrade)
	return ok
}

// isText reports whether all of a head is UTF-8.
func isText(r *http.Request) bool {
	if !utf8.ValidString(r.Host) || !utf8.ValidString(r.RequestURI) {
		return false
	}
	for name, values := range r.Header {
		if !isToken(name) {
			return false
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				return false
			}
		}
	}
	return true
}

// appendHead writes the begin message of a request: its head as it came, nothing decoded. False where a part of it is
// not UTF-8: such a head has no single reading, and is refused.
func appendHead(b []byte, flow uint64, r *http.Request, id, client string, upgrade bool) ([]byte, bool) {
	b = append(b, `{"flow":`...)
	b = strconv.AppendUint(b, flow, 10)
	b = append(b, `,"head":{"method":`...)
	ok := true
	text := func(s string) {
		if ok {
			b, ok = appendText(b, s)
		}
	}
	text(r.Method)
	if r.TLS != nil {
		b = append(b, `,"scheme":"https","host":`...)
	} else {
		b = append(b, `,"scheme":"http","host":`...)
	}
	text(r.Host)
	b = append(b, `,"path":`...)
	text(r.RequestURI)
	b = append(b, `,"headers":[`...)
	first := true
	for name, values := range r.Header {
		for _, value := range values {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, '[')
			if ok {
				b, ok = appendLower(b, name)
			}
			b = append(b, ',')
			text(value)
			b = append(b, ']')
		}
	}
	b = append(b, `],"id":`...)
	text(id)
	if client != "" {
		b = append(b, `,"client":`...)
		text(client)
	}
	if r.ContentLength == 0 {
		b = append(b, `,"noBody":true`...)
	}
	if upgrade {
		b = append(b, `,"upgrade":true`...)
	}
	return append(b, '}', '}', '\n'), ok
}

// maxIDBytes bounds a request id that a client brings.
const maxIDBytes = 128

// requestID is the x-request-id, if it is one, else a new one, which the upstream then gets too.
func requestID(r *http.Request) string {
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && len(ids[0]) <= maxIDBytes && isToken(ids[0]) {
		return ids[0]
	}
	id := newID()
	r.Header["X-Request-Id"] = []string{id}
	return id
}

// clientAddress is the client's address without port: that of the connection, or with trusted proxies the one so many
// from the right of X-Forwarded-For. Where that list is shorter or holds no address there, the connection's.
func clientAddress(r *http.Request, trustedHops int) string {
	own, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		own = r.RemoteAddr
	}
	if trustedHops == 0 {
		return own
	}
	list := strings.Join(r.Header["X-Forwarded-For"], ",")
	for hop := 1; ; hop++ {
		at := strings.LastIndexByte(list, ',')
		if hop == trustedHops {
			if a, err := netip.ParseAddr(strings.TrimSpace(list[at+1:])); err == nil {
				return a.Unmap().WithZone("").String()
			}
			return own
		}
		if at < 0 {
			return own
		}
		list = list[:at]
	}
}

// upgrade reports whether the request asks for a websocket or a tunnel. Other upgrades are taken off it: h2c would open
// a way past the gateway on one connection.
func upgrade(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return true
	}
	up, ok := r.Header["Upgrade"]
	if !ok {
		return false
	}
	if len(up) == 1 && strings.EqualFold(strings.TrimSpace(up[0]), "websocket") {
		return true
	}
	delete(r.Header, "Upgrade")
	delete(r.Header, "Http2-Settings")
	return false
}
