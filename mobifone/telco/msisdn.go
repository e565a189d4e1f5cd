package telco

// This file holds the phone number. It prints masked and compares by value; internal/text reads the
// written forms.

import (
	"fmt"
	"log/slog"
	"unicode/utf8"
	"unique"

	"github.com/fptshop/mobifone-go/internal/text"
)

// MSISDN is a Vietnamese mobile number. It is comparable and can be a map key; two
// values are equal exactly when they are the same number, in whatever form each was
// written. The zero value is no number.
//
// It prints masked ("84*****678") under every fmt verb, in log/slog, in JSON and as
// text; [MSISDN.Reveal] is the only way to the digits. Inside a struct of somebody
// else, in a field fmt may not call methods on, it prints as an address.
type MSISDN struct {
	// A handle, not the digits: fmt cannot call methods on an unexported field and
	// would print a string or a number there in clear. A pointer it prints as such.
	h unique.Handle[veiled]
}

// veiled is a number as nine digits, multiplied by an odd constant modulo 2^64, so
// that debug printers which follow pointers show no phone number either. It hides the
// digits from eyes and from grep, not from somebody who wants them.
type veiled uint64

const (
	veil   = 0x9E3779B97F4A7C15
	unveil = 0xF1DE83E19937733D // veil·unveil = 1 modulo 2^64
)

func newMSISDN(number uint64) MSISDN { return MSISDN{unique.Make(veiled(number * veil))} }

// number returns the nine digits as an integer; 0 for the zero value. No valid number
// begins with 0, so nothing is lost.
func (m MSISDN) number() uint64 {
	if !m.IsValid() {
		return 0
	}
	return uint64(m.h.Value()) * unveil
}

// ParseMSISDN reads every written form of a Vietnamese mobile number: 0912345678,
// 84912345678, +84 912 345 678, 0084…, +84 (0)912…, the nine digits alone, the
// 11-digit numbers of before September 2018 (0120…, also 84120… and 120…), which it
// renews. Spaces, tabs, line ends, dashes, dots, parentheses and what nobody sees (marks
// that come along when a number is copied) may be anywhere; full-width digits count
// as digits.
//
// Nine digits are always a subscriber number: "841234567" is 084 123 4567, not a
// country code with seven digits. A number is nine digits, and its first digit is 3, 5,
// 7, 8 or 9. Which network serves it cannot be told from it: a subscriber keeps the number when
// changing networks, and MobiFone's answer to the eligibility question decides.
//
// The error is an [*Error] with [NotSent] and [InvalidInput] and does not hold s.
func ParseMSISDN(s string) (MSISDN, error) {
	var buf [text.LongestWritten]byte
	n, plus := 0, false
	for i := 0; i < len(s); {
		c := s[i]
		size := 1
		switch {
		case c-'0' <= 9:
		case c == '+':
		case c < utf8.RuneSelf && text.PhoneSeparator(rune(c)):
			i++
			continue
		case c < utf8.RuneSelf:
			return MSISDN{}, badMSISDN()
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r >= '０' && r <= '９':
				c = byte('0' + r - '０')
			case r == '＋':
				c = '+'
			case text.PhoneSeparator(r):
				i += size
				continue
			default:
				return MSISDN{}, badMSISDN()
			}
		}
		i += size
		if c == '+' {
			if plus || n > 0 {
				return MSISDN{}, badMSISDN()
			}
			plus = true
			continue
		}
		if n == len(buf) {
			return MSISDN{}, badMSISDN()
		}
		buf[n] = c
		n++
	}
	number, ok := text.ReadNumber(buf[:n], plus)
	if !ok {
		return MSISDN{}, badMSISDN()
	}
	return newMSISDN(number), nil
}

func badMSISDN() error {
	return badInput("msisdn", "not a Vietnamese mobile number; check it with the customer: 10 digits such as 09x xxx xxxx")
}

// MustParseMSISDN is ParseMSISDN for tests and constants; it panics on bad input.
func MustParseMSISDN(s string) MSISDN {
	m, err := ParseMSISDN(s)
	if err != nil {
		panic(err)
	}
	return m
}

// IsValid reports whether m holds a number.
func (m MSISDN) IsValid() bool { return m != MSISDN{} }

// IsZero reports whether m holds no number, for the JSON option omitzero.
func (m MSISDN) IsZero() bool { return m == MSISDN{} }

// Reveal returns the nine digits of the number after the prefix that a system wants: "84" gives
// 84912345678, "+84" gives +84912345678, "0" gives 0912345678 and "" gives 912345678. The zero
// value gives "". What it returns is personal data.
func (m MSISDN) Reveal(prefix string) string {
	var buf [16]byte
	return string(m.AppendReveal(buf[:0], prefix))
}

// AppendReveal appends what [MSISDN.Reveal] returns, for a buffer that its owner clears.
func (m MSISDN) AppendReveal(b []byte, prefix string) []byte {
	if !m.IsValid() {
		return b
	}
	b = append(b, prefix...)
	b = append(b, "000000000"...)
	n := m.number()
	for i := range text.Significant {
		b[len(b)-1-i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// LastThree returns the last three digits, the most that may be shown; "" for the
// zero value.
func (m MSISDN) LastThree() string {
	if !m.IsValid() {
		return ""
	}
	n := m.number() % 1000
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// String returns the masked number, such as "84*****678"; "" for the zero value.
func (m MSISDN) String() string {
	if !m.IsValid() {
		return ""
	}
	return "84*****" + m.LastThree()
}

// GoString returns the masked number with its type.
func (m MSISDN) GoString() string { return "telco.MSISDN(" + m.String() + ")" }

// Format writes the masked number, whatever the verb.
func (m MSISDN) Format(f fmt.State, verb rune) { writeMasked(f, verb, m.String(), m.GoString()) }

// LogValue returns the masked number.
func (m MSISDN) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText returns the masked number, which [MSISDN.UnmarshalText] refuses: what
// must be read again is saved by Reveal, knowingly.
func (m MSISDN) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalJSON returns the masked number as a JSON string.
func (m MSISDN) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// UnmarshalText reads every form [ParseMSISDN] reads; an empty text is no number.
func (m *MSISDN) UnmarshalText(written []byte) error {
	if len(written) == 0 {
		*m = MSISDN{}
		return nil
	}
	v, err := ParseMSISDN(string(written))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// UnmarshalJSON reads a JSON string as [MSISDN.UnmarshalText] does, and a JSON number
// of digits alone. As everywhere in encoding/json, null changes nothing.
func (m *MSISDN) UnmarshalJSON(data []byte) error {
	written, err := jsonText("msisdn", data)
	if err != nil || written == nil {
		return err
	}
	return m.UnmarshalText(written)
}
