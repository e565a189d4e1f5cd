package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// check holds partner ledger, store and wire log against each other after a sale came to
// rest.
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
	executed := s.sandbox.Executed(o.number)
	var errs []error
	broken := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if executed > 1 {
		broken("I1: registered %d times", executed)
	}
	if got.State != sale.Registered {
		broken("I7: at rest in %s, nobody abandoned it", got.State)
	}
	if (got.State == sale.Registered) != (executed == 1) {
		broken("I5: %s with %d registrations", got.State, executed)
	}
	if got.CashIn != 120_000 || got.CashOut != 0 {
		broken("I17: cash in %s, out %s", got.CashIn, got.CashOut)
	}
	if folded, err := sale.RulesOf(s.sandbox.Contract()).Fold(events); err != nil {
		broken("I8: the events do not fold: %w", err)
	} else if folded.State != got.State || folded.Version != got.Version || len(folded.Sends) != len(got.Sends) {
		broken("I8: the events fold to %s at %d, the store says %s at %d", folded.State, folded.Version, got.State, got.Version)
	}
	errs = append(errs, s.checkWire(o, events))
	return errors.Join(errs...)
}

// checkWire: I2 and I12, every register request that came in has a durable intent of the
// same ids and the same fingerprint, and no intent was sent twice.
func (s *shop) checkWire(o order, events []sale.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	intents := map[string]int{}
	for _, e := range events {
		if e.Kind == sale.SendPlanned {
			intents[string(e.Send.TransID)+" "+string(e.Send.PartnerTransID)+" "+string(e.Send.Fingerprint)]++
		}
	}
	for _, f := range s.received {
		if f.MSISDN != o.number {
			continue
		}
		sum, err := fingerprint(s.sandbox.Contract(), f)
		if err != nil {
			return err
		}
		intent := string(f.TransID) + " " + string(f.PartnerTransID) + " " + string(sum)
		if intents[intent]--; intents[intent] < 0 {
			errs = append(errs, errors.New("I2/I12: a register request without a durable intent of its own"))
		}
	}
	return errors.Join(errs...)
}

// fingerprint is what the client makes of the same request.
func fingerprint(c *contract.Contract, f contract.Fields) ([]byte, error) {
	f.OTP = partner.OTP{}
	canonical, err := c.Canonical(partner.OpRegister, f)
	return partner.Fingerprint(key("id"), bytes.Clone(canonical)), err
}
