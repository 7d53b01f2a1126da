package plugin

// reserved is the prefix of header names that belong to the gateway.
const reserved = "x-idv"

// strip names the headers of h that only the gateway may set, as they are written: x-idv-* and its aliases, which an
// upstream could take for it (x_idv_outcome, X-Idv.Outcome): every byte that is no letter or digit counts as a dash.
//
//	x-idv-outcome   stripped
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

func Reserved(name string) bool {
	if len(name) < len(reserved) || name[0]|0x20 != 'x' {
		return false
	}
	for i := 0; i < len(reserved); i++ {
		if fold(name[i]) != reserved[i] {
			return false
		}
	}
	return len(name) == len(reserved) || fold(name[len(reserved)]) == '-'
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
