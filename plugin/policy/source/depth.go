package source

// tooDeep bounds how deep the parser, which is recursive, can be led: by brackets, by - on one line, and by
// indentation. It counts brackets in text too, which only makes it stricter. ok is false at the place where it is too
// much.
func tooDeep(text []byte) (at place, ok bool) {
	at = place{1, 1}
	open, dashes, indent := 0, 0, 0
	blank := true // only white space and dashes so far in this line
	for _, c := range text {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		case '\n':
			at, dashes, indent, blank = place{at.line + 1, 0}, 0, 0, true
		}
		if blank {
			switch c {
			case ' ':
				indent++
			case '-', '?', ':':
				dashes++
			default:
				blank = c == '\n'
			}
		}
		if open > maxDepth || blank && dashes > maxDepth || blank && indent > 8*maxDepth {
			return at, false
		}
		at.column++
	}
	return at, true
}
