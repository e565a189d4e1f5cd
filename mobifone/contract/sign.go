package contract

import (
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Stamp is what makes one try unlike any other.
type Stamp struct {
	Time      time.Time
	Nonce     string
	RequestID string
	Token     partner.Secret // of bearer
}

// Sign sets the authentication headers for exactly these body bytes.
func (c *Contract) Sign(req *http.Request, body []byte, cred partner.Credentials, s Stamp) error {
	panic("not implemented")
}

// Verify checks the authentication headers against the credentials, the server's side
// of Sign. Its error is one of partner.AuthKey, partner.AuthSignature, or
// partner.AuthTimestamp for a timestamp that cannot be read; how old a timestamp may be
// and whether a nonce was seen is the server's business.
func (c *Contract) Verify(req *http.Request, body []byte, cred partner.Credentials, token partner.Secret) (Stamp, error) {
	panic("not implemented")
}
