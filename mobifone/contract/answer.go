package contract

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// errCodecOneWay is what a server gets that wants a contract with a [Codec] reversed.
var errCodecOneWay = errors.New("contract: a codec writes requests and reads answers only; a server cannot play this contract")

// WriteAnswer writes an answer, the server's side of [Contract.Decode]: what the
// contract lists and a is not zero is written, and Decode reads the same back, times
// cut to the layout's precision. The code is a.WireCode, else the success code for
// [partner.Success], else the first wire string of the row named a.Code; no such row
// is an error. A single row of transactions.get is written as an object, other rows as
// a list. Row.ResultCode is a wire string.
func (c *Contract) WriteAnswer(op partner.Operation, a Answer) (contentType string, body []byte, err error) {
	e, err := c.endpoint(op)
	if err != nil {
		return "", nil, err
	}
	if c.bodies != nil {
		return "", nil, errCodecOneWay
	}
	code, err := c.wireCode(a)
	if err != nil {
		return "", nil, err
	}
	w := &writer{c: c}
	f := &e.reply.frame
	w.putFirst(f.code, w.code(code))
	_, class := c.classify(op, code)
	w.putFirst(f.success, (class == ClassSuccess) != a.Contradict)
	w.putFirst(f.message, text(a.Message))
	w.putFirst(f.requestID, text(a.RequestID))
	w.putFirst(f.responseTime, w.time(a.Time))
	w.data(op, &e.reply, &a.Data)
	if w.err != nil {
		return "", nil, fmt.Errorf("%s: %w", op, w.err)
	}
	return typeJSON, w.root.appendJSON(nil), nil
}

func (c *Contract) wireCode(a Answer) (string, error) {
	switch {
	case a.WireCode != "":
		return a.WireCode, nil
	case a.Code == partner.Success:
		return c.wire.successOne, nil
	}
	rule, ok := c.RuleNamed(a.Code)
	if !ok || len(rule.Wire) == 0 {
		return "", fmt.Errorf("contract: no wire code for %q", string(a.Code))
	}
	return rule.Wire[0], nil
}

// data writes the fields and rows below the envelope.
func (w *writer) data(op partner.Operation, plan *replyPlan, d *Data) {
	var base []string
	if len(plan.frame.data) > 0 {
		base = plan.frame.data[0].segs
	}
	below := func(p path) []string {
		if p.root {
			return p.segs
		}
		return slices.Concat(base, p.segs)
	}
	if plan.rows.set && (d.HasRows || len(d.Rows) > 0) {
		rows := make([]*jsonObject, len(d.Rows))
		for i := range d.Rows {
			rows[i] = w.row(plan, &d.Rows[i])
		}
		if op == partner.OpGet && len(rows) == 1 {
			w.put(below(plan.rows), rows[0])
		} else {
			w.put(below(plan.rows), rows)
		}
	}
	for i := range dataSlots {
		if p := plan.data[i]; p.set {
			w.put(below(p), w.dataField(dataSlots[i].name, d))
		}
	}
}

func (w *writer) row(plan *replyPlan, r *Row) *jsonObject {
	o := &jsonObject{}
	for i := range rowSlots {
		if p := plan.row[i]; p.set {
			if v := w.rowField(rowSlots[i].name, r); v != nil && !o.put(p.segs, v) {
				w.fail(errors.New("two row fields of the contract stand in the same place"))
			}
		}
	}
	return o
}
