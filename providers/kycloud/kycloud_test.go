package kycloud

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/providertest"
)

// config is a valid configuration with these further fields, such as `"by":"userId"`.
func config(t testing.TB, more ...string) string {
	t.Helper()
	key, err := json.Marshal(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	s := `{"companyId":"52984126340489216","privateKey":[` + string(key) + `]`
	for _, m := range more {
		s += "," + m
	}
	return s + "}"
}

// found is a reply as the vendor's page shows it, about the sample person, with fields of its object replaced; a
// replacement by "" removes the field.
func found(t testing.TB, replace map[string]string) providertest.Reply {
	t.Helper()
	return providertest.JSON(200, `{"success":"true","object":`+stored(t, replace)+`}`)
}

func stored(t testing.TB, replace map[string]string) string {
	t.Helper()
	object := map[string]json.RawMessage{
		"userId": json.RawMessage(`"52984126340480000"`), "name": json.RawMessage(`"李雷"`),
		"cardNumber": json.RawMessage(`"110101199003070003"`), "address": json.RawMessage(`"北京市东城区"`),
		"age": json.RawMessage(`"18"`), "cardFrontUrl": json.RawMessage(`"https://images.example/1.png"`),
		"cardBackUrl": json.RawMessage(`"https://images.example/2.png"`), "startTime": json.RawMessage(`"2020-01-01"`),
		"entTime": json.RawMessage(`"2040-01-01"`), "isAuth": json.RawMessage(`true`),
	}
	for k, v := range replace {
		if v == "" {
			delete(object, k)
			continue
		}
		object[k] = json.RawMessage(v)
	}
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func failure(code string) providertest.Reply {
	return providertest.JSON(200, fmt.Sprintf(`{"code":%q,"success":"false","message":"李雷 110101199003070003"}`, code))
}

func result(o providers.Outcome, b providers.Billing, reason string) providers.Result {
	return providers.Result{Outcome: o, Billed: b, Reason: reason}
}

var (
	match     = result(providers.Match, providers.BilledYes, "")
	mismatch  = result(providers.Mismatch, providers.BilledYes, "")
	malformed = &providers.Error{Kind: providers.Malformed, Status: 200}
)

func refused(code string) *providers.Error {
	return &providers.Error{Kind: providers.Refused, Status: 200, Code: code, Billed: providers.BilledNo}
}

func TestProvider(t *testing.T) {
	expired := failure(codeExpired)
	s := providertest.Suite{
		Info:        Info(),
		Config:      config(t),
		Match:       found(t, nil),
		UnknownCode: failure("open_sandbox_unknown"),
		MissingCode: providertest.JSON(200, `{"object":`+stored(t, nil)+`}`),
		Rows: []providertest.Row{
			{Name: "the platform does not hold the person", Code: codeUnknown, Replies: one(failure(codeUnknown)), Want: result(providers.NoRecord, providers.BilledNo, "")},
			{Name: "a request that expired is sent once more", Replies: []providertest.Reply{expired, found(t, nil)}, Want: match},
			{Name: "a request that expired twice is not sent a third time", Code: codeExpired, Replies: []providertest.Reply{expired, expired}, Error: refused(codeExpired)},
		},
		BadConfigs: badConfigs(t),
	}
	for _, c := range Info().Codes {
		if c.Code != codeUnknown && c.Code != codeExpired {
			s.Rows = append(s.Rows, providertest.Row{Name: c.Code, Code: c.Code, Replies: one(failure(c.Code)), Error: refused(c.Code)})
		}
	}
	s.Rows = append(s.Rows, successRows(t)...)
	s.Rows = append(s.Rows, documentRows(t)...)
	s.Rows = append(s.Rows, userIDRows(t)...)
	s.Rows = append(s.Rows, unreadableRows(t)...)
	providertest.Run(t, s)
}

func one(r providertest.Reply) []providertest.Reply { return []providertest.Reply{r} }

func successRows(t *testing.T) []providertest.Row {
	dotted := providertest.Person(t, providertest.Claims{Name: "阿依古丽·买买提", IDNumber: "110101199003070003"})
	rows := []providertest.Row{
		{Name: "success and isAuth as booleans", Replies: one(providertest.JSON(200, `{"success":true,"object":`+stored(t, nil)+`}`)), Want: match},
		{Name: "success and isAuth as strings", Replies: one(found(t, map[string]string{"isAuth": `"true"`, "age": `18`})), Want: match},
		{Name: "code and message empty beside success", Replies: one(providertest.JSON(200, `{"code":null,"message":null,"success":true,"object":`+stored(t, nil)+`}`)), Want: match},
		{Name: "numbers instead of strings keep all their digits", Replies: one(found(t, map[string]string{"userId": "52984126340480000", "cardNumber": "110101199003070003"})), Want: match},
		{Name: "another name is a mismatch", Replies: one(found(t, map[string]string{"name": `"韩梅梅"`})), Want: mismatch},
		{Name: "a part of the name is a mismatch", Replies: one(found(t, map[string]string{"name": `"李"`})), Want: mismatch},
		{Name: "a stored name that is none is a mismatch", Replies: one(found(t, map[string]string{"name": `"李*"`})), Want: mismatch},
		{Name: "spaces around the stored name do not matter", Replies: one(found(t, map[string]string{"name": `" 李雷 "`})), Want: match},
		{Name: "the stored name's middle dot may be another", Person: &dotted, Replies: one(found(t, map[string]string{"name": `"阿依古丽•买买提"`})), Want: match},
		{Name: "not authenticated is no record", Replies: one(found(t, map[string]string{"isAuth": "false"})), Want: result(providers.NoRecord, providers.BilledNo, reasonNotAuth)},
		{Name: "not authenticated as a string is no record", Replies: one(found(t, map[string]string{"isAuth": `"false"`, "name": ""})), Want: result(providers.NoRecord, providers.BilledNo, reasonNotAuth)},
		{Name: "no card number beside what was asked by card number", Replies: one(found(t, map[string]string{"cardNumber": ""})), Want: match},
	}
	return rows
}

func documentRows(t *testing.T) []providertest.Row {
	dates := func(start, end string) []providertest.Reply {
		return one(found(t, map[string]string{"startTime": start, "entTime": end}))
	}
	past := dates(`"2000-01-01"`, `"2026-11-21"`)
	return []providertest.Row{
		{Name: "a document's first day counts", Replies: dates(`"2026-11-22"`, `"2099-10-01"`), Want: match},
		{Name: "a document that starts tomorrow is a mismatch", Replies: dates(`"2026-11-23"`, `"2099-10-01"`), Want: result(providers.Mismatch, providers.BilledYes, reasonNotYetValid)},
		{Name: "a document's last day counts", Replies: dates(`"2000-01-01"`, `"2026-11-22"`), Want: match},
		{Name: "a document that ended yesterday is a mismatch", Replies: past, Want: result(providers.Mismatch, providers.BilledYes, reasonExpired)},
		{Name: "an expired document may be a match", Config: config(t, `"expired":"match"`), Replies: past, Want: match},
		{Name: "an expired document may be no record", Config: config(t, `"expired":"no_record"`), Replies: past, Want: result(providers.NoRecord, providers.BilledYes, reasonExpired)},
		{Name: "another name on an expired document stays a mismatch", Config: config(t, `"expired":"match"`), Replies: one(found(t, map[string]string{"name": `"韩梅梅"`, "entTime": `"2001-01-01"`})), Want: mismatch},
		{Name: "a document not yet valid is never a match", Config: config(t, `"expired":"match"`), Replies: dates(`"2027-01-01"`, `"2026-01-01"`), Want: result(providers.Mismatch, providers.BilledYes, reasonNotYetValid)},
		{Name: "a document without an end", Replies: dates(`"2000-01-01"`, `"长期"`), Want: match},
		{Name: "an end that is empty", Replies: dates(`"2000-01-01"`, `""`), Want: match},
		{Name: "dates that are null", Replies: dates(`null`, `null`), Want: match},
		{Name: "dates that are missing", Replies: dates("", ""), Want: match},
		{Name: "a date that does not exist is never a match", Replies: dates(`"2000-01-01"`, `"2099-02-30"`), Error: malformed},
		{Name: "a start in words is never a match", Replies: dates(`"长期"`, `"2099-10-01"`), Error: malformed},
		{Name: "the day is the zone's", Config: config(t, `"zone":"-12:00"`), Replies: dates(`"2026-11-22"`, `"2099-10-01"`), Want: result(providers.Mismatch, providers.BilledYes, reasonNotYetValid)},
	}
}

func userIDRows(t *testing.T) []providertest.Row {
	by := config(t, `"by":"userId"`)
	alone := providertest.Person(t, providertest.Claims{Name: "李雷", UserID: "52984126340480000"})
	other := providertest.Person(t, providertest.Claims{Name: "李雷", UserID: "52984126340480000", IDNumber: "110101199003080009"})
	return []providertest.Row{
		{Name: "by user id, the name alone is claimed", Config: by, Person: &alone, Replies: one(found(t, nil)), Want: match},
		{Name: "by user id, without a stored card number", Config: by, Person: &alone, Replies: one(found(t, map[string]string{"cardNumber": ""})), Want: match},
		{Name: "by user id, the claimed ID number is the stored one", Config: by, Replies: one(found(t, nil)), Want: match},
		{Name: "by user id, the claimed ID number is another", Config: by, Person: &other, Replies: one(found(t, nil)), Want: mismatch},
		{Name: "by user id, the stored card number is masked", Config: by, Replies: one(found(t, map[string]string{"cardNumber": `"1101**********0003"`})), Want: mismatch},
		{Name: "by user id, a claimed ID number cannot be compared with nothing", Config: by, Replies: one(found(t, map[string]string{"cardNumber": ""})), Error: malformed},
		{Name: "by user id, another user is answered", Config: by, Replies: one(found(t, map[string]string{"userId": `"52984126340480001"`})), Error: malformed},
		{Name: "by user id, the name is another", Config: by, Replies: one(found(t, map[string]string{"name": `"韩梅梅"`})), Want: mismatch},
	}
}

func unreadableRows(t *testing.T) []providertest.Row {
	reply := func(status int, body string) []providertest.Reply { return one(providertest.JSON(status, body)) }
	ok := `{"success":true,"object":` + stored(t, nil) + `}`
	busy := providertest.HTML(429)
	busy.Header = append(busy.Header, providertest.JSON(0, "").Header...)
	busy.Header[1].Name, busy.Header[1].Value = "retry-after", "7"
	gone := &providers.Error{Kind: providers.Refused, Billed: providers.BilledNo}
	status := func(e providers.Error, n int) *providers.Error { e.Status = n; return &e }
	return []providertest.Row{
		{Name: "success is a number", Replies: reply(200, `{"success":1,"object":`+stored(t, nil)+`}`), Error: malformed},
		{Name: "success is another word", Replies: reply(200, `{"success":"yes","object":`+stored(t, nil)+`}`), Error: malformed},
		{Name: "success is null", Replies: reply(200, `{"success":null,"object":`+stored(t, nil)+`}`), Error: malformed},
		{Name: "success without an object", Replies: reply(200, `{"success":true}`), Error: malformed},
		{Name: "success with null for an object", Replies: reply(200, `{"success":true,"object":null}`), Error: malformed},
		{Name: "success with a list for an object", Replies: reply(200, `{"success":true,"object":[]}`), Error: malformed},
		{Name: "success with an error code", Replies: reply(200, `{"success":true,"code":"open_sign_verify_error","object":`+stored(t, nil)+`}`), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "open_sign_verify_error"}},
		{Name: "isAuth is missing", Replies: one(found(t, map[string]string{"isAuth": ""})), Error: malformed},
		{Name: "isAuth is null", Replies: one(found(t, map[string]string{"isAuth": "null"})), Error: malformed},
		{Name: "isAuth is a number", Replies: one(found(t, map[string]string{"isAuth": "1"})), Error: malformed},
		{Name: "the name is missing", Replies: one(found(t, map[string]string{"name": ""})), Error: malformed},
		{Name: "the name is empty", Replies: one(found(t, map[string]string{"name": `""`})), Error: malformed},
		{Name: "the name is an object", Replies: one(found(t, map[string]string{"name": `{}`})), Error: malformed},
		{Name: "another person is answered", Replies: one(found(t, map[string]string{"cardNumber": `"110101199003080009"`})), Error: malformed},
		{Name: "a failure without a code", Replies: reply(200, `{"success":false,"object":`+stored(t, nil)+`}`), Error: malformed},
		{Name: "a failure's object does not matter", Replies: reply(200, `{"success":false,"code":"`+codeUnknown+`","object":""}`), Want: result(providers.NoRecord, providers.BilledNo, "")},
		{Name: "a failure's object is never a match", Replies: reply(200, `{"success":"false","code":"`+codeUnknown+`","object":`+stored(t, nil)+`}`), Want: result(providers.NoRecord, providers.BilledNo, "")},
		{Name: "a code that is a person's number is not repeated", Replies: reply(200, `{"success":false,"code":"110101199003070003"}`), Error: &providers.Error{Kind: providers.Malformed, Status: 200, UnknownCode: true}},
		{Name: "a numeric code is read", Replies: reply(200, `{"success":false,"code":40001}`), Error: &providers.Error{Kind: providers.Malformed, Status: 200, Code: "40001", UnknownCode: true}},
		{Name: "a success under 400 is never a match", Replies: reply(400, ok), Error: status(*malformed, 400)},
		{Name: "a success under 302 is never a match", Replies: reply(302, ok), Error: status(*malformed, 302)},
		{Name: "the vendor's own failure under 403", Replies: reply(403, `{"success":false,"code":"open_ip_access_forbidden"}`), Error: status(*refused("open_ip_access_forbidden"), 403)},
		{Name: "401 in nobody's words", Replies: one(providertest.HTML(401)), Error: status(*gone, 401)},
		{Name: "404 in nobody's words", Replies: one(providertest.HTML(404)), Error: status(*gone, 404)},
		{Name: "429 is busy", Replies: one(busy), Error: &providers.Error{Kind: providers.Busy, Status: 429, Retry: 7 * time.Second, Billed: providers.BilledNo}},
		{Name: "a success under 500 is never a match", Replies: reply(500, ok), Error: &providers.Error{Kind: providers.Unavailable, Status: 500}},
	}
}

func TestQuestionsThatAreNotAsked(t *testing.T) {
	person := providertest.Sample(t)
	nobody := person
	nobody.ID = identity.IDNumber{}
	unnamed := person
	unnamed.Name = identity.Name{}
	userless := person
	userless.UserID = identity.UserID{}
	cases := []struct {
		name, config string
		q            providers.Query
	}{
		{"another check", config(t), providers.Query{Check: providers.Mobile3, Person: person}},
		{"without a name", config(t), providers.Query{Check: providers.ID2, Person: unnamed}},
		{"without an ID number", config(t), providers.Query{Check: providers.ID2, Person: nobody}},
		{"by user id, without one", config(t, `"by":"userId"`), providers.Query{Check: providers.ID2, Person: userless}},
	}
	for _, c := range cases {
		p, err := New([]byte(c.config), providertest.Env(t))
		if err != nil {
			t.Fatal(err)
		}
		do := providertest.NewDoer(found(t, nil))
		_, err = p.Verify(t.Context(), do, c.q)
		if e := providers.AsError(err); err == nil || e.Kind != providers.Refused || e.Billed != providers.BilledNo || do.Left() != 1 {
			t.Errorf("%s: %v, %d requests", c.name, err, 1-do.Left())
		}
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		config string
		check  providers.Check
		want   []identity.Claim
	}{
		{config(t), providers.ID2, []identity.Claim{identity.ClaimName, identity.ClaimIDNumber}},
		{config(t, `"by":"userId"`), providers.ID2, []identity.Claim{identity.ClaimName, identity.ClaimUserID}},
		{config(t), providers.Mobile3, nil},
	} {
		p, err := New([]byte(c.config), providertest.Env(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Claims(c.check); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.check, got, c.want)
		}
	}
}

// FuzzReply: no bytes make Verify panic, and none that do not say so are a match.
func FuzzReply(f *testing.F) {
	f.Add(found(f, nil).Body, false)
	f.Add(found(f, map[string]string{"entTime": `"长期"`}).Body, true)
	f.Add(failure(codeUnknown).Body, false)
	f.Add([]byte(`{"success":"true","object":{"name":"\xc0\xee\xc0\xd7","isAuth":true}}`), true)
	f.Fuzz(func(t *testing.T, body []byte, gbk bool) {
		p := &Provider{charset: charset{gbk: gbk}, now: providertest.Start, zone: time.UTC, expired: providers.Mismatch}
		person := providertest.Person(t, providertest.Claims{Name: "李雷", IDNumber: "110101199003070003"})
		r, err := p.read(providerReply(200, body))
		if err != nil {
			if e := providers.AsError(err); e.Provider != name {
				t.Fatalf("a foreign error: %v", err)
			}
			return
		}
		got, err := p.judge(person, r)
		if (err == nil) == (got.Outcome == providers.Unanswered) {
			t.Fatalf("%s with error %v", got.Outcome, err)
		}
		if got.Outcome == providers.Match && (!r.Success.value || !r.Object.IsAuth.value || r.Object.Name == "") {
			t.Fatal("a match that nobody said")
		}
	})
}
