package sandbox

// Credentials is whom the simulated vendors know. All of it is made up.
type Credentials struct {
	JDAccessKey string
	JDSecretKey string

	CelerityUser     string // sysName
	CelerityUserCode string
	CelerityPassword string
	CelerityToken    string // a fixed token that never expires; empty: none

	GlodonKey    string // appKey
	GlodonSecret string

	KycloudCompany   string // companyId, digits
	KycloudPublicKey string // RSA public key: PEM, or bare base64 of its PKIX DER
}

// DefaultCredentials are the ones examples/policies/demo.env holds the other half of.
func DefaultCredentials() Credentials {
	return Credentials{
		JDAccessKey:      "SANDBOXJDACCESSKEY00000000000001",
		JDSecretKey:      "f24519725a42851147a5a82a0e01ac5d",
		CelerityUser:     "gate",
		CelerityUserCode: "u1",
		CelerityPassword: "1482837036a4194e9b2e35c9b11a5055",
		CelerityToken:    "sandbox-fixed-token-1857de16788a1db2",
		GlodonKey:        "sandbox-glodon-app",
		GlodonSecret:     "6391eec610d113811857de16788a1db2",
		KycloudCompany:   "52984126340489216",
		KycloudPublicKey: "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu5tCHEkH8PRfSteWJylc0e0ftSWWTk88WIPiLiY8oh1qezJnyz5YifhV7vdq5lr8ySf4ldUhonG3GKHvocdsgHGy0pS/QCucjmcKwNa+TFyPxHzURA2gkkfWyLNyAK84iSu2dr6Wt4PsNS4GVyEXUpkaSmyMm0GYJreNcGRUX23Wi11VE4DeotPGuXQrIN8qqgDgRYMGMZXZg8osIAHJcrYoUW1CxpkwKeqS+eJHDsWVNJtjyzZ0EhHbOjARLNLSA0XuxdeCaPznMVo22cxnM2PXvCRP4OdY1oXKdD/k+NgiiYpIynFJtkjQ+VVhLQddzcgiY7EW6WblfmeCuNrzXQIDAQAB",
	}
}
