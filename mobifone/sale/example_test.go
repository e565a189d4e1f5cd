package sale_test

import (
	"context"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
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
