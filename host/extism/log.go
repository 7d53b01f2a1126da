package extism

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
)

const (
	levelTrace = slog.LevelDebug - 4
	// maxLineBytes is how much of one line is logged.
	maxLineBytes = 4096
	// maxLinesPerSecond bounds what one stream of one VM writes to the log: a dying runtime says hundreds of lines.
	maxLinesPerSecond = 100
	// logOff is Extism's level for no log at all.
	logOff = 1<<31 - 1
)

func cut(b []byte) string {
	if len(b) > maxLineBytes {
		b = b[:maxLineBytes]
	}
	return strings.ToValidUTF8(string(b), "?")
}

func logAt(level slog.Level) func(context.Context, api.Module, []uint64) {
	return on(func(v *VM, s []uint64) {
		text := v.kernel.block("log", s[0])
		if log := v.program.options.Log; log.Enabled(v.ctx, level) {
			log.Log(v.ctx, level, cut(text), "from", "guest")
		}
	})
}

// logLevel is the lowest level that is logged, in Extism's numbers: 0 trace to 4 error.
func (v *VM) logLevel() uint32 {
	for i, level := range []slog.Level{levelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if v.program.options.Log.Enabled(v.ctx, level) {
			return uint32(i)
		}
	}
	return logOff
}

// lines logs what a guest writes to a stream, line by line, a bounded number a second.
type lines struct {
	log    *slog.Logger
	stream string
	rest   []byte
	second int64 // the second counted in
	count  int
}

func (l *lines) Write(p []byte) (int, error) {
	for part := p; len(part) > 0; {
		line, after, whole := bytes.Cut(part, []byte{'\n'})
		if room := maxLineBytes - len(l.rest); room > 0 {
			l.rest = append(l.rest, line[:min(room, len(line))]...)
		}
		if whole {
			l.flush()
		}
		part = after
	}
	return len(p), nil
}

func (l *lines) flush() {
	text := cut(l.rest)
	l.rest = l.rest[:0]
	if now := time.Now().Unix(); now != l.second {
		l.second = now
		l.count = 0
	}
	if l.count++; l.count == maxLinesPerSecond {
		text = "more lines in this second are left out"
	}
	if l.count <= maxLinesPerSecond && text != "" {
		l.log.Warn(text, "from", "guest", "stream", l.stream)
	}
}
