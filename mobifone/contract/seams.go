package contract

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Codec writes and reads bodies that JSON paths cannot describe (XML, encrypted JSON).
// Keys are the logical names of [Fields] and [Data]; values are string, int64, bool or
// nil, "rows" is a []map[string]any, and the envelope is "code", "message",
// "requestId", "responseTime", "success". It must be safe for concurrent use.
//
// EncodeRequest is asked for operations whose encoding is json or form; a query stays
// as the document says. What DecodeReply returns goes through the same checks as a
// JSON answer (types, bounds, states, times, a flag that contradicts the code); that
// the bytes themselves are whole, and no field stands in them twice, is for the codec
// to check. Its error is not passed on, because it may hold the answer. A contract with
// a codec has no server's side: ReadRequest and WriteAnswer refuse.
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
	d.bodies = nil
	if codec != nil {
		d.bodies = &codecBodies{codec: codec, reply: codecReplyPlan()}
	}
	return &d
}

// WithSigner returns a contract that signs through signer.
func (c *Contract) WithSigner(signer Signer) *Contract {
	d := *c
	d.signer = signer
	return &d
}
