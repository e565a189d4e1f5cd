package sale_test

import "net/http"

// dropDate takes the partner's clock away.
type dropDate struct{ http.RoundTripper }

func (d dropDate) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Date")
	}
	return resp, err
}
