package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// Decode reads an answer strictly: not JSON, cut, duplicate keys, wrong types, no code,
// a success flag that contradicts the code are errors of type [*DecodeError].
func (c *Contract) Decode(op partner.Operation, body []byte) (*Reply, error) {
	panic("not implemented")
}
