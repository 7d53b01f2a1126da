//go:build e2e

package browser

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// demo is `idvgate demo`, as make build has built it.
type demo struct {
	mu               sync.Mutex
	said             bytes.Buffer
	gateway, vendors string
}

func (d *demo) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.Write(b)
}

func (d *demo) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

var ready = regexp.MustCompile(`ready: gateway (http://\S+), vendors (http://[^,\s]+)`)

func startDemo(t *testing.T) *demo {
	t.Helper()
	const free = "127.0.0.1:0"
	d := &demo{}
	cmd := exec.Command("../../bin/idvgate", "demo", "--listen", free, "--sandbox", free, "--upstream", free, "--admin", free)
	cmd.Stdout, cmd.Stderr = d, d
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: make build makes it", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Log(d.text())
		}
	})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if m := ready.FindStringSubmatch(d.text()); m != nil {
			d.gateway, d.vendors = m[1], m[2]
			return d
		}
		if time.Now().After(limit) {
			t.Fatal("the demo does not get ready")
		}
	}
}

// forget has the vendors forget who was sent where and what they said.
func (d *demo) forget(t *testing.T) {
	t.Helper()
	for _, what := range []string{"pages", "accounts"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, d.vendors+"/_sandbox/"+what, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Fatalf("%s: %s", what, response.Status)
		}
	}
}

// open is a tab of a new browser.
func open(t *testing.T) context.Context {
	t.Helper()
	binary, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: it is the Debian package chromium", err)
	}
	// A container has no sandbox of its own to give to a browser, and little shared memory. What is opened is on this machine.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	browser, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	tab, shut := chromedp.NewContext(browser)
	t.Cleanup(shut)
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil { // with this very context, whose end is the browser's
		t.Fatalf("the browser: %v", err)
	}
	return tab
}

// step does something that has no value; get gets one.
type step = chromedp.Action[chromedp.Void]

func do(t *testing.T, tab context.Context, what string, steps ...step) {
	t.Helper()
	limited, stop := context.WithTimeout(tab, 30*time.Second)
	defer stop()
	if err := chromedp.Do(limited, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// load does what has the browser load another page.
func load(t *testing.T, tab context.Context, what string, by step) {
	t.Helper()
	limited, stop := context.WithTimeout(tab, 30*time.Second)
	defer stop()
	if _, err := chromedp.RunResponse(limited, by); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func get(t *testing.T, tab context.Context, what string, a chromedp.Action[string]) string {
	t.Helper()
	limited, stop := context.WithTimeout(tab, 30*time.Second)
	defer stop()
	text, err := chromedp.Run(limited, a)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return text
}

// says waits until the element's text holds what is sought, in whichever page is there by then.
func says(t *testing.T, tab context.Context, id, sought string) {
	t.Helper()
	var text string
	for limit := time.Now().Add(30 * time.Second); !strings.Contains(text, sought); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s never says %q, but %q", id, sought, text)
		}
		// It fails while a page goes and another comes.
		text, _ = chromedp.Run(tab, chromedp.Evaluate[string](`document.getElementById("`+id+`")?.textContent ?? ""`))
	}
}

// toThePage sends the data of somebody whom the vendor sends to its page, and goes there.
func toThePage(t *testing.T, tab context.Context, d *demo) {
	t.Helper()
	do(t, tab, "the API's page", chromedp.Navigate(d.gateway+"/tour"), chromedp.WaitVisible("#ask"))
	field := func(which string) string { return `input[name="` + which + `"]` }
	do(t, tab, "sending",
		chromedp.SetValue(field("name"), "何洁"), chromedp.SetValue(field("idNumber"), "110101199003240009"), chromedp.SetValue(field("mobile"), "13800001017"),
		chromedp.Click("#ask"))
	says(t, tab, "status", "The gateway answers: 403 verification_required")
	load(t, tab, "the page to visit", chromedp.Click("#visit"))
	do(t, tab, "the vendor's page", chromedp.WaitVisible("#approve"))
}

// TestTheTour goes to Glodon's page and comes back: having said yes, no, and nothing.
func TestTheTour(t *testing.T) {
	d, tab := startDemo(t), open(t)
	at := func(prefix string) {
		t.Helper()
		if where := get(t, tab, "the address", chromedp.Location()); !strings.HasPrefix(where, prefix) {
			t.Fatalf("the browser is at %s, not at %s", where, prefix)
		}
	}
	for _, c := range []struct{ says, status, answer string }{
		{"#approve", "With the handle: 200 match", `"x-idv-outcome"`},
		{"#decline", "With the handle: 403 identity_not_verified", `"reason": "identity_not_verified"`},
		{"", "With the handle: 403 verification_required", `"verifyUrl"`},
	} {
		d.forget(t)
		toThePage(t, tab, d)
		at(d.vendors + "/glodon/page?")
		if c.says == "" {
			do(t, tab, "coming back without a word", chromedp.Navigate(d.gateway+"/tour?back"))
		} else {
			load(t, tab, "the vendor's page", chromedp.Click(c.says))
		}
		says(t, tab, "status", c.status)
		at(d.gateway + "/tour?back")
		if answer := get(t, tab, "the answer", chromedp.Text("#answer")); !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %s", c.status, answer)
		}
	}
	if _, lines, _ := strings.Cut(d.text(), "Audit lines follow"); strings.Contains(lines, "110101199003240009") || strings.Count(lines, `"rule":"page by Glodon"`) != 6 {
		t.Errorf("not six audit lines, or an ID number in one:\n%s", lines)
	}
}

// TestAnothersHandle brings the handle of one person's page with another person's data: it is for nobody else.
func TestAnothersHandle(t *testing.T) {
	d, tab := startDemo(t), open(t)
	toThePage(t, tab, d)
	load(t, tab, "the vendor's page", chromedp.Click("#approve"))
	says(t, tab, "status", "With the handle: 200 match")

	d.forget(t)
	toThePage(t, tab, d)
	const swapped = `{
		const asked = JSON.parse(sessionStorage.getItem("asked"));
		asked.body = JSON.stringify({ name: "韩梅梅", idNumber: "110101199003080009", mobile: "13800001001" });
		sessionStorage.setItem("asked", JSON.stringify(asked));
	}`
	do(t, tab, "another's data", chromedp.Navigate(d.gateway+"/tour"), chromedp.Evaluate[chromedp.Void](swapped), chromedp.Navigate(d.gateway+"/tour?back"))
	says(t, tab, "status", "With the handle: ")
	if status := get(t, tab, "the answer", chromedp.Text("#status")); strings.Contains(status, "200") {
		t.Errorf("another's handle lets pass: %s", status)
	}
}
