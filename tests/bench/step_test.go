package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/host/extism"
)

// guestVM is one instance of the guest with the bench's policy.
func guestVM(b *testing.B) *extism.VM {
	b.Helper()
	wasm, err := os.ReadFile("../../host/cmd/idvgate/wasm/idvgate-extism.wasm")
	if err != nil {
		b.Fatalf("%v: make guest first", err)
	}
	config := map[string]string{"policy": benchPolicy("http://127.0.0.1:9", 1)}
	for k, v := range secrets {
		config[k] = v
	}
	p, err := extism.Compile(context.Background(), wasm, extism.Options{Config: config})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close(context.Background()) })
	vm, err := p.NewVM(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return vm
}

const headLine = `{"flow":%d,"head":{"id":"me-8f5VLqt5bXuviKFY9TA","method":"POST","scheme":"http","host":"127.0.0.1:8080","path":"%s",` +
	`"headers":[["accept","*/*"],["content-length","49"],["content-type","application/json"],["user-agent","bench/1"]],"client":"127.0.0.1"}}` + "\n"

const bodyText = `{"name":"李雷","idNumber":"110101199003070003"}`

const replyText = `{"requestId":"r1","result":{"success":true,"hasException":false,"code":"0","message":"","detail":"{\"chargeFlag\":\"1\"}"}}`

// step hands in one line with raw bytes and returns what came.
func step(b *testing.B, vm *extism.VM, kind extism.Kind, line, raw string) string {
	out, err := vm.Step(kind, []byte(line), []byte(raw))
	if err != nil {
		b.Fatal(err)
	}
	return string(out)
}

// BenchmarkStepUnmatched is what the guest costs for a request no rule is for, at 16 suspended others.
func BenchmarkStepUnmatched(b *testing.B) {
	vm := guestVM(b)
	line := fmt.Sprintf(headLine, 7, "/v1/other")
	if out := step(b, vm, extism.Begin, line, ""); !strings.Contains(out, `"allow"`) {
		b.Fatal(out)
	}
	b.ReportAllocs()
	for b.Loop() {
		step(b, vm, extism.Begin, line, "")
	}
}

var callID = regexp.MustCompile(`"callId":(\d+)`)

// BenchmarkStepSigned is what the guest costs for a request with one signed vendor call: three steps.
func BenchmarkStepSigned(b *testing.B) {
	vm := guestVM(b)
	line := fmt.Sprintf(headLine, 7, "/v1/id2")
	body := fmt.Sprintf(`{"flow":7,"body":true,"bytes":%d}`+"\n", len(bodyText))
	for b.Loop() {
		step(b, vm, extism.Begin, line, "")
		out := step(b, vm, extism.Resume, body, bodyText)
		id := callID.FindStringSubmatch(out)
		if id == nil {
			b.Fatal(out)
		}
		reply := fmt.Sprintf(`{"flow":7,"callId":%s,"status":200,"headers":[["content-type","application/json"]],"bytes":%d}`+"\n", id[1], len(replyText))
		if out = step(b, vm, extism.Resume, reply, replyText); !strings.Contains(out, `"allow"`) {
			b.Fatal(out)
		}
	}
}

// BenchmarkStepEmpty is the floor: a step that has nothing to do.
func BenchmarkStepEmpty(b *testing.B) {
	vm := guestVM(b)
	for b.Loop() {
		step(b, vm, extism.Cancel, "", "")
	}
}
