package sale_test

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// onlyRegister lets registrations fail before anything leaves.
func onlyRegister(s *shop, err error) func(*http.Request, bool) error {
	return func(req *http.Request, after bool) error {
		if !after && s.operation(req) == telco.OpRegister {
			return err
		}
		return nil
	}
}
