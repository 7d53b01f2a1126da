# The task in Rego. JD Cloud's signature is made here too: crypto.hmac.sha256 takes and gives text, and hex.decode turns
# its hex into a text of raw bytes, which can be the next key.
package idv

default decision := {"allow": false, "outcome": ""}

decision := {"allow": true, "outcome": ""} if not asked

decision := {"allow": true, "outcome": "match"} if {
	asked
	person := json.unmarshal(input.body)
	is_string(person.name)
	regex.match(`^[0-9]{17}[0-9X]$`, person.idNumber)
	body := json.marshal({"personalSpec": {"checkType": 2, "personalUser": {"idCard": person.idNumber, "name": person.name}}})
	reply := http.send({
		"method": "POST", "url": concat("", [data.vendor.base, "/v1/personal"]), "raw_body": body,
		"headers": headers(body), "timeout": "10s", "raise_error": false,
	})
	reply.status_code == 200
	reply.body.result.success == true
}

asked if {
	input.method == "POST"
	input.path == "/v1/id2"
}

headers(body) := {
	"Content-Type": "application/json", "X-Jdcloud-Date": date, "X-Jdcloud-Nonce": nonce,
	"Authorization": sprintf("JDCLOUD2-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", [data.vendor.accessKey, scope, names, signature]),
} if {
	date := time.format([time.now_ns(), "UTC", "20060102T150405Z"])
	day := substring(date, 0, 8)
	nonce := uuid.rfc4122("nonce")
	names := "content-type;host;x-jdcloud-date;x-jdcloud-nonce"
	canonical := concat("\n", [
		"POST", data.vendor.path, "", "content-type:application/json", concat("", ["host:", data.vendor.host]),
		concat("", ["x-jdcloud-date:", date]), concat("", ["x-jdcloud-nonce:", nonce]), "", names, crypto.sha256(body),
	])
	scope := concat("/", [day, "jdcloud-api", "cloudauth", "jdcloud2_request"])
	key1 := hex.decode(crypto.hmac.sha256(day, concat("", ["JDCLOUD2", data.vendor.secretKey])))
	key2 := hex.decode(crypto.hmac.sha256("jdcloud-api", key1))
	key3 := hex.decode(crypto.hmac.sha256("cloudauth", key2))
	key4 := hex.decode(crypto.hmac.sha256("jdcloud2_request", key3))
	signature := crypto.hmac.sha256(concat("\n", ["JDCLOUD2-HMAC-SHA256", date, scope, crypto.sha256(canonical)]), key4)
}
