package plugin

// reserved is the prefix of header names that belong to the gateway.
const reserved = "x-idv"

// strip names the headers of h that the upstream must not get from a client, as they are written: x-idv-*, which only the
// gateway may set, what the client brings for the gateway alone, and the aliases of both, which an upstream could take
// for them (x_idv_outcome, X-Idv.Outcome): every byte that is no letter or digit counts as a dash.
//
//	x-idv-outcome   stripped
//	Idv_Pending     stripped
//	X_IDV_Outcome   stripped
//	x-idv           stripped
//	x-idvendor      left alone
func strip(h *Head) []string {
	var names []string
	for i := range h.Header {
		if Reserved(h.Header[i].Name) {
			names = append(names, h.Header[i].Name)
		}
	}
	return names
}

// Reserved reports whether a header or trailer of that name is stripped.
func Reserved(name string) bool {
	for _, brought := range [...]string{PendingHeader, AssertionHeader} {
		if len(name) == len(brought) && foldsTo(name, brought) {
			return true
		}
	}
	if len(name) < len(reserved) || name[0]|0x20 != 'x' {
		return false
	}
	return foldsTo(name, reserved) && (len(name) == len(reserved) || fold(name[len(reserved)]) == '-')
}

// foldsTo reports whether name, which is at least as long, begins with the prefix or an alias of it.
func foldsTo(name, prefix string) bool {
	for i := 0; i < len(prefix); i++ {
		if fold(name[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// fold is a byte of a header or field name as a lenient upstream may see it.
func fold(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	}
	return '-'
}
