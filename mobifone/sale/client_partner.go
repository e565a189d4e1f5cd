package sale

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// replyMargin is how long after a send's own deadline its outcome may still be recorded.
const replyMargin = 5 * time.Second

// ClientPartner is the edge over a client.
func ClientPartner(c *mobifone.Client) Partner { return clientPartner{c} }

type clientPartner struct{ client *mobifone.Client }

func (p clientPartner) AskOTP(ctx context.Context, o Order, id partner.PartnerTransID) (Ticket, time.Duration, error) {
	t, err := p.client.OTP.Request(ctx, otp.Request{MSISDN: o.MSISDN, Package: o.Package, PartnerTransID: id, Staff: o.Staff})
	if err != nil {
		return Ticket{}, 0, err
	}
	return Ticket{TransID: t.TransID, ExpiresAt: t.ExpiresAt, PartnerExpiresAt: t.PartnerExpiresAt}, t.ResendAfter, nil
}

func (p clientPartner) Prepare(ctx context.Context, s Sale, code partner.OTP) (Prepared, error) {
	for _, old := range s.Sends {
		if !old.open() || old.Code == partner.OTPInvalid {
			p.client.Registration.Settled(old.TransID, old.PartnerTransID)
		}
	}
	draft, err := p.client.Registration.Prepare(ctx, registration.Request{
		MSISDN: s.Order.MSISDN, Package: s.Order.Package, Amount: s.Order.Price, OfferPrice: s.Order.Price,
		TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID, OTP: code,
		OTPExpiresAt: s.Ticket.PartnerExpiresAt, Staff: s.Order.Staff,
	})
	if err != nil {
		return nil, err
	}
	return &preparedDraft{client: p.client, draft: draft, attempt: s.Attempt, at: p.client.Seam().Wall().UTC()}, nil
}

type preparedDraft struct {
	client  *mobifone.Client
	draft   *registration.Draft
	attempt int
	at      time.Time
}

func (p *preparedDraft) Plan() Send {
	send := p.draft.Handle().Send()
	plan := Send{
		Attempt: p.attempt, TransID: send.TransID, PartnerTransID: send.PartnerTransID, At: p.at,
		PreparedAt: send.PreparedAt, SendBy: send.SendBy, Fingerprint: send.Fingerprint,
		WakeAt: p.at.Add(send.SendBy.Sub(send.PreparedAt) + p.client.Timeouts().Register + replyMargin),
	}
	if !send.FenceAt.IsZero() {
		sem := p.client.Contract().Semantics()
		plan.LastBy = send.FenceAt.Add(-time.Duration(sem.ClockSkewMax) - time.Duration(sem.LookupLagMax) - time.Duration(sem.SettleMargin))
	}
	return plan
}

func (p *preparedDraft) Send(ctx context.Context) SendResult {
	receipt, err := p.draft.Send(ctx)
	if err == nil {
		return SendResult{Outcome: partner.Succeeded, Receipt: &Receipt{
			TransID: receipt.TransID, PartnerTransID: receipt.PartnerTransID, RegisteredAt: receipt.RegisteredAt,
			EffectiveFrom: receipt.EffectiveFrom, ExpiresAt: receipt.ExpiresAt,
		}, PartnerTime: receipt.Evidence.PartnerTime}
	}
	res := SendResult{Outcome: partner.OutcomeOf(err), Err: err}
	if e, ok := errors.AsType[*partner.Error](err); ok {
		res.Code, res.PartnerTime = e.Code, e.Evidence.PartnerTime
		res.Refusal, res.NotOurs = readRefusal(p.client.Contract(), e)
	}
	return res
}

// readRefusal tells whether the partner said no in a well-formed reply, and whether the no
// cannot be the echo of our own success (R5).
func readRefusal(c *contract.Contract, e *partner.Error) (refusal, notOurs bool) {
	status := e.Evidence.HTTPStatus
	if e.WireCode == "" || e.Code.Local() || e.Outcome == partner.NotSent || status >= 500 || status == http.StatusRequestTimeout {
		return false, false
	}
	rule, ok := c.RuleNamed(e.Code)
	if !ok {
		return false, false
	}
	if e.Code == partner.RateLimited {
		return c.Semantics().TooManyRequestsMeansNotExecuted, false
	}
	// These two speak of the ids alone: this request was not carried out, and a lookup
	// tells whether an earlier one was (R6).
	idsRefused := e.Code == partner.TransactionConflict || e.Code == partner.TransactionExpired
	refusal = idsRefused || c.ClassOf(partner.OpRegister, rule) == contract.ClassRejected
	return refusal, refusal && rule.NotOurs && e.Outcome == partner.Rejected
}

// LookUp asks for each id on its own: partners differ in what they make of two.
func (p clientPartner) LookUp(ctx context.Context, o Order, pairs []Pair) (Lookup, error) {
	var l Lookup
	asked := false
	ask := func(req transactions.GetRequest) error {
		found, err := p.client.Transactions.Get(ctx, req)
		at, absent := transactions.Absent(err)
		switch {
		case err == nil:
			at = found.PartnerTime
			l.Rows = appendRow(l.Rows, RowOf(found.Transaction, o))
		case !absent:
			return err
		}
		if !asked || at.Before(l.PartnerTime) {
			l.PartnerTime = at
		}
		asked = true
		return nil
	}
	c := p.client.Contract()
	var transIDs []partner.TransID
	var ids []partner.PartnerTransID
	for _, pair := range pairs {
		if c.Carries(partner.OpGet, "transId") && !slices.Contains(transIDs, pair.TransID) {
			transIDs = append(transIDs, pair.TransID)
		}
		if c.Carries(partner.OpGet, "partnerTransId") && !slices.Contains(ids, pair.PartnerTransID) {
			ids = append(ids, pair.PartnerTransID)
		}
	}
	for _, id := range transIDs {
		if err := ask(transactions.GetRequest{TransID: id}); err != nil {
			return Lookup{}, err
		}
	}
	for _, id := range ids {
		if err := ask(transactions.GetRequest{PartnerTransID: id}); err != nil {
			return Lookup{}, err
		}
	}
	if !asked {
		return Lookup{}, &partner.Error{
			Operation: partner.OpGet, Code: partner.OperationAbsent,
			Err: errors.New("nothing to ask for, or no lookup by id in the contract"),
		}
	}
	return l, nil
}

func appendRow(rows []Row, row Row) []Row {
	if slices.Contains(rows, row) {
		return rows
	}
	return append(rows, row)
}

// RowOf holds a partner's row against an order: the subscriber is compared, not kept.
func RowOf(tx partner.Transaction, o Order) Row {
	return Row{
		TransID: tx.TransID, PartnerTransID: tx.PartnerTransID, State: tx.State, Code: tx.ResultCode,
		MayRetrySame: tx.MayRetrySame, SameSubscriber: o.MSISDN.IsValid() && tx.MSISDN == o.MSISDN,
		Package: tx.Package, Amount: tx.Amount, UpdatedAt: tx.UpdatedAt.UTC(),
	}
}
