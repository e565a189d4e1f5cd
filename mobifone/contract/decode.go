package contract

import (
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// rowsMax bounds the rows of one answer, far above any page.
const rowsMax = 10_000

// Decode reads an answer strictly. Errors are of type [*DecodeError] and never hold
// the answer's bytes: not JSON, cut, duplicate keys, data after the end, wrong types,
// numbers that are not whole or do not fit, negative amounts, times in no known
// layout, no code, two code aliases or a success flag that contradict the code. Names
// are compared exactly. What is null is absent, but for a null list ([Data.HasRows]). One
// offer of packages.eligible that cannot be read fails alone ([Row.Fault]).
//
// A code in the envelope's success set has class success and the row named SUCCESS;
// one that is not listed has class unknown and a zero row. An operation the contract
// lacks is an error that wraps [partner.OperationAbsent].
func (c *Contract) Decode(op partner.Operation, body []byte) (*Reply, error) {
	e, err := c.endpoint(op)
	if err != nil {
		return nil, err
	}
	plan := &e.reply
	var t tree
	var fault *DecodeError
	if c.bodies != nil {
		plan = c.bodies.plan()
		t, fault = c.bodies.decode(op, body)
	} else {
		t, fault = parseReply(body)
	}
	if fault != nil {
		return nil, fault
	}
	out := &Reply{}
	if fault = c.readFrame(op, t, plan, out); fault != nil {
		return nil, fault
	}
	if fault = c.readData(op, t, plan, &out.Data); fault != nil {
		return nil, fault
	}
	return out, nil
}

// classify returns the row and class of a wire code. The row is the contract's own,
// not a copy: an answer is decoded on the path of every call.
func (c *Contract) classify(op partner.Operation, wire string) (CodeRule, Class) {
	if c.wire.success[wire] {
		if i, ok := c.byName[partner.Success]; ok {
			return c.doc.Codes[i], ClassSuccess
		}
		return CodeRule{Name: partner.Success}, ClassSuccess
	}
	i, ok := c.byWire[wire]
	if !ok {
		return CodeRule{}, ClassUnknown
	}
	return c.doc.Codes[i], c.ClassOf(op, c.doc.Codes[i])
}

func (c *Contract) readFrame(op partner.Operation, t tree, plan *replyPlan, out *Reply) *DecodeError {
	r := reader{c: c}
	f := &plan.frame
	if _, fault := r.agreed(t, f.code, func() { out.WireCode = r.ident() }); fault != nil {
		return fault
	}
	if out.WireCode == "" {
		return &DecodeError{Path: f.code[0].text, Problem: "no code"}
	}
	out.Rule, out.Class = c.classify(op, out.WireCode)

	flag := false
	has, fault := r.agreed(t, f.success, func() { flag = r.flag() })
	switch {
	case fault != nil:
		return fault
	case has && flag != (out.Class == ClassSuccess):
		return &DecodeError{Path: f.success[0].text, Problem: "contradicts the code"}
	}
	// Two texts for people may differ; the first one that says something wins.
	for i := range f.message {
		if out.Message != "" {
			break
		}
		if _, fault = r.agreed(t, f.message[i:i+1], func() { out.Message = r.sentence() }); fault != nil {
			return fault
		}
	}
	if _, fault = r.agreed(t, f.requestID, func() { out.RequestID = r.ident() }); fault != nil {
		return fault
	}
	_, fault = r.agreed(t, f.responseTime, func() { out.Time = r.time() })
	return fault
}

// agreed reads the value of aliases through set, which finds the node in r, and reports
// whether there was one. Each alias present must read well, and all must say the same.
func (r *reader) agreed(t tree, aliases []path, set func()) (bool, *DecodeError) {
	first := none
	for i := range aliases {
		p := &aliases[i]
		at, fault := t.follow(0, p.segs)
		if fault == nil && at != none {
			r.n = &t[at]
			set()
			switch {
			case r.problem != "":
				fault = &DecodeError{Problem: r.problem}
			case first == none:
				first = at
			case t[first].scalar() != t[at].scalar():
				fault = &DecodeError{Problem: "contradicts another name of the same field"}
			}
		}
		if fault != nil {
			fault.Path = p.text
			return false, fault
		}
	}
	return first != none, nil
}

func joinPath(prefix, text string) string {
	switch {
	case prefix == "":
		return text
	case text == "":
		return prefix
	}
	return prefix + "." + text
}
