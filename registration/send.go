package registration

// This file sends a prepared registration, remembers which ids this client has sent, and finds out what
// became of a send. One draft is one request on the wire, whatever the answer. A resolve sends no
// registration, and it says "not registered" only when MobiFone can no longer carry the request out.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Draft is one registration that is checked and fixed, but not sent. Make it with [Service.Prepare].
// It is safe for concurrent use: of two calls of Send one sends.
type Draft struct {
	service *Service
	// fields is what will be sent. It holds the OTP and the number, so Format prints the handle.
	fields field.Request
	handle telco.Handle
	// fingerprint is nil without a key, and of a draft that Register made for itself.
	fingerprint []byte
	// sent is set by the first Send, before anything else, and never cleared.
	sent atomic.Bool
}

// Format writes what the handle prints, whatever the verb.
func (d *Draft) Format(f fmt.State, verb rune) { d.handle.Format(f, verb) }

// Handle returns what to save before Send: it can be marshalled, holds the full phone
// number and never the OTP.
func (d *Draft) Handle() telco.Handle { return d.handle }

// Fingerprint is the HMAC-SHA256, under Config.IDKey, of the request's canonical body
// without the OTP; nil without a key. An auditor can tell by it that what was recorded is
// what was sent.
func (d *Draft) Fingerprint() []byte { return bytes.Clone(d.fingerprint) }

// Send sends the registration, once. A second Send sends nothing and answers Unknown; so does a Send
// of another draft with one of the same ids, while the first is unresolved in this client. After a
// wrong OTP exactly the same two ids may go again. Cancelling ctx does not take a registration back:
// once the body left, the outcome is Unknown.
func (d *Draft) Send(ctx context.Context) (*Receipt, error) {
	if d == nil || d.service == nil {
		return nil, transport.BadInput(telco.OpRegister, telco.FieldError{Field: "Draft", Problem: "empty; make it with Prepare"})
	}
	if d.sent.Swap(true) {
		return nil, d.unknown(telco.AlreadySent, errTwice)
	}
	claim, ok := d.service.sends.begin(d.handle.IDs)
	if !ok {
		return nil, d.unknown(telco.AlreadySent, errOpen)
	}
	end := keepClaim // also of a panic in a hook or a middleware
	defer func() { d.service.sends.end(claim, end) }()
	reply, err := d.service.t.Send(ctx, d.fields, d.handle.SendBy)
	if err != nil {
		var said telco.Error
		if e, ok := errors.AsType[*telco.Error](err); ok {
			said = *e
		}
		switch {
		case said.Outcome == telco.NotSent:
			end = restoreClaim
			if claim.prev != nil {
				err = notTheFirst(err, d.handle)
			}
		case said.Outcome == telco.Rejected:
			end = dropClaim
		case said.Then == telco.ThenSameIDs:
			end = sameIDsAgain
		}
		handle := d.handle
		return nil, amended(err, func(e *telco.Error) { e.Handle = &handle })
	}
	return &Receipt{
		TransID: d.fields.TransID, PartnerTransID: d.fields.PartnerTransID,
		RegisteredAt: reply.Data.RegisteredAt, EffectiveFrom: reply.Data.EffectiveFrom, ExpiresAt: reply.Data.ExpiresAt,
		WireCode: reply.WireCode, Extra: reply.Data.Extra, Evidence: reply.Evidence,
	}, nil
}

// notTheFirst is the error of a send that never left, of ids that were sent before and
// told a wrong OTP: nothing left this time, and of the registration nothing is known.
func notTheFirst(err error, h telco.Handle) error {
	return amended(err, func(e *telco.Error) { e.Outcome, e.Handle, e.Text = telco.Unknown, &h, telco.Text{} })
}

// amended changes a copy of the error: a hook may still hold the one that it was told of.
func amended(err error, change func(*telco.Error)) error {
	e, ok := errors.AsType[*telco.Error](err)
	if !ok {
		return err
	}
	own := *e
	change(&own)
	return &own
}

// unknown is the error of a send that did not begin because of an earlier one.
func (d *Draft) unknown(code telco.Code, cause error) error {
	handle := d.handle
	return &telco.Error{Operation: telco.OpRegister, Code: code, Handle: &handle, Err: cause}
}

// sends remembers, for one client and its lanes only, which ids are in flight, unresolved
// or registered, so that a double click or a blind retry in a caller's code sends nothing.
// It is a net below the caller's own care, not a store: it forgets the oldest of many
// and everything when the process ends.
type sends struct {
	// mu guards all of it, the claims included.
	mu sync.Mutex
	// trans and own find the claim on either id. A claim in force is in both.
	trans map[telco.TransID]*claim
	own   map[telco.PartnerTransID]*claim
	// order lists the claims that ended open; it is a ring once it is full.
	order []*claim
	// next is the oldest of a full ring.
	next int
}

// claim is held by the pair of ids of one registration.
type claim struct {
	ids telco.IDs
	// again says that MobiFone told of a wrong OTP: exactly these two ids may go again.
	again bool
}

// claimEnd is what becomes of a claim when its send has ended.
type claimEnd uint8

// What becomes of a claim, by what became of the send.
const (
	// keepClaim: unknown, or registered.
	keepClaim claimEnd = iota
	// sameIDsAgain: unknown after a wrong OTP.
	sameIDsAgain
	// restoreClaim: nothing left, so the claim is as it was before.
	restoreClaim
	// dropClaim: settled.
	dropClaim
)

// sendsRemembered bounds how many unresolved sends are remembered.
const sendsRemembered = 10_000

func newSends() *sends {
	return &sends{trans: map[telco.TransID]*claim{}, own: map[telco.PartnerTransID]*claim{}}
}

// begun is a claim in flight and what it replaced.
type begun struct {
	claim, prev *claim
}

// held returns the claim on either id that these two may not take. The lock is held.
func (s *sends) held(ids telco.IDs) *claim {
	for _, c := range [...]*claim{s.trans[ids.TransID], s.own[ids.PartnerTransID]} {
		if c != nil && (c.ids != ids || !c.again) {
			return c
		}
	}
	return nil
}

// begin claims the ids; false when another draft holds one of them.
func (s *sends) begin(ids telco.IDs) (begun, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held(ids) != nil {
		return begun{}, false
	}
	b := begun{claim: &claim{ids: ids}, prev: s.trans[ids.TransID]}
	s.set(b.claim)
	return b, true
}

// set lets a claim hold both of its ids. The lock is held.
func (s *sends) set(c *claim) {
	s.trans[c.ids.TransID], s.own[c.ids.PartnerTransID] = c, c
}

// holds reports whether a draft holds one of the ids.
func (s *sends) holds(ids telco.IDs) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held(ids) != nil
}

// remembers reports whether these very ids were sent before and are not settled.
func (s *sends) remembers(ids telco.IDs) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.trans[ids.TransID]
	return c != nil && c.ids == ids
}

// end keeps the claim of an unknown or successful send and drops the others. A claim that
// was forgotten meanwhile, as settled, stays forgotten: another may hold the ids by now.
func (s *sends) end(b begun, how claimEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.trans[b.claim.ids.TransID] != b.claim:
		return
	case how == dropClaim, how == restoreClaim && b.prev == nil:
		s.drop(b.claim)
		return
	case how == restoreClaim:
		s.set(b.prev)
		return
	}
	b.claim.again = how == sameIDsAgain
	if len(s.order) < sendsRemembered {
		s.order = append(s.order, b.claim)
		return
	}
	s.drop(s.order[s.next])
	s.order[s.next] = b.claim
	s.next = (s.next + 1) % sendsRemembered
}

// forget lets the ids be used again: it was proven that they registered nothing.
func (s *sends) forget(ids telco.IDs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.trans[ids.TransID]; c != nil && c.ids == ids { // another pair's is not settled by this
		s.drop(c)
	}
}

// drop removes a claim where it is still the one that holds the id.
func (s *sends) drop(c *claim) {
	if c == nil {
		return
	}
	if s.trans[c.ids.TransID] == c {
		delete(s.trans, c.ids.TransID)
	}
	if s.own[c.ids.PartnerTransID] == c {
		delete(s.own, c.ids.PartnerTransID)
	}
}

// errStillOpen is the cause of an Unknown that another lookup may decide.
var errStillOpen = errors.New("not decided yet; resolve again later")

// Resolve looks up what became of a registration. It sends none and may be repeated
// freely.
//
//   - A nil error: registered.
//   - Rejected: settled, nothing was or will be registered by this send. Either "not
//     found" counts by now, because MobiFone's own time in a complete lookup was past the
//     contract's fence, or the contract promises that a refusal is final and the lookup
//     shows one.
//   - Unknown, also after every failed lookup: hold. The error's DecidesAt says when "not found" begins to
//     count, Absent whether no registration was shown now, and RetryAfter how long that is. Resolve at once the
//     first time; while RetryAfter is 0, wait a second or two between two looks.
//
// After a wrong OTP, when the same ids went again, resolve the handle of the last send.
func (s *Service) Resolve(ctx context.Context, h telco.Handle) (*Receipt, error) {
	intent := h.SendWindow
	if intent.TransID == "" && intent.PartnerTransID == "" {
		return nil, &telco.Error{
			Operation: telco.OpGet, Code: telco.InvalidInput,
			Fields: []telco.FieldError{{Field: "Handle", Problem: "empty; pass the handle of the draft or of the error"}},
		}
	}
	fence, known := reading.MarginsOf(s.t.Contract().Semantics(), s.t.ReadTimeout()).Fence([]telco.SendWindow{intent})
	answer, err := reading.LookUp(ctx, s.t, reading.Of(intent, h.MSISDN))
	rows := s.compare(answer, h)
	found := reading.Read(rows, []telco.IDs{intent.IDs}, nil, nil)
	if err != nil && found.Nothing() { // what an earlier question showed counts, although a later one failed
		return nil, amended(err, func(e *telco.Error) { e.Handle, e.DecidesAt = &h, fence })
	}
	unknown := &telco.Error{
		Operation: telco.OpRegister, Handle: &h, Evidence: answer.Evidence,
		DecidesAt: fence, Err: errStillOpen,
	}
	switch {
	case found.Conflict != "":
		unknown.Code = telco.LookupConflict
		unknown.Err = errors.New("a person must look: " + found.Words())
		return nil, unknown
	case found.Yes != nil:
		receipt := &Receipt{
			TransID: intent.TransID, PartnerTransID: intent.PartnerTransID, RegisteredAt: found.Yes.UpdatedAt,
			Resolved: true, Evidence: answer.Evidence,
		}
		for _, tx := range answer.Rows {
			if tx.State == telco.StateSuccess && tx.TransID == found.Yes.TransID && tx.PartnerTransID == found.Yes.PartnerTransID {
				receipt.WireCode, receipt.Extra = tx.WireResultCode, tx.Extra
			}
		}
		return receipt, nil
	case found.Pending:
		unknown.Code = telco.Processing
		return nil, unknown
	}
	past := known && !answer.ReadAt.IsZero() && !answer.ReadAt.Before(fence)
	refusal, failed := reading.Failed(rows, intent.IDs)
	if past || failed && s.t.Contract().Semantics().RefusalIsFinal {
		s.sends.forget(intent.IDs)
		return nil, s.settledNo(h, answer, refusal)
	}
	unknown.Code, unknown.Absent, unknown.AbsentAt = telco.TransactionNotFound, !answer.Cached, answer.ReadAt
	if known && !answer.SaidAt.IsZero() {
		unknown.RetryAfter = max(fence.Sub(answer.SaidAt), time.Second)
	}
	return nil, unknown
}

// settledNo is the error of a send that registered nothing and never will.
func (s *Service) settledNo(h telco.Handle, a reading.Answer, refusal reading.Row) error {
	e := &telco.Error{
		Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.TransactionNotFound,
		WireCode: a.WireCode, Handle: &h, Evidence: a.Evidence, Then: telco.ThenNewAttempt,
	}
	if s.t.Contract().Semantics().DedupeByPartnerTransID {
		e.Then = telco.ThenNewOTP
	}
	values := map[string]string{}
	if refusal.Refusal != "" {
		e.Code, e.Then = refusal.Refusal, refusal.Then
		for _, tx := range a.Rows {
			if tx.TransID == refusal.TransID && tx.PartnerTransID == refusal.PartnerTransID {
				e.WireCode, e.Message = tx.WireResultCode, tx.ResultMessage
			}
		}
		if e.Message != "" {
			values["reason"] = e.Message
		}
	}
	if rule, ok := s.t.Contract().RuleNamed(e.Code); ok {
		e.Text = rule.Text.Fill(values)
	}
	return e
}
