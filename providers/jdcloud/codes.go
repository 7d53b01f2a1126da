package jdcloud

import "github.com/idvgate/idvgate/providers"

// gatewayRow is a row of the gateway page: a name with its HTTP status. That error.status carries these names is
// assumed.
type gatewayRow struct {
	name    string
	http    int
	outcome providers.Outcome // InvalidInput for a fault in an argument's value, else Unanswered
	meaning string
}

var gatewayRows = []gatewayRow{
	{"APIGW_LACK_PARAMS", 401, providers.Unanswered, "a parameter of the signature is missing"},
	{"APIGW_KEY_NOT_EXITST", 401, providers.Unanswered, "no such access key (spelt so by the vendor)"},
	{"APIGW_KEY_DISABLED", 401, providers.Unanswered, "the access key is disabled"},
	{"APIGW_SIGN_RESULT_NOT_SAME", 401, providers.Unanswered, "the signature is another one than the vendor computes"},
	{"APIGW_ILLEGAL_HEADER", 401, providers.Unanswered, "a header that is not allowed"},
	{"APIGW_NONCE_CONFLICT", 403, providers.Unanswered, "the nonce was used before"},
	{"APIGW_USER_BLACK_LIST", 403, providers.Unanswered, "the account is on the vendor's black list"},
	{"USER_NOT_ACTIVATED", 403, providers.Unanswered, "the account is not activated"},
	{"APIGW_API_NOT_ALLOWED", 403, providers.Unanswered, "this interface may not be called"},
	{"APIGW_CHILD_ACCOUNT_NOT_ALLOWED", 403, providers.Unanswered, "the sub-account has no right to this"},
	{"APIGW_SERVICE_DISABLED", 403, providers.Unanswered, "the service is disabled"},
	{"APIGW_SERVICE_NOT_FOUND", 404, providers.Unanswered, "the service is not registered"},
	{"HTTP_BAD_GATEWAY", 502, providers.Unanswered, "an error inside the gateway"},
	{"ARGUMENT_NOT_SUPPORT", 400, providers.Unanswered, "an argument that is not supported"},
	{"ARGUMENT_NOT_FOUND", 400, providers.Unanswered, "a required argument is missing"},
	{"ARGUMENT_WRONG_FORMAT", 400, providers.InvalidInput, "an argument has the wrong format"},
	{"OUT_OF_RANGE", 400, providers.InvalidInput, "an argument's value is not allowed"},
	{"INVALID_ARGUMENT", 400, providers.InvalidInput, "an argument is wrong"},
	{"FAILED_PRECONDITION", 400, providers.Unanswered, "not possible in the present state"},
	{"UNAUTHENTICATED", 401, providers.Unanswered, "authentication failed"},
	{"HTTP_FORBIDDEN", 403, providers.Unanswered, "no right to this"},
	{"NOT_FOUND", 404, providers.Unanswered, "not found"},
	{"QUOTA_EXCEEDED", 429, providers.Unanswered, "the quota is used up"},
	{"RATE_LIMIT_EXCEEDED", 429, providers.Unanswered, "too many requests"},
	{"UNKNOWN", 500, providers.Unanswered, "an unknown error"},
	{"INTERNAL", 500, providers.Unanswered, "an internal error"},
	{"NOT_IMPLEMENTED", 501, providers.Unanswered, "not supported at present"},
	{"SOURCE_UNAVAILABLE", 502, providers.Unanswered, "the service behind the gateway is not available"},
	{"UNAVAILABLE", 503, providers.Unanswered, "the service is not available"},
	{"DEADLINE_EXCEEDED", 504, providers.Unanswered, "the service behind the gateway took too long"},
}

func gatewayCode(name string) (gatewayRow, bool) {
	for _, row := range gatewayRows {
		if row.name == name {
			return row, true
		}
	}
	return gatewayRow{}, false
}

// codes is Info.Codes. The vendor's own codes are not public: what is judged is two booleans.
func codes() []providers.Code {
	const flat = "seed of 2020-12-02; billing as detail.chargeFlag says (2024 page, of a sister API)"
	all := []providers.Code{
		{Code: "success true", Outcome: providers.Match, Billed: providers.BilledYes, Meaning: "the claims belong together", Source: flat},
		{Code: "success false", Outcome: providers.Mismatch, Billed: providers.BilledYes, Meaning: "they do not, unless the policy's outcomes say what the code means", Source: flat},
		{Code: "hasException true", Kind: providers.Unavailable.String(), Meaning: "nobody answered; malformed where a code is given that outcomes does not list", Source: flat},
	}
	for _, row := range gatewayRows {
		c := providers.Code{Code: row.name, Outcome: row.outcome, Billed: providers.BilledNo, Meaning: row.meaning, Source: "gateway page; that it is not billed is assumed"}
		if row.outcome == providers.Unanswered {
			kind, billed := kindOf(row.http, true)
			c.Kind, c.Billed = kind.String(), billed
		}
		if c.Billed == providers.BilledUnknown {
			c.Source = "gateway page"
		}
		all = append(all, c)
	}
	return all
}
