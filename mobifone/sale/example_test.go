package sale_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// A sale at the counter, over the sandbox and a store that forgets with the process. A shop
// gives it mobifone/sale/sqlstore instead.
func Example() {
	ctx := context.Background()
	srv, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(srv.Credentials()),
		IDKey:       telco.NewSecret("a key that never changes, of 16 bytes and more"),
	}, mobifone.WithContract(srv.Contract()))
	if err != nil {
		panic(err)
	}
	defer client.Close(ctx)
	desk, err := sale.NewDesk(sale.Config{Client: client, Store: sale.NewMemory()})
	if err != nil {
		panic(err)
	}

	customer := telco.MustParseMSISDN("0901234100")
	view, err := desk.Open(ctx, sale.Order{
		Shop: "HN01", ID: "DH-2026-1", MSISDN: customer, Package: "C120", Price: 120_000,
		Staff: telco.Staff{Shop: "HN01", Employee: "NV007", POS: "POS1"},
	}, "NV007")
	if err != nil {
		panic(err)
	}
	id := view.Sale.ID
	if _, err = desk.TakeCash(ctx, id, 120_000, "NV007"); err != nil {
		panic(err)
	}
	if _, err = desk.RequestOTP(ctx, id, "NV007"); err != nil {
		panic(err)
	}
	code, _ := srv.Code(customer) // the customer reads it out
	view, err = desk.Register(ctx, id, code, "NV007")
	fmt.Println(view.Sale.State, err, srv.Executed(customer))
	// Output: Registered <nil> 1
}

// A reply was lost: the sale does not know that it is registered. The day's statement tells it.
// The same run again finds nothing left to tell.
func ExampleReconcilable() {
	ctx := context.Background()
	srv, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(srv.Credentials()),
	}, mobifone.WithContract(srv.Contract()))
	if err != nil {
		panic(err)
	}
	defer client.Close(ctx)
	store := sale.NewMemory()
	desk, err := sale.NewDesk(sale.Config{Client: client, Store: store})
	if err != nil {
		panic(err)
	}
	sell(ctx, desk, srv, telco.MustParseMSISDN("0901234108")) // numbers x08: registered, no reply

	day := srv.Ledger()[0].CreatedAt // the day of the sale, by MobiFone's clock
	for range 2 {
		run, err := reconcile.Start(reconcile.Config{Day: day})
		if err != nil {
			panic(err)
		}
		if err = run.AddOurs(sale.Reconcilable(ctx, store, day.AddDate(0, 0, -7), time.Time{})); err != nil {
			panic(err)
		}
		if err = run.AddTheirsFile(ctx, bytes.NewReader(srv.Statement(day)), reconcile.FileOptions{}); err != nil {
			panic(err)
		}
		for finding, err := range run.Findings(ctx) {
			if err != nil {
				panic(err)
			}
			view, err := desk.ObserveFinding(ctx, finding)
			fmt.Println(finding.Kind, view.Sale.State, err)
		}
		fmt.Println(run.Summary().Balanced(), run.Close())
	}
	// Output:
	// NOW_KNOWN Registered <nil>
	// false <nil>
	// true <nil>
}

// sell takes a sale as far as its registration, whatever comes of it.
func sell(ctx context.Context, desk *sale.Desk, srv *sandbox.Server, customer telco.MSISDN) {
	view, err := desk.Open(ctx, sale.Order{
		Shop: "HN01", ID: "DH-2026-2", MSISDN: customer, Package: "C120", Price: 120_000,
		Staff: telco.Staff{Shop: "HN01", Employee: "NV007"},
	}, "NV007")
	if err != nil {
		panic(err)
	}
	id := view.Sale.ID
	if _, err = desk.TakeCash(ctx, id, 120_000, "NV007"); err != nil {
		panic(err)
	}
	if _, err = desk.RequestOTP(ctx, id, "NV007"); err != nil {
		panic(err)
	}
	code, _ := srv.Code(customer)
	_, _ = desk.Register(ctx, id, code, "NV007") // the sale keeps what is known
}
