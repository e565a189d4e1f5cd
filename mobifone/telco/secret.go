package telco

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a key, token or password that cannot print: every fmt verb, log/slog,
// JSON and text show "[redacted]", and [Secret.Reveal] is the only way to it. The zero
// value is none and shows the same, so that a print does not tell whether one is set.
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
		b = append(b, (*s)[i]^0xA5) // makes every ASCII character a byte that is none
	}
	return b
}
