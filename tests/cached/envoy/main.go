// Command envoy prints where Envoy is, after it has put it into the project's cache where it is not there yet.
package main

import (
	"fmt"
	"os"

	"github.com/idvgate/idvgate/tests/cached"
	"github.com/idvgate/idvgate/tests/play"
)

func main() {
	root, err := play.Root()
	if err == nil {
		var file string
		if file, err = cached.Envoy(root); err == nil {
			fmt.Println(file)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
