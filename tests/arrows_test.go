package tests

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/catalog"
	"github.com/idvgate/idvgate/tests/play"
)

const module = "github.com/idvgate/idvgate/"

// listed is what go list says of one package.
type listed struct {
	ImportPath string
	Deps       []string // all it needs, its tests apart
	Imports    []string
}

// list asks go list about packages of the tree, for a platform ("" for this one), and returns what it says of ours.
func list(t *testing.T, platform []string, args ...string) []listed {
	t.Helper()
	root, err := play.Root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Deps,Imports"}, args...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), platform...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// under reports whether a package is one of ours at or below a room.
func under(path, room string) bool {
	ours, ok := strings.CutPrefix(path, module)
	return ok && (ours == room || strings.HasPrefix(ours, room+"/"))
}

// vendors are the rooms of the adapters: each is named as its provider is.
var vendors = names(catalog.List())

func names(list providers.List) []string {
	var all []string
	for _, i := range list {
		all = append(all, i.Name)
	}
	return all
}

// vendorOf is the vendor a package belongs to, "" if to none.
func vendorOf(path string) string {
	for _, v := range vendors {
		if under(path, "providers/"+v) {
			return v
		}
	}
	return ""
}

// forbidden says why one package may not need another; "": it may.
func forbidden(from, to string) string {
	switch {
	case !strings.HasPrefix(to, module):
		return ""
	case vendorOf(from) != "" && vendorOf(to) != "" && vendorOf(from) != vendorOf(to):
		return "a vendor's adapter knows no other vendor"
	case under(from, "providers") && under(to, "plugin"):
		return "providers know nothing of the engine"
	case under(from, "providers") && under(to, "host"):
		return "providers know nothing of the host"
	case vendorOf(from) == "" && vendorOf(to) != "" && under(from, "providers") && !under(from, "providers/catalog"):
		return "only the catalog knows the vendors"
	case under(from, "plugin") && under(to, "host"):
		return "the engine knows no host"
	case under(from, "plugin") && vendorOf(to) != "" && !under(from, "plugin/extism") && from != module+"plugin/proxywasm":
		return "the engine knows no vendor: a guest's main hands it the catalog"
	case under(from, "plugin/policy") && strings.HasPrefix(to, module+"plugin") && !under(to, "plugin/policy"):
		return "a policy knows nothing of the engine"
	case from == module+"plugin" && (under(to, "plugin/flow") || under(to, "plugin/extism") || under(to, "plugin/proxywasm") || under(to, "plugin/native")):
		return "the engine knows no ABI and no way of suspending"
	case under(from, "plugin/extism") && under(to, "plugin/proxywasm"), under(from, "plugin/proxywasm") && under(to, "plugin/extism"):
		return "one kind of guest knows nothing of the other"
	case under(from, "plugin/proxywasm/abi") && under(to, "plugin") && from != to:
		return "the ABI knows no engine"
	case under(from, "host") && !under(from, "host/cmd") && (under(to, "plugin") || under(to, "providers")):
		return "the host drives any guest through the ABI, and the sandbox shares no code with providers"
	case under(from, "host/cmd") && under(to, "plugin") && !under(to, "plugin/policy"):
		return "the command checks policies and runs guests, not the engine"
	case !under(from, "tests") && (under(to, "tests") || under(to, "providers/providertest") && !under(from, "providers")):
		return "tests are for tests"
	}
	return ""
}

// TestArrows holds the rooms apart, in one direction only.
func TestArrows(t *testing.T) {
	all := list(t, nil, "./...")
	if len(all) < 20 {
		t.Fatalf("go list names only %d packages", len(all))
	}
	for _, p := range all {
		if p.ImportPath == module+"providers/catalog" {
			for _, dep := range p.Imports {
				if under(dep, "providers") && dep != module+"providers" && vendorOf(dep) == "" {
					t.Errorf("the catalog imports %s, which is no room of a provider that it lists: is the folder named as its Info.Name?", dep)
				}
			}
		}
		for _, dep := range p.Deps {
			if why := forbidden(p.ImportPath, dep); why != "" {
				t.Errorf("%s needs %s: %s", p.ImportPath, dep, why)
			}
		}
	}
}

func TestArrowsThatWouldBeForbidden(t *testing.T) {
	for _, arrow := range []struct{ name, from, to string }{
		{"a vendor that asks another", "providers/jdcloud", "providers/celerity"},
		{"a vendor that knows the engine", "providers/glodon", "plugin"},
		{"a claim that knows a vendor", "providers/identity", "providers/kycloud"},
		{"an engine that knows the host", "plugin", "host"},
		{"an engine that knows a vendor", "plugin", "providers/jdcloud"},
		{"an engine that knows coroutines", "plugin", "plugin/flow"},
		{"an engine that knows an ABI", "plugin", "plugin/proxywasm/abi"},
		{"an ABI that knows the engine", "plugin/proxywasm/abi", "plugin"},
		{"a filter that knows a vendor", "plugin/proxywasm/filter", "providers/glodon"},
		{"a guest that knows the other", "plugin/proxywasm", "plugin/extism/message"},
		{"a policy that knows the engine", "plugin/policy/source", "plugin"},
		{"a host that knows the engine", "host", "plugin/policy"},
		{"a driver that knows providers", "host/extism", "providers/callout"},
		{"a sandbox that shares code with providers", "host/sandbox", "providers/identity"},
		{"a command that runs the engine itself", "host/cmd/idvgate", "plugin/native"},
		{"a product that needs its tests", "host", "tests/play"},
	} {
		t.Run(arrow.name, func(t *testing.T) {
			if forbidden(module+arrow.from, module+arrow.to) == "" {
				t.Errorf("%s may need %s", arrow.from, arrow.to)
			}
		})
	}
}

// TestGuestDeps: what is not needed in a guest is not in it.
func TestGuestDeps(t *testing.T) {
	guests := list(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "./plugin/extism", "./plugin/proxywasm")
	if len(guests) != 2 || len(guests[0].Deps) < 50 || len(guests[1].Deps) < 50 {
		t.Fatalf("go list says %v", guests)
	}
	outside := []string{
		"net/http", "net", "os/exec", "crypto/x509", "crypto/rsa", "crypto/tls", "crypto/ecdsa", "log/slog", "log", "html/template",
		"text/template", "github.com/goccy/go-yaml", "github.com/tetratelabs/wazero", "github.com/prometheus", "github.com/spf13",
		"github.com/santhosh-tekuri", "github.com/invopop", module + "host", module + "plugin/policy/source", module + "plugin/native",
		module + "providers/providertest", module + "tests",
	}
	for _, guest := range guests {
		for _, dep := range guest.Deps {
			for _, no := range outside {
				// net/netip and net/url are parts of the standard library that need no network.
				if dep == no || strings.HasPrefix(dep, no+"/") && no != "net" {
					t.Errorf("%s holds %s", guest.ImportPath, dep)
				}
			}
		}
	}
}

// maxGuestBytes is the largest a stripped guest may be: little more than it is, so that nothing large comes in unseen.
// The aim is 5.5 MB. Of what there is, Go's runtime and tables are 3.3 MB, and kycloud alone, with math/big for RSA and
// the GBK tables, 0.55 MB.
const maxGuestBytes = 7_100_000

func TestGuestSize(t *testing.T) {
	for kind, wasm := range map[string][]byte{"Extism": built.wasm, "proxy-wasm": built.proxywasm} {
		if n := len(wasm); n == 0 || n >= maxGuestBytes {
			t.Errorf("the stripped %s guest has %d bytes, not under %d", kind, n, maxGuestBytes)
		}
		t.Logf("the stripped %s guest has %d bytes", kind, len(wasm))
	}
}
