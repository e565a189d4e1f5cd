package main

// This file says what must be true after a death and after recovery. It compares three witnesses
// that know nothing of each other: the sandbox's ledger, the store, and the log of what came in
// on the wire.

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// price is what each sale costs, in VND.
const price = 120_000

// check compares MobiFone's ledger, the store and the log of the wire after a sale came to rest:
// one registration at most, the cash where the state says, and events that fold to the stored
// state.
func (s *shop) check(ctx context.Context, o order) error {
	id, err := s.store.ByOrder(ctx, staff.Shop, o.id)
	if err != nil {
		return fmt.Errorf("the sale is lost: %w", err)
	}
	got, err := s.store.Load(ctx, id)
	if err != nil {
		return err
	}
	events, err := s.store.Events(ctx, id)
	if err != nil {
		return err
	}
	// What MobiFone carried out, by its own ledger: the truth that the store is compared with.
	executed := s.sandbox.Executed(o.number)
	var errs []error
	broken := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if executed > 1 {
		broken("at most once: registered %d times", executed)
	}
	if got.State != sale.Registered && !(o.givesUp && got.State == sale.Refunded) {
		broken("comes to rest: it rests in %s, the customer gives up: %t", got.State, o.givesUp)
	}
	if (got.State == sale.Registered) != (executed == 1) {
		broken("the state is true: %s with %d registrations at MobiFone", got.State, executed)
	}
	back := telco.VND(0)
	if got.State == sale.Refunded {
		back = price
	}
	if got.CashIn != price || got.CashOut != back {
		broken("no cash lost: %s, cash in %s, out %s", got.State, got.CashIn, got.CashOut)
	}
	// The stored events alone must give the stored sale: nothing was written beside them.
	if folded, err := s.rules.Fold(events); err != nil {
		broken("written first: the events do not fold: %w", err)
	} else if folded.State != got.State || folded.Version != got.Version || len(folded.Intents) != len(got.Intents) {
		broken("written first: the events fold to %s at %d, the store says %s at %d", folded.State, folded.Version, got.State, got.Version)
	}
	errs = append(errs, s.checkMoney(ctx, o), s.checkWire(o, events))
	return errors.Join(errs...)
}

// checkMoney is true at every moment, so it is checked after each death: an intent that nothing
// has settled keeps the subscriber busy, and no cash goes back before every intent is settled no.
func (s *shop) checkMoney(ctx context.Context, o order) error {
	id, err := s.store.ByOrder(ctx, staff.Shop, o.id)
	if _, none := errors.AsType[*sale.NotFoundError](err); none {
		return nil // it died before it opened the sale
	}
	if err != nil {
		return err
	}
	got, err := s.store.Load(ctx, id)
	if err != nil {
		return err
	}
	claims, err := s.store.Busy(ctx, o.number)
	if err != nil {
		return err
	}
	busy := slices.ContainsFunc(claims, func(c sale.Claim) bool { return c.SaleID == id })
	open := slices.ContainsFunc(got.Intents, func(i sale.Intent) bool { return i.Settled == "" })
	yes := slices.ContainsFunc(got.Intents, func(i sale.Intent) bool { return i.Settled == "yes" })
	refund := got.CashOut > 0 || slices.Contains([]sale.State{sale.RefundDue, sale.Refunding, sale.Refunded}, got.State)
	var errs []error
	broken := func(is bool, says string) {
		if is {
			errs = append(errs, fmt.Errorf("%s, %s", says, got.State))
		}
	}
	broken(open && !busy, "an open intent does not keep the subscriber busy")
	broken(busy && !open && got.State.Resting(), "the subscriber is busy with nothing open")
	broken(refund && (open || yes), "a refund with an intent that is not settled no")
	broken(got.State == sale.Registered && !yes, "no intent is settled yes")
	return errors.Join(errs...)
}

// checkWire reports register requests that were not written first or were sent twice: each
// one that came in needs a durable intent of its own, with its ids and its fingerprint.
func (s *shop) checkWire(o order, events []sale.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	// Durable intents by their ids and content, counted down by the requests that came in.
	intents := map[string]int{}
	for _, e := range events {
		if e.Kind == "send-planned" {
			intents[string(e.Intent.TransID)+" "+string(e.Intent.PartnerTransID)+" "+string(e.Intent.Fingerprint)]++
		}
	}
	for _, f := range s.received {
		if f.MSISDN != o.number {
			continue
		}
		intent := f.TransID + " " + f.PartnerTransID + " " + string(fingerprint(f))
		if intents[intent]--; intents[intent] < 0 {
			errs = append(errs, errors.New("written first: a register request without a durable intent of its own"))
		}
	}
	return errors.Join(errs...)
}

// fingerprint is what the client makes of the same request: its canonical text, written out
// here once more for the default contract.
func fingerprint(f received) []byte {
	canonical := fmt.Sprintf(`{"v":1,"operation":"registration.register","msisdn":%q,"shop":%q,"employee":%q,"pos":%q,`+
		`"package":%q,"transId":%q,"partnerTransId":%q,"amount":%d}`,
		f.MSISDN.Reveal("84"), f.Shop, f.Employee, f.POS, f.Package, f.TransID, f.PartnerTransID, f.Amount)
	mac := hmac.New(sha256.New, []byte(key("id").Reveal()))
	mac.Write([]byte(canonical))
	return mac.Sum(nil)
}
