package main

import "github.com/fptshop/mobifone-go/mobifone/sale"

// edge of the state machine that a sale may take (I8). It is written down from the
// design, not from the code.
type step struct{ from, to sale.State }

// allowedEdges is read only.
var allowedEdges = map[step]string{
	{sale.None, sale.Open}:              "the order",
	{sale.Open, sale.Paid}:              "the cash",
	{sale.Open, sale.Cancelled}:         "given up before cash",
	{sale.Paid, sale.OTPSent}:           "an OTP",
	{sale.Paid, sale.RefundDue}:         "given up",
	{sale.Paid, sale.Resolving}:         "given up with a send not cleared, or registered after all",
	{sale.Paid, sale.Review}:            "a row that contradicts",
	{sale.OTPSent, sale.Registering}:    "a send",
	{sale.OTPSent, sale.RefundDue}:      "given up",
	{sale.OTPSent, sale.Resolving}:      "given up with a send not cleared, or registered before it was sent",
	{sale.OTPSent, sale.Review}:         "a row that contradicts",
	{sale.Registering, sale.Registered}: "the partner said so",
	{sale.Registering, sale.OTPSent}:    "a wrong OTP, or nothing left",
	{sale.Registering, sale.Paid}:       "an expired or exhausted OTP",
	{sale.Registering, sale.RefundDue}:  "refused",
	{sale.Registering, sale.Resolving}:  "not known",
	{sale.Registering, sale.Review}:     "not known, and no lookup; or a row that contradicts",
	{sale.Resolving, sale.Registered}:   "found",
	{sale.Resolving, sale.RefundDue}:    "proven not registered",
	{sale.Resolving, sale.Paid}:         "proven not registered, to be tried again",
	{sale.Resolving, sale.OTPSent}:      "told late that nothing left",
	{sale.Resolving, sale.Review}:       "not to be decided",
	{sale.RefundDue, sale.Refunding}:    "claimed",
	{sale.RefundDue, sale.Registered}:   "found before the cash left",
	{sale.RefundDue, sale.Review}:       "a row that contradicts",
	{sale.Refunding, sale.Refunded}:     "paid out",
	{sale.Refunding, sale.Review}:       "found after the claim",
	{sale.Refunding, sale.RefundDue}:    "denied: the cash did not leave",
	{sale.Registered, sale.Review}:      "taken back, or registered twice",
	{sale.Refunded, sale.Review}:        "found after the refund",
	{sale.Review, sale.Registered}:      "decided",
	{sale.Review, sale.RefundDue}:       "decided",
	{sale.Review, sale.Refunded}:        "decided",
	{sale.Review, sale.Closed}:          "decided",
}
