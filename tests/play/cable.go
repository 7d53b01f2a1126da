package play

import (
	"io"
	"net"
	"net/url"
	"sync"
)

// A Cable is the way to a server, which can be cut: connections break off and no other is made, as when the server's
// process is killed.
type Cable struct {
	URL string
	to  string

	mu    sync.Mutex
	at    net.Listener
	conns map[net.Conn]struct{}
}

// NewCable lays one to a base URL.
func NewCable(to string) (*Cable, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Cable{URL: "http://" + l.Addr().String() + u.Path, to: u.Host, conns: map[net.Conn]struct{}{}}
	c.serve(l)
	return c, nil
}

func (c *Cable) serve(l net.Listener) {
	c.at = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(conn)
		}
	}()
}

func (c *Cable) carry(from net.Conn) {
	to, err := net.Dial("tcp", c.to)
	if err != nil {
		from.Close()
		return
	}
	c.mu.Lock()
	c.conns[from], c.conns[to] = struct{}{}, struct{}{}
	c.mu.Unlock()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
	from.Close()
	to.Close()
	c.mu.Lock()
	delete(c.conns, from)
	delete(c.conns, to)
	c.mu.Unlock()
}

// Kill cuts it.
func (c *Cable) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at.Close()
	for conn := range c.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset and no end
		}
		conn.Close()
	}
}

// Start mends it.
func (c *Cable) Start() error {
	l, err := net.Listen("tcp", c.at.Addr().String())
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serve(l)
	return nil
}
