package lint

// sample is one file of a room, and the finding it has to lead to ("": none).
type sample struct {
	name    string
	room    string
	tag     string   // a build constraint; the file is then package main
	imports []string // of the product by full path
	source  string
	want    string // part of "linter: text"
}

const product = "github.com/idvgate/idvgate/"

// arrow is a room that imports what it may not.
func arrow(name, room, to string) sample {
	return sample{name: name, room: room, imports: []string{product + to}, want: "depguard: import '" + product + to}
}

// outside is guest code that imports what a guest has no use for.
func outside(room, path string) sample {
	return sample{name: room + " needs " + path, room: room, source: "\nimport _ \"" + path + "\"\n", want: "depguard: import '" + path}
}

// arrows are DESIGN's, each broken once, and some that hold. They form no cycle.
var arrows = []sample{
	arrow("a vendor that asks another", "providers/jdcloud", "providers/celerity"),
	arrow("a new vendor that asks an old one", "providers/fifth", "providers/celerity"),
	arrow("a vendor that knows the engine", "providers/glodon", "plugin"),
	arrow("a vendor that knows the host", "providers/glodon", "host"),
	arrow("the contract that knows a vendor", "providers", "providers/kycloud"),
	arrow("a claim that knows a vendor", "providers/identity", "providers/kycloud"),
	arrow("an engine that knows the host", "plugin", "host"),
	arrow("an engine that knows a vendor", "plugin", "providers/celerity"),
	arrow("an engine that knows coroutines", "plugin", "plugin/flow"),
	arrow("an engine that knows its tests", "plugin", "tests/play"),
	arrow("a policy that knows the engine's suspending", "plugin/policy/shape", "plugin/flow"),
	arrow("a policy's reader that knows the engine", "plugin/policy/source", "plugin"),
	arrow("coroutines that know providers", "plugin/flow", "providers/celerity"),
	arrow("a guest that knows the native rooms", "plugin/extism/message", "plugin/native"),
	arrow("a host that knows policies", "host", "plugin/policy"),
	arrow("a driver that knows callouts", "host/extism", "providers/callout"),
	arrow("a sandbox that shares code with providers", "host/sandbox", "providers/identity"),
	arrow("a command that runs the engine itself", "host/cmd/idvgate", "plugin/native"),
	arrow("a command that knows a vendor", "host/cmd/idvgate", "providers/celerity"),
	arrow("a product that needs its tests", "host/cmd/idvgate", "tests/play"),
	{name: "the command may read policies", room: "host/cmd/idvgate", imports: []string{product + "plugin/policy"}},
	{name: "the command may list providers", room: "host/cmd/idvgate", imports: []string{product + "providers/catalog"}},
	{name: "a vendor may know claims", room: "providers/jdcloud", imports: []string{product + "providers/identity"}},
	{name: "the catalog may know vendors", room: "providers/catalog", imports: []string{product + "providers/celerity"}},

	outside("providers/jdcloud", "net/http"),
	outside("providers/kycloud", "crypto/rsa"),
	outside("providers/kycloud", "crypto/x509"),
	outside("plugin", "os/exec"),
	outside("plugin", "log/slog"),
	outside("plugin/policy", "math/rand/v2"),
	outside("plugin/state", "crypto/rand"),
	outside("providers/identity", "net"),
	{name: "a guest may parse addresses", room: "plugin", source: "\nimport _ \"net/netip\"\n"},
}

const guestRoom = "providers/jdcloud"

// guestCode is what no guest may do.
var guestCode = []sample{
	{name: "reading the clock in a provider", room: guestRoom, imports: []string{"time"}, source: "\nfunc Today() int64 { return time.Now().Unix() }\n", want: "forbidigo: use of `time.Now` forbidden because \"the clock comes in by Env\""},
	{name: "the clock under another name", room: guestRoom, source: "\nimport clock \"time\"\n\nfunc When() int64 { return clock.Now().Unix() }\n", want: "forbidigo"},
	{name: "the clock as a value", room: "plugin", imports: []string{"time"}, source: "\nfunc Clock() func() time.Time { return time.Now }\n", want: "forbidigo"},
	{name: "how long it took", room: "plugin", imports: []string{"time"}, source: "\nfunc Took(t time.Time) time.Duration { return time.Since(t) }\n", want: "forbidigo"},
	{name: "sleeping", room: "plugin", imports: []string{"time"}, source: "\nfunc Sleep() { time.Sleep(1) }\n", want: "forbidigo"},
	{name: "sleeping under another name", room: "plugin", source: "\nimport nap \"time\"\n\nfunc Nap() { nap.Sleep(1) }\n", want: "forbidigo"},
	{name: "a mutex", room: "plugin", imports: []string{"sync"}, source: "\n// Locked waits.\ntype Locked struct{ Mu sync.Mutex }\n", want: "forbidigo"},
	{name: "once, which is a lock across what it runs", room: "plugin", imports: []string{"sync"}, source: "\n// Once waits.\ntype Once struct{ Do sync.Once }\n", want: "forbidigo"},
	{name: "a pool is no lock", room: "plugin", imports: []string{"sync"}, source: "\n// Pool keeps.\ntype Pool struct{ P sync.Pool }\n"},
	{name: "randomness", room: guestRoom, imports: []string{"math/rand/v2"}, source: "\nfunc Dice() int { return rand.IntN(6) }\n", want: "forbidigo"},
	{name: "reading the environment", room: guestRoom, imports: []string{"os"}, source: "\nfunc Home() string { return os.Getenv(\"HOME\") }\n", want: "forbidigo"},
	{name: "ending the process", room: guestRoom, imports: []string{"os"}, source: "\nfunc End() { os.Exit(1) }\n", want: "forbidigo"},
	{name: "printing", room: guestRoom, imports: []string{"fmt"}, source: "\nfunc Say() { fmt.Println() }\n", want: "forbidigo"},
	{name: "printing by a builtin", room: guestRoom, source: "\nfunc Shout() { println() }\n", want: "forbidigo"},
	{name: "an init function", room: guestRoom, source: "\nfunc init() { _ = Stub0 }\n\n// Stub0 is wanted.\nconst Stub0 = 1\n", want: "gochecknoinits"},
	{name: "a cache in a package variable", room: guestRoom, source: "\nvar cache = make(map[string]int)\n\n// Cached reads it.\nfunc Cached(s string) int { return cache[s] }\n", want: "gochecknoglobals"},
	{name: "a variable without a value", room: guestRoom, source: "\nvar last string\n\n// Last reads it.\nfunc Last() string { return last }\n", want: "gochecknoglobals"},
	{name: "an exported table", room: guestRoom, source: "\n// Table may be written to by anybody.\nvar Table = []int{1}\n", want: "gochecknoglobals"},
	{name: "a table is a constant in disguise", room: guestRoom, source: "\nvar table = [...]int{1, 2}\n\n// Row reads it.\nfunc Row(i int) int { return table[i] }\n"},
	{name: "an error is a constant in disguise", room: guestRoom, imports: []string{"errors"}, source: "\nvar errGone = errors.New(\"jdcloud: gone\")\n\n// Gone is it.\nfunc Gone() error { return errGone }\n"},
	{name: "the host may read the clock", room: "host", imports: []string{"time"}, source: "\nfunc Now() time.Time { return time.Now() }\n"},
}

// anyCode is what nobody may do.
var anyCode = []sample{
	{name: "a switch that forgets a case", room: "host", source: "\n// Kind is an enum.\ntype Kind int\n\n// The kinds.\nconst (\n\tA Kind = iota\n\tB\n)\n\n// Is forgets B.\nfunc Is(k Kind) bool {\n\tswitch k {\n\tcase A:\n\t\treturn true\n\tdefault:\n\t\treturn false\n\t}\n}\n", want: "exhaustive"},
	{name: "an error compared", room: "host", imports: []string{"io"}, source: "\n// End compares.\nfunc End(err error) bool { return err == io.ErrUnexpectedEOF }\n", want: "errorlint"},
	{name: "an error asserted", room: "host", imports: []string{"os"}, source: "\n// Path asserts.\nfunc Path(err error) string {\n\tif e, ok := err.(*os.PathError); ok {\n\t\treturn e.Path\n\t}\n\treturn \"\"\n}\n", want: "errorlint"},
	{name: "an error dropped", room: "host", imports: []string{"os"}, source: "\n// Drop drops it.\nfunc Drop() { os.Chdir(\"x\") }\n", want: "errcheck"},
	{name: "a body left open", room: "host", imports: []string{"net/http"}, source: "\n// Open leaves it open.\nfunc Open(c *http.Client, r *http.Request) (int, error) {\n\tres, err := c.Do(r)\n\tif err != nil {\n\t\treturn 0, err\n\t}\n\treturn res.StatusCode, nil\n}\n", want: "bodyclose"},
	{name: "a request without a context", room: "host", imports: []string{"net/http"}, source: "\n// Ask has none.\nfunc Ask() (*http.Request, error) { return http.NewRequest(http.MethodGet, \"/\", nil) }\n", want: "noctx"},
	{name: "a server without time-outs", room: "host", imports: []string{"net/http"}, source: "\n// Serve has none.\nfunc Serve(h http.Handler) error { return (&http.Server{Addr: \":1\", Handler: h}).ListenAndServe() }\n", want: "gosec"},
	{name: "a silenced finding without a reason", room: "host", imports: []string{"os"}, source: "\n// Quiet drops it.\nfunc Quiet() { os.Chdir(\"x\") } //nolint:errcheck\n", want: "nolintlint"},
	{name: "silence where nothing was to be said", room: "host", source: "\n// Calm is fine.\nfunc Calm() int { return 1 } //nolint:errcheck // for no reason\n", want: "nolintlint"},
	{name: "what nobody uses", room: "host", source: "\nfunc unused() {}\n", want: "unused"},
	{name: "a format that does not fit", room: "host", imports: []string{"fmt"}, source: "\n// Say does not fit.\nfunc Say() string { return fmt.Sprintf(\"%d\", \"x\") }\n", want: "govet"},
	{name: "what can be said in fewer words", room: "host", source: "\n// Yes compares.\nfunc Yes(b bool) bool { return b == true }\n", want: "staticcheck"},
}

// wasip1Code is what only a guest's main is built of.
var wasip1Code = []sample{
	{name: "an exported callback is used by the host", room: "plugin/extism", tag: "wasip1", source: "\nfunc main() {}\n\n//go:wasmexport info\nfunc Info() int32 { return used() }\n\nfunc used() int32 { return 0 }\n"},
	{name: "ending the process in a guest's main", room: "plugin/proxywasm", tag: "wasip1", source: "\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n", want: "forbidigo"},
	{name: "an arrow that only the guest's files break", room: "plugin/proxywasm", tag: "wasip1", imports: []string{product + "host"}, want: "depguard"},
}
