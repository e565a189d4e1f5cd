package mobifone_test

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
)

// connect returns a client of a MobiFone on loopback. A real shop passes MobiFone's address and its
// own credentials.
func connect(sim *sandbox.Server, opts ...mobifone.Option) (*mobifone.Client, error) {
	return mobifone.New(mobifone.Config{
		BaseURL: sim.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(sim.Credentials()),
	}, append(opts, mobifone.WithContract(sim.Contract()))...)
}

// ask asks what a subscriber may buy.
func ask(client *mobifone.Client) error {
	_, err := client.Packages.Eligible(context.Background(), packages.EligibleRequest{
		MSISDN: telco.MustParseMSISDN("0908123456"), Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"},
	})
	return err
}

// Hooks see each request and each call, without bodies and without personal data.
func ExampleWithHooks() {
	sim, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sim.Close() }()
	client, err := connect(sim, mobifone.WithHooks(mobifone.Hooks{
		OnTry:  func(_ context.Context, e telco.TryEvent) { fmt.Println("try", e.Try, e.HTTPStatus, e.Sent) },
		OnCall: func(_ context.Context, e telco.CallEvent) { fmt.Println(e.Operation, e.Outcome, e.Evidence.Sends) },
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(client))
	// Output:
	// try 1 200 true
	// packages.eligible succeeded 1
	// <nil>
}

// A limiter keeps the rate agreed with MobiFone. Tellers go first; the background lane is not
// starved.
func ExampleWithLimiter() {
	sim, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sim.Close() }()
	client, err := connect(sim, mobifone.WithLimiter(mobifone.FromRate(rate.NewLimiter(10, 5))))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(client), ask(client.Background()))
	// Output: <nil> <nil>
}

// Timeouts that are not set keep their defaults.
func ExampleWithTimeouts() {
	sim, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sim.Close() }()
	client, err := connect(sim, mobifone.WithTimeouts(mobifone.Timeouts{Register: 25 * time.Second}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Timeouts().Register, client.Timeouts().Read)
	// Output: 25s 10s
}
