// Package transid makes the ids of our sales: telco.PartnerTransID of (partner, shop, order,
// attempt), keyed, the same for ever on every machine.
//
// A change of one byte of what is hashed would sell an order again under another id, so nothing
// here may change; testdata/partnertransid.json pins it.
package transid

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// idDomain keeps these hashes apart from every other use of the same key. It is short
// so that the input of an ordinary sale fits one block of the hash.
const idDomain = "mobifone/1"

// Maker derives the ids of one partner's sales with one key. It is safe for
// concurrent use.
type Maker struct {
	partner string
	keyed   bool
	states  *sync.Pool // of *idState
}

// idState is what one derivation needs: the hash keeps its keyed start, so that the
// key is not hashed again for every id.
type idState struct {
	mac   hash.Hash
	input []byte
	sum   [sha256.Size]byte
}

// New returns a maker for the partner name of the client's configuration. With
// a zero key the ids can be computed by everybody who knows shop and order, and an
// order id that contains a phone number is refused.
func New(key telco.Secret, partner string) *Maker {
	return &Maker{
		partner: partner,
		keyed:   !key.IsZero(),
		states: &sync.Pool{New: func() any {
			return &idState{mac: hmac.New(sha256.New, []byte(key.Reveal()))}
		}},
	}
}

// ID returns the id of (partner, shop, order, attempt): the same for the same values, for ever,
// on every machine. Which bytes are hashed:
//
//	HMAC-SHA256(key, "mobifone/1" || len(partner) partner
//	                 || len(shop) shop || len(order) order || attempt)
//
// with each length in one byte and the attempt in eight, most significant first; the
// id carries the first 120 bits. A zero key is the empty key.
//
// It refuses a partner, shop or order that [text.CheckID] refuses, because another text may look
// the same and give another id; an attempt below 1; and, without a key, an order id that contains
// a phone number, because the number can be found from such an id by trying. See
// [text.ContainsPhone] for what counts as a number.
//
// The error is a [*telco.Error] with [telco.NotSent] and [telco.InvalidInput] and lists every bad
// field at once.
func (m *Maker) ID(shop, order string, attempt int) (telco.PartnerTransID, error) {
	var id [text.IDLength]byte
	written, err := m.Append(id[:0], shop, order, attempt)
	if err != nil {
		return "", err
	}
	return telco.PartnerTransID(written), nil
}

// Append appends the id of (shop, order, attempt) to dst, which it returns unchanged
// on an error; see [Maker.ID].
func (m *Maker) Append(dst []byte, shop, order string, attempt int) ([]byte, error) {
	if err := m.check(shop, order, attempt); err != nil {
		return dst, err
	}
	s := m.states.Get().(*idState)
	in := append(s.input[:0], idDomain...)
	for _, part := range [...]string{m.partner, shop, order} {
		in = append(in, byte(len(part)))
		in = append(in, part...)
	}
	in = binary.BigEndian.AppendUint64(in, uint64(attempt))
	s.mac.Reset()
	_, _ = s.mac.Write(in)
	s.input = in
	sum := s.mac.Sum(s.sum[:0])
	dst = text.AppendID(dst, (*[text.IDBytes]byte)(sum))
	m.states.Put(s)
	return dst, nil
}

// check lists every bad field at once.
func (m *Maker) check(shop, order string, attempt int) error {
	var bad []telco.FieldError
	for _, part := range [...]struct{ field, value string }{{"partner", m.partner}, {"shop", shop}, {"order", order}} {
		if problem := text.CheckID(part.value); problem != "" {
			bad = append(bad, telco.FieldError{Field: part.field, Problem: problem})
		}
	}
	if attempt < 1 {
		bad = append(bad, telco.FieldError{Field: "attempt", Problem: "below 1; the first attempt is 1"})
	}
	if !m.keyed && text.CheckID(order) == "" && text.ContainsPhone(order) {
		bad = append(bad, telco.FieldError{
			Field: "order", Problem: "contains a phone number; use an order id without one, or set a key for the ids",
		})
	}
	if bad == nil {
		return nil
	}
	return &telco.Error{Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: bad}
}

// Random returns an id of chance, for tests and measurements: a sale must be able to derive its
// id again.
func Random() telco.PartnerTransID {
	var b [text.IDBytes]byte
	_, _ = rand.Read(b[:]) // never fails; the program ends where there is no randomness
	var id [text.IDLength]byte
	return telco.PartnerTransID(text.AppendID(id[:0], &b))
}
