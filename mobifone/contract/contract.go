package contract

import (
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Contract is a checked, compiled document. The zero value is not usable; [Default],
// [Load] and [New] make one.
type Contract struct {
	doc    Document
	wire   *wireTables                                 // compiled from doc; see wiretables.go
	bodies bodies                                      // of a [Codec]; nil: as the document says
	signer Signer                                      // nil: the document's scheme
	pairs  func(*http.Request, []byte) ([]byte, error) // what is signed; nil: the document's parts

	byWire    map[string]int // indexes of doc.Codes
	byName    map[partner.Code]int
	byStatus  map[int]int
	stateOf   map[string]partner.State
	wireState map[partner.State]string
	zone      *time.Location
}

// Document returns a deep copy, which [New] accepts again.
func (c *Contract) Document() Document { return c.doc.clone() }

// Has reports whether the partner offers the operation.
func (c *Contract) Has(op partner.Operation) bool { return c.doc.Operations[op] != nil }

// Carries reports whether the operation's request carries the logical field. For the
// partnerTransId of otp.request the semantics must say so too.
func (c *Contract) Carries(op partner.Operation, logical string) bool {
	e := c.doc.Operations[op]
	if e == nil || e.Request[logical] == "" {
		return false
	}
	if op == partner.OpOTP && logical == fieldPartnerTransID {
		return c.doc.Semantics.PartnerTransIDAtOTP
	}
	return true
}

// Echoes reports whether a success of the operation must carry the logical field back,
// equal to the one sent.
func (c *Contract) Echoes(op partner.Operation, logical string) bool {
	e := c.doc.Operations[op]
	return e != nil && slices.Contains(e.Echo, logical)
}

// IdempotencyHeader names the header that carries the operation's partnerTransId; ""
// for none.
func (c *Contract) IdempotencyHeader(op partner.Operation) string {
	if e := c.doc.Operations[op]; e != nil {
		return e.IdempotencyHeader
	}
	return ""
}

// Semantics returns a copy of what the partner promises.
func (c *Contract) Semantics() Semantics { return c.doc.Semantics.clone() }

// Limits returns the partner's bounds.
func (c *Contract) Limits() Limits { return c.doc.Limits }

// Auth returns a copy of how requests authenticate.
func (c *Contract) Auth() Auth { return c.doc.Auth.clone() }

// Zone returns the partner's fixed time zone, in which every time of a [Reply] stands.
func (c *Contract) Zone() *time.Location { return c.zone }
