module github.com/idvgate/idvgate/tests/proxywasmsdk

go 1.26.0

replace github.com/idvgate/idvgate => ../..

require (
	github.com/idvgate/idvgate v0.0.0
	github.com/proxy-wasm/proxy-wasm-go-sdk v0.0.0-20250212164326-ab4161dcf924
)

require (
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
