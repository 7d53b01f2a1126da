// Package strictjson reads JSON that came from outside before any recursive parser sees it.
//
// A recursive parser in a guest dies of deep nesting, and the virtual machine with it; two parsers that read one body
// differently verify one person and serve another. So there is one iterative scan, limited in depth, that refuses
// what is not JSON to the letter (RFC 8259): invalid UTF-8, lone surrogates, control characters, NUL, trailing bytes.
// What it accepts, encoding/json, gjson and the usual upstreams read alike.
package strictjson
