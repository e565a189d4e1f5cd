package contract

// This file holds the two places where JSON is not enough and a shop writes Go: another encoding of the
// bytes, and another signature.

import (
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Codec translates between MobiFone's bytes and the JSON that the document describes, both
// ways: the client writes requests and reads replies, the sandbox reads requests and writes
// replies. A MobiFone that speaks XML or plain text needs one; the document, its fields,
// codes and rules stay in force on the JSON side. It must be safe for concurrent use and
// must not keep the slices it is given.
//
// A request of the form encoding is a form on the document's side too, and most codecs pass
// it as it is. One of the query encoding has no body and passes no codec; its reply does.
type Codec interface {
	// Write turns the document's JSON into what goes on the wire. A client calls it for each
	// try of a request, before the signature, so that what it returns is what is signed and
	// sent.
	Write(m Message, json []byte) (contentType string, body []byte, err error)
	// Read turns what came over the wire into the document's JSON. That the bytes are whole
	// and that no field stands in them twice is for Read to check; its error makes the reply
	// unreadable and is not passed on, because it may quote the reply.
	Read(m Message, contentType string, body []byte) (json []byte, err error)
}

// Message says what a [Codec] translates.
type Message struct {
	Operation telco.Operation
	// MobiFone's answer, not our request
	Reply bool
	// of this try; on the server's side what clients must show
	Credentials telco.Credentials
	// of this try; zero on the server's side
	Stamp Stamp
}

// Stamp makes one try unlike any other.
type Stamp struct {
	Time      time.Time
	Nonce     string
	RequestID string
	// of bearer
	Token telco.Secret
}

// Signer authenticates a request in a way that the document cannot say. body is what will
// be sent. Signer sets headers; a request whose body or URL it changes is refused and not
// sent (a [Codec] changes bodies). It must be safe for concurrent use.
type Signer interface {
	Sign(req *http.Request, body []byte, cred telco.Credentials, s Stamp) error
}

// WithCodec returns a contract whose bodies go through codec; nil takes it away.
func (c *Contract) WithCodec(codec Codec) *Contract {
	d := *c
	d.codec, d.memo = codec, new(memo)
	return &d
}

// WithSigner returns a contract that signs through signer; nil takes it away.
func (c *Contract) WithSigner(signer Signer) *Contract {
	d := *c
	d.signer, d.memo = signer, new(memo)
	return &d
}

// memo keeps what the SDK makes of a contract.
type memo struct {
	once sync.Once
	made any
}

// Memo is for the SDK's own packages: it keeps what they make of a contract, so that it is
// made once. compile must not change the document.
func (c *Contract) Memo(compile func(*Document, Codec, Signer) any) any {
	c.memo.once.Do(func() { c.memo.made = compile(&c.doc, c.codec, c.signer) })
	return c.memo.made
}
