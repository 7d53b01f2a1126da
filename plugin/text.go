package plugin

import (
	"time"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// second is the time stamp of one second, which is made once.
type second struct {
	unix int64
	text string // 2006-01-02T15:04:05, in UTC
}

// appendTime appends the time in UTC with milliseconds, as a JSON string.
func (e *Engine) appendTime(b *strictjson.Buffer, t time.Time) {
	s := e.second.Load()
	if s == nil || s.unix != t.Unix() {
		s = &second{t.Unix(), t.UTC().Format("2006-01-02T15:04:05")}
		e.second.Store(s)
	}
	b.Raw(`"`)
	b.Raw(s.text)
	ms := t.Nanosecond() / int(time.Millisecond)
	tail := [...]byte{'.', byte('0' + ms/100), byte('0' + ms/10%10), byte('0' + ms%10), 'Z', '"'}
	b.RawBytes(tail[:])
}
