package sandbox

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func TestKycloudAcceptsSignaturesOfTheVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/kycloud_sign.json")
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile("testdata/kycloud_test_pub.pem")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name         string
			Params       map[string]string
			StringToSign string `json:"string_to_sign"`
			Sign         string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil || len(file.Vectors) < 4 {
		t.Fatal(err, len(file.Vectors))
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			now, err := time.ParseInLocation("2006-01-02 15:04:05", v.Params["timestamp"], kycloudZone)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := newKycloudVerifier(v.Params["companyId"], string(public), func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			if got := kycloudSigned(v.Params); got != v.StringToSign {
				t.Errorf("signed text %q", got)
			}
			v.Params["sign"] = v.Sign
			if code := verifier.verify(v.Params); code != "" {
				t.Errorf("refused with %s", code)
			}
			v.Params["bizContent"] += " "
			if code := verifier.verify(v.Params); code != "open_sign_verify_error" {
				t.Errorf("another text: %q", code)
			}
		})
	}
}

func TestKycloudRefusesWithTheVendorsCodes(t *testing.T) {
	card := map[string]string{"cardNumber": "110101199003070003"}
	cases := []struct {
		name   string
		biz    any
		before func(p map[string]string)
		after  func(p map[string]string)
		code   string
	}{
		{"no company", card, nil, func(p map[string]string) { delete(p, "companyId") }, "open_invalid_parameter"},
		{"no signature", card, nil, func(p map[string]string) { delete(p, "sign") }, "open_invalid_parameter"},
		{"no timestamp", card, nil, func(p map[string]string) { p["timestamp"] = "" }, "open_invalid_parameter"},
		{"another company", card, func(p map[string]string) { p["companyId"] = "1" }, nil, "open_company_not_existed"},
		{"another character set", card, func(p map[string]string) { p["charset"] = "big5" }, nil, "open_invalid_parameter"},
		{"another signature type", card, func(p map[string]string) { p["signType"] = "SM2" }, nil, "open_invalid_parameter"},
		{"a timestamp with a T", card, func(p map[string]string) { p["timestamp"] = "2026-11-22T12:00:00" }, nil, "open_timestamp_format_error"},
		{"eleven minutes late", card, func(p map[string]string) { p["timestamp"] = "2026-11-22 11:49:00" }, nil, "open_request_expired"},
		{"eleven minutes early", card, func(p map[string]string) { p["timestamp"] = "2026-11-22 12:11:00" }, nil, "open_request_expired"},
		{"a timestamp in UTC", card, func(p map[string]string) { p["timestamp"] = "2026-11-22 04:00:00" }, nil, "open_request_expired"},
		{"a timestamp changed after signing", card, nil, func(p map[string]string) { p["timestamp"] = "2026-11-22 12:00:01" }, "open_sign_verify_error"},
		{"a signature of the other type", card, nil, func(p map[string]string) { p["signType"] = "RSA" }, "open_sign_verify_error"},
		{"a signature that is not base64", card, nil, func(p map[string]string) { p["sign"] = "?" }, "open_sign_verify_error"},
		{"neither card nor user", map[string]string{}, nil, nil, "open_invalid_parameter"},
		{"both card and user", map[string]string{"cardNumber": "1", "userId": "2"}, nil, nil, "open_invalid_parameter"},
		{"a card of nineteen characters", map[string]string{"cardNumber": "1101011990030700031"}, nil, nil, "open_invalid_parameter"},
		{"nobody listed", map[string]string{"cardNumber": "11010519491231002X"}, nil, nil, "open_auth_user_not_existed_error"},
		{"no user of that number", map[string]string{"userId": "1"}, nil, nil, "open_auth_user_not_existed_error"},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			c := start(t)
			p := c.kycloudParameters(x.biz)
			if x.before != nil {
				x.before(p)
			}
			c.kycloudSign(p)
			if x.after != nil {
				x.after(p)
			}
			if v := c.kycloud(p).json(t); at(v, "code") != x.code || at(v, "success") != false || at(v, "object") != nil {
				t.Errorf("%v, want %s", v, x.code)
			}
		})
	}
	t.Run("another media type", func(t *testing.T) {
		c := start(t)
		a := c.send(c.request("POST", kycloudPath, "{}", "Content-Type", "text/plain"))
		if at(a.json(t), "code") != "open_invalid_parameter" {
			t.Errorf("%s", a.body)
		}
	})
}

func TestKycloudReadsEveryWayOfWriting(t *testing.T) {
	c := start(t)
	found := func(t *testing.T, a answer, want *person) {
		t.Helper()
		if v := a.json(t); at(v, "success") != true || at(v, "object", "userId") != want.UserID || at(v, "object", "name") != want.Name {
			t.Errorf("%v", v)
		}
	}
	p := c.listed(match)
	t.Run("by user", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"userId": p.UserID})
		c.kycloudSign(q)
		found(t, c.kycloud(q), p)
	})
	t.Run("with the older signature", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"cardNumber": p.IDNumber})
		q["signType"] = "RSA"
		c.kycloudSign(q)
		found(t, c.kycloud(q), p)
	})
	t.Run("company as a number, bizContent as an object", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"cardNumber": p.IDNumber})
		c.kycloudSign(q)
		mixed := map[string]json.RawMessage{}
		for k, v := range q {
			mixed[k] = json.RawMessage(text(v))
		}
		mixed["companyId"], mixed["bizContent"] = json.RawMessage(q["companyId"]), json.RawMessage(q["bizContent"])
		found(t, c.send(c.request("POST", kycloudPath, text(mixed))), p)
	})
	form := func(q map[string]string) answer {
		values := url.Values{}
		for k, v := range q {
			values.Set(k, string(gbkBytes(t, q["charset"], v)))
		}
		return c.send(c.request("POST", kycloudPath, values.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
	}
	t.Run("as a form", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"cardNumber": p.IDNumber})
		c.kycloudSign(q)
		found(t, form(q), p)
	})
	t.Run("in GBK, question and answer", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"cardNumber": p.IDNumber, "remark": "中文"})
		q["charset"] = "gbk"
		c.kycloudSign(q)
		body, err := simplifiedchinese.GBK.NewEncoder().String(text(q))
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range map[string]answer{"json": c.send(c.request("POST", kycloudPath, body)), "form": form(q)} {
			decoded, err := simplifiedchinese.GBK.NewDecoder().Bytes(a.body)
			if err != nil || a.header.Get("Content-Type") != "application/json;charset=GBK" || !strings.Contains(string(decoded), p.Name) {
				t.Errorf("%s: %v %q %s", name, err, a.header.Get("Content-Type"), decoded)
			}
		}
	})
	t.Run("a name that GBK cannot hold comes with question marks", func(t *testing.T) {
		q := c.kycloudParameters(map[string]string{"cardNumber": c.listed("rare_name").IDNumber})
		q["charset"] = "gbk"
		c.kycloudSign(q)
		if v := c.kycloud(q); !strings.Contains(string(v.body), `"name":"??"`) {
			t.Errorf("%q", v.body)
		}
	})
}
