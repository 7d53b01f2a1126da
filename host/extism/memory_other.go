//go:build !unix

package extism

import "context"

// MappedMemory leaves linear memory to wazero.
func MappedMemory(ctx context.Context) context.Context { return ctx }
