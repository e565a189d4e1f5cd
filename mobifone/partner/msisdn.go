package partner

// MSISDN is a Vietnamese mobile number. It is comparable and can be a map key; the
// zero value is no number. It prints masked ("84*****678") under every fmt verb, in
// slog and in JSON; [MSISDN.Reveal] is the only way to the digits.
type MSISDN struct{ h msisdnHandle }

type msisdnHandle struct{ p *string } // placeholder

// MSISDNForm is one of the three ways systems write a number on the wire.
type MSISDNForm uint8

// The wire forms.
const (
	Form84 MSISDNForm = iota // 84912345678
	Form0                    // 0912345678
	Form9                    // 912345678
)

// ParseMSISDN reads every written form.
func ParseMSISDN(s string) (MSISDN, error) { panic("not implemented") }

// MustParseMSISDN is ParseMSISDN for tests and constants; it panics on bad input.
func MustParseMSISDN(s string) MSISDN { panic("not implemented") }

// IsValid reports whether m holds a number.
func (m MSISDN) IsValid() bool { panic("not implemented") }

// Reveal returns the digits in the given form; "" for the zero value.
func (m MSISDN) Reveal(form MSISDNForm) string { panic("not implemented") }

// LastThree returns the last three digits.
func (m MSISDN) LastThree() string { panic("not implemented") }

// String returns the masked number.
func (m MSISDN) String() string { panic("not implemented") }
