module github.com/idvgate/idvgate/tests/jdsdk

go 1.26.0

require (
	github.com/idvgate/idvgate v0.0.0
	github.com/jdcloud-api/jdcloud-sdk-go v1.64.0
)

require github.com/gofrs/uuid v4.4.0+incompatible // indirect

require (
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/idvgate/idvgate => ../..
