package partner

// Secret is a key, token or password that cannot print. The zero value is none.
type Secret struct{ p *string }

// NewSecret wraps s; an empty s gives the zero value.
func NewSecret(s string) Secret { panic("not implemented") }

// Reveal returns the secret.
func (s Secret) Reveal() string { panic("not implemented") }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { panic("not implemented") }

// OTP is the one-time code a subscriber reads to the teller; it cannot print and is never stored.
type OTP struct{ p *string }

// ParseOTP trims s and accepts 4 to 8 digits.
func ParseOTP(s string) (OTP, error) { panic("not implemented") }

// Reveal returns the digits.
func (o OTP) Reveal() string { panic("not implemented") }

// IsZero reports whether there is no code.
func (o OTP) IsZero() bool { panic("not implemented") }
