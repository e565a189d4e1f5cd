package telco

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// idDomain keeps these hashes apart from every other use of the same key. It is short
// so that the input of an ordinary sale fits one block of the hash.
const idDomain = "mobifone/1"

// IDMaker derives the ids of one partner's sales with one key. It is safe for
// concurrent use.
type IDMaker struct {
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

// NewIDMaker returns a maker for the partner name of the client's configuration. With
// a zero key the ids can be computed by everybody who knows shop and order, and an
// order id that contains a phone number is refused.
func NewIDMaker(key Secret, partner string) *IDMaker {
	return &IDMaker{
		partner: partner,
		keyed:   !key.IsZero(),
		states: &sync.Pool{New: func() any {
			return &idState{mac: hmac.New(sha256.New, []byte(key.Reveal()))}
		}},
	}
}

// DerivePartnerTransID returns the id of (partner, shop, order, attempt): the same for
// the same values, for ever, on every machine. Which bytes are hashed:
//
//	HMAC-SHA256(key, "mobifone/1" || len(partner) partner
//	                 || len(shop) shop || len(order) order || attempt)
//
// with each length in one byte and the attempt in eight, most significant first; the
// id carries the first 120 bits. A zero key is the empty key.
//
// Refused are: a partner, shop or order that [CheckID] refuses, because another text may
// look the same and give another id; an attempt below 1; and, without a key, an order id
// that contains a phone number, because from the id of such a sale the number can be
// found by trying. A number counts when it stands as a run of digits of its own, or as a
// run grouped by one or two of space, dot, dash, slash, parentheses; a long run of digits
// such as a date with a counter does not.
//
// The error is an [*Error] with [NotSent] and [InvalidInput], every fault at once.
// For many ids of one key use an [IDMaker].
func DerivePartnerTransID(key Secret, partner, shop, order string, attempt int) (PartnerTransID, error) {
	return NewIDMaker(key, partner).ID(shop, order, attempt)
}

// ID returns the id of (shop, order, attempt); see [DerivePartnerTransID].
func (m *IDMaker) ID(shop, order string, attempt int) (PartnerTransID, error) {
	var id [idLength]byte
	written, err := m.Append(id[:0], shop, order, attempt)
	if err != nil {
		return "", err
	}
	return PartnerTransID(written), nil
}

// Append appends the id of (shop, order, attempt) to dst, which it returns unchanged
// on an error; see [DerivePartnerTransID].
func (m *IDMaker) Append(dst []byte, shop, order string, attempt int) ([]byte, error) {
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
	dst = appendID(dst, (*[idBytes]byte)(sum))
	m.states.Put(s)
	return dst, nil
}

func (m *IDMaker) check(shop, order string, attempt int) error {
	var faults []FieldError
	faults = append(faults, CheckID("partner", m.partner)...)
	faults = append(faults, CheckID("shop", shop)...)
	faults = append(faults, CheckID("order", order)...)
	if attempt < 1 {
		faults = append(faults, FieldError{"attempt", "below 1; the first attempt is 1"})
	}
	if !m.keyed && idProblem(order) == "" && containsPhone(order) {
		faults = append(faults, FieldError{"order", "contains a phone number; use an order id without one, or set a key for the ids"})
	}
	if faults == nil {
		return nil
	}
	return &Error{Outcome: NotSent, Code: InvalidInput, Fields: faults}
}

// containsPhone reports whether a run of digits of s, by itself or joined over one or
// two separators, is a phone number.
func containsPhone(s string) bool {
	var run, joined []byte // digits of the current run, and of the current joined run
	gap := 0               // separators since the last digit
	phone := func(digits []byte) bool {
		if len(digits) < significant || len(digits) > longestWritten {
			return false
		}
		_, ok := readNumber(digits, false)
		return ok
	}
	for _, r := range s {
		value, isDigit := digitValue(r)
		if isDigit {
			if gap > 0 {
				run = run[:0]
			}
			gap = 0
			run = append(run, value)
			joined = append(joined, value)
			continue
		}
		if gap == 0 && phone(run) {
			return true
		}
		gap++
		if gap > 2 || !phoneSeparator(r) && r != '/' {
			if phone(joined) {
				return true
			}
			run, joined = run[:0], joined[:0]
		}
	}
	return phone(run) || phone(joined)
}

// digitValue returns the ASCII digit of r, which may be full-width.
func digitValue(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r), true
	case r >= '０' && r <= '９':
		return byte('0' + r - '０'), true
	}
	return 0, false
}
