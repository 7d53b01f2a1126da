package identity

import (
	"encoding/base64"
	"strings"
)

// Size of a face image, in bytes after decoding (JD Cloud document of 2024: 5 KB to 150 KB).
const (
	minFaceBytes = 5 * 1024
	maxFaceBytes = 150 * 1024
)

// maxFaceText bounds what is looked at: the longest base64 with a line break after every 4 characters.
const maxFaceText = (maxFaceBytes + 2) / 3 * 6

// A FaceImage is a photograph of a face, JPEG or PNG by its first bytes, 5 KB to 150 KB. It is kept as base64, the way
// it comes and goes: nobody here looks at the picture. The zero FaceImage is none.
type FaceImage struct{ s string }

// Base64 is the image as it is sent: standard alphabet, padded, no line breaks, no data: prefix; "" for none.
func (f FaceImage) Base64() string { return f.s }

// IsZero reports whether there is no image.
func (f FaceImage) IsZero() bool { return f.s == "" }

// strictBase64 refuses unused bits that are not zero, so that one image has one text.
var strictBase64 = base64.StdEncoding.Strict()

// ParseFaceImage reads an image in base64. A prefix data:image/TYPE;base64, is dropped, and its TYPE not believed; line
// breaks are dropped, missing padding is added.
//
// Faults: missing, format (no base64), image_size, image_type.
func ParseFaceImage(s string) (FaceImage, error) {
	s = cutDataPrefix(s)
	if s == "" {
		return FaceImage{}, fail(ClaimFaceImage, FaultMissing)
	}
	if len(s) > maxFaceText {
		return FaceImage{}, fail(ClaimFaceImage, FaultImageSize)
	}
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
	}
	switch len(s) % 4 {
	case 2:
		s += "=="
	case 3:
		s += "="
	}
	size, head, ok := decodeImage(s)
	switch {
	case !ok:
		return FaceImage{}, fail(ClaimFaceImage, FaultFormat)
	case size < minFaceBytes || size > maxFaceBytes:
		return FaceImage{}, fail(ClaimFaceImage, FaultImageSize)
	case !isImage(head):
		return FaceImage{}, fail(ClaimFaceImage, FaultImageType)
	}
	return FaceImage{s: s}, nil
}

// cutDataPrefix is s without a leading data:image/…;base64, in any case.
func cutDataPrefix(s string) string {
	const scheme, coding = "data:image/", ";base64"
	const longest = 64 // a type and a parameter or two
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return s
	}
	comma := strings.IndexByte(s[:min(len(s), longest)], ',')
	if comma < len(scheme)+len(coding) || !strings.EqualFold(s[comma-len(coding):comma], coding) {
		return s // refused as no base64, for its colon
	}
	return s[comma+1:]
}

// decodeImage decodes s piece by piece and keeps nothing but the size in bytes and the first of them.
func decodeImage(s string) (size int, head [8]byte, ok bool) {
	const piece = 1024 // characters, a multiple of 4
	var text [piece]byte
	var image [piece / 4 * 3]byte
	for s != "" {
		n := copy(text[:], s)
		s = s[n:]
		got, err := strictBase64.Decode(image[:], text[:n])
		if err != nil || s != "" && got != len(image) { // padding ends the text, and nothing else does
			return 0, head, false
		}
		if size == 0 {
			copy(head[:], image[:got])
		}
		size += got
	}
	return size, head, true
}

// isImage looks at an image's first bytes.
func isImage(head [8]byte) bool {
	const jpeg, png = "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n"
	return string(head[:len(jpeg)]) == jpeg || string(head[:]) == png
}
