// A ticket is what one call is about: a sale of its own, with a number, an order and ids
// that no other call of the run has. Tickets are made before the measuring begins.

package main

import (
	"fmt"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	shop     = "HN_001"
	employee = "nv.0042"
	pos      = "P2"
	code     = "C120"
	price    = 120_000
)

var staff = telco.Staff{Shop: shop, Employee: employee, POS: pos}

// ticket is one sale.
type ticket struct {
	order   string
	digits  string       // the number as it stands on the wire
	number  telco.MSISDN // the same
	trans   string       // MobiFone's id
	otp     telco.OTP
	scratch [32]byte
}

var ticketsMade atomic.Int64

func makeTickets(n int) ([]ticket, error) {
	otp, err := telco.ParseOTP("493817")
	if err != nil {
		return nil, err
	}
	all := make([]ticket, n)
	for i := range all {
		sale := ticketsMade.Add(1)
		t := &all[i]
		t.order = fmt.Sprintf("DH-2026-%08d", sale)
		t.trans = fmt.Sprintf("MBF20260301-%08d", sale)
		t.digits = fmt.Sprintf("8490%07d", sale%10_000_000)
		t.otp = otp
		if t.number, err = telco.ParseMSISDN("0" + t.digits[2:]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
