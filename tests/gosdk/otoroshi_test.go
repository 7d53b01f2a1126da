package gosdk

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"

	extism "github.com/extism/go-sdk"
)

// drawn finds the decision's id, which is random.
var drawn = regexp.MustCompile(`("x-idv-decision-id":"|\\"instance\\":\\")[A-Za-z0-9_-]{22}`)

// TestOtoroshi calls the built guest as Otoroshi does, with the recorded calls of plugin/extism/otoroshi.
func TestOtoroshi(t *testing.T) {
	dir := filepath.Join(built.root, "plugin", "extism", "otoroshi", "testdata")
	doc, err := os.ReadFile(filepath.Join(dir, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := play.NewSchema(built.root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded calls")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var call struct {
				Export  string
				Context json.RawMessage
				Answer  map[string]any
			}
			text, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(text, &call)
			}
			if err != nil {
				t.Fatal(err)
			}
			stage, err := play.NewStage()
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Close()
			env, err := stage.Env(built.root, nil)
			if err != nil {
				t.Fatal(err)
			}
			record := play.NewRecord()
			started, err := runtime{compiled: built.compiled, sync: true, schema: schema}.Start(doc, env, stage, record)
			if err != nil {
				t.Fatal(err)
			}
			defer started.Close()
			var log []string
			extism.SetLogLevel(extism.LogLevelInfo)
			started.(*gateway).plugin.SetLogger(func(_ extism.LogLevel, text string) { log = append(log, text) })
			code, out, err := started.(*gateway).plugin.CallWithContext(context.Background(), call.Export, call.Context)
			if code != 0 || err != nil {
				t.Fatalf("%d, %v", code, err)
			}
			var got map[string]any
			if err := json.Unmarshal(drawn.ReplaceAll(out, []byte(`${1}ID`)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, call.Answer) {
				t.Errorf("got  %v\nwant %v", got, call.Answer)
			}
			audited := slices.ContainsFunc(log, func(line string) bool { return strings.HasPrefix(line, `{"audit":{`) })
			if unmatched := strings.HasSuffix(file, "-unmatched.json"); audited == unmatched {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

// TestTheRouteOfTheExample loads the guest as examples/otoroshi/route.json says, with no more memory than that.
func TestTheRouteOfTheExample(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(built.root, "examples", "otoroshi", "route.json"))
	if err != nil {
		t.Fatal(err)
	}
	var route struct {
		Plugins []struct {
			Config struct {
				FunctionName string
				MemoryPages  uint32
				Wasi         bool
				Config       map[string]string
				AllowedHosts []string
			}
		}
	}
	if err := json.Unmarshal(text, &route); err != nil || len(route.Plugins) != 1 {
		t.Fatalf("%d plugins, %v", len(route.Plugins), err)
	}
	c := route.Plugins[0].Config
	recorded, err := os.ReadFile(filepath.Join(built.root, "plugin", "extism", "otoroshi", "testdata", "transform-malformed-claim.json"))
	if err != nil {
		t.Fatal(err)
	}
	var call struct{ Context json.RawMessage }
	if err := json.Unmarshal(recorded, &call); err != nil {
		t.Fatal(err)
	}
	plugin, err := extism.NewPlugin(context.Background(), extism.Manifest{
		Wasm: []extism.Wasm{extism.WasmData{Data: built.wasm}}, Config: c.Config, AllowedHosts: c.AllowedHosts, Memory: &extism.ManifestMemory{MaxPages: c.MemoryPages},
	}, extism.PluginConfig{EnableWasi: c.Wasi}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plugin.Close(context.Background())
	// Often, so that the collector has to work within these pages.
	for range 300 {
		code, out, err := plugin.Call(c.FunctionName, call.Context)
		if err != nil || code != 0 || !strings.Contains(string(out), `"status":400`) {
			t.Fatalf("%d, %v: %s", code, err, out)
		}
	}
}
