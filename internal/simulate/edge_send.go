package main

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// draft is one prepared registration: registration.Draft in small.
type draft struct {
	e      edge
	fields contract.Fields
	plan   sale.Send
	sent   bool
}

// Prepare is [sale.Partner].Prepare. As the client's, it takes the partner's time from the
// last reply, else from a lookup.
func (e edge) Prepare(ctx context.Context, s sale.Sale, code partner.OTP) (sale.Prepared, error) {
	w := e.h.w
	w.point(ptPrepare)
	if ctx.Err() != nil {
		return nil, notPrepared(partner.NotSent, partner.Canceled)
	}
	earliest, latest, ok := e.h.partnerNow()
	if !ok {
		used, err := e.lookForTime(ctx, s)
		switch {
		case err == nil && used:
			return nil, notPrepared(partner.Unknown, partner.AlreadySent)
		case err == nil:
			earliest, latest, ok = e.h.partnerNow()
		}
		if !ok {
			return nil, notPrepared(partner.NotSent, partner.ClockUnreliable)
		}
	}
	d := &draft{e: e, fields: contract.Fields{
		MSISDN: s.Order.MSISDN, Package: s.Order.Package, Amount: s.Order.Price, TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID,
		OTP: code, Shop: s.Order.Staff.Shop, Employee: s.Order.Staff.Employee, POS: s.Order.Staff.POS, Channel: "POS",
	}}
	sendBy := latest.Add(sendWindow)
	at := e.h.wall()
	d.plan = sale.Send{
		Attempt: s.Attempt, TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID, At: at, PreparedAt: earliest, SendBy: sendBy,
		LastBy: w.lastBy(sendBy, s.Ticket.PartnerExpiresAt), WakeAt: at.Add(sendBy.Sub(earliest) + replyTimeout + replyMargin),
		Fingerprint: fingerprint(d.fields),
	}
	if w.has(bugOtherBody) {
		d.fields.Amount--
	}
	return d, nil
}

// lastBy is the latest execution, as the client computes it for the fence (R10).
func (w *world) lastBy(sendBy, expiry time.Time) time.Time {
	switch k := w.era.kind; {
	case w.has(bugAssumedTTL):
		return w.core().Add(otpTTL)
	case w.has(bugNoDelay):
		return sendBy
	case w.has(bugFenceForAll):
		return sendBy.Add(time.Minute)
	case (k == "B" || k == "D") && !expiry.IsZero():
		return expiry
	case k == "F":
		return time.Time{}
	default:
		return sendBy.Add(w.maxDelay)
	}
}

func notPrepared(out partner.Outcome, code partner.Code) error {
	return &partner.Error{Operation: partner.OpRegister, Outcome: out, Code: code}
}

// lookForTime looks the ids up for the sake of the partner's time; used says that they
// were registered with already.
func (e edge) lookForTime(ctx context.Context, s sale.Sale) (used bool, err error) {
	if e.h.w.rules.NoLookup {
		return false, nil
	}
	send := partner.Send{
		TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID, MSISDN: s.Order.MSISDN, Package: s.Order.Package,
		Amount: s.Order.Price, ClockSkewMax: clockSkewMax,
	}
	for _, q := range []contract.Fields{{TransID: send.TransID}, {PartnerTransID: send.PartnerTransID}} {
		row, _, err := e.ask(ctx, q)
		if err != nil {
			return false, err
		}
		if row != nil && row.Read(send) != partner.ReadAbsence {
			used = true
		}
	}
	return used, nil
}

// fingerprint stands for the HMAC over the body without the OTP.
func fingerprint(f contract.Fields) []byte {
	h := fnv.New64a()
	for _, part := range []string{string(f.TransID), string(f.PartnerTransID), f.MSISDN.Reveal(partner.Form84), string(f.Package), f.Shop, f.Employee} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return binary.LittleEndian.AppendUint64(nil, h.Sum64()+uint64(f.Amount))
}

// Plan is what to store before the send.
func (d *draft) Plan() sale.Send { return d.plan }

// Send is [sale.Prepared].Send: the guard, then the road.
func (d *draft) Send(ctx context.Context) sale.SendResult {
	w := d.e.h.w
	w.point(ptBeforeSend)
	if d.sent {
		return unreadable(partner.AlreadySent)
	}
	d.sent = true
	faults := w.pass(siteSend)
	if ctx.Err() != nil {
		return stayed(partner.Canceled)
	}
	if w.slowStart() { // the process is slow to get here: up to its last moment
		_, latest, ok := d.e.h.partnerNow()
		if left := d.plan.SendBy.Sub(latest); ok && left > 0 {
			w.pause(left)
		}
	}
	if faults.has(fNotSent) || w.dark() {
		if faults.has(fNotSent) {
			w.strike(fNotSent)
		}
		return stayed(partner.ConnectFailed)
	}
	if !w.has(bugNoGuard) {
		switch _, latest, ok := d.e.h.partnerNow(); {
		case !ok:
			return stayed(partner.ClockUnreliable)
		case latest.After(d.plan.SendBy):
			return stayed(partner.PastSendBy)
		}
	}
	if faults.has(fPausedSend) {
		w.strike(fPausedSend)
		w.pause(w.between(drawLate, time.Minute, time.Hour))
	}
	res := w.road(d, faults)
	if w.has(bugClientAborts) && w.cur.ctx != nil && w.cur.ctx.canceled {
		return stayed(partner.Canceled)
	}
	return w.bentResult(d, res)
}

// slowStart chooses worlds in which a send leaves at the very end of its time.
func (w *world) slowStart() bool {
	return w.extreme && w.percent(drawLate, 40)
}
