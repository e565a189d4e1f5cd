package mobifone_test

import (
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The same order has the same id, on every machine and for ever; making it calls nobody.
func ExampleClient_NewPartnerTransID() {
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://api.example", PartnerCode: "FPT", Channel: "FPTSHOP",
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret("key"), Secret: telco.NewSecret("secret")}),
		IDKey:       telco.NewSecret("32 random bytes, kept for ever.."),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	first, err := client.NewPartnerTransID("S001", "DH-000001", 1)
	again, _ := client.NewPartnerTransID("S001", "DH-000001", 1)
	fmt.Println(first == again, first.IsValid(), err)

	// A dash that is not the ordinary one would make another id of what looks like one order.
	_, err = client.NewPartnerTransID("S001", "DH–000001", 1)
	fmt.Println(errors.Is(err, telco.InvalidInput))
	// Output:
	// true true <nil>
	// true
}
