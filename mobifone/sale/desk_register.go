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

// This file registers, once for each intent: the gateway over which a desk asks for OTPs, registers
// and looks up, and the desk's own half of it. The intent is durable before a byte leaves. From then on
// the outcome is recorded whatever happens, or the sale is unknown and is looked up.

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

// Prepare is Gateway.Prepare. The client refuses to send under ids while it knows an unresolved send
// of them, so it is told first which earlier sends of the sale are settled, or may go again.
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

var (
	errRunOut = errors.New("MobiFone shows this OTP as run out; nothing was sent; request a new one")
	errCached = &telco.Error{
		Operation: telco.OpGet, Code: telco.ReplyUnreadable,
		Err: errors.New("the lookup may come from a cache, or cannot show that nothing is there; nothing was done, try again in a moment"),
	}
	errHangs = errors.New("the store did not take the outcome in time; take no more money and return none: the sale is looked up")
)

// Register sends the registration with the OTP that the customer read out. In this order, it
// looks the ids up before the first send of a partnerTransId, makes the intent durable, sends
// once, and records what is known. ctx ends only the part before the intent is durable; from then
// on the call runs to its own deadline, the store's answer included. A nil error means
// Registered.
//
// Whatever it returns, View.Action says what the teller does. An error before the intent is
// durable leaves the sale unchanged, but for what a lookup showed. Never call it again because of
// an error alone: follow the view.
func (d *Desk) Register(ctx context.Context, id string, otp telco.OTP, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	if s.State != OTPSent || s.Ticket == nil {
		err = d.unknownUnless(s, &RefusedError{
			State: s.State, Kind: kindSendPlanned, Reason: "take the cash and request an OTP first; an open registration must settle",
		})
		return d.view(ctx, s, err), err
	}
	ready, looked, err := d.lookFirst(ctx, s)
	if err != nil {
		return d.view(ctx, ready, err), d.unknownUnless(ready, err)
	}
	if ready.State != OTPSent {
		return d.view(ctx, ready, nil), d.unknown(ready, nil)
	}
	prepared, err := d.cfg.Gateway.Prepare(ctx, ready, otp)
	if errors.Is(err, telco.AlreadySent) && !d.cfg.Rules.NoLookup {
		return d.found(ctx, s, err)
	}
	if err != nil {
		return d.view(ctx, s, err), d.unknownUnless(s, err)
	}
	// Until this Apply is acknowledged no byte of the registration leaves. Two who press the
	// button at once both get here; the store lets one of them through.
	intent, now := prepared.Plan(), d.now()
	intent.WakeAt = now.Add(intent.WakeAt.Sub(intent.At)) // one local clock for a sale: the desk's
	intent.At = now
	s, err = d.apply(ctx, s, append(looked, Event{Kind: kindSendPlanned, At: now, By: by, Intent: &intent})...)
	if err != nil {
		err = d.busyUntil(ctx, err)
		return d.view(ctx, s, err), d.unknownUnless(s, err)
	}
	// The browser may close now: the send goes on to its own deadline, and its outcome is stored.
	ctx, cancel := d.time.WithTimeout(context.WithoutCancel(ctx), max(intent.WakeAt.Sub(intent.At), replyMargin))
	defer cancel()
	return d.send(ctx, s, prepared)
}

// lookFirst makes the lookup that has to come before the first send of a partnerTransId. A clean
// one is not stored yet: it goes into the store with the intent, in one Apply. One that changes
// the sale otherwise is stored at once.
func (d *Desk) lookFirst(ctx context.Context, s Sale) (Sale, []Event, error) {
	if !d.cfg.Rules.needsLook(s) {
		return s, nil, nil
	}
	e, next, err := d.look(ctx, d.cfg.Gateway, s)
	if err != nil {
		return s, nil, err
	}
	if next.State == OTPSent && next.Looked {
		return next, []Event{e}, nil
	}
	if next, err = d.learn(ctx, s, e); err != nil {
		return s, nil, err
	}
	switch {
	case next.State != OTPSent:
		return next, nil, nil
	case next.Ticket.RunOut:
		return next, nil, &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.OTPExpired, Err: errRunOut}
	}
	return next, nil, errCached
}

// found stores what Prepare learned: MobiFone already has a registration under these ids, so
// nothing is sent.
func (d *Desk) found(ctx context.Context, s Sale, cause error) (View, error) {
	e, _, err := d.look(ctx, d.cfg.Gateway, s)
	if err == nil {
		s, err = d.learn(ctx, s, e)
	}
	if err != nil {
		return d.view(ctx, s, err), d.unknown(s, errors.Join(cause, err))
	}
	return d.view(ctx, s, nil), d.unknown(s, cause)
}

// send sends the registration and records what is known. Its intent is durable.
func (d *Desk) send(ctx context.Context, s Sale, prepared Prepared) (View, error) {
	// The outcome is stored for this very intent, even if the sale has others by then.
	index := len(s.Intents) - 1
	res := prepared.Send(ctx)
	s, err := d.recordInTime(ctx, s, Event{
		Kind: kindSendEnded, At: d.now(), Index: index, Outcome: res.Outcome, Code: res.Code, WireCode: res.WireCode,
		Then: res.Then, Final: res.Final, Receipt: res.Receipt,
	})
	if err != nil {
		// The outcome is not stored, so the sale is unknown until a lookup resolves it; also if
		// MobiFone said yes: a screen must not show what a restart would forget.
		return d.view(ctx, s, nil), d.unknown(s, errors.Join(err, res.Err))
	}
	if s.State == Registered {
		return d.view(ctx, s, nil), nil
	}
	if res.Err == nil {
		return d.view(ctx, s, nil), d.unknown(s, nil)
	}
	if s.HoldsSubscriber() && telco.OutcomeOf(res.Err) != telco.Unknown {
		// This one was refused or never left, and an earlier one is open: of the sale nothing
		// is known, and nobody who reads the error alone may return the cash.
		return d.view(ctx, s, nil), d.unknown(s, res.Err)
	}
	return d.view(ctx, s, res.Err), res.Err
}

// recordInTime stores an outcome and waits for the store until ctx ends. A store that hangs goes
// on by itself then; what it does not take is resolved by a lookup.
func (d *Desk) recordInTime(ctx context.Context, s Sale, e Event) (Sale, error) {
	type result struct {
		s   Sale
		err error
	}
	// The channel has room for the result, so that what goes on by itself never waits for us.
	done := make(chan result, 1)
	if d.time.Await(ctx, func() {
		after, err := d.record(context.WithoutCancel(ctx), s, e)
		done <- result{after, err}
	}) != nil {
		return s, errHangs
	}
	r := <-done
	return r.s, r.err
}

// unknownUnless returns err as it is when no registration of the sale can have succeeded.
// Otherwise it answers that nothing is known: err alone could be read as leave to return the
// cash.
func (d *Desk) unknownUnless(s Sale, err error) error {
	if s.HoldsSubscriber() || s.State == Registered {
		return d.unknown(s, err)
	}
	return err
}

// unknown returns the error of a registration whose outcome is not known yet. Its outcome is Unknown
// whatever the cause says, so nobody takes the cause for leave to return the cash.
func (d *Desk) unknown(s Sale, cause error) error {
	switch {
	case cause != nil:
	case s.State == Review:
		cause = errors.New("the sale is in Review; take no more money and return none until a supervisor has decided it")
	default:
		cause = errors.New("the sale is " + s.State.String() + "; take no more money and return none: it is looked up until it is settled")
	}
	return &telco.Error{Operation: telco.OpRegister, Code: telco.Processing, Err: cause}
}
