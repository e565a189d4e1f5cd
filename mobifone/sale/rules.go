package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// Rules are MobiFone's promises and the desk's patience, as the decision core needs them.
// They must be the same on every host that shares a store.
type Rules struct {
	Dedupes        bool          // MobiFone dedupes by partnerTransId for ever
	RefusalIsFinal bool          // a refusal speaks for every copy of a request
	NoLookup       bool          // the contract has no lookup; see Config.AllowNoLookup
	LookupLagMax   time.Duration // how far a lookup may lag behind MobiFone's ledger
	ClockSkewMax   time.Duration // how far MobiFone's own clocks may differ
	SettleMargin   time.Duration // on top of the fence; at least the time a lookup may take
	Hold           time.Duration // without a fence: after the last send, before Review
	ResendAfter    time.Duration // between OTPs when MobiFone does not say
	OTPPatience    time.Duration // an OTP request unanswered for so long is given up
	AlarmAfter     time.Duration // a sale that waits for a person so long raises an alarm
	OpenFor        time.Duration // a sale without cash is cancelled after it
}

// RulesOf takes the rules from a client: its contract's promises and its timeouts.
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

func (r Rules) margins() reading.Margins {
	return reading.Margins{ClockSkewMax: r.ClockSkewMax, LookupLagMax: r.LookupLagMax, SettleMargin: r.SettleMargin}
}

// fence is MobiFone's time from which on absence settles every open intent of the sale.
func (r Rules) fence(s Sale) (at time.Time, known bool) { return r.margins().Fence(s.open()) }

// fenceSlack is added where a fence is told by the local clock: a Date is cut to the
// second, and the lookup that is to count has to begin after it.
const fenceSlack = 2 * time.Second

// localFence is the time, by the local clock, by which the fence has surely come. It is
// for waiting, never for deciding that something is absent.
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

// settledBy is the time, by the local clock, that a screen names for the fence: by then a
// lookup surely settles, whichever of MobiFone's clocks tells its time. It is looked up
// from the local fence on, so it is often settled sooner.
func (r Rules) settledBy(s Sale) (at time.Time, known bool) {
	at, known = r.localFence(s)
	if !known {
		return time.Time{}, false
	}
	return at.Add(r.ClockSkewMax), true
}

// wakeAt is when the machine has something to do for the sale; zero: nothing.
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
		earliest(r.NextPoll(s, now))
	case Review:
		if s.anyLeft() && !r.NoLookup {
			earliest(r.NextPoll(s, now))
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

// nextSettling is when to look for the sake of an open intent while a person can go on:
// at the fence, where it is known.
func (r Rules) nextSettling(s Sale, now time.Time) time.Time {
	if at, known := r.localFence(s); known && at.After(now) {
		return at
	}
	return r.NextPoll(s, now)
}

// longestPoll is between two looks at a sale that only a success can decide yet.
const longestPoll = 5 * time.Minute

// NextPoll is when to look a sale up again that is looked up now: after a quarter of the
// time it has been waiting, within bounds, but not later than the fence or the hold's end,
// and past the fence each minute at least. So a thousand open sales are no storm.
func (r Rules) NextPoll(s Sale, now time.Time) time.Time {
	shortest, longest := 2*time.Second, longestPoll
	if s.State == Review {
		shortest, longest = time.Minute, time.Hour
	}
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

// Gateway is the edge of a desk towards MobiFone. [ClientGateway] is the real one; tests
// and simulators wrap it, or have their own.
type Gateway interface {
	// AskOTP requests an OTP. wait is how long not to ask again.
	AskOTP(ctx context.Context, o Order, id telco.PartnerTransID) (ticket HeldOTP, wait time.Duration, err error)
	// Prepare fixes a registration with the OTP in hand. It sends nothing; the error of one
	// that cannot be prepared is NotSent, or AlreadySent when MobiFone shows a registration.
	Prepare(ctx context.Context, s Sale, otp telco.OTP) (Prepared, error)
	// LookUp asks for every pair of the sale. It is complete and well-formed, or an error.
	LookUp(ctx context.Context, s Sale) (Lookup, error)
}

// Prepared is a registration that is ready to be sent.
type Prepared interface {
	// Plan is what to store before the send.
	Plan() Intent
	// Send sends it, at most once, and tells what is known of it afterwards.
	Send(ctx context.Context) SendResult
}

// SendResult is what is known of a send: the fields of the event "send-ended".
type SendResult struct {
	Outcome  telco.Outcome
	Code     telco.Code
	WireCode string     // MobiFone's own string for it
	Then     telco.Then // where Code leads once nothing was registered
	Final    bool       // the contract promises that this refusal is final
	Receipt  *Registration
	Err      error // for the teller's text; not stored
}

// replyMargin is how long after a send's own deadline its outcome may still be recorded.
const replyMargin = 5 * time.Second

// ClientGateway is the edge over a client.
func ClientGateway(c *mobifone.Client) Gateway { return clientGateway{c} }

type clientGateway struct{ client *mobifone.Client }

// Seam gives the desk the client's time.
func (p clientGateway) Seam() seam.Seam { return p.client.Seam() }

func (p clientGateway) AskOTP(ctx context.Context, o Order, id telco.PartnerTransID) (HeldOTP, time.Duration, error) {
	t, err := p.client.OTP.Request(ctx, otp.Request{MSISDN: o.MSISDN, Package: o.Package, PartnerTransID: id, Staff: o.Staff})
	if err != nil {
		return HeldOTP{}, 0, err
	}
	return HeldOTP{TransID: t.TransID, ExpiresAt: t.ExpiresAt, MobiFoneExpiresAt: t.MobiFoneExpiresAt}, t.ResendAfter, nil
}

func (p clientGateway) Prepare(ctx context.Context, s Sale, code telco.OTP) (Prepared, error) {
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

type preparedDraft struct {
	client  *mobifone.Client
	draft   *registration.Draft
	attempt int
	at      time.Time
}

func (p *preparedDraft) Plan() Intent {
	intent := p.draft.Handle().Window()
	return Intent{
		SendWindow: intent, Attempt: p.attempt, At: p.at, Fingerprint: p.draft.Fingerprint(),
		WakeAt: p.at.Add(intent.SendBy.Sub(intent.PreparedAt) + p.client.Timeouts().Register + replyMargin),
	}
}

func (p *preparedDraft) Send(ctx context.Context) SendResult {
	receipt, err := p.draft.Send(ctx)
	if err == nil {
		code := telco.Scrub(receipt.WireCode)
		return SendResult{Outcome: telco.Succeeded, WireCode: code, Receipt: &Registration{
			TransID: receipt.TransID, PartnerTransID: receipt.PartnerTransID, RegisteredAt: receipt.RegisteredAt,
			EffectiveFrom: receipt.EffectiveFrom, ExpiresAt: receipt.ExpiresAt, WireCode: code,
		}}
	}
	res := SendResult{Outcome: telco.OutcomeOf(err), Err: err}
	if e, ok := errors.AsType[*telco.Error](err); ok {
		res.Code, res.WireCode, res.Then, res.Final = e.Code, telco.Scrub(e.WireCode), e.Then, e.Outcome == telco.Rejected
	}
	return res
}

func (p clientGateway) LookUp(ctx context.Context, s Sale) (Lookup, error) {
	pairs := s.Pairs()
	intents := make([]telco.SendWindow, len(s.Intents))
	for i := range s.Intents {
		intents[i] = s.Intents[i].SendWindow
	}
	since, until := reading.Window(intents, s.OpenedAt)
	found, err := p.client.Transactions.LookUp(ctx, transactions.LookUpRequest{IDs: pairs, MSISDN: s.Order.MSISDN, Since: since, Until: until})
	l := Lookup{At: found.ReadAt, Cached: found.Cached}
	for _, tx := range found.Rows {
		l.Rows = append(l.Rows, Row(reading.RowOf(tx, s.Order.Purchase(), p.client.Contract().RefusalOf)))
	}
	if err != nil && reading.Read(asRead(l.Rows), pairs, nil, nil).Nothing() { // else it is told, although a later question failed
		return Lookup{}, err
	}
	return l, nil
}
