package telco_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func ExampleParseMSISDN() {
	m, err := telco.ParseMSISDN("+84 912 345 678")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m, m == telco.MustParseMSISDN("0912345678"))
	fmt.Println(m.Reveal("0"))

	_, err = telco.ParseMSISDN("12345")
	fmt.Println(err)
	// Output:
	// 84*****678 true
	// 0912345678
	// not sent: local.INVALID_INPUT: msisdn: not a Vietnamese mobile number; check it with the customer: 10 digits such as 09x xxx xxxx
}

// A phone number stays masked wherever it is printed, also inside other values.
func ExampleMSISDN() {
	order := struct {
		Customer telco.MSISDN
		private  telco.MSISDN
	}{Customer: telco.MustParseMSISDN("0912345678")}
	out, _ := json.Marshal(order)
	fmt.Println(string(out), order.private.IsValid())
	fmt.Printf("%v %d %q\n", order.Customer, order.Customer, order.Customer)
	// Output:
	// {"Customer":"84*****678"} false
	// 84*****678 84*****678 "84*****678"
}

func ExampleSecret() {
	key := telco.NewSecret("not for logs")
	fmt.Printf("%s %x %#v\n", key, key, key)
	fmt.Println(len(key.Reveal()))
	// Output:
	// [redacted] [redacted] telco.Secret([redacted])
	// 12
}

func ExampleVND() {
	fmt.Println(telco.VND(120_000))
	fmt.Println(telco.VND(-1_250_000))
	// Output:
	// 120.000 ₫
	// -1.250.000 ₫
}

// A check character catches what a person reads or types wrongly.
func ExampleParsePartnerTransID() {
	id, err := telco.ParsePartnerTransID("W1WK9-5R4A8-S65BX-BT7AA-D3D9Y")
	fmt.Println(id, err)

	_, err = telco.ParsePartnerTransID("X" + string(id[1:]))
	fmt.Println(errors.Is(err, telco.InvalidInput))
	// Output:
	// W1WK9-5R4A8-S65BX-BT7AA-D3D9Y <nil>
	// true
}

func ExampleOutcomeOf() {
	fmt.Println(telco.OutcomeOf(nil))
	fmt.Println(telco.OutcomeOf(&telco.Error{Outcome: telco.Rejected, Code: telco.Code("NOT_PREPAID")}))
	fmt.Println(telco.OutcomeOf(errors.New("connection reset")))
	// Output:
	// succeeded
	// rejected
	// unknown
}

func ExampleError() {
	left := 2
	var err error = &telco.Error{
		Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.OTPInvalid, WireCode: "7001", AttemptsLeft: &left,
	}
	err = fmt.Errorf("selling C120: %w", err)
	fmt.Println(err)
	fmt.Println(errors.Is(err, telco.OTPInvalid))
	if e, ok := errors.AsType[*telco.Error](err); ok && e.AttemptsLeft != nil {
		fmt.Println(*e.AttemptsLeft, "entries left")
	}
	// Output:
	// selling C120: registration.register: rejected: OTP_INVALID (code "7001")
	// true
	// 2 entries left
}

func ExampleActionFor() {
	refused := &telco.Error{
		Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.Code("NOT_PREPAID"),
		Text: telco.Text{VI: "Gói cước chỉ áp dụng cho thuê bao trả trước.", EN: "The package is for prepaid subscribers only."},
	}
	a := telco.ActionFor(refused, true)
	fmt.Println(a.Step)
	fmt.Println(a.Text.VI)

	lost := &telco.Error{Operation: telco.OpRegister, Code: telco.ReplyLost}
	a = telco.ActionFor(lost, true)
	fmt.Println(a.Step)
	fmt.Println(a.Text.EN)
	// Output:
	// return cash
	// Gói cước chỉ áp dụng cho thuê bao trả trước. Trả lại tiền cho khách.
	// hold
	// The result is not known yet. Take NO more money and do NOT register again; look it up later.
}

func ExampleText_Fill() {
	text := telco.Text{VI: "Mã OTP không đúng.[ Còn {n} lần nhập.]", EN: "Wrong OTP.[ {n} entries left.]"}
	fmt.Println(text.Fill(map[string]string{"n": "2"}).VI)
	fmt.Println(text.Fill(nil).VI)
	// Output:
	// Mã OTP không đúng. Còn 2 lần nhập.
	// Mã OTP không đúng.
}

func ExampleHandle() {
	h := telco.Handle{
		SendWindow: telco.SendWindow{IDs: telco.IDs{TransID: "T1", PartnerTransID: "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y"}},
		MSISDN:     telco.MustParseMSISDN("0912345678"), Package: "C120", Amount: 120_000,
	}
	saved, err := h.MarshalBinary() // before the send; holds the number: encrypt at rest
	if err != nil {
		fmt.Println(err)
		return
	}
	var later telco.Handle
	fmt.Println(later.UnmarshalBinary(saved), later)
	// Output: <nil> W1WK9-5R4A8-S65BX-BT7AA-D3D9Y T1 84*****678 C120 120.000 ₫
}

// What the customer reads out is kept in a value that never prints.
func ExampleParseOTP() {
	code, err := telco.ParseOTP(" 604 918 ")
	fmt.Println(code, err, len(code.Reveal()))

	_, err = telco.ParseOTP("120.000")
	fmt.Println(errors.Is(err, telco.InvalidInput))
	// Output:
	// [redacted] <nil> 6
	// true
}

// A note for MobiFone's inquiry desk shows the number masked and can be sent as it is.
func ExampleSupportNote() {
	handle := telco.Handle{
		SendWindow: telco.SendWindow{IDs: telco.IDs{TransID: "T1", PartnerTransID: "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y"}},
		MSISDN:     telco.MustParseMSISDN("0912345678"), Package: "C120", Amount: 120_000,
	}
	note := telco.SupportNote(&telco.Error{Operation: telco.OpRegister, Code: telco.ReplyLost, Handle: &handle})
	fmt.Print(note.EN) // note.VI says the same in Vietnamese
	// Output:
	// INQUIRY
	// Operation: registration.register
	// Outcome on our side: unknown
	// Code: local.REPLY_LOST
	// Subscriber: 84*****678
	// Package: C120
	// Amount: 120.000 ₫
	// MobiFone's transaction (transId): T1
	// Our transaction (partnerTransId): W1WK9-5R4A8-S65BX-BT7AA-D3D9Y
	// Software: mobifone-go/0.1.0
}
