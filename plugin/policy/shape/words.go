package shape

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote writes a word of the document for a problem, cut to a readable length.
func Quote(s string) string {
	if len(s) > 60 {
		cut := 60
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}

// Instead is the advice for a word that is none of known: the nearest, else all of them while they are few.
func Instead(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "; did you mean " + strconv.Quote(near) + "?"
	}
	if len(known) == 0 || len(known) > 16 {
		return ""
	}
	return "; known here: " + strings.Join(known, ", ")
}

// nearest is the known word with the least edit distance, case apart, or "" if none is near enough to be meant.
func nearest(word string, known []string) string {
	best, least := "", 1+max(1, min(3, len(word)/2))
	if len(word) > 64 {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's: the fewest insertions, deletions and replacements that turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range s {
		diagonal := row[0]
		row[0] = i + 1
		for j, u := range t {
			replace := diagonal
			if r != u {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(t)]
}
