package wire

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// read reads a node into a field by the field's type. It returns what is wrong, never the
// value; then the field is zero.
func (w *Wire) read(n *jsontree.Node, to any, format string) (problem string) {
	switch to := to.(type) {
	case *string:
		*to, problem = readText(n)
	case *telco.TransID:
		problem = readInto(n, to)
	case *telco.PartnerTransID:
		problem = readInto(n, to)
	case *telco.PackageCode:
		problem = readInto(n, to)
	case *field.StateSaid:
		to.WireState, problem = readText(n)
		to.State = w.stateOf[to.WireState]
	case *telco.MSISDN:
		var text string
		if text, problem = readText(n); problem == "" { // one that is masked or malformed matches no subscriber
			*to, _ = telco.ParseMSISDN(text)
		}
	case *telco.VND:
		var amount int64
		amount, problem = readInteger(n, format)
		*to = telco.VND(amount)
	case *int:
		if *to, problem = readCount(n); problem == "" && format == fromZero {
			*to++
		}
	case **int:
		var count int
		if count, problem = readCount(n); problem == "" {
			*to = &count
		}
	case **bool:
		var flag bool
		if flag, problem = readFlag(n); problem == "" {
			*to = &flag
		}
	case *time.Duration:
		*to, problem = readDuration(n, unit(format))
	case *time.Time:
		if n.Kind != jsontree.String && n.Kind != jsontree.Number {
			return "must be a time"
		}
		t, err := w.times.parse(n.Text, format)
		if err != nil {
			return err.Error()
		}
		*to = t
	}
	return problem
}

func readInto[S ~string](n *jsontree.Node, to *S) string {
	text, problem := readText(n)
	if len(text) > textMax {
		return "is too long"
	}
	*to = S(text)
	return problem
}

// readText reads an id, code or text: a string, or a whole number of any length as it is
// written.
func readText(n *jsontree.Node) (text, problem string) {
	if n.Kind != jsontree.String && (n.Kind != jsontree.Number || !wholeDigits(n.Text)) {
		return "", "must be a string or a whole number"
	}
	return n.Text, ""
}

// readInteger reads a whole number that is not negative. decimals is the format of an
// amount with that many zeros behind the point.
func readInteger(n *jsontree.Node, decimals string) (whole int64, problem string) {
	ok := false
	switch n.Kind {
	case jsontree.Number:
		whole, ok = wholeNumber(n.Text)
	case jsontree.String: // plain digits: "120.000" and "120,000" are not numbers here
		text := n.Text
		if decimals != "" {
			if cut := len(text) - (len(decimals) - 1); cut > 0 && text[cut:] == decimals[1:] {
				text = text[:cut]
			}
		}
		whole, ok = plainInteger(text)
	}
	switch {
	case !ok:
		return 0, "must be a whole number"
	case whole < 0:
		return 0, "must not be negative"
	}
	return whole, ""
}

func readCount(n *jsontree.Node) (count int, problem string) {
	whole, problem := readInteger(n, "")
	if whole > countMax {
		return 0, "is too large"
	}
	return int(whole), problem
}

func readDuration(n *jsontree.Node, of time.Duration) (d time.Duration, problem string) {
	whole, problem := readInteger(n, "")
	if whole > int64(durationMax/of) {
		return 0, "is too large"
	}
	return time.Duration(whole) * of, problem
}

// readFlag reads true or false, 1 or 0, "Y" or "N", also in quotes, as gateways write them.
func readFlag(n *jsontree.Node) (flag bool, problem string) {
	switch {
	case n.Kind == jsontree.True:
		return true, ""
	case n.Kind == jsontree.False:
		return false, ""
	case n.Kind == jsontree.String || n.Kind == jsontree.Number:
		switch n.Text {
		case "1", "true", "Y", "y":
			return true, ""
		case "0", "false", "N", "n":
			return false, ""
		}
	}
	return false, "must be true or false"
}

// plainInteger reads an optional minus and digits without leading zeros.
func plainInteger(s string) (int64, bool) {
	if !wholeDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// wholeDigits reports whether s is an integer as JSON writes one, of any length.
func wholeDigits(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// wholeNumber reads a JSON number literal that is whole: 120000, 120000.0 and 1.2E5
// (as some systems print a double) are the same, 120000.5 and what does not fit an
// int64 are refused. So is a fraction of exactly three zeros: 120.000 is how Vietnam
// writes one hundred and twenty thousand, and a guess could be wrong by a factor of
// a thousand.
func wholeNumber(literal string) (int64, bool) {
	if n, ok := plainInteger(literal); ok {
		return n, true
	}
	mantissa, exp, hasExp := strings.Cut(strings.ReplaceAll(literal, "E", "e"), "e")
	shift := 0
	if hasExp {
		n, err := strconv.Atoi(exp)
		if err != nil || n > 400 || n < -400 {
			return 0, false
		}
		shift = n
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if !hasExp && fraction == "000" {
		return 0, false
	}
	// The value is digits × 10^shift.
	digits := whole + fraction
	shift -= len(fraction)
	for shift < 0 && strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift+1
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, true
	}
	if shift < 0 || len(digits)+shift > 19 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits+strings.Repeat("0", shift), 10, 64)
	if err != nil || n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// unit is what a duration's format counts; seconds without one.
func unit(format string) time.Duration {
	switch format {
	case "ms":
		return time.Millisecond
	case "min":
		return time.Minute
	case "h":
		return time.Hour
	}
	return time.Second
}
