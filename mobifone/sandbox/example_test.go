package sandbox_test

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// A test starts a partner, scripts what goes wrong, lets its own code sell, and asks in
// the end whether the customer was charged once.
func ExampleStart() {
	partnerSide, err := sandbox.Start(sandbox.Playing(sandbox.KindB))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer partnerSide.Close()

	// The reply to the next registration is lost after it was carried out.
	err = partnerSide.Script(sandbox.Fault{Operation: partner.OpRegister, Kind: sandbox.Drop, Reset: true})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Here the code under test sells, with partnerSide.URL, partnerSide.Credentials()
	// and partnerSide.Contract(), or without a socket with partnerSide.RoundTripper().

	customer := partner.MustParseMSISDN("0912 345 678")
	fmt.Println("registered:", partnerSide.Executed(customer))
	fmt.Println("still to go wrong:", len(partnerSide.Scripted()))
	// Output:
	// registered: 0
	// still to go wrong: 1
}

// A simulation drives the model with its own time.
func ExampleModel_Park() {
	m, err := sandbox.NewModel(sandbox.Config{Kind: sandbox.KindC})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f := field.Request{MSISDN: partner.MustParseMSISDN("0912345678"), Package: "C120", Shop: "FPT001", Employee: "E01", Amount: 120_000}
	f.TransID = m.RequestOTP(now, f).Data.TransID
	f.OTP = m.Inbox(f.MSISDN)[0].OTP

	// The request is stuck on its way for an hour: until then nobody sees anything of it.
	m.Park(now, now.Add(time.Hour), f)
	look := field.Request{TransID: f.TransID}
	fmt.Println(m.Get(now.Add(59*time.Minute), look).Data.Rows[0].State)
	fmt.Println(m.Get(now.Add(time.Hour), look).Data.Rows[0].State)
	fmt.Println(m.Executed(f.MSISDN))
	// Output:
	// INIT
	// SUCCESS
	// 1
}
