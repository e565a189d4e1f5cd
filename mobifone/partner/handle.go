package partner

import "time"

// Send is one durable intent to register: everything the register request says but
// the OTP, and the times that fence it. Times SendBy, FenceAt and PreparedAt are the
// partner's clock.
type Send struct {
	TransID        TransID
	PartnerTransID PartnerTransID
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	Staff          Staff
	PreparedAt     time.Time     // partner time when the draft was made: no byte left before it
	SendBy         time.Time     // partner time after which no byte leaves
	FenceAt        time.Time     // from here on absence counts; zero when no fence is known
	ClockSkewMax   time.Duration // of the contract, for reading updatedAt
	Fingerprint    []byte        // HMAC-SHA256 of the canonical request without the OTP; nil without a key
}

// Handle is what to save before a send and to resolve after it. It marshals to bytes
// that hold the full phone number (personal data: encrypt at rest) and never the
// OTP; it prints masked.
type Handle struct{ send Send }

// NewHandle wraps a copy of s.
func NewHandle(s Send) Handle { panic("not implemented") }

// Send returns a copy of what was sent.
func (h Handle) Send() Send { panic("not implemented") }

// MarshalBinary returns the bytes to save.
func (h Handle) MarshalBinary() ([]byte, error) { panic("not implemented") }

// UnmarshalBinary reads what MarshalBinary wrote and refuses anything else.
func (h *Handle) UnmarshalBinary(data []byte) error { panic("not implemented") }
