package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// Encode writes a request. The body bytes are final: what is signed is what is sent.
func (c *Contract) Encode(op partner.Operation, f Fields) (Wire, error) { panic("not implemented") }

// Canonical writes what a register request says without the OTP, the same for the same
// values, for fingerprints.
func (c *Contract) Canonical(op partner.Operation, f Fields) ([]byte, error) {
	panic("not implemented")
}
