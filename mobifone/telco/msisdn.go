package telco

import (
	"fmt"
	"log/slog"
	"unique"
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

// MSISDNForm is one of the three ways systems write a number on the wire.
type MSISDNForm uint8

// The wire forms.
const (
	Form84 MSISDNForm = iota // 84912345678
	Form0                    // 0912345678
	Form9                    // 912345678
)

// significant is how many digits a number has after the country code.
const significant = 9

func newMSISDN(number uint64) MSISDN { return MSISDN{unique.Make(veiled(number * veil))} }

// number returns the nine digits as an integer; 0 for the zero value. No valid number
// begins with 0, so nothing is lost.
func (m MSISDN) number() uint64 {
	if !m.IsValid() {
		return 0
	}
	return uint64(m.h.Value()) * unveil
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

// Reveal returns the digits in the given form; "" for the zero value. What it returns
// is personal data.
func (m MSISDN) Reveal(form MSISDNForm) string {
	var buf [11]byte
	return string(m.AppendReveal(buf[:0], form))
}

// AppendReveal appends what [MSISDN.Reveal] returns, for a buffer that its owner clears.
func (m MSISDN) AppendReveal(b []byte, form MSISDNForm) []byte {
	if !m.IsValid() {
		return b
	}
	switch form {
	case Form0:
		b = append(b, '0')
	case Form9:
	default:
		b = append(b, '8', '4')
	}
	b = append(b, "000000000"...)
	n := m.number()
	for i := range significant {
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
func (m *MSISDN) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = MSISDN{}
		return nil
	}
	v, err := ParseMSISDN(string(text))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// UnmarshalJSON reads a JSON string as [MSISDN.UnmarshalText] does, and a JSON number
// of digits alone. As everywhere in encoding/json, null changes nothing.
func (m *MSISDN) UnmarshalJSON(data []byte) error {
	text, err := jsonText("msisdn", data)
	if err != nil || text == nil {
		return err
	}
	return m.UnmarshalText(text)
}
