package transport

import (
	"errors"
	"net/http"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// sign authenticates every try anew, on a clone, over the exact bytes that go out; the
// limiter's wait lies before the timestamp.
func (c *core) sign(next http.RoundTripper) http.RoundTripper {
	return stage(func(req *http.Request, r *record) (*http.Response, error) {
		cred, _ := req.Context().Value(credentialsKey{}).(grant)
		req = ownCopy(req)
		if r.wire.ContentType != "" {
			req.Header.Set("Content-Type", r.wire.ContentType)
		}
		if !r.login {
			if err := c.signTry(req, r, cred); err != nil {
				return nil, r.refuse(credentialsFailed(r.op, err))
			}
		}
		if repetition(r.op) == freely { // a cache on the way would answer with what was true once
			req.Header.Set("Cache-Control", "no-cache, no-store")
		}
		if h := c.idempotencyHeader(r); h != "" {
			req.Header.Set(h, string(r.fields.PartnerTransID))
		}
		return next.RoundTrip(req)
	})
}

// ownCopy is a copy of what a stage below may change. Request.Clone would bring forms and
// trailers, which no call has.
func ownCopy(req *http.Request) *http.Request {
	req = req.WithContext(req.Context())
	u := *req.URL
	req.URL, req.Header = &u, req.Header.Clone()
	return req
}

func (c *core) idempotencyHeader(r *record) string {
	if r.login || r.fields.PartnerTransID == "" {
		return ""
	}
	return c.cfg.Contract.IdempotencyHeader(r.op)
}

func credentialsFailed(op partner.Operation, err error) error {
	if e, ok := errors.AsType[*partner.Error](err); ok {
		return e
	}
	return &partner.Error{Operation: op, Outcome: partner.NotSent, Code: partner.CredentialsFailed, Err: err}
}

// signTry encodes the request anew where it hangs on credentials or stamp, and signs it.
func (c *core) signTry(req *http.Request, r *record, cred grant) error {
	try := &wire.Try{
		Credentials: cred.credentials, Key: cred.key,
		Stamp: contract.Stamp{Time: c.clock.stamp(), Nonce: c.cfg.Seam.ID(), RequestID: r.id(), Token: cred.token},
	}
	r.mu.Lock()
	r.stamp = try.Stamp
	r.mu.Unlock()
	if c.wire.PerTry(r.op) {
		encoded, err := c.wire.Encode(r.op, &r.fields, try)
		if err != nil {
			return err
		}
		r.rewrite(encoded)
		req.URL.RawQuery = encoded.RawQuery
		if encoded.ContentType != "" {
			req.Header.Set("Content-Type", encoded.ContentType)
		}
	}
	return c.wire.Sign(req, r.body(), try)
}
