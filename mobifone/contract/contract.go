// Package contract describes MobiFone's wire as data.
//
// MobiFone publishes no wire specification of its partner API, so nothing of the wire
// is a constant in code: paths, field names, the envelope, result codes, states, time
// layouts, authentication, limits and MobiFone's promises stand in one JSON document.
// [Default] is the embedded document. Whoever holds the real specification loads another
// and passes it to the client:
//
//	c, err := contract.Load(data) // contract.Problems(err) lists everything that is wrong
//	client, err := mobifone.New(cfg, mobifone.WithContract(c))
//
// docs/contract.md says how to write one, docs/contract-reference.md what each member means.
// What JSON cannot say has two seams: a [Codec] for other bytes, a [Signer] for other headers.
//
// A [Contract] never changes after it is made and is safe for concurrent use.
package contract

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Contract is a checked document. The zero value is not usable; [Default], [Load] and [New]
// make one. It never changes and is safe for concurrent use.
type Contract struct {
	doc Document
	// codec is nil when bodies are what the document says.
	codec Codec
	// signer is nil when the document's scheme signs.
	signer Signer
	byName map[telco.Code]int
	zone   *time.Location
	memo   *memo
}

// compile makes a contract of a valid document, which it keeps.
func compile(doc Document) (*Contract, error) {
	zone, err := parseZone(doc.Time.Zone)
	if err != nil {
		return nil, err
	}
	c := &Contract{doc: doc, zone: zone, byName: map[telco.Code]int{}, memo: new(memo)}
	for i, r := range doc.Codes {
		c.byName[r.Name] = i
	}
	return c, nil
}

// Document returns a deep copy, which [New] accepts again.
func (c *Contract) Document() Document { return clone(c.doc) }

// Has reports whether MobiFone offers the operation.
func (c *Contract) Has(op telco.Operation) bool { return c.doc.Operations[op] != nil }

// Carries reports whether a request of the operation carries the field. For the
// partnerTransId of otp.request the semantics must say so too.
func (c *Contract) Carries(op telco.Operation, name string) bool {
	e := c.doc.Operations[op]
	if e == nil || e.Request[name] == "" {
		return false
	}
	if op == telco.OpOTP && name == field.PartnerTransID {
		return c.doc.Semantics.PartnerTransIDAtOTP
	}
	return true
}

// Echoes reports whether a success of the operation must carry the field back, equal to ours.
func (c *Contract) Echoes(op telco.Operation, name string) bool {
	e := c.doc.Operations[op]
	return e != nil && slices.Contains(e.Echo, name)
}

// IdempotencyHeader names the header that carries the operation's partnerTransId; "" for
// none.
func (c *Contract) IdempotencyHeader(op telco.Operation) string {
	if e := c.doc.Operations[op]; e != nil {
		return e.IdempotencyHeader
	}
	return ""
}

// Semantics returns a copy of what MobiFone promises.
func (c *Contract) Semantics() Semantics {
	s := c.doc.Semantics
	if s.MaxExecutionDelay != nil {
		s.MaxExecutionDelay = new(*s.MaxExecutionDelay)
	}
	return s
}

// Limits returns MobiFone's bounds.
func (c *Contract) Limits() Limits { return c.doc.Limits }

// Scheme returns the name of the authentication scheme.
func (c *Contract) Scheme() string { return c.doc.Auth.Scheme }

// Zone returns MobiFone's fixed time zone.
func (c *Contract) Zone() *time.Location { return c.zone }

// WithSemantics returns a contract like c with the semantics that change leaves behind; it
// reports every problem like [New]. Codec and signer stay.
func (c *Contract) WithSemantics(change func(*Semantics)) (*Contract, error) {
	doc := c.Document()
	change(&doc.Semantics)
	next, err := New(doc)
	if err != nil {
		return nil, err
	}
	next.codec, next.signer = c.codec, c.signer
	return next, nil
}

// RuleNamed returns a copy of the code table's row with the canonical name.
func (c *Contract) RuleNamed(name telco.Code) (CodeRule, bool) {
	i, ok := c.byName[name]
	if !ok {
		return CodeRule{}, false
	}
	return clone(c.doc.Codes[i]), true
}

// TextOf returns the sentences of the row with the canonical name; none without a row.
func (c *Contract) TextOf(name telco.Code) telco.Text {
	if i, ok := c.byName[name]; ok {
		return c.doc.Codes[i].Text
	}
	return telco.Text{}
}

// RefusalOf is ThenOf for a code that refuses a registration, and empty for every other: a
// code that says that an earlier request exists refuses nothing, since that one may succeed.
func (c *Contract) RefusalOf(name telco.Code) telco.Then {
	i, ok := c.byName[name]
	if !ok || c.doc.ClassOf(telco.OpRegister, &c.doc.Codes[i]) != "rejected" {
		return ""
	}
	return c.ThenOf(name)
}

// ThenOf returns where a registration goes on after the code, once it is settled that
// nothing was registered: what its row says, else [telco.ThenSameIDs] for OTP_INVALID,
// else [telco.ThenRefund] if the row refuses a registration. It is empty for a code that
// is not listed or refuses nothing.
func (c *Contract) ThenOf(name telco.Code) telco.Then {
	i, ok := c.byName[name]
	if !ok || name == telco.Success {
		return ""
	}
	switch r := &c.doc.Codes[i]; {
	case r.Then != "":
		return r.Then
	case name == telco.OTPInvalid:
		return telco.ThenSameIDs
	case c.doc.ClassOf(telco.OpRegister, r) == "rejected":
		return telco.ThenRefund
	}
	return ""
}

// ClassOf returns what a row of the code table means for an operation: the class
// it names for it, else the one for "*", else unknown. RATE_LIMITED is rejected for
// otp.request when the semantics say that it means "not executed".
//
// On register a rejection is proof only where [Semantics.RefusalIsFinal] promises it:
// something on the way may deliver a request twice, and the refusal may be the answer to
// the other copy.
func (d *Document) ClassOf(op telco.Operation, r *CodeRule) string {
	class := r.Class[op]
	if class == "" {
		class = r.Class[anyOperation]
	}
	switch {
	case class != "" && class != "unknown":
		return class
	case op == telco.OpOTP && r.Name == telco.RateLimited && d.Semantics.TooManyRequestsMeansNotExecuted:
		return "rejected"
	}
	return "unknown"
}

// anyOperation is the class map's key for the operations it does not name.
const anyOperation telco.Operation = "*"
