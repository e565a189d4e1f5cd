package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
)

// Partner is the edge of a desk towards MobiFone. [ClientPartner] is the real one; tests
// and simulators wrap it, or have their own.
type Partner interface {
	// AskOTP requests an OTP. wait is how long not to ask again.
	AskOTP(ctx context.Context, o Order, id partner.PartnerTransID) (ticket Ticket, wait time.Duration, err error)
	// Prepare fixes a registration with the OTP in hand. It sends nothing; the error of one
	// that cannot be prepared is NotSent, or AlreadySent when MobiFone shows a registration.
	Prepare(ctx context.Context, s Sale, otp partner.OTP) (Prepared, error)
	// LookUp asks for every pair. It is complete and well-formed, or an error.
	LookUp(ctx context.Context, o Order, pairs []partner.IDs) (Lookup, error)
}

// Prepared is a registration that is ready to be sent.
type Prepared interface {
	// Plan is what to store before the send.
	Plan() Intent
	// Send sends it, at most once, and tells what is known of it afterwards.
	Send(ctx context.Context) SendResult
}

// SendResult is what is known of a send: the fields of the event [SendEnded].
type SendResult struct {
	Outcome partner.Outcome
	Code    partner.Code
	Then    partner.Then // where Code leads once nothing was registered
	Final   bool         // the contract promises that this refusal is final
	Receipt *Receipt
	Err     error // for the teller's text; not stored
}

// replyMargin is how long after a send's own deadline its outcome may still be recorded.
const replyMargin = 5 * time.Second

// ClientPartner is the edge over a client.
func ClientPartner(c *mobifone.Client) Partner { return clientPartner{c} }

type clientPartner struct{ client *mobifone.Client }

// Seam gives the desk the client's time.
func (p clientPartner) Seam() seam.Seam { return p.client.Seam() }

func (p clientPartner) AskOTP(ctx context.Context, o Order, id partner.PartnerTransID) (Ticket, time.Duration, error) {
	t, err := p.client.OTP.Request(ctx, otp.Request{MSISDN: o.MSISDN, Package: o.Package, PartnerTransID: id, Staff: o.Staff})
	if err != nil {
		return Ticket{}, 0, err
	}
	return Ticket{TransID: t.TransID, ExpiresAt: t.ExpiresAt, PartnerExpiresAt: t.PartnerExpiresAt}, t.ResendAfter, nil
}

func (p clientPartner) Prepare(ctx context.Context, s Sale, code partner.OTP) (Prepared, error) {
	for _, old := range s.Intents {
		if !old.open() || old.Then == partner.ThenSameIDs {
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

func (p *preparedDraft) Plan() Intent {
	intent := p.draft.Handle().Intent()
	return Intent{
		Intent: intent, Attempt: p.attempt, At: p.at, Fingerprint: p.draft.Fingerprint(),
		WakeAt: p.at.Add(intent.SendBy.Sub(intent.PreparedAt) + p.client.Timeouts().Register + replyMargin),
	}
}

func (p *preparedDraft) Send(ctx context.Context) SendResult {
	receipt, err := p.draft.Send(ctx)
	if err == nil {
		return SendResult{Outcome: partner.Succeeded, Receipt: &Receipt{
			TransID: receipt.TransID, PartnerTransID: receipt.PartnerTransID, RegisteredAt: receipt.RegisteredAt,
			EffectiveFrom: receipt.EffectiveFrom, ExpiresAt: receipt.ExpiresAt,
		}}
	}
	res := SendResult{Outcome: partner.OutcomeOf(err), Err: err}
	if e, ok := errors.AsType[*partner.Error](err); ok {
		res.Code, res.Then, res.Final = e.Code, e.Then, e.Outcome == partner.Rejected
	}
	return res
}

func (p clientPartner) LookUp(ctx context.Context, o Order, pairs []partner.IDs) (Lookup, error) {
	found, err := p.client.Transactions.LookUp(ctx, pairs)
	l := Lookup{At: found.ReadAt, Cached: found.Cached}
	for _, tx := range found.Rows {
		l.Rows = append(l.Rows, Row(reading.RowOf(tx, o.Purchase(), p.client.Contract().RefusalOf)))
	}
	if err != nil && reading.Read(asRead(l.Rows), pairs, nil, nil).Nothing() { // else it is told, although a later question failed
		return Lookup{}, err
	}
	return l, nil
}
