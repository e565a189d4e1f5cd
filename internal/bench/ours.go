// Our own contenders: the four operations through the public API, with everything that
// ships in a call, and once more with a limiter and hooks.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
	"golang.org/x/time/rate"
)

var errAnswer = errors.New("the answer is another one")

// idKey keys ids and fingerprints, as in a real shop.
var idKey = telco.NewSecret("bench-id-key-0123456789abcdef")

// sdk is a client and the calls of it.
type sdk struct{ client *mobifone.Client }

// newSDK makes a client; with no HTTP client it uses the transport that ships. It asks for
// one OTP, because a registration wants to know MobiFone's time.
func newSDK(ctx context.Context, base string, client *http.Client, opts ...mobifone.Option) (sdk, error) {
	if client != nil {
		opts = append(opts, mobifone.WithHTTPClient(client))
	}
	c, err := mobifone.New(mobifone.Config{
		BaseURL: base, PartnerCode: "FPT", Channel: "FPTSHOP",
		Credentials: mobifone.StaticCredentials(credentials), IDKey: idKey,
	}, opts...)
	if err != nil {
		return sdk{}, err
	}
	first, err := makeTickets(1)
	if err != nil {
		return sdk{}, err
	}
	return sdk{c}, sdk{c}.otp(ctx, &first[0])
}

// extras are a limiter that never makes anybody wait, and hooks that count.
func extras() []mobifone.Option {
	var tries, calls atomic.Int64
	return []mobifone.Option{
		mobifone.WithLimiter(mobifone.FromRate(rate.NewLimiter(1e9, 1e9))),
		mobifone.WithHooks(mobifone.Hooks{
			OnTry:  func(context.Context, telco.TryEvent) { tries.Add(1) },
			OnCall: func(context.Context, telco.CallEvent) { calls.Add(1) },
		}),
	}
}

func (s sdk) otp(ctx context.Context, t *ticket) error {
	got, err := s.client.OTP.Request(ctx, otp.Request{MSISDN: t.number, Package: code, Staff: staff})
	if err != nil {
		return err
	}
	if string(got.TransID) != t.digits || got.MobiFoneExpiresAt.IsZero() || got.Length != 6 {
		return errAnswer
	}
	return nil
}

func (s sdk) get(ctx context.Context, t *ticket) error {
	got, err := s.client.Transactions.Get(ctx, transactions.GetRequest{TransID: telco.TransID(t.trans)})
	if err != nil {
		return err
	}
	if tx := got.Transaction; string(tx.TransID) != t.trans || tx.Amount != price || tx.State != telco.StateSuccess || tx.UpdatedAt.IsZero() {
		return errAnswer
	}
	return nil
}

func (s sdk) eligible(ctx context.Context, t *ticket) error {
	got, err := s.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: t.number, Staff: staff})
	if err != nil {
		return err
	}
	if o := got.Offers; len(o) != 3 || o[2].Description != t.digits || !o[0].Eligible || !o[2].Eligible || o[0].Price == 0 {
		return errAnswer
	}
	return nil
}

// register makes the id as well: each registration has one of its own.
func (s sdk) register(ctx context.Context, t *ticket) error {
	id, err := s.client.NewPartnerTransID(shop, t.order, 1)
	if err != nil {
		return err
	}
	got, err := s.client.Registration.Register(ctx, registration.Request{
		MSISDN: t.number, Package: code, Amount: price, OfferPrice: price,
		TransID: telco.TransID(t.trans), PartnerTransID: id, OTP: t.otp, Staff: staff,
	})
	if err != nil {
		return err
	}
	if string(got.TransID) != t.trans || got.PartnerTransID != id || got.ExpiresAt.IsZero() || got.Resolved {
		return errAnswer
	}
	return nil
}

// contenders are the four operations, named.
func (s sdk) contenders(with string) []*contender {
	return []*contender{
		{name: "ours: otp.Request" + with, call: s.otp},
		{name: "ours: transactions.Get" + with, call: s.get},
		{name: "ours: packages.Eligible, 3 rows" + with, call: s.eligible},
		{name: "ours: registration.Register" + with, call: s.register},
	}
}

// pairs are the four operations: ours, ours with everything switched on (unless there is
// no such client), and the same by hand.
func pairs(h hand, bare sdk, full ...sdk) []*contender {
	var all []*contender
	for i, byHand := range h.contenders() {
		ours := bare.contenders("")[i]
		ours.beside = byHand
		all = append(all, ours)
		for _, more := range full {
			c := more.contenders(" + limiter, hooks")[i]
			c.beside = byHand
			all = append(all, c)
		}
		all = append(all, byHand)
	}
	all[0].done = func(ctx context.Context) {
		for _, s := range append(full, bare) {
			s.close(ctx)
		}
	}
	return all
}

func (s sdk) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.client.Close(ctx); err != nil {
		panic(fmt.Sprint("the client does not close: ", err))
	}
}
