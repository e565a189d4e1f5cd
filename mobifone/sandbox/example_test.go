package sandbox_test

import (
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A test starts a MobiFone, scripts what goes wrong, lets its own code sell, and asks in
// the end whether the customer was charged once.
func ExampleStart() {
	mobifone, err := sandbox.Start(sandbox.Config{Kind: "B"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mobifone.Close()

	// The reply to the next registration is lost after it was carried out.
	err = mobifone.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop", Reset: true})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Here the code under test sells, with mobifone.URL, mobifone.Credentials()
	// and mobifone.Contract(), or without a socket with mobifone.RoundTripper().

	customer := telco.MustParseMSISDN("0912 345 678")
	fmt.Println("registered:", mobifone.Executed(customer))
	fmt.Println("still to go wrong:", len(mobifone.Scripted()))
	// Output:
	// registered: 0
	// still to go wrong: 1
}
