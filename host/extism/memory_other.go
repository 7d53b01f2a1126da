//go:build !unix

package extism

import "context"

// withMemory leaves linear memory to wazero.
func withMemory(ctx context.Context) context.Context { return ctx }
