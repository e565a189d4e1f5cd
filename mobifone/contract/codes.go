package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// anyOperation is the class map's key for the operations it does not name.
const anyOperation partner.Operation = "*"

// compileCodes finds a rule's index by each of its names once.
func (c *Contract) compileCodes() {
	c.byWire = map[string]int{}
	c.byName = map[partner.Code]int{}
	c.byStatus = map[int]int{}
	for i, r := range c.doc.Codes {
		c.byName[r.Name] = i
		for _, w := range r.Wire {
			c.byWire[w] = i
		}
		for _, s := range r.HTTPStatus {
			c.byStatus[s] = i
		}
	}
}

// Rule returns a copy of the code table's row for the partner's string. A code that
// is not listed has no row: its class is unknown for every operation.
func (c *Contract) Rule(wire string) (CodeRule, bool) {
	i, ok := c.byWire[wire]
	return c.ruleAt(i, ok)
}

// RuleNamed returns a copy of the row with the canonical name.
func (c *Contract) RuleNamed(name partner.Code) (CodeRule, bool) {
	i, ok := c.byName[name]
	return c.ruleAt(i, ok)
}

// RuleForStatus returns a copy of the row an HTTP status without an envelope stands
// for. For a call that moves money such a reply is Unknown whatever the row says.
func (c *Contract) RuleForStatus(status int) (CodeRule, bool) {
	i, ok := c.byStatus[status]
	return c.ruleAt(i, ok)
}

func (c *Contract) ruleAt(i int, ok bool) (CodeRule, bool) {
	if !ok {
		return CodeRule{}, false
	}
	return c.doc.Codes[i].clone(), true
}

// ClassOf returns what a rule means for an operation: the class it names for it, else
// the one for "*", else unknown. RATE_LIMITED is rejected for otp.request when the
// semantics say that it means "not executed".
//
// On register a rejection is proof only where [Semantics.RefusalIsFinal] promises it:
// something on the way may deliver a request twice, and the refusal may be the answer to
// the other copy.
func (c *Contract) ClassOf(op partner.Operation, r CodeRule) Class {
	class := r.Class[op]
	if class == "" {
		class = r.Class[anyOperation]
	}
	if class == "" {
		class = ClassUnknown
	}
	if class == ClassUnknown && op == partner.OpOTP && r.Name == partner.RateLimited &&
		c.doc.Semantics.TooManyRequestsMeansNotExecuted {
		return ClassRejected
	}
	return class
}

// RefusalOf is ThenOf for a code that refuses a registration, and empty for every other:
// one that says that an earlier request exists refuses nothing, since that one may succeed.
func (c *Contract) RefusalOf(name partner.Code) partner.Then {
	i, ok := c.byName[name]
	if !ok || c.ClassOf(partner.OpRegister, c.doc.Codes[i]) != ClassRejected {
		return ""
	}
	return c.ThenOf(name)
}

// ThenOf returns where a registration goes on after the code, once it is settled that
// nothing was registered: what its row says, else partner.ThenSameIDs for OTP_INVALID, else
// partner.ThenRefund if the row refuses a registration. It is empty for a code that is not listed
// or refuses nothing.
func (c *Contract) ThenOf(name partner.Code) partner.Then {
	i, ok := c.byName[name]
	if !ok || name == partner.Success {
		return ""
	}
	switch r := c.doc.Codes[i]; {
	case r.Then != "":
		return r.Then
	case name == partner.OTPInvalid:
		return partner.ThenSameIDs
	case c.ClassOf(partner.OpRegister, r) == ClassRejected:
		return partner.ThenRefund
	}
	return ""
}
