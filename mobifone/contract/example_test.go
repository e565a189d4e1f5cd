package contract_test

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Every problem of a document is reported at once, with its place and what to do.
func ExampleNew() {
	doc := contract.Default().Document()
	doc.Operations[telco.OpOTP].Path = "partner/otp"
	doc.Semantics.ClockSkewMax = contract.Duration(-time.Second)
	delete(doc.Operations[telco.OpRegister].Request, "otp")

	_, err := contract.New(doc)
	for _, f := range contract.Problems(err) {
		fmt.Println(f.Path)
	}
	// Output:
	// $.operations["otp.request"].path
	// $.operations["registration.register"].request.otp
	// $.semantics.clockSkewMax
}

// A code means something for an operation.
func ExampleDocument_ClassOf() {
	doc := contract.Default().Document()
	for i := range doc.Codes[:3] {
		rule := &doc.Codes[i]
		fmt.Println(rule.Name, doc.ClassOf(telco.OpRegister, rule))
	}
	// Output:
	// SUCCESS success
	// PROCESSING unknown
	// DUPLICATE_TRANSACTION unknown
}

// What MobiFone has promised in writing replaces a pessimistic default.
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
