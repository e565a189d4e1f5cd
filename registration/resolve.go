package registration

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

var (
	errStillOpen = errors.New("not decided yet; resolve again later")
	errConflict  = errors.New("the partner's row contradicts what was sent; a person must look")
	errNoRow     = errors.New("the lookup answered success without a place for the row; that is not an absence")
	errOtherIDs  = errors.New("the lookup's answer speaks of other ids")
)

// Resolve looks up what became of a registration. A nil error means that it succeeded;
// Rejected, that the partner shows a failure which counts for exactly this send. Every
// other answer, a failed lookup included, is Unknown: [partner.Error.Lookup] says
// whether a complete lookup showed nothing and whether the fence was passed by then.
// Absence alone never becomes a Rejected here: what to do about it is the caller's (or
// the sale's) decision. Resolve sends no registration and may be repeated freely.
func (s *Service) Resolve(ctx context.Context, h partner.Handle) (*Receipt, error) {
	send := h.Send()
	if send.TransID == "" && send.PartnerTransID == "" {
		return nil, &partner.Error{
			Operation: partner.OpGet, Code: partner.InvalidInput,
			Fields: []partner.FieldError{{Field: "Handle", Problem: "empty; pass the handle of the draft or of the error"}},
		}
	}
	found, err := s.look(ctx, send)
	if err != nil {
		return nil, withHandle(err, h)
	}
	unknown := &partner.Error{Operation: partner.OpRegister, Handle: &h, Evidence: found.evidence, Lookup: &partner.Lookup{}, Err: errStillOpen}
	switch {
	case found.conflict:
		unknown.Code, unknown.Err = partner.LookupConflict, errConflict
	case found.success != nil:
		row := found.success
		return &Receipt{
			TransID: row.TransID, PartnerTransID: row.PartnerTransID, RegisteredAt: row.UpdatedAt,
			Resolved: true, Evidence: found.evidence,
		}, nil
	case found.pending:
		unknown.Code = partner.Processing
	case found.failed != nil:
		s.sends.forget(idsOf(send))
		return nil, s.failed(h, found)
	default:
		unknown.Code = partner.TransactionNotFound
		unknown.Lookup.Absent = true
		unknown.Lookup.AfterFence = !send.FenceAt.IsZero() && !found.oldest.Before(send.FenceAt)
		if unknown.Lookup.AfterFence {
			s.sends.forget(idsOf(send)) // nothing of this send can be executed any more
		}
	}
	return nil, unknown
}

// failed is the refusal a lookup showed.
func (s *Service) failed(h partner.Handle, found findings) error {
	e := &partner.Error{
		Operation: partner.OpRegister, Outcome: partner.Rejected, Code: found.failed.ResultCode,
		WireCode: found.failed.WireResultCode, Message: found.failed.ResultMessage,
		Handle: &h, Evidence: found.evidence, Lookup: &partner.Lookup{},
	}
	if e.Code == "" {
		e.Code = partner.RegistrationFailed
	}
	if rule, ok := s.t.Contract().RuleNamed(e.Code); ok {
		values := map[string]string{}
		if e.Message != "" {
			values["reason"] = e.Message
		}
		e.Text = rule.Text.Fill(values)
	}
	return e
}

// findings is what a complete lookup of one send showed.
type findings struct {
	success  *partner.Transaction
	failed   *partner.Transaction
	pending  bool
	conflict bool
	oldest   time.Time // the earliest partner time among the lookups; zero when one had none
	evidence partner.Evidence
}

// used reports whether the ids have been used for a registration already.
func (f findings) used() bool {
	return f.success != nil || f.failed != nil || f.pending || f.conflict
}

// look asks for both ids, each on its own: partners differ in what they make of two ids
// in one question. It is complete or an error.
func (s *Service) look(ctx context.Context, send partner.Send) (findings, error) {
	var f findings
	var asked bool
	for _, q := range s.questions(send) {
		reply, err := s.t.Call(ctx, partner.OpGet, q)
		if err != nil && !saysAbsent(err) {
			return findings{}, err
		}
		f.evidence = merge(f.evidence, reply.Evidence)
		if !asked || reply.PartnerTime.Before(f.oldest) {
			f.oldest = reply.PartnerTime
		}
		asked = true
		if err != nil {
			continue
		}
		if err := s.read(&f, send, q, reply.Data); err != nil {
			return findings{}, &partner.Error{Operation: partner.OpGet, Code: partner.ReplyUnreadable, Evidence: f.evidence, Err: err}
		}
	}
	if !asked {
		return findings{}, &partner.Error{
			Operation: partner.OpGet, Code: partner.OperationAbsent,
			Err: errors.New("the contract has no lookup by id; hold, and ask the partner another way"),
		}
	}
	return f, nil
}

// saysAbsent reports whether the partner said "no such transaction" in an envelope: a
// bare 404 can be anybody's, and a reply that is a failure itself says nothing.
func saysAbsent(err error) bool {
	e, ok := errors.AsType[*partner.Error](err)
	return ok && e.Code == partner.TransactionNotFound && e.WireCode != "" &&
		e.Evidence.HTTPStatus < 500 && e.Evidence.HTTPStatus != http.StatusRequestTimeout
}

func (s *Service) questions(send partner.Send) []contract.Fields {
	c := s.t.Contract()
	if !c.Has(partner.OpGet) {
		return nil
	}
	var q []contract.Fields
	if send.TransID != "" && c.Carries(partner.OpGet, "transId") {
		q = append(q, contract.Fields{TransID: send.TransID})
	}
	if send.PartnerTransID != "" && c.Carries(partner.OpGet, "partnerTransId") {
		q = append(q, contract.Fields{PartnerTransID: send.PartnerTransID})
	}
	return q
}

// read holds every row of an answer against the send.
func (s *Service) read(f *findings, send partner.Send, q contract.Fields, d contract.Data) error {
	if !d.HasRows {
		return errNoRow
	}
	for _, r := range d.Rows {
		row := s.t.Transaction(r)
		if (q.TransID != "" && row.TransID != q.TransID) || (q.PartnerTransID != "" && row.PartnerTransID != q.PartnerTransID) {
			return errOtherIDs
		}
		switch row.Read(send) {
		case partner.ReadSuccess:
			f.success = &row
		case partner.ReadFailed:
			f.failed = &row
		case partner.ReadPending:
			f.pending = true
		case partner.ReadConflict:
			f.conflict = true
		case partner.ReadAbsence:
		}
	}
	if f.success != nil && f.failed != nil {
		f.conflict = true
	}
	return nil
}

func merge(a, b partner.Evidence) partner.Evidence {
	b.Tries += a.Tries
	b.Sends += a.Sends
	if !a.FirstSend.IsZero() {
		b.FirstSend = a.FirstSend
	}
	return b
}
