package otp_test

import (
	"context"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
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

// MobiFone sends the customer a code. Keep the ticket: the registration needs its transId.
func ExampleService_Request() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()

	customer := telco.MustParseMSISDN("0908123456")
	id, err := client.NewPartnerTransID("HN01", "DH-000001", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	ticket, err := client.OTP.Request(context.Background(), otp.Request{
		MSISDN: customer, Package: "C120", PartnerTransID: id, Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"},
	})
	if err != nil {
		fmt.Println(telco.ActionFor(err, true).Text.EN)
		return
	}
	code, _ := sim.Code(customer) // a real customer reads it from the phone
	fmt.Println(ticket.TransID != "", code)
	// Output: true [redacted]
}
