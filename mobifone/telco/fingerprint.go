package telco

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Fingerprint is the HMAC-SHA256 of a canonical request under key. It is keyed because
// whoever holds a bare hash can try all OTPs or all phone numbers against it. It tells
// requests apart; it is no proof that a stored one was not changed.
func Fingerprint(key Secret, canonical []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(canonical)
	return mac.Sum(nil)
}
