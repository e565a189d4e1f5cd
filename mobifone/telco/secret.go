package telco

// This file holds the values that never print: secrets, one-time codes and credentials. The only way to
// read one is its Reveal method, so that every place that does can be found.

import (
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
)

const redacted = "[redacted]"

// Secret is a key, token or password that cannot print: every fmt verb, log/slog,
// JSON and text show "[redacted]", and [Secret.Reveal] is the only way to it. The zero
// value holds no secret and prints the same, so that a print does not tell whether one is set.
//
// Two Secrets compare by identity with ==; compare revealed values with
// crypto/subtle.
type Secret struct{ p *sealed }

// NewSecret wraps s; an empty s gives the zero value.
func NewSecret(s string) Secret { return Secret{seal(s)} }

// Reveal returns the secret; "" for the zero value.
func (s Secret) Reveal() string { return s.p.open() }

// AppendReveal appends the secret, for a buffer that its owner clears.
func (s Secret) AppendReveal(b []byte) []byte { return s.p.appendTo(b) }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.p == nil }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "telco.Secret([redacted])".
func (s Secret) GoString() string { return "telco.Secret(" + redacted + ")" }

// Format writes "[redacted]", whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) { writeMasked(f, verb, redacted, s.GoString()) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText takes the text as the secret, for reading configuration. It refuses
// "[redacted]": a configuration that was once printed does not hold its secrets.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return badInput("secret", "the text is a redacted one, not the secret; read it from where it is kept")
	}
	*s = NewSecret(string(text))
	return nil
}

// sealed is text that printers which follow pointers do not show in clear. It is
// always behind a pointer, which fmt prints as an address where it may not call
// methods. It hides the text from eyes and from grep, not from a debugger.
type sealed string

func seal(s string) *sealed {
	if s == "" {
		return nil
	}
	var buf [64]byte
	return new(sealed((*sealed)(&s).appendTo(buf[:0])))
}

func (s *sealed) open() string {
	var buf [64]byte
	return string(s.appendTo(buf[:0]))
}

// appendTo turns each byte over: sealing and opening are the same.
func (s *sealed) appendTo(b []byte) []byte {
	if s == nil {
		return b
	}
	for i := range len(*s) {
		b = append(b, (*s)[i]^0xA5) // turns every ASCII character into a byte outside of ASCII
	}
	return b
}

// OTP is the one-time code a subscriber reads to the teller. It cannot print (every
// fmt verb, log/slog, JSON and text show "[redacted]"), is never stored by the SDK,
// and cannot be read from JSON; [OTP.Reveal] is the only way to it. The zero value is
// none.
type OTP struct{ p *sealed }

// ParseOTP reads the 4 to 8 digits of a code as people type and paste it. Spaces of any
// kind, tabs, line ends and what nobody sees (zero-width and direction marks, a byte
// order mark) may be anywhere, and dashes between digits; full-width digits count as
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

// Credentials is what MobiFone gave the shop chain. Which fields are needed
// depends on the contract's authentication scheme.
type Credentials struct {
	// APIKey is for the api-key schemes and HMAC.
	APIKey Secret
	// Secret is the key of HMAC.
	Secret Secret
	// Username is for the schemes bearer and password.
	Username string
	// Password is for the schemes bearer and password.
	Password Secret
	// PrivateKey signs requests with RSA-SHA256.
	PrivateKey crypto.Signer
	// VerifyKey is MobiFone's, where it signs its replies with RSA.
	VerifyKey crypto.PublicKey
	// ExpiresAt is when a provider must be asked again; zero means never.
	ExpiresAt time.Time
}

// writeMasked serves fmt.Formatter for the types that never print what they hold: text
// for every verb, quoted for %q, goSyntax for %#v. The width is kept, so that columns
// of a report stay aligned.
func writeMasked(f fmt.State, verb rune, text, goSyntax string) {
	switch {
	case verb == 'v' && f.Flag('#'):
		text = goSyntax
	case verb == 'q':
		text = strconv.Quote(text)
	}
	pad := ""
	if width, ok := f.Width(); ok {
		pad = strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	}
	if f.Flag('-') {
		text += pad
	} else {
		text = pad + text
	}
	_, _ = io.WriteString(f, text)
}

// jsonText returns the content of a JSON string or the digits of a JSON number; nil
// without an error for null. Its error never holds data.
func jsonText(field string, data []byte) ([]byte, error) {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil, nil
	}
	if len(data) > 0 && data[0] == '"' {
		var s string
		if json.Unmarshal(data, &s) != nil {
			return nil, badInput(field, "not a JSON string; send a string of digits")
		}
		return []byte(s), nil
	}
	if len(data) == 0 || bytes.ContainsFunc(data, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, badInput(field, "not a JSON string; send a string of digits")
	}
	return data, nil
}

// badInput is the error of everything in the SDK that reads what a caller passed: nothing was
// sent, and the problem says what to do, without the value.
func badInput(field, problem string) *Error {
	return &Error{Outcome: NotSent, Code: InvalidInput, Fields: []FieldError{{Field: field, Problem: problem}}}
}
