package identity

// maxUserIDBytes is the longest user id (kycloud page: max 20).
const maxUserIDBytes = 20

// A UserID is the person's number at a vendor's platform: 1 to 20 characters of A-Z, a-z, 0-9, _ and -. It is text even
// where it is all digits: such numbers exceed 2^53. The characters are assumed; the kycloud page gives only the length.
// The zero UserID is none.
type UserID struct{ s string }

// String is the id as it is sent; "" for none.
func (u UserID) String() string { return u.s }

// IsZero reports whether there is no id.
func (u UserID) IsZero() bool { return u.s == "" }

// ParseUserID reads a user id. Nothing is folded: case tells ids apart.
//
// Faults: missing, length, format.
func ParseUserID(s string) (UserID, error) {
	if s == "" {
		return UserID{}, fail(ClaimUserID, FaultMissing)
	}
	if len(s) > maxUserIDBytes {
		return UserID{}, fail(ClaimUserID, FaultLength)
	}
	for i := range len(s) {
		c := s[i]
		if c-'0' > 9 && (c|0x20)-'a' >= 26 && c != '_' && c != '-' {
			return UserID{}, fail(ClaimUserID, FaultFormat)
		}
	}
	return UserID{s: s}, nil
}
