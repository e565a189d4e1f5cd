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
// the one for "*", else unknown. RATE_LIMITED is rejected for otp.request and
// registration.register when the semantics say that it means "not executed".
//
// It is the table's word alone. On register a rejection whose rule is not NotOurs may
// still be the echo of our own success, and the transport answers Unknown for it
// (design R5).
func (c *Contract) ClassOf(op partner.Operation, r CodeRule) Class {
	class := r.Class[op]
	if class == "" {
		class = r.Class[anyOperation]
	}
	if class == "" {
		class = ClassUnknown
	}
	writes := op == partner.OpOTP || op == partner.OpRegister
	if class == ClassUnknown && writes && r.Name == partner.RateLimited &&
		c.doc.Semantics.TooManyRequestsMeansNotExecuted {
		return ClassRejected
	}
	return class
}
