//go:build e2e

package readers

import (
	"bufio"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"testing"
)

var update = flag.Bool("update", false, "keep what the upstreams read now")

// TestUpstreamsReadWhatIsKept runs the three upstreams and compares.
func TestUpstreamsReadWhatIsKept(t *testing.T) {
	now := record(t, tricks())
	text, err := now.format()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(readingsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old := load(t)
	for i := range min(len(now.Tricks), len(old.Tricks)) {
		if !reflect.DeepEqual(again(t, now.Tricks[i]), old.Tricks[i]) {
			t.Errorf("%s: %s\nis read as %+v\nkept was    %+v", now.Tricks[i].Kind, now.Tricks[i].Name, now.Tricks[i].Groups, old.Tricks[i].Groups)
		}
	}
	if len(now.Tricks) != len(old.Tricks) {
		t.Errorf("%d tricks, %d are kept", len(now.Tricks), len(old.Tricks))
	}
}

// again is the entry as it comes out of the file.
func again(t *testing.T, e entry) entry {
	t.Helper()
	text, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	var back entry
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// record asks the upstreams about every trick.
func record(t *testing.T, all []trick) kept {
	t.Helper()
	k := kept{Versions: []string{runtime.Version()}, Tricks: make([]entry, len(all))}
	addrs := []string{serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := encode(readGo(r))
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(reply)
	}))}
	for _, command := range [][]string{{"node", "upstreams/node.mjs"}, {"python3", "upstreams/python.py"}} {
		addr, version := start(t, command)
		addrs, k.Versions = append(addrs, addr), append(k.Versions, version)
	}
	for _, addr := range addrs[:3] {
		addrs = append(addrs, serve(t, forward(addr)))
	}
	for i, c := range all {
		k.Tricks[i] = entry{Kind: c.kind, Name: c.name, Request: digest(c.raw)}
		for n, u := range upstreams {
			status, body := send(t, addrs[n], c.raw)
			v := Reading{Refused: true}
			if status == http.StatusOK {
				v = Reading{}
				if err := json.Unmarshal(body, &v); err != nil {
					t.Fatalf("%s: %s: %v: %s", u, c.name, err, body)
				}
			}
			k.Tricks[i].add(u, keep(v))
		}
		k.Tricks[i].close()
	}
	return k
}

// forward is a proxy that hands on a request as the gateway does.
func forward(addr string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.Host = r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// start runs an upstream, which prints its port and ends with its input.
func start(t *testing.T, command []string) (addr, version string) {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Port    int
		Version string
	}
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + strconv.Itoa(said.Port), said.Version
}
