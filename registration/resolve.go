package registration

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file finds out what became of a registration. It never sends one, and it says "not
// registered" only when MobiFone can no longer carry the request out.

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
//     count, Absent whether it was not found now, and RetryAfter how long that is. Resolve at once the
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
	answer, err := reading.LookUp(ctx, s.t, reading.Of(intent, h.MSISDN))
	rows := s.compare(answer, h)
	found := reading.Read(rows, []telco.IDs{intent.IDs}, nil, nil)
	if err != nil && found.Nothing() { // what was shown stands, although a later question failed
		return nil, withHandle(err, h)
	}
	fence, known := reading.MarginsOf(s.t.Contract().Semantics(), s.t.ReadTimeout()).Fence([]telco.SendWindow{intent})
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
