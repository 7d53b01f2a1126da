package callout

import (
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers/strictjson"
)

var errShape = errors.New("reply is JSON of another shape")

// Decode reads a vendor's reply into v: a strict, depth-limited scan, then encoding/json. Its errors hold no value of
// the reply (encoding/json's own would quote a number it cannot place).
func Decode(body []byte, v any) error {
	if err := strictjson.Check(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return errShape
	}
	return nil
}
