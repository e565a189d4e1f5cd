package transport

import (
	"context"
	"io"
	"net/http"
)

// deadline bounds one try, the reply's last byte included. http.Client.Timeout would
// do less and cost more.
func (c *core) deadline(next http.RoundTripper) http.RoundTripper {
	return stage(func(req *http.Request, r *record) (*http.Response, error) {
		if r.guarded() && !r.money() {
			c.newShot(r)
		}
		ctx, cancel := c.cfg.Seam.WithTimeout(req.Context(), c.tryTimeout(r.op))
		resp, err := next.RoundTrip(req.WithContext(ctx))
		if err != nil && resp != nil && resp.Body != nil {
			_ = resp.Body.Close() // http.Client drops such a reply and leaves it open
			resp = nil
		}
		if err != nil || resp == nil || resp.Body == nil {
			cancel()
			return resp, err
		}
		// http.Client reads it even though redirects are not followed, and loses the
		// reply over one that it cannot parse.
		resp.Header.Del("Location")
		resp.Body = &endsWithBody{ReadCloser: resp.Body, cancel: cancel}
		return resp, nil
	})
}

type endsWithBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body and ends the try's deadline.
func (b *endsWithBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
