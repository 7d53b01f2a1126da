package kycloud

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/providertest"
)

func badConfigs(t testing.TB) []providertest.BadConfig {
	company := func(value string) string { return strings.Replace(config(t), `"52984126340489216"`, value, 1) }
	return []providertest.BadConfig{
		{Name: "companyId is missing", Config: company(`""`), Field: "companyId"},
		{Name: "companyId is a number", Config: company(`52984126340489216`), Field: "companyId"},
		{Name: "companyId is a word", Config: company(`"acme"`), Field: "companyId"},
		{Name: "companyId is too long", Config: company(`"123456789012345678901"`), Field: "companyId"},
		{Name: "companyId would be no JSON number", Config: strings.Replace(company(`"0123"`), "{", `{"companyIdAs":"number",`, 1), Field: "companyId"},
		{Name: "companyIdAs is another word", Config: config(t, `"companyIdAs":"float"`), Field: "companyIdAs"},
		{Name: "privateKey is missing", Config: `{"companyId":"1"}`, Field: "privateKey"},
		{Name: "privateKey is empty", Config: `{"companyId":"1","privateKey":[""]}`, Field: "privateKey"},
		{Name: "privateKey is no key", Config: `{"companyId":"1","privateKey":["c2VjcmV0"]}`, Field: "privateKey"},
		{Name: "privateKey is no list", Config: `{"companyId":"1","privateKey":"c2VjcmV0"}`, Field: "privateKey"},
		{Name: "signType is another word", Config: config(t, `"signType":"MD5"`), Field: "signType"},
		{Name: "charset is another word", Config: config(t, `"charset":"big5"`), Field: "charset"},
		{Name: "by is another word", Config: config(t, `"by":"mobile"`), Field: "by"},
		{Name: "body is another word", Config: config(t, `"body":"xml"`), Field: "body"},
		{Name: "bizContent is another word", Config: config(t, `"bizContent":"list"`), Field: "bizContent"},
		{Name: "zone is a name", Config: config(t, `"zone":"Asia/Shanghai"`), Field: "zone"},
		{Name: "zone is out of range", Config: config(t, `"zone":"+15:00"`), Field: "zone"},
		{Name: "expired is another word", Config: config(t, `"expired":"limited"`), Field: "expired"},
		{Name: "a field nobody knows", Config: config(t, `"companyID2":"1"`), Field: "companyID2"},
		{Name: "no JSON", Config: `companyId: 1`, Field: ""},
	}
}

func TestEveryFaultIsToldAtOnceAndNoSecret(t *testing.T) {
	_, err := New([]byte(`{"companyId":7,"privateKey":["hunter2"],"signType":"MD5","zone":"CST","more":1}`), providers.Env{})
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	var fields []string
	for _, e := range many.Unwrap() {
		fault, ok := errors.AsType[*providers.ConfigError](e)
		if !ok {
			t.Fatalf("%T: %v", e, e)
		}
		fields = append(fields, fault.Field)
	}
	if want := []string{"companyId", "signType", "zone", "privateKey"}; !slices.Equal(fields, want) {
		t.Errorf("faults in %q, want %q", fields, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the secret is in the error")
	}
}
