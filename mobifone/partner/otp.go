package partner

import (
	"fmt"
	"log/slog"
	"strings"
)

// OTP is the one-time code a subscriber reads to the teller. It cannot print (every
// fmt verb, log/slog, JSON and text show "[redacted]"), is never stored by the SDK,
// and cannot be read from JSON; [OTP.Reveal] is the only way to it. The zero value is
// none.
type OTP struct{ p *sealed }

// ParseOTP trims s and accepts 4 to 8 digits; full-width digits, as some input methods
// type them, count as digits. Leading zeros stay. The error is an [*Error] with
// [NotSent] and [InvalidInput] and does not hold s.
func ParseOTP(s string) (OTP, error) {
	s = strings.TrimSpace(s)
	var buf [8]byte
	n := 0
	for _, r := range s {
		if r >= '０' && r <= '９' {
			r = '0' + r - '０'
		}
		if r < '0' || r > '9' || n == len(buf) {
			return OTP{}, badOTP()
		}
		buf[n] = byte(r)
		n++
	}
	if n < 4 {
		return OTP{}, badOTP()
	}
	return OTP{seal(string(buf[:n]))}, nil
}

func badOTP() error {
	return badInput("otp", "not a one-time code; type the 4 to 8 digits of the message on the customer's phone")
}

// Reveal returns the digits; "" for the zero value.
func (o OTP) Reveal() string { return o.p.open() }

// IsZero reports whether there is no code.
func (o OTP) IsZero() bool { return o.p == nil }

// String returns "[redacted]".
func (o OTP) String() string { return redacted }

// GoString returns "partner.OTP([redacted])".
func (o OTP) GoString() string { return "partner.OTP(" + redacted + ")" }

// Format writes "[redacted]", whatever the verb.
func (o OTP) Format(f fmt.State, verb rune) { writeMasked(f, verb, redacted, o.GoString()) }

// LogValue returns "[redacted]".
func (o OTP) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (o OTP) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (o OTP) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
