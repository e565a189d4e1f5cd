package transactions_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/transactions"
)

// shop starts a MobiFone to sell to and returns a client of it. A real shop passes MobiFone's
// address and its own credentials instead.
func shop() (*sandbox.Server, *mobifone.Client) {
	sim, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	client, err := mobifone.New(mobifone.Config{
		BaseURL: sim.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(sim.Credentials()),
		IDKey:       telco.NewSecret("32 random bytes, kept for ever!!"),
	}, mobifone.WithContract(sim.Contract()))
	if err != nil {
		panic(err)
	}
	return sim, client
}

// asked makes MobiFone send an OTP, so that there is a transaction to look up.
func asked(client *mobifone.Client) telco.IDs {
	id, err := client.NewPartnerTransID("HN01", "DH-000001", 1)
	if err != nil {
		panic(err)
	}
	ticket, err := client.OTP.Request(context.Background(), otp.Request{
		MSISDN: telco.MustParseMSISDN("0908123456"), Package: "C120", PartnerTransID: id,
		Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"},
	})
	if err != nil {
		panic(err)
	}
	return telco.IDs{TransID: ticket.TransID, PartnerTransID: id}
}

// One transaction, by MobiFone's id.
func ExampleService_Get() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	ids := asked(client)

	result, err := client.Transactions.Get(context.Background(), transactions.GetRequest{TransID: ids.TransID})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Transaction.State, result.Transaction.Package, result.Transaction.MSISDN)

	_, err = client.Transactions.Get(context.Background(), transactions.GetRequest{TransID: "T-UNKNOWN"})
	if e, ok := errors.AsType[*telco.Error](err); ok {
		fmt.Println(e.Absent, !e.AbsentAt.IsZero()) // not found at that time: not yet a failure
	}
	// Output:
	// INIT C120 84*****456
	// true true
}

// Several registrations at once, complete or an error.
func ExampleService_LookUp() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	ids := asked(client)

	found, err := client.Transactions.LookUp(context.Background(), transactions.LookUpRequest{
		IDs: []telco.IDs{ids}, MSISDN: telco.MustParseMSISDN("0908123456"), Since: time.Now().Add(-time.Hour),
	})
	fmt.Println(len(found.Rows) > 0, err)
	// Output: true <nil>
}

// The transactions of a window. A window that is still open ends with a WindowOpenError.
func ExampleService_List() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	asked(client)

	list := client.Transactions.List(transactions.Query{From: time.Now().Add(-48 * time.Hour), To: time.Now().Add(-24 * time.Hour)})
	n := 0
	for tx, err := range list.All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tx.TransID)
		n++
	}
	fmt.Println(n, "yesterday")
	// Output: 0 yesterday
}

// The transactions of one subscriber, page by page.
func ExampleService_Search() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	asked(client)

	list := client.Transactions.Search(transactions.SearchQuery{
		MSISDN: telco.MustParseMSISDN("0908123456"), Query: transactions.Query{From: time.Now().Add(-time.Hour)},
	})
	page, err := list.Page(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tx := range page.Rows {
		fmt.Println(tx.Package, tx.State)
	}
	// Output: C120 INIT
}
