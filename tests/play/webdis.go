package play

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Webdis is what the engine needs of Redis behind Webdis, in this process. End-to-end tests have real ones.
type Webdis struct {
	URL    string
	server *httptest.Server

	mu     sync.Mutex
	values map[string]string
	down   bool
}

// NewWebdis makes an empty one.
func NewWebdis() *Webdis {
	w := &Webdis{values: map[string]string{}}
	w.server = httptest.NewServer(w)
	w.URL = w.server.URL
	return w
}

// Close ends it.
func (w *Webdis) Close() { w.server.Close() }

// Do has something happen to it: it goes down or up, is emptied, or has its values moved, each to another's key.
func (w *Webdis) Do(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch what {
	case "down", "up":
		w.down = what == "down"
	case "emptied":
		clear(w.values)
	case "moved":
		var keys []string
		for k := range w.values {
			if strings.HasPrefix(k, "idv:v:") {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for i := 1; i < len(keys); i++ {
			w.values[keys[i]], w.values[keys[i-1]] = w.values[keys[i-1]], w.values[keys[i]]
		}
	default:
		return fmt.Errorf("play: nothing is called %q that happens to a store", what)
	}
	return nil
}

// Values is how many values, not counters, it has.
func (w *Webdis) Values() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.values {
		if strings.HasPrefix(k, "idv:v:") {
			n++
		}
	}
	return n
}

// Contents is all that it has, as text.
func (w *Webdis) Contents() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.values)
}

func (w *Webdis) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if w.down || len(part) < 2 {
		http.Error(out, "Service Unavailable", http.StatusServiceUnavailable)
		return
	}
	result := ""
	switch key := part[1]; {
	case part[0] == "GET" && len(part) == 2:
		result = "null"
		if v, ok := w.values[key]; ok {
			result = strconv.Quote(v)
		}
	case part[0] == "SET" && len(part) == 5 && part[3] == "EX":
		w.values[key], result = part[2], `[true,"OK"]`
	case part[0] == "SET" && len(part) == 6 && part[3] == "NX" && part[4] == "EX":
		result = "null"
		if _, taken := w.values[key]; !taken {
			w.values[key], result = part[2], `[true,"OK"]`
		}
	case part[0] == "DEL" && len(part) == 2:
		delete(w.values, key)
		result = "1"
	case part[0] == "INCRBY" && len(part) == 3:
		have, _ := strconv.ParseInt(w.values[key], 10, 64)
		by, err := strconv.ParseInt(part[2], 10, 64)
		if err != nil {
			result = `[false,"ERR value is not an integer or out of range"]`
			break
		}
		w.values[key] = strconv.FormatInt(have+by, 10)
		result = w.values[key]
	case part[0] == "EXPIRE" && len(part) == 3:
		result = "1"
	default:
		http.Error(out, "Forbidden", http.StatusForbidden)
		return
	}
	out.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(out, `{"%s":%s}`, part[0], result)
}
