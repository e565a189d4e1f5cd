package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// WriteAnswer writes an answer, the server's side of Decode.
func (c *Contract) WriteAnswer(op partner.Operation, a Answer) (contentType string, body []byte, err error) {
	panic("not implemented")
}
