package play

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// exchange sends a request as it stands, which no client library would, and reads the response.
func exchange(address string, r *Request) (*http.Response, []byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, nil, err
	}
	sent := make(chan struct{})
	go func() { // the gateway may answer before it has read all
		defer close(sent)
		_, _ = conn.Write(wire(r))
	}()
	defer func() { conn.Close(); <-sent }()
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		return nil, nil, fmt.Errorf("no response: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("response broke off: %w", err)
	}
	return response, body, nil
}

func wire(r *Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, r.Host)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	switch {
	case len(r.Trailers) > 0:
		names := make([]string, 0, len(r.Trailers))
		for _, h := range r.Trailers {
			names = append(names, h[0])
		}
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\nTrailer: %s\r\n\r\n%x\r\n%s\r\n0\r\n", strings.Join(names, ", "), len(r.Body), r.Body)
		for _, h := range r.Trailers {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
		b.WriteString("\r\n")
	case r.HasBody:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.Body), r.Body)
	default:
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// Send sends a request to a gateway and returns the status and body of the response.
func Send(address string, r *Request) (int, string, error) { return status(exchange(address, r)) }

// SendHTTP2 does so over HTTP/2.
func SendHTTP2(address string, r *Request) (int, string, error) {
	return status(exchangeHTTP2(address, r))
}

// RoundTripHTTP2 is the response to a request over HTTP/2, its body read.
func RoundTripHTTP2(address string, r *Request) (*http.Response, error) {
	response, _, err := exchangeHTTP2(address, r)
	return response, err
}

func status(response *http.Response, body []byte, err error) (int, string, error) {
	if err != nil {
		return 0, "", err
	}
	return response.StatusCode, string(body), nil
}

// exchangeHTTP2 sends the request over HTTP/2 without TLS. What HTTP/2 has no words for is left out by its client.
func exchangeHTTP2(address string, r *Request) (*http.Response, []byte, error) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true}
	defer transport.CloseIdleConnections()
	request := &http.Request{
		Method: r.Method, URL: &url.URL{Scheme: "http", Host: address, Opaque: r.Path}, Host: r.Host, Header: http.Header{"User-Agent": nil},
	}
	if r.HasBody {
		request.Body = io.NopCloser(bytes.NewReader(r.Body))
		request.ContentLength = int64(len(r.Body))
	}
	for _, h := range r.Headers {
		request.Header.Add(h[0], h[1])
	}
	if len(r.Trailers) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(r.Body))
		request.ContentLength = -1
		request.Trailer = http.Header{}
		for _, h := range r.Trailers {
			request.Trailer.Add(h[0], h[1])
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	response, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("no response: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("response broke off: %w", err)
	}
	return response, body, nil
}
