package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// opLogin is what a limiter and the hooks see for the bearer scheme's login.
const opLogin partner.Operation = "auth.login"

// login asks for a bearer token. It is a try like any other: limiter, middleware, wire.
func (c *core) login(ctx context.Context, cred partner.Credentials) (partner.Secret, time.Duration, error) {
	encoded, err := c.wire.EncodeLogin(cred)
	if err != nil {
		return partner.Secret{}, 0, err
	}
	r := &record{op: opLogin, login: true, wire: encoded, granted: grant{credentials: cred}}
	req, err := c.newRequest(withRecord(ctx, r), encoded)
	if err != nil {
		return partner.Secret{}, 0, err
	}
	resp, err := c.reads.Do(req)
	if err != nil {
		cause := c.cause(r, err)
		if r.wasSent() { // net/http quotes a reply it cannot read, and this one may hold the token
			cause = &redacted{text: "the login was sent and got no reply that could be read", err: cause}
		}
		return partner.Secret{}, 0, cause
	}
	defer resp.Body.Close()
	body, err := c.readBody(resp)
	if err != nil {
		return partner.Secret{}, 0, errors.New("the login's reply could not be read")
	}
	if resp.StatusCode != http.StatusOK {
		return partner.Secret{}, 0, fmt.Errorf("the login was answered with HTTP %d", resp.StatusCode)
	}
	return c.wire.DecodeLogin(body)
}
