package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// This file holds what the desk takes from a client: MobiFone's promises and the times that
// follow from them, and the gateway over which it asks, registers and looks up. The times here
// are for waiting. Whether something is absent is decided in step_lookup.go, by MobiFone's
// clock alone.

// Rules are MobiFone's promises and the desk's patience, as the decision core needs them. They
// must be the same on every host that shares a store: a sale that one of them settles is settled
// for all. Take them from [RulesOf].
type Rules struct {
	// Dedupes says that MobiFone never carries out two requests with one partnerTransId.
	Dedupes bool
	// RefusalIsFinal says that a refusal speaks for every copy of the request.
	RefusalIsFinal bool
	// NoLookup says that the contract has no lookup; see Config.AllowNoLookup.
	NoLookup bool
	// LookupLagMax is how far a lookup may lag behind MobiFone's ledger.
	LookupLagMax time.Duration
	// ClockSkewMax is how far MobiFone's own clocks may differ from each other.
	ClockSkewMax time.Duration
	// SettleMargin is added to the fence; it is at least the time that a lookup may take.
	SettleMargin time.Duration
	// Hold is how long a sale is looked up after its last send, or after the fence where that
	// is known, before it goes to Review.
	Hold time.Duration
	// ResendAfter is the time between two OTPs where MobiFone does not say.
	ResendAfter time.Duration
	// OTPPatience is how long an OTP request may go unanswered before it is given up.
	OTPPatience time.Duration
	// AlarmAfter is how long a sale may wait for a person before it raises an alarm. While nobody
	// acts the alarm comes again, each time after about as long as the sale has waited.
	AlarmAfter time.Duration
	// OpenFor is how long a sale may stay without cash before it is cancelled.
	OpenFor time.Duration
}

// RulesOf returns the rules of a client: its contract's promises and its timeouts. NewDesk calls
// it for Config.Client; call it yourself to change one of the desk's patiences:
//
//	rules := sale.RulesOf(client)
//	rules.AlarmAfter = time.Hour
func RulesOf(c *mobifone.Client) Rules {
	sem, timeouts := c.Contract().Semantics(), c.Timeouts()
	margins := reading.MarginsOf(sem, timeouts.Read)
	return Rules{
		Dedupes:        sem.DedupeByPartnerTransID,
		RefusalIsFinal: sem.RefusalIsFinal,
		NoLookup:       !reading.Can(c.Contract()),
		LookupLagMax:   margins.LookupLagMax,
		ClockSkewMax:   margins.ClockSkewMax,
		SettleMargin:   margins.SettleMargin,
		Hold:           time.Duration(sem.HoldBeforeReview),
		ResendAfter:    time.Duration(sem.ResendAfter),
		OTPPatience:    timeouts.Call + replyMargin,
		AlarmAfter:     2 * time.Hour,
		OpenFor:        24 * time.Hour,
	}
}

// margins are the rules that the fence is made of.
func (r Rules) margins() reading.Margins {
	return reading.Margins{ClockSkewMax: r.ClockSkewMax, LookupLagMax: r.LookupLagMax, SettleMargin: r.SettleMargin}
}

// fence is the time on MobiFone's clock from which an absence settles every open intent of the
// sale. It is not known when MobiFone promises no bound on how late it may carry a request out.
func (r Rules) fence(s Sale) (at time.Time, known bool) { return r.margins().Fence(s.open()) }

// fenceSlack is added where a fence is told by the local clock: a Date is cut to the
// second, and the lookup that is to count has to begin after it.
const fenceSlack = 2 * time.Second

// localFence is the time on the local clock by which the fence has surely come. It is for
// waiting, never for deciding that something is absent.
func (r Rules) localFence(s Sale) (at time.Time, known bool) {
	fence, known := r.fence(s)
	if !known {
		return time.Time{}, false
	}
	for _, i := range s.Intents {
		if local := i.At.Add(fence.Sub(i.PreparedAt) + fenceSlack); i.open() && local.After(at) {
			at = local
		}
	}
	return at, true
}

// settledBy is the local time that a screen names for the fence. By then a lookup surely settles
// the sale, whichever of MobiFone's clocks tells its time. The driver looks from the local fence
// on, so the sale is often settled sooner.
func (r Rules) settledBy(s Sale) (at time.Time, known bool) {
	at, known = r.localFence(s)
	if !known {
		return time.Time{}, false
	}
	return at.Add(r.ClockSkewMax), true
}

// wakeAt is when the driver has something to do for the sale; zero: nothing.
func (r Rules) wakeAt(s Sale, now time.Time) time.Time {
	at := s.AlarmAt
	earliest := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	switch s.State {
	case Open:
		earliest(s.Since.Add(r.OpenFor))
	case Registering:
		earliest(s.Intents[len(s.Intents)-1].WakeAt)
	case Resolving:
		earliest(r.nextPoll(s, now))
	case Review:
		if s.anyLeft() && !r.NoLookup {
			earliest(r.nextPoll(s, now))
		}
	default:
		switch {
		case !s.anyOpen():
		case r.NoLookup && s.Ticket != nil:
			earliest(s.Ticket.ExpiresAt)
		case !r.NoLookup:
			earliest(r.nextSettling(s, now))
		}
	}
	if !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) {
		earliest(s.OTPAskedAt.Add(r.OTPPatience))
	}
	return at
}

// nextSettling is when to look for the sake of an open intent while a person can go on: at the
// fence, where that is known.
func (r Rules) nextSettling(s Sale, now time.Time) time.Time {
	if at, known := r.localFence(s); known && at.After(now) {
		return at
	}
	return r.nextPoll(s, now)
}

// longestPoll is between two looks at a sale that only a success can decide yet.
const longestPoll = 5 * time.Minute

// lastAct is when the last intent was made, or without one when the sale last changed.
func (s Sale) lastAct() time.Time {
	if n := len(s.Intents); n > 0 {
		return s.Intents[n-1].At
	}
	return s.UpdatedAt
}

// nextPoll is when to look up again a sale that is looked up now: after a quarter of the time it
// has been waiting, within bounds, but not later than the fence or the end of the hold, and past
// the fence at least once a minute. So a thousand open sales are no storm.
func (r Rules) nextPoll(s Sale, now time.Time) time.Time {
	shortest, longest := 2*time.Second, longestPoll
	if s.State == Review {
		shortest, longest = time.Minute, time.Hour
	}
	// Until the fence only a success can decide, so looking less and less often costs little.
	since := s.UpdatedAt
	end := s.lastAct().Add(r.Hold)
	at, known := r.localFence(s)
	if known {
		end = at
	}
	if !now.Before(end) && s.State != Review {
		longest = time.Minute
		if known {
			since = end // absence counts from here on: look closely again
		}
	}
	next := now.Add(min(max(now.Sub(since).Abs()/4, shortest), longest))
	if s.State != Review && end.After(now) && end.Before(next) {
		return end
	}
	return next
}

// Gateway is how a desk reaches MobiFone. [ClientGateway] is the real one; a test or a simulator
// wraps it or has its own. It must be safe for concurrent use, and every error of it is a
// *telco.Error whose outcome is true: the desk believes it.
type Gateway interface {
	// AskOTP requests an OTP for the order under that partnerTransId. wait is how long not to
	// request another one.
	AskOTP(ctx context.Context, o Order, id telco.PartnerTransID) (ticket HeldOTP, wait time.Duration, err error)
	// Prepare fixes a registration with the OTP in hand. It sends no registration. Its error is
	// NotSent, or AlreadySent when MobiFone already shows a registration under these ids.
	Prepare(ctx context.Context, s Sale, otp telco.OTP) (Prepared, error)
	// LookUp asks MobiFone for every pair of ids of the sale, see Sale.Pairs. The answer is
	// complete and well-formed, or an error: an incomplete one would be read as proof that
	// nothing is there.
	LookUp(ctx context.Context, s Sale) (Lookup, error)
}

// Prepared is a registration that is ready to be sent.
type Prepared interface {
	// Plan returns what to store before Send.
	Plan() Intent
	// Send sends it, at most once, and returns what is known of it afterwards.
	Send(ctx context.Context) SendResult
}

// SendResult is what is known of a send. All but Err goes into the event "send-ended".
type SendResult struct {
	// Outcome is what the answer proves; Unknown when in doubt.
	Outcome telco.Outcome
	// Code is MobiFone's answer in the SDK's words.
	Code telco.Code
	// WireCode is MobiFone's own string for Code, scrubbed.
	WireCode string
	// Then is where Code leads once it is settled that nothing was registered.
	Then telco.Then
	// Final says that the contract promises that this refusal is final.
	Final bool
	// Receipt is what MobiFone said of a success; nil otherwise.
	Receipt *Registration
	// Err is the error for the teller's text; nil after a success. It is not stored.
	Err error
}

// replyMargin is how long after a send's own deadline its outcome may still be recorded.
const replyMargin = 5 * time.Second

// ClientGateway is the gateway over a client. NewDesk makes it from Config.Client; call it
// yourself to wrap it.
func ClientGateway(c *mobifone.Client) Gateway { return clientGateway{c} }

// clientGateway turns sales into the client's requests, and its answers into what is stored.
type clientGateway struct{ client *mobifone.Client }

// Seam gives the desk the client's time.
func (p clientGateway) Seam() seam.Seam { return p.client.Seam() }

// AskOTP is Gateway.AskOTP, step 2 of the client.
func (p clientGateway) AskOTP(ctx context.Context, o Order, id telco.PartnerTransID) (HeldOTP, time.Duration, error) {
	t, err := p.client.OTP.Request(ctx, otp.Request{MSISDN: o.MSISDN, Package: o.Package, PartnerTransID: id, Staff: o.Staff})
	if err != nil {
		return HeldOTP{}, 0, err
	}
	return HeldOTP{TransID: t.TransID, ExpiresAt: t.ExpiresAt, MobiFoneExpiresAt: t.MobiFoneExpiresAt}, t.ResendAfter, nil
}

// Prepare is Gateway.Prepare. The client refuses to send under ids of which it knows an
// unresolved send; so it is told first which earlier sends of the sale are settled, or may go
// again.
func (p clientGateway) Prepare(ctx context.Context, s Sale, code telco.OTP) (Prepared, error) {
	// The client remembers only what this process sent; the sale remembers it all.
	for _, old := range s.Intents {
		if !old.open() || old.Then == telco.ThenSameIDs {
			p.client.Registration.Settled(old.TransID, old.PartnerTransID)
		}
	}
	draft, err := p.client.Registration.Prepare(ctx, registration.Request{
		MSISDN: s.Order.MSISDN, Package: s.Order.Package, Amount: s.Order.Price, OfferPrice: s.Order.Price,
		TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID, OTP: code,
		OTPExpiresAt: s.Ticket.MobiFoneExpiresAt, Staff: s.Order.Staff,
	})
	if err != nil {
		return nil, err
	}
	return &preparedDraft{client: p.client, draft: draft, attempt: s.Attempt, at: p.client.Seam().Wall().UTC()}, nil
}

// preparedDraft is a draft of the client's, with what its intent has beyond the draft.
type preparedDraft struct {
	client  *mobifone.Client
	draft   *registration.Draft
	attempt int
	at      time.Time
}

// Plan is Prepared.Plan: an answer is hoped for until send-by and the register timeout are over.
func (p *preparedDraft) Plan() Intent {
	intent := p.draft.Handle().SendWindow
	return Intent{
		SendWindow: intent, Attempt: p.attempt, At: p.at, Fingerprint: p.draft.Fingerprint(),
		WakeAt: p.at.Add(intent.SendBy.Sub(intent.PreparedAt) + p.client.Timeouts().Register + replyMargin),
	}
}

// Send is Prepared.Send, step 3 of the client.
func (p *preparedDraft) Send(ctx context.Context) SendResult {
	receipt, err := p.draft.Send(ctx)
	if err == nil {
		code := text.Scrub(receipt.WireCode)
		return SendResult{Outcome: telco.Succeeded, WireCode: code, Receipt: &Registration{
			TransID: receipt.TransID, PartnerTransID: receipt.PartnerTransID, RegisteredAt: receipt.RegisteredAt,
			EffectiveFrom: receipt.EffectiveFrom, ExpiresAt: receipt.ExpiresAt, WireCode: code,
		}}
	}
	res := SendResult{Outcome: telco.OutcomeOf(err), Err: err}
	if e, ok := errors.AsType[*telco.Error](err); ok {
		res.Code, res.WireCode, res.Then, res.Final = e.Code, text.Scrub(e.WireCode), e.Then, e.Outcome == telco.Rejected
	}
	return res
}

// LookUp is Gateway.LookUp, step 4 of the client. Each row is compared with the order here, so
// that no phone number is kept. Rows that show something are returned even though a later
// question of the lookup failed.
func (p clientGateway) LookUp(ctx context.Context, s Sale) (Lookup, error) {
	// Rows are searched in the window in which any of the sends can have been carried out.
	pairs := s.Pairs()
	intents := make([]telco.SendWindow, len(s.Intents))
	for i := range s.Intents {
		intents[i] = s.Intents[i].SendWindow
	}
	since, until := reading.Window(intents, s.OpenedAt)
	found, err := p.client.Transactions.LookUp(ctx, transactions.LookUpRequest{IDs: pairs, MSISDN: s.Order.MSISDN, Since: since, Until: until})
	l := Lookup{At: found.ReadAt, Cached: found.Cached}
	for _, tx := range found.Rows {
		l.Rows = append(l.Rows, Row(reading.RowOf(tx, s.Order.sold(), p.client.Contract().RefusalOf)))
	}
	if err != nil && reading.Read(asRead(l.Rows), pairs, nil, nil).Nothing() { // else it is told, although a later question failed
		return Lookup{}, err
	}
	return l, nil
}
