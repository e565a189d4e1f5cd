package contract

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Codec writes and reads bodies that JSON paths cannot describe (XML, encrypted JSON).
// Keys are the logical names of [Fields] and [Data]; values are string, int64, bool or
// nil, "rows" is a []map[string]any, and the envelope is "code", "message",
// "requestId", "responseTime", "success". It must be safe for concurrent use.
type Codec interface {
	EncodeRequest(op partner.Operation, fields map[string]any) (contentType string, body []byte, err error)
	DecodeReply(op partner.Operation, body []byte) (map[string]any, error)
}

// Signer authenticates a request in a way the document cannot say. body is what will
// be sent; the request has no header of the scheme yet. It must be safe for
// concurrent use.
type Signer interface {
	Sign(req *http.Request, body []byte, cred partner.Credentials, s Stamp) error
}

// WithCodec returns a contract that reads and writes bodies through codec.
func (c *Contract) WithCodec(codec Codec) *Contract {
	d := *c
	d.codec = codec
	return &d
}

// WithSigner returns a contract that signs through signer.
func (c *Contract) WithSigner(signer Signer) *Contract {
	d := *c
	d.signer = signer
	return &d
}
