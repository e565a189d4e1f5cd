package contract_test

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Every fault of a document is reported at once, with its place and what to do.
func ExampleNew() {
	doc := contract.Default().Document()
	doc.Operations[partner.OpOTP].Path = "partner/otp"
	doc.Semantics.ClockSkewMax = contract.Duration(-time.Second)
	delete(doc.Operations[partner.OpRegister].Request, "otp")

	_, err := contract.New(doc)
	for _, f := range contract.Faults(err) {
		fmt.Println(f.Path)
	}
	// Output:
	// $.operations["otp.request"].path
	// $.operations["registration.register"].request.otp
	// $.semantics.clockSkewMax
}

// A code means something for an operation; one that is not listed means nothing is known.
func ExampleContract_ClassOf() {
	c := contract.Default()
	for _, wire := range []string{"0000", "7001", "8001", "4711"} {
		rule, _ := c.Rule(wire)
		fmt.Println(wire, c.ClassOf(partner.OpRegister, rule))
	}
	// Output:
	// 0000 success
	// 7001 rejected
	// 8001 unknown
	// 4711 unknown
}

// What the partner has promised in writing replaces a pessimistic default.
func ExampleContract_WithSemantics() {
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) {
		delay := contract.Duration(5 * time.Minute)
		s.MaxExecutionDelay = &delay
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(time.Duration(*c.Semantics().MaxExecutionDelay))
	fmt.Println(contract.Default().Semantics().MaxExecutionDelay == nil)
	// Output:
	// 5m0s
	// true
}
