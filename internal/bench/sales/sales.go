// Package sales makes the events of whole sales, as a desk stores them, for the benchmarks
// of stores.
package sales

import (
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Rules are those of a contract as it is assumed.
var Rules = sale.Rules{
	LookupLagMax: time.Minute, ClockSkewMax: 30 * time.Second, SettleMargin: 30 * time.Second,
	Hold: 1000 * time.Hour, ResendAfter: time.Minute, OTPPatience: time.Minute,
	AlarmAfter: 2 * time.Hour, OpenFor: 24 * time.Hour,
}

// Ring returns keys for a store. They are constants: what is stored here is nobody's data.
func Ring() sqlstore.Keyring {
	// Keys are 32 bytes; these open nothing.
	key := func(name string) telco.Secret { return telco.NewSecret(fmt.Sprintf("%-32s", name)) }
	return sqlstore.Keyring{Keys: map[string]telco.Secret{"k": key("cipher")}, Current: "k", BusyKey: key("busy")}
}

// client makes the partnerTransIds of all sales and calls nobody. The same sale has the same ids
// in every run.
var client = sync.OnceValues(func() (*mobifone.Client, error) {
	return mobifone.New(mobifone.Config{
		BaseURL: "https://mobifone.invalid", PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(telco.Credentials{}), IDKey: telco.NewSecret("resume-benchmark-key"),
	})
})

// NewID returns the id of an attempt to sell.
func NewID(shop, order string, attempt int) (telco.PartnerTransID, error) {
	c, err := client()
	if err != nil {
		return "", err
	}
	return c.NewPartnerTransID(shop, order, attempt)
}

// Events returns what happens in the i-th sale, every event at the given time. The last event is
// the outcome of the registration. A sale that does not come to rest ends in Unknown.
func Events(i int, at time.Time, rests bool) ([]sale.Event, error) {
	order := fmt.Sprintf("BENCH-%d", i)
	id, err := NewID("HN01", order, 1)
	if err != nil {
		return nil, err
	}
	number, err := telco.ParseMSISDN(fmt.Sprintf("09%08d", i))
	if err != nil {
		return nil, err
	}
	return EventsOf(sale.Order{
		Shop: "HN01", ID: order, MSISDN: number, Package: "C120", Price: 120_000,
		Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"},
	}, telco.IDs{TransID: telco.TransID(fmt.Sprintf("T%d", i)), PartnerTransID: id}, at, rests), nil
}

// EventsOf returns the events of an order's sale under these ids.
func EventsOf(order sale.Order, ids telco.IDs, at time.Time, rests bool) []sale.Event {
	events := []sale.Event{
		{Kind: "opened", PartnerTransID: ids.PartnerTransID, Order: &order},
		{Kind: "cash-taken", Amount: order.Price},
		{Kind: "otp-asked"},
		{Kind: "otp-sent", Ticket: &sale.HeldOTP{TransID: ids.TransID, ExpiresAt: at.Add(3 * time.Minute)}},
		{Kind: "looked-up", Lookup: &sale.Lookup{At: at}},
		{Kind: "send-planned", Intent: &sale.Intent{
			SendWindow: telco.SendWindow{
				IDs: ids, PreparedAt: at, SendBy: at.Add(20 * time.Second),
			},
			Attempt: 1, At: at, WakeAt: at.Add(time.Minute), Fingerprint: make([]byte, 32),
		}},
		{Kind: "send-ended", Outcome: telco.Succeeded, Receipt: &sale.Registration{TransID: ids.TransID, PartnerTransID: ids.PartnerTransID}},
	}
	// An outcome that is not known leaves the sale open, to be resolved.
	if !rests {
		events[len(events)-1] = sale.Event{Kind: "send-ended", Outcome: telco.Unknown, Code: telco.ReplyLost}
	}
	for j := range events {
		events[j].At = at
	}
	return events
}

// Change is what stores a whole sale at once.
func Change(events []sale.Event) (sale.Change, error) {
	var s sale.Sale
	var err error
	for _, event := range events {
		if s, _, err = Rules.Step(s, event); err != nil {
			return sale.Change{}, err
		}
	}
	c := sale.Change{SaleID: s.ID, Events: events, State: s}
	if s.State != sale.Registered { // a sale that came to rest holds nobody
		c.Claim = sale.AddClaim
	}
	return c, nil
}
