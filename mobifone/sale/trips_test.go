package sale_test

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// onlyRegister lets registrations fail before anything leaves.
func onlyRegister(s *shop, err error) func(*http.Request, bool) error {
	return func(req *http.Request, after bool) error {
		if !after && s.operation(req) == partner.OpRegister {
			return err
		}
		return nil
	}
}
