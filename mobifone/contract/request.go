package contract

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// OperationOf finds the operation a server is asked for.
func (c *Contract) OperationOf(method, path string) (partner.Operation, bool) {
	panic("not implemented")
}

// ReadRequest reads a request's logical fields, the server's side of Encode.
func (c *Contract) ReadRequest(op partner.Operation, r *http.Request, body []byte) (Fields, error) {
	panic("not implemented")
}
