package plugin

import (
	"strconv"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// appendMember appends a further member of an object, unless its value is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return strictjson.AppendString(b, value)
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
