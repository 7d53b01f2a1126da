//go:build wasip1 && direct

package main

import "unsafe"

var room []byte

//go:wasmexport buffer
func buffer(size int32) int32 {
	if int(size) > len(room) {
		room = make([]byte, size)
	}
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(room))))
}

//go:wasmexport step
func step(kind, length int32) int64 {
	run(int(kind), room[:length])
	b := out.Bytes()
	if string(b) == "outside\n" {
		return 0x7fffff00<<32 | 0x200
	}
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))<<32 | int64(len(b))
}
