//go:build wasip1

// Command guest is a fake guest for the host's tests: what it does is in the request's path.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/extism/go-pdk"
)

func main() {}

type head struct {
	ID      string      `json:"id"`
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"`
	Headers [][2]string `json:"headers"`
	Client  string      `json:"client"`
	NoBody  bool        `json:"noBody"`
	Upgrade bool        `json:"upgrade"`
}

type message struct {
	Flow    uint64      `json:"flow"`
	Head    *head       `json:"head"`
	Body    any         `json:"body"`
	CallID  uint64      `json:"callId"`
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
	Error   string      `json:"error"`
	Timer   uint64      `json:"timer"`
	Bytes   int         `json:"bytes"`
}

var (
	out     bytes.Buffer
	heads   = map[uint64]*head{}
	waiting = map[string][]uint64{}
	calls   uint64
)

func say(m map[string]any, raw ...byte) {
	if len(raw) > 0 {
		m["bytes"] = len(raw)
	}
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	out.Write(line)
	out.WriteByte('\n')
	out.Write(raw)
}

func allow(flow uint64, set ...string) {
	d := map[string]any{"action": "allow", "id": "d1", "reason": "match"}
	if len(set) > 0 {
		var pairs [][2]string
		for i := 0; i < len(set); i += 2 {
			pairs = append(pairs, [2]string{set[i], set[i+1]})
		}
		d["set"] = pairs
		d["remove"] = []string{"X-IDV-Outcome", "x_idv_outcome"}
	}
	say(map[string]any{"flow": flow, "decision": d})
}

func deny(flow uint64, status int, body string) {
	say(map[string]any{"flow": flow, "decision": map[string]any{"action": "deny", "status": status,
		"headers": [][2]string{{"content-type", "text/plain"}, {"x-said", "no"}}}}, []byte(body)...)
}

func call(flow uint64, url string, timeoutMs int) {
	calls++
	say(map[string]any{"flow": flow, "want": "call", "callId": calls, "method": "POST", "url": url, "timeoutMs": timeoutMs,
		"headers": [][2]string{{"content-type", "text/plain"}, {"x-flow", strconv.FormatUint(flow, 10)}}}, []byte("question")...)
}

func begin(m *message) {
	heads[m.Flow] = m.Head
	path, query, _ := strings.Cut(m.Head.Path, "?")
	vendor, _ := pdk.GetConfig("vendor")
	switch {
	case path == "/deny":
		deny(m.Flow, 403, "denied")
	case path == "/challenge":
		say(map[string]any{"flow": m.Flow, "decision": map[string]any{"action": "challenge", "status": 303,
			"headers": [][2]string{{"location", "https://page.example.cn/"}}}})
	case path == "/odd-action":
		say(map[string]any{"flow": m.Flow, "decision": map[string]any{"action": "perhaps"}})
	case path == "/odd-status":
		deny(m.Flow, 200, "fine")
	case path == "/odd-header":
		allow(m.Flow, "x-idv-outcome", "match\r\nx-evil: 1")
	case path == "/set":
		allow(m.Flow, "x-idv-outcome", "match", "x-idv-check", "id2")
	case path == "/head":
		text, _ := json.Marshal(m.Head)
		deny(m.Flow, 403, string(text))
	case path == "/body":
		limit, _ := strconv.Atoi(query)
		say(map[string]any{"flow": m.Flow, "want": "body", "limit": limit})
	case path == "/body-timer":
		say(map[string]any{"flow": m.Flow, "want": "body", "limit": 1000})
		say(map[string]any{"flow": m.Flow, "want": "timer", "timer": 9, "ms": 5})
	case path == "/call" || path == "/leave":
		call(m.Flow, vendor+"/"+query, 20000)
	case path == "/call-short":
		call(m.Flow, vendor+"/"+query, 50)
	case path == "/call-to":
		call(m.Flow, query, 2000)
	case path == "/timer":
		say(map[string]any{"flow": m.Flow, "want": "timer", "timer": 9, "ms": 2})
	case path == "/wait":
		waiting[query] = append(waiting[query], m.Flow)
	case path == "/release":
		allow(m.Flow)
		for _, flow := range waiting[query] {
			allow(flow, "x-idv-outcome", "match")
		}
		delete(waiting, query)
	case path == "/shadow-call":
		allow(m.Flow)
		call(m.Flow, vendor+"/"+query, 20000)
	case path == "/shadow-body":
		say(map[string]any{"flow": m.Flow, "want": "body", "limit": 1000})
		allow(m.Flow)
	case path == "/deny-shadow-body":
		say(map[string]any{"flow": m.Flow, "want": "body", "limit": 1000})
		deny(m.Flow, 403, "denied")
	case path == "/audit":
		say(map[string]any{"audit": map[string]any{"id": "d1", "decision": "allow"}})
		say(map[string]any{"metrics": []any{
			map[string]any{"name": "idv_decisions_total", "type": "counter", "value": 1, "labels": map[string]string{"rule": "one"}},
			map[string]any{"name": "idv_flows", "type": "gauge", "value": 3},
			map[string]any{"name": "idv_vendor_seconds", "type": "histogram", "value": 0.2, "labels": map[string]string{"provider": "a"}},
			map[string]any{"name": "go_goroutines", "type": "gauge", "value": 3},
			map[string]any{"name": "idv_decisions_total", "type": "counter", "value": 1, "labels": map[string]string{"other": "one"}},
		}})
		allow(m.Flow)
	case path == "/unknown-message":
		say(map[string]any{"flow": m.Flow, "want": "tea"})
		say(map[string]any{"weather": []any{"fine", map[string]any{"wind": -1.5e3}}})
		say(map[string]any{"flow": 999999, "decision": map[string]any{"action": "allow"}})
		allow(m.Flow)
	case path == "/random":
		var b [16]byte
		rand.Read(b[:])
		deny(m.Flow, 403, hex.EncodeToString(b[:]))
	case path == "/clock":
		deny(m.Flow, 403, strconv.FormatInt(time.Now().UnixNano(), 10))
	case path == "/silent":
	case path == "/garbage":
		out.WriteString("{\"flow\":}\n")
	case path == "/outside":
		out.WriteString("outside\n")
	case path == "/cut":
		out.WriteString(`{"flow":1,"bytes":1000}` + "\nshort")
	case path == "/flood":
		for range 100_000 {
			call(m.Flow, vendor+"/answer", 2000)
		}
	case path == "/endless":
		for out.Len() < 40<<20 {
			out.WriteString("{\"weather\":\"" + strings.Repeat("x", 1000) + "\"}\n")
		}
	case path == "/panic":
		fmt.Fprintln(os.Stderr, "about to panic")
		panic("on request")
	case path == "/overflow":
		overflow(1)
	case path == "/kernel":
		badOffset()
	default:
		allow(m.Flow)
	}
}

func resume(m *message, raw []byte) {
	h := heads[m.Flow]
	if h == nil {
		return
	}
	path, _, _ := strings.Cut(h.Path, "?")
	audit := func(event map[string]any) { say(map[string]any{"audit": event}) }
	switch {
	case path == "/shadow-call":
		audit(map[string]any{"shadow": m.Status, "error": m.Error})
	case path == "/shadow-body" || path == "/deny-shadow-body":
		audit(map[string]any{"body": fmt.Sprint(m.Body), "length": len(raw)})
	case path == "/leave":
		audit(map[string]any{"late": m.Status})
		allow(m.Flow)
	case path == "/body-timer" && m.Timer != 0:
		deny(m.Flow, 403, "too slow")
	case m.Body != nil:
		allow(m.Flow, "x-idv-outcome", fmt.Sprint(m.Body), "x-idv-check", string(raw))
	case m.Timer != 0:
		allow(m.Flow, "x-idv-outcome", "timer")
	case m.Error != "":
		deny(m.Flow, 503, m.Error)
	case m.CallID != 0:
		allow(m.Flow, "x-idv-outcome", strconv.Itoa(m.Status), "x-idv-check", strconv.Itoa(len(raw)))
	}
}

func cancelled(m *message) {
	say(map[string]any{"audit": map[string]any{"cancelled": true}})
}

func run(kind int, input []byte) {
	out.Reset()
	for len(input) > 0 {
		line, rest, _ := bytes.Cut(input, []byte{'\n'})
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			panic("host sent " + strconv.Quote(string(line)))
		}
		raw := rest[:m.Bytes]
		input = rest[m.Bytes:]
		switch kind {
		case 0:
			begin(&m)
		case 1:
			resume(&m, raw)
		case 2:
			cancelled(&m)
		}
	}
}

//go:noinline
func overflow(n int) int {
	var pad [64]int
	pad[n%64] = overflow(n + 1)
	return pad[0] + pad[n%64]
}

//go:wasmimport extism:host/env load_u64
func loadU64(offset uint64) uint64

func badOffset() { say(map[string]any{"weather": loadU64(1 << 40)}) }

//go:wasmexport info
func info() int32 {
	name, ok := pdk.GetConfig("name")
	if !ok {
		name = "idvgate"
	}
	policy := map[string]any{"ok": true, "digest": "p1", "rules": 1}
	if text, _ := pdk.GetConfig("policy"); text == "bad" {
		policy = map[string]any{"ok": false, "errors": []string{"policy: first mistake", "policy: second mistake"}}
	} else if text != "" {
		policy["digest"] = text
	}
	endpoints := json.RawMessage("[]")
	if text, ok := pdk.GetConfig("endpoints"); ok {
		endpoints = json.RawMessage(text)
	}
	out.Reset()
	say(map[string]any{"name": name, "version": "test", "abi": 1, "policy": policy, "endpoints": endpoints})
	pdk.Output(out.Bytes())
	return 0
}

//go:wasmexport begin
func beginExport() int32 { return stepped(0) }

//go:wasmexport resume
func resumeExport() int32 { return stepped(1) }

//go:wasmexport cancel
func cancelExport() int32 { return stepped(2) }

func stepped(kind int) int32 {
	run(kind, pdk.Input())
	pdk.Output(out.Bytes())
	return 0
}

// evaluate is for the tests of http_request: the input is a URL.
//
//go:wasmexport evaluate
func evaluate() int32 {
	request := pdk.NewHTTPRequest(pdk.MethodPost, string(pdk.Input()))
	request.SetHeader("x-question", "1")
	request.SetBody([]byte("question"))
	reply := request.Send()
	text, _ := json.Marshal(reply.Headers())
	pdk.OutputString(strconv.Itoa(int(reply.Status())) + " " + string(reply.Body()) + " " + string(text))
	return 0
}

// vars counts up in a variable, and fails when told so.
//
//go:wasmexport vars
func vars() int32 {
	n := pdk.GetVarInt("n") + 1
	pdk.SetVarInt("n", n)
	pdk.Log(pdk.LogInfo, "counted")
	if string(pdk.Input()) == "fail" {
		pdk.SetErrorString("as told")
		return 7
	}
	pdk.OutputString(strconv.Itoa(n))
	return 0
}

// echo gives back its input.
//
//go:wasmexport echo
func echo() int32 {
	pdk.Output(pdk.Input())
	return 0
}

//go:wasmimport extism:host/env store_u64
func storeU64(offset, value uint64)

//go:wasmimport extism:host/env output_set
func outputSet(offset, length uint64)

//go:wasmimport extism:host/env input_load_u64
func inputLoadU64(offset uint64) uint64

//go:wasmimport extism:host/env error_set
func errorSet(offset uint64)

//go:wasmimport extism:host/env alloc
func alloc(length uint64) uint64

// misuse does what no kit does; the input says what.
//
//go:wasmexport misuse
func misuse() int32 {
	switch string(pdk.Input()) {
	case "load at 0":
		loadU64(0)
	case "load far away":
		loadU64(1 << 63)
	case "load across the end":
		loadU64(alloc(8) + 1<<20)
	case "store at 0":
		storeU64(0, 1)
	case "store far away":
		storeU64(^uint64(0)-3, 1)
	case "output that is not there":
		outputSet(64, 1<<40)
	case "output that wraps around":
		outputSet(alloc(8), ^uint64(0))
	case "input beyond its end":
		inputLoadU64(^uint64(0) - 7)
	case "an error that is no block":
		errorSet(12345)
	case "more memory than there is":
		alloc(1 << 62)
	case "memory without end":
		for {
			alloc(1 << 20)
		}
	}
	return 0
}
