package sale_test

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// dropDate takes the partner's clock away.
type dropDate struct{ http.RoundTripper }

func (d dropDate) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Date")
	}
	return resp, err
}

// onlyRegister lets registrations fail before anything leaves.
func onlyRegister(s *shop, err error) func(*http.Request, bool) error {
	return func(req *http.Request, after bool) error {
		if !after && s.operation(req) == partner.OpRegister {
			return err
		}
		return nil
	}
}
