package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

var rules = sale.Rules{
	LookupLagMax: time.Minute, ClockSkewMax: 30 * time.Second, SettleMargin: 30 * time.Second,
	Hold: 1000 * time.Hour, ResendAfter: time.Minute, OTPPatience: time.Minute,
	AlarmAfter: 2 * time.Hour, OpenFor: 24 * time.Hour,
}

func ring() sqlstore.Keyring {
	key := func(name string) partner.Secret { return partner.NewSecret(fmt.Sprintf("%-32s", name)) }
	return sqlstore.Keyring{Keys: map[string]partner.Secret{"k": key("cipher")}, Current: "k", BusyKey: key("busy")}
}

var ids = partner.NewIDMaker(partner.NewSecret("resume-benchmark-key"), "FPT")

func newID(shop, order string, attempt int) (partner.PartnerTransID, error) {
	return ids.ID(shop, order, attempt)
}

// fill stores sales by the events a real one has: n that came to rest, then the open ones.
func fill(ctx context.Context, file string, n int) error {
	store, err := sqlstore.Open(ctx, file, ring())
	if err != nil {
		return err
	}
	const writers = 64
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n+open && errs[w] == nil; i += writers {
				errs[w] = storeOne(ctx, store, i, i < n)
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), store.Close())
}

func storeOne(ctx context.Context, store sale.Store, i int, rests bool) error {
	order := fmt.Sprintf("BENCH-%d", i)
	id, err := newID("HN01", order, 1)
	if err != nil {
		return err
	}
	number, err := partner.ParseMSISDN(fmt.Sprintf("09%08d", i))
	if err != nil {
		return err
	}
	at := time.Now().UTC().Add(-time.Hour)
	trans := partner.TransID(fmt.Sprintf("T%d", i))
	events := []sale.Event{
		{Kind: sale.Opened, PartnerTransID: id, Order: &sale.Order{
			Shop: "HN01", ID: order, MSISDN: number, Package: "C120", Price: 120_000,
			Staff: partner.Staff{Shop: "HN01", Employee: "GDV07"},
		}},
		{Kind: sale.CashTaken, Amount: 120_000},
		{Kind: sale.OTPAsked},
		{Kind: sale.OTPSentEvent, Ticket: &sale.Ticket{TransID: trans, ExpiresAt: at.Add(3 * time.Minute)}},
		{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: at}},
		{Kind: sale.SendPlanned, Intent: &sale.Intent{
			Intent: partner.Intent{
				IDs:        partner.IDs{TransID: trans, PartnerTransID: id},
				PreparedAt: at, SendBy: at.Add(20 * time.Second),
			},
			Attempt: 1, At: at, WakeAt: at.Add(time.Minute), Fingerprint: make([]byte, 32),
		}},
		{Kind: sale.SendEnded, Outcome: partner.Succeeded, Receipt: &sale.Receipt{TransID: trans, PartnerTransID: id}},
	}
	if !rests {
		events[len(events)-1] = sale.Event{Kind: sale.SendEnded, Outcome: partner.Unknown, Code: partner.ReplyLost}
	}
	var s sale.Sale
	for j := range events {
		events[j].At = at
		if s, _, err = rules.Step(s, events[j]); err != nil {
			return err
		}
	}
	claim := sale.KeepClaim
	if !rests {
		claim = sale.AddClaim
	}
	return store.Apply(ctx, sale.Change{SaleID: s.ID, Events: events, State: s, Claim: claim})
}
