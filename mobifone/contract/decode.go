package contract

import (
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// rowsMax bounds the rows of one answer, far above any page.
const rowsMax = 10_000

// Decode reads an answer strictly. Errors are of type [*DecodeError] and never hold
// the answer's bytes: not JSON, cut, duplicate keys, data after the end, wrong types,
// numbers that are not whole or do not fit, negative amounts, times in no known
// layout, no code, two code aliases or a success flag that contradict the code. Names
// are compared exactly. What is null is absent.
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
	if c.codec != nil {
		plan = &c.wire.codecReply
		t, fault = c.decodeCodec(op, body)
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
	if fault = c.readData(t, plan, &out.Data); fault != nil {
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
	at, fault := t.agreed(&r, f.code, func() string { return r.ident() })
	switch {
	case fault != nil:
		return fault
	case at == none || t[at].text == "":
		return &DecodeError{Path: f.code[0].text, Problem: "no code"}
	}
	out.WireCode = t[at].text
	out.Rule, out.Class = c.classify(op, out.WireCode)

	at, fault = t.agreed(&r, f.success, func() string { return strconv.FormatBool(r.flag()) })
	if fault != nil {
		return fault
	}
	if at != none {
		r.n = &t[at]
		if r.flag() != (out.Class == ClassSuccess) {
			return &DecodeError{Path: f.success[0].text, Problem: "contradicts the code"}
		}
	}
	// Two texts for people may differ; the first one present wins.
	for _, p := range f.message {
		if fault = read(&r, t, 0, p, "", func() { out.Message = r.sentence() }); fault != nil {
			return fault
		}
		if out.Message != "" {
			break
		}
	}
	at, fault = t.agreed(&r, f.requestID, func() string { return r.ident() })
	if fault != nil {
		return fault
	}
	if at != none {
		out.RequestID = t[at].text
	}
	at, fault = t.agreed(&r, f.responseTime, func() string { return r.time().UTC().String() })
	if fault != nil {
		return fault
	}
	if at != none {
		r.n = &t[at]
		out.Time = r.time()
	}
	return nil
}

// agreed finds the value of aliases: each one present must read well, and all must
// read the same.
func (t tree) agreed(r *reader, aliases []path, as func() string) (int32, *DecodeError) {
	found, value := none, ""
	for _, p := range aliases {
		at, fault := t.follow(0, p.segs)
		if fault == nil && at != none {
			r.n = &t[at]
			v := as()
			switch {
			case r.problem != "":
				fault = &DecodeError{Problem: r.problem}
			case found != none && v != value:
				fault = &DecodeError{Problem: "contradicts another name of the same field"}
			case found == none:
				found, value = at, v
			}
		}
		if fault != nil {
			fault.Path = p.text
			return none, fault
		}
	}
	return found, nil
}

// read walks from place to p and calls set with the node in r; it does nothing when
// the value is absent. prefix stands before the path in an error.
func read(r *reader, t tree, place int32, p path, prefix string, set func()) *DecodeError {
	at, fault := t.follow(place, p.segs)
	if fault == nil {
		if at == none {
			return nil
		}
		r.n = &t[at]
		if set(); r.problem == "" {
			return nil
		}
		fault = &DecodeError{Problem: r.problem}
	}
	fault.Path = joinPath(prefix, p.text)
	return fault
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
