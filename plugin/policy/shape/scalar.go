package shape

import (
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads 500ms, 2s, 1m30s: a number with its unit, never negative. False for anything else.
func ParseDuration(s string) (time.Duration, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' || s == "0" {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// ParseSize reads 512B, 256KiB, 1MiB as bytes. False for anything else.
func ParseSize(s string) (int64, bool) {
	unit := int64(1)
	digits, ok := strings.CutSuffix(s, "KiB")
	switch {
	case ok:
		unit = 1 << 10
	default:
		if digits, ok = strings.CutSuffix(s, "MiB"); ok {
			unit = 1 << 20
		} else if digits, ok = strings.CutSuffix(s, "B"); !ok {
			return 0, false
		}
	}
	if digits == "" || len(digits) > 9 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n * unit, err == nil
}

// ParsePercent reads 5% or 0.5% as a fraction: above 0, at most 1. False for anything else.
func ParsePercent(s string) (float64, bool) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok || !decimal(number, 3, 6) {
		return 0, false
	}
	f, err := strconv.ParseFloat(number, 64)
	return f / 100, err == nil && f > 0 && f <= 100
}

// ParsePrice reads 0.25 CNY as millionths and a currency of three capitals. False for anything else.
func ParsePrice(s string) (micros int64, currency string, ok bool) {
	amount, currency, ok := strings.Cut(s, " ")
	if !ok || len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || !decimal(amount, 9, 6) {
		return 0, "", false
	}
	whole, part, _ := strings.Cut(amount, ".")
	micros, err := strconv.ParseInt(whole+(part + "000000")[:6], 10, 64)
	return micros, currency, err == nil
}

// decimal is whether s is digits, or digits, a point and digits, within those lengths.
func decimal(s string, whole, part int) bool {
	before, after, point := strings.Cut(s, ".")
	if before == "" || len(before) > whole || strings.Trim(before+after, "0123456789") != "" {
		return false
	}
	return !point || after != "" && len(after) <= part
}
