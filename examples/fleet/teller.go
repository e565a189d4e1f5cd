package main

// This file is a teller with a customer. The teller does what the screen allows, walks off from a sale
// that has to wait, comes back to it, and remembers what the desk said was done. With that memory the
// judge sees what the store acknowledged and does not have; the store alone cannot tell of that.

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
)

// teller sells in a shop, one customer at a time.
type teller struct {
	*shop

	staff  telco.Staff
	chance *mathrand.Rand
}

// newTeller makes the n-th teller of a shop, counted from 0.
func newTeller(s *shop, n int) *teller {
	return &teller{
		shop: s, chance: mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())), //nolint:gosec // customers, not keys
		staff: telco.Staff{Shop: s.Shop, Employee: fmt.Sprintf("GDV%02d", n+1), POS: fmt.Sprintf("P%d", n+1)},
	}
}

// work serves customers: first those of the shop whose sale can go on, then a new one.
func (t *teller) work(ctx context.Context) {
	for {
		open, err := t.store.Find(ctx, sale.Filter{Shop: t.Shop, States: unfinished})
		if err != nil {
			t.failed.Add(1)
			if !pause(ctx, time.Second) {
				return
			}
			continue
		}
		served := t.goOn(ctx, open)
		switch {
		case t.resting.Load() && len(open) == 0:
			return
		case !t.resting.Load() && len(open) < 40: // no shop has more customers who wait
			t.serveNew(ctx)
		case served == 0 && !pause(ctx, 500*time.Millisecond):
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// goOn goes on with one of the open sales that wait for a person, and reports whether it found one (1)
// or none (0). A sale that moved just now is left to whoever moved it.
func (t *teller) goOn(ctx context.Context, open []sale.Summary) (served int) {
	for _, s := range open {
		switch s.State {
		case sale.Registering, sale.Resolving: // the desk's driver moves them
			continue
		default:
		}
		if time.Since(s.UpdatedAt) < 2*time.Second || !t.take(s.ID) {
			continue
		}
		moved := t.walk(ctx, s.ID)
		t.give(s.ID)
		if moved {
			return 1
		}
	}
	return 0
}

// serveNew asks what a customer may buy, and sells it.
func (t *teller) serveNew(ctx context.Context) {
	number := t.customer()
	eligible, err := t.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: number, Staff: t.staff})
	if err != nil {
		t.failed.Add(1)
		pause(ctx, 200*time.Millisecond)
		return
	}
	for _, offer := range eligible.Offers {
		if !offer.Eligible || t.chance.IntN(2) == 0 {
			continue
		}
		view, err := t.desk.Open(ctx, sale.Order{
			Shop: t.Shop, ID: "DH-" + rand.Text(), MSISDN: number, Package: offer.Code, Price: offer.Price, Staff: t.staff,
		}, t.staff.Employee)
		if err != nil {
			t.failed.Add(1)
			pause(ctx, 200*time.Millisecond)
			return
		}
		t.till.note(act{Sale: view.Sale.ID})
		if t.take(view.Sale.ID) {
			t.walk(ctx, view.Sale.ID)
			t.give(view.Sale.ID)
		}
		return
	}
}

// customer returns a number whose last digits choose what MobiFone does, see package sandbox: most
// succeed; replies are lost, codes are wrong, registrations fail later.
func (t *teller) customer() telco.MSISDN {
	var last int
	switch roll := t.chance.IntN(100); {
	case roll < 4:
		last = 408 // registered, no reply
	case roll < 8:
		last = 409 // not registered, no reply
	case roll < 10:
		last = 406 // every code is wrong
	case roll < 12:
		last = 401 + t.chance.IntN(2) // pending, then success or failure
	default:
		last = 410 + t.chance.IntN(90)
	}
	return telco.MustParseMSISDN(fmt.Sprintf("091%04d%03d", t.chance.IntN(10_000), last))
}

// walk does one act after the other for as long as the customer need not wait, and reports
// whether it did any.
func (t *teller) walk(ctx context.Context, id string) (moved bool) {
	for wrong := 0; ctx.Err() == nil; moved = true {
		view, err := t.desk.Look(ctx, id)
		if err != nil {
			t.failed.Add(1)
			pause(ctx, 200*time.Millisecond)
			return moved
		}
		if !view.WaitUntil.IsZero() && time.Until(view.WaitUntil) > time.Second {
			return moved
		}
		switch done, err := t.act(ctx, view, wrong); {
		case done:
			return true
		case errors.Is(err, telco.OTPInvalid):
			wrong++
		case err != nil:
			t.failed.Add(1)
			pause(ctx, 200*time.Millisecond)
			return moved
		}
	}
	return moved
}

// act does what the state of the sale asks of a person. done is true when it asks for nothing. wrong is
// how often the customer's code was refused.
func (t *teller) act(ctx context.Context, v sale.View, wrong int) (done bool, err error) {
	id, by := v.Sale.ID, t.staff.Employee
	switch v.Sale.State {
	case sale.Open:
		if t.chance.IntN(30) == 0 { // the customer has no cash
			_, err = t.desk.Cancel(ctx, id, by)
		} else {
			err = t.takeCash(ctx, id, v.Sale.Order.Price)
		}
	case sale.Paid:
		if len(v.Sale.Intents) > 0 || v.Sale.Attempt > 1 { // it did not work: the customer wants the cash back
			_, err = t.desk.Abandon(ctx, id, by)
		} else {
			_, err = t.desk.RequestOTP(ctx, id, by)
		}
	case sale.OTPSent:
		err = t.register(ctx, v, wrong)
	case sale.RefundDue:
		_, err = t.desk.ClaimRefund(ctx, id, by)
	case sale.Refunding:
		if _, err = t.desk.ConfirmRefund(ctx, id, by); err == nil {
			t.refunded.Add(1)
			t.till.note(act{Sale: id, Out: v.Sale.Order.Price})
		}
	case sale.Registered:
		t.sold.Add(1)
		return true, nil
	default:
		return true, nil
	}
	return false, err
}

// takeCash takes the price, and notes it once the store has it.
func (t *teller) takeCash(ctx context.Context, id string, price telco.VND) error {
	_, err := t.desk.TakeCash(ctx, id, price, t.staff.Employee)
	if err == nil {
		t.till.note(act{Sale: id, In: price})
	}
	return err
}

// register types what the customer reads out. After three wrong codes, or when the code has run
// out, the customer gives up.
func (t *teller) register(ctx context.Context, v sale.View, wrong int) error {
	otp, err := t.readOut(ctx, v.Sale.Order.MSISDN)
	if err != nil || wrong >= 3 || v.Sale.Ticket == nil || v.Sale.Ticket.RunOut || len(v.Sale.Intents) > 2 {
		_, err = t.desk.Abandon(ctx, v.Sale.ID, t.staff.Employee)
		return err
	}
	_, err = t.desk.Register(ctx, v.Sale.ID, otp, t.staff.Employee)
	return err
}

// readOut returns the code of the newest SMS on the customer's phone. The phone is on no shop's network,
// so no proxy is before it.
func (t *teller) readOut(ctx context.Context, number telco.MSISDN) (telco.OTP, error) {
	question, err := json.Marshal(map[string]string{"msisdn": number.Reveal("0")})
	if err != nil {
		return telco.OTP{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Phone+"/_sandbox/inbox", bytes.NewReader(question))
	if err != nil {
		return telco.OTP{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := t.phone.Do(req)
	if err != nil {
		return telco.OTP{}, err
	}
	defer resp.Body.Close()
	var messages []struct {
		OTP string `json:"otp"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&messages); err != nil {
		return telco.OTP{}, err
	}
	if len(messages) == 0 {
		return telco.OTP{}, errors.New("no SMS")
	}
	return telco.ParseOTP(messages[len(messages)-1].OTP)
}

// act is what was done: a sale was opened, cash came in, cash went out. It is noted after the desk
// said that it is stored.
type act struct {
	Sale string    `json:"sale"`
	In   telco.VND `json:"in,omitempty"`
	Out  telco.VND `json:"out,omitempty"`
}

// till keeps acts until they are handed over to the fleet.
type till struct {
	mu   sync.Mutex
	acts []act
}

// note keeps an act.
func (t *till) note(a act) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acts = append(t.acts, a)
}

// hand returns what was noted since it was last called.
func (t *till) hand() []act {
	t.mu.Lock()
	defer t.mu.Unlock()
	acts := t.acts
	t.acts = nil
	return acts
}
