package packages_test

import (
	"context"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
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

// What may this subscriber buy, and what does the teller say about it?
func ExampleService_Eligible() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()

	answer, err := client.Packages.Eligible(context.Background(), packages.EligibleRequest{
		MSISDN: telco.MustParseMSISDN("0908123456"),
		Staff:  telco.Staff{Shop: "HN01", Employee: "GDV07"},
	})
	if err != nil {
		fmt.Println(telco.ActionFor(err, false).Text.EN)
		return
	}
	offer, ok := answer.Offer("C120")
	fmt.Println(ok, offer.Eligible, offer.Price)
	for _, d := range offer.CatalogDiffers {
		fmt.Println(d) // MobiFone prevails; show it to whoever keeps the catalog
	}
	pkg := client.Packages.Describe(offer)
	fmt.Println(pkg.CycleDays, "days,", pkg.DataMBPerDay, "MB each day")
	// Output:
	// true true 120.000 ₫
	// 30 days, 4096 MB each day
}
