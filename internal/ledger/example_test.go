package ledger_test

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A simulation drives the model with its own time.
func ExampleModel_Park() {
	m, err := ledger.New(ledger.Config{Kind: ledger.KindC})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f := field.Request{MSISDN: telco.MustParseMSISDN("0912345678"), Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}, Amount: 120_000}
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
