package jdcloud

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// signVector is a signature made by the vendor's SDK, or one published elsewhere. What is absent asserts nothing.
type signVector struct {
	Name      string      `json:"name"`
	AccessKey string      `json:"access_key"`
	SecretKey string      `json:"secret_key"`
	Service   string      `json:"service"`
	Region    string      `json:"region"`
	Method    string      `json:"method"`
	URL       string      `json:"url"`
	Before    [][2]string `json:"headers_before_signing"`
	Body      string      `json:"body"`
	Date      string      `json:"x_jdcloud_date"`
	Unix      int64       `json:"date_unix"`
	Nonce     string      `json:"x_jdcloud_nonce"`

	// Vectors that are not the SDK's say these instead of url and headers.
	Host        string            `json:"host"`
	ContentType string            `json:"content_type"`
	Path        string            `json:"path"`
	WireURI     string            `json:"wire_request_uri"`
	Signed      map[string]string `json:"signed_header_values"`

	Canonical     *string             `json:"canonical_request"`
	StringToSign  *string             `json:"string_to_sign"`
	SignedHeaders *string             `json:"signed_headers"`
	Scope         *string             `json:"credential_scope"`
	Authorization *string             `json:"authorization"`
	After         map[string][]string `json:"headers_after_signing"`
}

// vectorFiles is the room's copy and, with IDVGATE_VECTORS, the file of that name in the directory.
func vectorFiles(name string) []string {
	files := []string{filepath.Join("testdata", name)}
	if dir := os.Getenv("IDVGATE_VECTORS"); dir != "" {
		if file := filepath.Join(dir, name); exists(file) {
			files = append(files, file)
		}
	}
	return files
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestVectors(t *testing.T) {
	for _, file := range vectorFiles("jdcloud_sign.json") {
		var all struct {
			Vectors    []signVector `json:"vectors"`
			References []signVector `json:"reference_vectors_not_from_sdk"`
		}
		readJSON(t, file, &all)
		if len(all.Vectors)+len(all.References) == 0 {
			t.Errorf("%s holds no vector", file)
		}
		for _, v := range append(all.Vectors, all.References...) {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+v.Name, func(t *testing.T) { v.play(t) })
		}
	}
}

func (v signVector) play(t *testing.T) {
	at := v.time(t)
	s := newSigner(credential{v.AccessKey, v.SecretKey, v.Region, v.Service}, v.target(t))
	d := newDigest()
	for range 2 { // derived, then from what was kept
		date, authorization := s.sign(&d, at, v.Nonce, nil, []byte(v.Body), 0)
		if v.Date != "" {
			equal(t, "date", date, &v.Date)
		}
		digest := sha256.Sum256([]byte(v.Body))
		canonical := s.before + date + s.between + v.Nonce + s.after + hex.EncodeToString(digest[:])
		equal(t, "canonical request", canonical, v.Canonical)
		digest = sha256.Sum256([]byte(canonical))
		scope := s.day.Load().scope
		equal(t, "credential scope", scope, v.Scope)
		equal(t, "string to sign", algorithm+"\n"+date+"\n"+scope+"\n"+hex.EncodeToString(digest[:]), v.StringToSign)
		equal(t, "signed headers", s.names, v.SignedHeaders)
		equal(t, "authorization", authorization, v.Authorization)
	}
	v.playProvider(t, at)
}

func equal(t *testing.T, what, got string, want *string) {
	t.Helper()
	if want != nil && got != *want {
		t.Errorf("%s\n got %q\nwant %q", what, got, *want)
	}
}

func (v signVector) time(t *testing.T) time.Time {
	t.Helper()
	if v.Date == "" {
		return time.Unix(v.Unix, 0)
	}
	at, err := time.Parse(dateLayout, v.Date)
	if err != nil || v.Unix != 0 && v.Unix != at.Unix() {
		t.Fatalf("date %q, unix %d: %v", v.Date, v.Unix, err)
	}
	return at
}

func (v signVector) target(t *testing.T) target {
	t.Helper()
	tg := target{method: v.Method}
	add := func(name, value string) {
		tg.headers = append(tg.headers, callout.Header{Name: name, Value: value})
	}
	switch {
	case v.URL != "":
		u, err := url.Parse(v.URL)
		if err != nil {
			t.Fatal(err)
		}
		tg.path, tg.query = u.EscapedPath(), u.RawQuery
		add("host", u.Host)
	case v.WireURI != "":
		tg.path, tg.query, _ = strings.Cut(v.WireURI, "?")
	default: // the vendor's own page: the path unescaped; its query is part of the canonical request alone
		tg.path = escapePath(v.Path)
		if v.Canonical != nil {
			tg.query = strings.Split(*v.Canonical, "\n")[2]
		}
	}
	if v.Host != "" {
		add("host", v.Host)
	}
	if v.ContentType != "" {
		add("content-type", v.ContentType)
	}
	for _, h := range v.Before {
		add(h[0], h[1])
	}
	for name, value := range v.Signed {
		if name != dateHeader && name != nonceHeader {
			add(name, strings.TrimSpace(value)) // as the wire does
		}
	}
	return tg
}

// playProvider asks the vector's question by the Provider, where it is one of ours, and compares the whole request.
func (v signVector) playProvider(t *testing.T, at time.Time) {
	base, ours := strings.CutSuffix(v.URL, path)
	var body struct {
		PersonalSpec *struct {
			CheckType    int
			PersonalUser struct{ Name, IDCard, Bankcard, Mobile, ImgBase64 string }
		}
	}
	nonce, err := hex.DecodeString(strings.ReplaceAll(v.Nonce, "-", ""))
	if !ours || v.Service != service || v.Authorization == nil || err != nil ||
		json.Unmarshal([]byte(v.Body), &body) != nil || body.PersonalSpec == nil || len(v.Before) != 2 {
		return
	}
	u := body.PersonalSpec.PersonalUser
	if u.IDCard == "10234518981234" {
		return // the page's sample person, whose ID number none is
	}
	env := providertest.Env(t)
	env.Endpoint, env.Random = base, bytes.NewReader(nonce)
	env.Now = func() time.Time { return at }
	config, err := json.Marshal(map[string]any{"accessKey": []string{v.AccessKey}, "secretKey": []string{v.SecretKey}, "region": v.Region})
	if err != nil {
		t.Fatal(err)
	}
	person := providertest.Person(t, providertest.Claims{Name: u.Name, IDNumber: u.IDCard, Mobile: u.Mobile, BankCard: u.Bankcard, FaceImage: u.ImgBase64})
	for _, c := range providers.Checks() {
		if checkType(c) != body.PersonalSpec.CheckType {
			continue
		}
		r, err := newProvider(t, string(config), env).request(providers.Query{Check: c, Person: person})
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Body) != v.Body || r.URL != v.URL || r.Method != v.Method {
			t.Errorf("request %s %s\n got %s\nwant %s", r.Method, r.URL, r.Body, v.Body)
		}
		if got := header(r, "Authorization"); got != *v.Authorization {
			t.Errorf("authorization\n got %s\nwant %s", got, *v.Authorization)
		}
		for _, h := range r.Header {
			if want := v.After[h.Name]; v.After != nil && (len(want) != 1 || want[0] != h.Value) {
				t.Errorf("%s: got %q, want %q", h.Name, h.Value, want)
			}
		}
	}
}

func newProvider(t testing.TB, config string, env providers.Env) *Provider {
	t.Helper()
	p, err := New([]byte(config), env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func header(r *callout.Request, name string) string {
	for _, h := range r.Header {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

func TestSignaturesOfManyMomentsAtOnceAreThoseOfANewSigner(t *testing.T) {
	c := credential{"AK", "SK", "jdcloud-api", service}
	tg := target{method: "POST", path: path, headers: []callout.Header{{Name: "content-type", Value: contentType}, {Name: "host", Value: "h"}}}
	kept := newSigner(c, tg)
	start := providertest.Start().Truncate(24 * time.Hour).Add(-3 * time.Second) // across a change of the date
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			d, fresh := newDigest(), newDigest()
			for j := range 50 {
				at := start.Add(time.Duration(i*j%7) * time.Second)
				body := []byte(strings.Repeat("x", i*j))
				gotDate, got := kept.sign(&d, at, "n", nil, body, 0)
				wantDate, want := newSigner(c, tg).sign(&fresh, at, "n", nil, body, 0)
				if got != want || gotDate != wantDate {
					t.Errorf("at %s: got %s, want %s", at, got, want)
				}
			}
		})
	}
	all.Wait()
}

func TestPathsAreEscapedOnceOnTheWireAndInTheSignature(t *testing.T) {
	env := providertest.Env(t)
	env.Endpoint = "http://127.0.0.1:8081/a:b c/张/"
	p := newProvider(t, config, env)
	const escaped = "/a%3Ab%20c/%E5%BC%A0" + path
	if p.url != "http://127.0.0.1:8081"+escaped {
		t.Errorf("URL is %q", p.url)
	}
	if !strings.HasPrefix(p.signer.before, "POST\n"+escaped+"\n\ncontent-type:application/json\nhost:127.0.0.1:8081\n") {
		t.Errorf("signed is %q", p.signer.before)
	}
}

func BenchmarkRequest(b *testing.B) {
	p := newProvider(b, config, providertest.Env(b))
	q := providers.Query{Check: providers.Mobile3, Person: providertest.Sample(b)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.request(q); err != nil {
			b.Fatal(err)
		}
	}
}
