package identity_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

const (
	jpegMagic = "\xFF\xD8\xFF\xE0"
	pngMagic  = "\x89PNG\r\n\x1A\n"
)

// image is n bytes that begin as an image does; no picture is needed.
func image(magic string, n int) string {
	b := bytes.Repeat([]byte{0xA5, 0x3C, 0xFB, 0xEF}, n/4+1)[:n]
	copy(b, magic)
	return base64.StdEncoding.EncodeToString(b)
}

// lines breaks s as MIME does.
func lines(s, end string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + end)
		s = s[76:]
	}
	return b.String() + s + end
}

func TestParseFaceImage(t *testing.T) {
	const format, size, kind = identity.FaultFormat, identity.FaultImageSize, identity.FaultImageType
	ok := image(jpegMagic, 6001) // two = at the end
	for _, c := range []struct {
		what, in, want string // want "" is: as it was written
		fault          identity.Fault
	}{
		{what: "a JPEG", in: ok},
		{what: "a PNG", in: image(pngMagic, 6000)},
		{what: "5 KB", in: image(jpegMagic, 5*1024)},
		{what: "150 KB", in: image(pngMagic, 150*1024)},
		{what: "a JPEG's data URI", in: "data:image/jpeg;base64," + ok, want: ok},
		{what: "a data URI with a parameter, in capitals", in: "DATA:IMAGE/JPEG;charset=utf-8;BASE64," + ok, want: ok},
		{what: "a data URI that names another type", in: "data:image/gif;base64," + ok, want: ok},
		{what: "lines of 76", in: lines(ok, "\r\n"), want: ok},
		{what: "150 KB in lines", in: lines(image(jpegMagic, 150*1024), "\n"), want: image(jpegMagic, 150*1024)},
		{what: "two = left out", in: strings.TrimRight(ok, "="), want: ok},
		{what: "one = left out", in: strings.TrimRight(image(jpegMagic, 6002), "="), want: image(jpegMagic, 6002)},

		{what: "nothing", in: "", fault: identity.FaultMissing},
		{what: "a data URI and nothing", in: "data:image/png;base64,", fault: identity.FaultMissing},
		{what: "a byte less than 5 KB", in: image(jpegMagic, 5*1024-1), fault: size},
		{what: "a byte more than 150 KB", in: image(jpegMagic, 150*1024+1), fault: size},
		{what: "8 MB", in: strings.Repeat("A", 8<<20), fault: size},
		{what: "line breaks only", in: "\r\n\r\n", fault: size},
		{what: "four characters", in: "/9j/", fault: size},
		{what: "a GIF", in: image("GIF89a", 6000), fault: kind},
		{what: "a PNG's name without its line ends", in: image("\x89PNG\n\n", 6000), fault: kind},
		{what: "zeros", in: image("\x00\x00\x00\x00", 6000), fault: kind},
		{what: "another data URI", in: "data:text/plain;base64," + ok, fault: format},
		{what: "a data URI that is not base64", in: "data:image/jpeg," + ok, fault: format},
		{what: "a data URI whose type is too long", in: "data:image/" + strings.Repeat("x", 100) + ";base64," + ok, fault: format},
		{what: "a space inside", in: ok[:100] + " " + ok[100:], fault: format},
		{what: "the URL alphabet", in: strings.ReplaceAll(ok, "+", "-"), fault: format},
		{what: "= inside", in: ok[:100] + "====" + ok[104:], fault: format},
		{what: "= at the end of a piece", in: ok[:1020] + "AA==" + ok[1024:], fault: format},
		{what: "one character too many", in: image(jpegMagic, 6000) + "A", fault: format},
		{what: "three =", in: ok + "=", fault: format},
		{what: "unused bits set", in: image(jpegMagic, 6000) + "AB==", fault: format},
		{what: "no ASCII", in: "照" + ok, fault: format},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, err := identity.ParseFaceImage(c.in)
			wantFault(t, err, identity.ClaimFaceImage, c.fault)
			want := c.want
			if want == "" && c.fault == "" {
				want = c.in
			}
			if f.Base64() != want || f.IsZero() != (c.fault != "") {
				t.Errorf("%d characters, want %d; zero %t", len(f.Base64()), len(want), f.IsZero())
			}
		})
	}
}
