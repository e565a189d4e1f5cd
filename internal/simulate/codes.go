package main

import (
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// verdict is what the client makes of a code in a well-formed reply to a registration. It
// mirrors internal/transport and sale.ClientPartner; a test holds the table against the
// real client.
type verdict struct {
	outcome partner.Outcome
	refusal bool
	notOurs bool
}

// codeTable is the verdict of every code, made from the contract once.
type codeTable struct {
	verdicts  map[partner.Code]verdict
	retrySame map[partner.Code]bool
	otp       map[partner.Code]partner.Outcome
	byWire    map[string]partner.Code
}

func newCodeTable(c *contract.Contract) *codeTable {
	t := &codeTable{
		verdicts: map[partner.Code]verdict{}, retrySame: map[partner.Code]bool{},
		otp: map[partner.Code]partner.Outcome{}, byWire: map[string]partner.Code{},
	}
	limitedMeansNot := c.Semantics().TooManyRequestsMeansNotExecuted
	for _, rule := range c.Document().Codes {
		for _, w := range rule.Wire {
			t.byWire[w] = rule.Name
		}
		t.retrySame[rule.Name] = rule.Resend == contract.ResendSameIDs
		rejected := c.ClassOf(partner.OpRegister, rule) == contract.ClassRejected
		var v verdict
		switch rule.Name {
		case partner.Success:
			v.outcome = partner.Succeeded
		case partner.RateLimited:
			v.refusal = limitedMeansNot
		case partner.TransactionConflict, partner.TransactionExpired:
			v.refusal = true
		case partner.OTPInvalid, partner.OTPExpired, partner.OTPAttemptsExceeded:
			v.refusal = rejected
			if rejected {
				v.outcome = partner.Rejected
			}
		default:
			v.refusal = rejected
			if rejected && rule.NotOurs {
				v.outcome, v.notOurs = partner.Rejected, true
			}
		}
		t.verdicts[rule.Name] = v
		if c.ClassOf(partner.OpOTP, rule) == contract.ClassRejected {
			t.otp[rule.Name] = partner.Rejected
		}
	}
	return t
}

// result makes what the desk gets of a well-formed reply.
func (t *codeTable) result(a contract.Answer, f contract.Fields) sale.SendResult {
	v, listed := t.verdicts[a.Code]
	if !listed {
		return unreadable(partner.SystemError)
	}
	if a.Code == partner.Success {
		return sale.SendResult{Outcome: partner.Succeeded, Receipt: &sale.Receipt{
			TransID: f.TransID, PartnerTransID: f.PartnerTransID,
			RegisteredAt: a.Data.RegisteredAt.UTC(), EffectiveFrom: a.Data.EffectiveFrom.UTC(), ExpiresAt: a.Data.ExpiresAt.UTC(),
		}}
	}
	return sale.SendResult{
		Outcome: v.outcome, Code: a.Code, Refusal: v.refusal, NotOurs: v.notOurs,
		Err: &partner.Error{Operation: partner.OpRegister, Outcome: v.outcome, Code: a.Code, WireCode: string(a.Code), AttemptsLeft: a.Data.AttemptsLeft},
	}
}

// unreadable is a send that left and whose reply says nothing.
func unreadable(code partner.Code) sale.SendResult {
	return sale.SendResult{Code: code, Err: &partner.Error{Operation: partner.OpRegister, Code: code}}
}

// stayed is a send of which no byte left.
func stayed(code partner.Code) sale.SendResult {
	return sale.SendResult{
		Outcome: partner.NotSent, Code: code,
		Err: &partner.Error{Operation: partner.OpRegister, Outcome: partner.NotSent, Code: code},
	}
}

// limitedContract is the same partner, whose 429 promises that nothing was executed.
func limitedContract(c *contract.Contract) *contract.Contract {
	limited, err := c.WithSemantics(func(s *contract.Semantics) { s.TooManyRequestsMeansNotExecuted = true })
	if err != nil {
		panic(err)
	}
	return limited
}
