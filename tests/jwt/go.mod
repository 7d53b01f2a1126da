module github.com/idvgate/idvgate/tests/jwt

go 1.26.0

require (
	github.com/golang-jwt/jwt/v5 v5.3.0
	github.com/idvgate/idvgate v0.0.0
)

require (
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
)

replace github.com/idvgate/idvgate => ../..
