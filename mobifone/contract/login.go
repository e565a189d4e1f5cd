package contract

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// EncodeLogin writes the bearer scheme's login request.
func (c *Contract) EncodeLogin(cred partner.Credentials) (Wire, error) { panic("not implemented") }

// DecodeLogin reads the token and its lifetime (0 when the answer does not say).
func (c *Contract) DecodeLogin(body []byte) (token partner.Secret, ttl time.Duration, err error) {
	panic("not implemented")
}
