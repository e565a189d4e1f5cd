package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// stateNamed reads a canonical state name as it stands in a document.
func stateNamed(name string) partner.State {
	switch name {
	case "INIT":
		return partner.StateInit
	case "PENDING":
		return partner.StatePending
	case "SUCCESS":
		return partner.StateSuccess
	case "FAILED":
		return partner.StateFailed
	case "EXPIRED":
		return partner.StateExpired
	case "CANCELLED":
		return partner.StateCancelled
	case "REVERSED":
		return partner.StateReversed
	}
	return partner.StateUnlisted
}

// compileStates fills both directions. Of several wire strings for one state the
// canonical name itself is written, else the first in byte order, so that the choice
// does not hang on the order of a map.
func (c *Contract) compileStates() {
	c.stateOf = map[string]partner.State{}
	c.wireState = map[partner.State]string{}
	for wire, name := range c.doc.States {
		state := stateNamed(name)
		c.stateOf[wire] = state
		old, taken := c.wireState[state]
		if !taken || wire == name || old != name && wire < old {
			c.wireState[state] = wire
		}
	}
}

// StateOf reads the partner's string for a transaction's state, exactly as written;
// one that the contract does not list is [partner.StateUnlisted].
func (c *Contract) StateOf(wire string) partner.State { return c.stateOf[wire] }

// WireState returns the string that is written for a state; "" when the contract has
// none.
func (c *Contract) WireState(s partner.State) string { return c.wireState[s] }
