package registration_test

import (
	"context"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
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

// order asks for an OTP and returns the registration that the customer's code allows.
func order(sim *sandbox.Server, client *mobifone.Client, orderID string) registration.Request {
	customer, staff := telco.MustParseMSISDN("0908123456"), telco.Staff{Shop: "HN01", Employee: "GDV07"}
	id, err := client.NewPartnerTransID("HN01", orderID, 1)
	if err != nil {
		panic(err)
	}
	ticket, err := client.OTP.Request(context.Background(), otp.Request{
		MSISDN: customer, Package: "C120", PartnerTransID: id, Staff: staff,
	})
	if err != nil {
		panic(err)
	}
	code, _ := sim.Code(customer)
	return registration.Request{
		MSISDN: customer, Package: "C120", Amount: 120_000, OfferPrice: 120_000,
		TransID: ticket.TransID, PartnerTransID: id, OTP: code, OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: staff,
	}
}

// Register sends once. Its error says whether to give the cash back or to wait.
func ExampleService_Register() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	req := order(sim, client, "DH-000001")

	receipt, err := client.Registration.Register(context.Background(), req)
	fmt.Println(telco.OutcomeOf(err), telco.ActionFor(err, true).Step)
	fmt.Println(receipt.PartnerTransID == req.PartnerTransID, sim.Executed(req.MSISDN))
	// Output:
	// succeeded give service
	// true 1
}

// A shop that must survive a crash saves the handle before the first byte leaves.
func ExampleService_Prepare() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	ctx := context.Background()

	draft, err := client.Registration.Prepare(ctx, order(sim, client, "DH-000002"))
	if err != nil {
		fmt.Println(err)
		return
	}
	saved, err := draft.Handle().MarshalBinary() // it holds the number: encrypt it at rest
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = draft.Send(ctx)
	fmt.Println(len(saved) > 0, telco.OutcomeOf(err))
	_, err = draft.Send(ctx) // a draft sends once
	fmt.Println(telco.OutcomeOf(err), sim.Requests(telco.OpRegister))
	// Output:
	// true succeeded
	// unknown 1
}

// The reply is lost. Resolve looks up what became of the registration and sends nothing.
func ExampleService_Resolve() {
	sim, client := shop()
	defer func() { _ = sim.Close() }()
	ctx := context.Background()
	req := order(sim, client, "DH-000003")
	if err := sim.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"}); err != nil {
		fmt.Println(err)
		return
	}

	draft, err := client.Registration.Prepare(ctx, req)
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := draft.Handle()
	_, err = draft.Send(ctx)
	fmt.Println(telco.OutcomeOf(err), telco.ActionFor(err, true).Step)

	receipt, err := client.Registration.Resolve(ctx, handle)
	fmt.Println(telco.OutcomeOf(err), receipt.PartnerTransID == req.PartnerTransID, sim.Executed(req.MSISDN))
	// Output:
	// unknown hold
	// succeeded true 1
}
