package host

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// guestOutput logs what a guest writes to its standard output and error, which is what a dying runtime says: line by
// line, a bounded number a second.
type guestOutput struct {
	log *slog.Logger

	mu     sync.Mutex
	rest   []byte
	second int64
	count  int
}

// maxOutputLines is how many lines a second are logged.
const maxOutputLines = 100

func (o *guestOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for part := p; len(part) > 0; {
		line, after, whole := bytes.Cut(part, []byte{'\n'})
		if room := maxLogBytes - len(o.rest); room > 0 {
			o.rest = append(o.rest, line[:min(room, len(line))]...)
		}
		if whole {
			o.flush()
		}
		part = after
	}
	return len(p), nil
}

func (o *guestOutput) flush() {
	text := strings.ToValidUTF8(string(o.rest), "?")
	o.rest = o.rest[:0]
	if now := time.Now().Unix(); now != o.second {
		o.second, o.count = now, 0
	}
	if o.count++; o.count == maxOutputLines {
		text = "more lines in this second are left out"
	}
	if o.count <= maxOutputLines && text != "" {
		o.log.Warn(text, "from", "guest")
	}
}
