package telco

import (
	"fmt"
	"log/slog"

	"github.com/fptshop/mobifone-go/internal/text"
)

// OTP is the one-time code a subscriber reads to the teller. It cannot print (every
// fmt verb, log/slog, JSON and text show "[redacted]"), is never stored by the SDK,
// and cannot be read from JSON; [OTP.Reveal] is the only way to it. The zero value is
// none.
type OTP struct{ p *sealed }

// ParseOTP reads the 4 to 8 digits of a code as people type and paste it. Spaces of any
// kind, tabs, line ends and what nobody sees (zero-width and direction marks, a byte
// order mark) may stand anywhere, dashes between digits; full-width digits count as
// digits. Leading zeros stay. Anything else is refused, so that a price or another
// number is not sent as a code. The error is an [*Error] with [NotSent] and
// [InvalidInput] and does not hold s.
func ParseOTP(s string) (OTP, error) {
	var buf [8]byte
	n, dashed := 0, false
	for _, r := range s {
		c, isDigit := text.DigitValue(r)
		switch {
		case isDigit && n < len(buf):
			buf[n] = c
			n++
			dashed = false
		case text.Blank(r):
		case text.Dash(r) && n > 0: // in front of the first digit it could be a sign
			dashed = true
		default:
			return OTP{}, badOTP()
		}
	}
	if n < 4 || dashed {
		return OTP{}, badOTP()
	}
	return OTP{seal(string(buf[:n]))}, nil
}

func badOTP() error {
	return badInput("otp", "not a one-time code; type the 4 to 8 digits of the message on the customer's phone")
}

// Reveal returns the digits; "" for the zero value.
func (o OTP) Reveal() string { return o.p.open() }

// AppendReveal appends the digits, for a buffer that its owner clears.
func (o OTP) AppendReveal(b []byte) []byte { return o.p.appendTo(b) }

// IsZero reports whether there is no code.
func (o OTP) IsZero() bool { return o.p == nil }

// String returns "[redacted]".
func (o OTP) String() string { return redacted }

// GoString returns "telco.OTP([redacted])".
func (o OTP) GoString() string { return "telco.OTP(" + redacted + ")" }

// Format writes "[redacted]", whatever the verb.
func (o OTP) Format(f fmt.State, verb rune) { writeMasked(f, verb, redacted, o.GoString()) }

// LogValue returns "[redacted]".
func (o OTP) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (o OTP) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (o OTP) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
