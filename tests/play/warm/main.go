// Command warm compiles guests into a cache folder, as it is and with the listener that records messages: compiling is
// dear, and many times so in a test binary with the race detector.
package main

import (
	"fmt"
	"os"

	"github.com/idvgate/idvgate/tests/play"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: warm GUEST... CACHE")
		os.Exit(2)
	}
	last := len(os.Args) - 1
	for _, guest := range os.Args[1:last] {
		wasm, err := os.ReadFile(guest)
		if err == nil {
			err = play.Compile(wasm, os.Args[last])
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
