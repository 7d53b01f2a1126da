//go:build e2e

package envoy

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
)

// dangers is what a Go guest was seen to meet in a real Envoy, numbered as docs/gateways.md does. covers says which test
// would catch each; elsewhere names those that run in other rooms.
func dangers() []danger {
	return []danger{
		{1, "a worker on which configure fails lets everything pass", nil},
		{2, "a virtual machine dies, and what waits in it hangs", nil},
		{3, "a deeply nested body kills the virtual machine", []string{"scenario bodies/ten thousand brackets are refused and hurt nobody"}},
		{4, "no result of a callback denies, so a panic has to answer by itself", []string{"plugin/proxywasm/filter TestAPanicInACallbackIs503ForThatStreamAlone"}},
		{5, "a replaced body with the old content-length is smuggling", []string{"scenarios forward", "plugin/proxywasm/filter TestABodyIsRewrittenBeforeItGoesOn"}},
		{6, "a control byte in a header, path or log line", []string{"plugin/proxywasm/abi TestNoControlByteLeaves, TestWhatTheGateRefusesIsNotSent"}},
		{7, "HTTP/2 buffers far more than HTTP/1", nil},
		{8, "trailers, upgrades and gRPC", []string{"scenarios strip and routing, over HTTP/1.1 and HTTP/2"}},
		{9, "an edit of headers chooses another route", nil},
		{10, "aliases of header names", []string{"scenarios strip"}},
		{11, "paths, hosts and overriding headers that are read in two ways", []string{"scenarios routing and readers"}},
		{12, "nothing stops a loop, and ticks run on the main thread too", []string{"tests TestGuestSources", "plugin/proxywasm/filter TestABodyThatNeverComesIs503AndNamesTheSwitch"}},
		{13, "callouts that fail in every way", nil},
		{14, "thousands that wait at once", nil},
		{15, "a guest has no zones", []string{"providers/identity TestAge: eight hours ahead, whatever the machine's zone"}},
		{16, "a client names our headers in Connection", []string{"scenario strip/a client cannot have the annotations dropped by naming them in Connection"}},
		{17, "a shared store without rules", []string{"tests TestAnAnswerMovedToAnotherPersonIsNone", "tests/envoy TestTwoEnvoysAndOneRedisCountTogether, under the ACL of examples/webdis", "plugin/state FuzzSharedValues"}},
		{18, "Envoy ends with the process that started it", nil},
		{19, "what it costs", []string{"make bench-envoy"}},
	}
}

type danger struct {
	number int
	what   string
	tests  []string
}

var covered struct {
	sync.Mutex
	by map[int][]string
}

// covers notes which dangers a test is against.
func covers(t *testing.T, numbers ...int) {
	t.Helper()
	covered.Lock()
	defer covered.Unlock()
	if covered.by == nil {
		covered.by = map[int][]string{}
	}
	for _, n := range numbers {
		covered.by[n] = append(covered.by[n], "tests/envoy "+t.Name())
	}
}

// printDangers lists each danger with its tests.
func printDangers() {
	if len(covered.by) == 0 {
		return
	}
	fmt.Println("dangers, and the tests that would catch each")
	for _, d := range dangers() {
		tests := append(append([]string(nil), covered.by[d.number]...), d.tests...)
		sort.Strings(tests)
		if len(tests) == 0 {
			tests = []string{"NOT RUN"}
		}
		fmt.Printf("%3d %s\n      %s\n", d.number, d.what, strings.Join(tests, "\n      "))
	}
	fmt.Println()
}
