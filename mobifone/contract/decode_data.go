package contract

import (
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// readData reads the fields and rows below the envelope.
func (c *Contract) readData(op partner.Operation, t tree, plan *replyPlan, out *Data) *DecodeError {
	place, fault := t.dataPlace(&plan.frame)
	if fault != nil {
		return fault
	}
	r := reader{c: c}
	for i := range dataSlots {
		p := &plan.data[i]
		if !p.set {
			continue
		}
		from, prefix := place, plan.frame.dataText
		if p.root {
			from, prefix = 0, ""
		}
		at, fault := t.follow(from, p.segs)
		if fault == nil && at != none {
			r.n = &t[at]
			if dataSlots[i].set(&r, out); r.problem != "" {
				fault = &DecodeError{Problem: r.problem}
			}
		}
		if fault != nil {
			fault.Path = joinPath(prefix, p.text)
			return fault
		}
	}
	if !plan.rows.set {
		return nil
	}
	return r.rows(op, t, place, plan, out)
}

// dataPlace finds the envelope's data: the root when the envelope has none.
func (t tree) dataPlace(f *framePlan) (int32, *DecodeError) {
	if len(f.data) == 0 {
		return 0, nil
	}
	place := none
	for _, p := range f.data {
		at, fault := t.follow(0, p.segs)
		switch {
		case fault != nil:
		case at == none:
			continue
		case place != none:
			fault = &DecodeError{Problem: "contradicts another name of the same field"}
		case t[at].kind != kindObject && t[at].kind != kindArray:
			fault = &DecodeError{Problem: "must be an object or a list"}
		}
		if fault != nil {
			fault.Path = p.text
			return none, fault
		}
		place = at
	}
	return place, nil
}

// rows reads a list of objects, or one object as a list of one.
func (r *reader) rows(op partner.Operation, t tree, place int32, plan *replyPlan, out *Data) *DecodeError {
	prefix := plan.frame.dataText
	if plan.rows.root {
		place, prefix = 0, ""
	}
	prefix = joinPath(prefix, plan.rows.text)
	at, fault := t.follow(place, plan.rows.segs)
	switch {
	case fault != nil:
		fault.Path = prefix
		return fault
	case at == none:
		out.HasRows = nullIsEmpty(op, out) && t.isNull(place, plan.rows.segs)
		return nil
	}
	out.HasRows = true
	first, count := at, int32(1)
	switch {
	case t[at].kind == kindObject:
	case t[at].kind != kindArray:
		return &DecodeError{Path: prefix, Problem: "must be a list or an object"}
	case t[at].count > rowsMax:
		return &DecodeError{Path: prefix, Problem: "has too many rows"}
	default:
		first, count = t[at].first, t[at].count
	}
	out.Rows = make([]Row, count)
	for i, el := 0, first; i < len(out.Rows); i, el = i+1, t[el].next {
		fault := r.row(t, el, prefix, i, plan, &out.Rows[i])
		switch {
		case fault == nil:
		case op != partner.OpEligible:
			return fault
		default: // the others may be sold; of this one nothing is guessed
			out.Rows[i].Fault = fault
		}
	}
	return nil
}

// nullIsEmpty reports whether null in place of the rows says that there are none. Of a
// transaction it never does.
func nullIsEmpty(op partner.Operation, d *Data) bool {
	switch op {
	case partner.OpEligible:
		return true
	case partner.OpList, partner.OpSearch:
		return d.Total != nil && *d.Total == 0
	}
	return false
}

// row reads the fields of a row, those behind one that cannot be read too, and returns
// the first fault.
func (r *reader) row(t tree, place int32, prefix string, index int, plan *replyPlan, out *Row) *DecodeError {
	at := func(text string) string { return joinPath(prefix+"["+strconv.Itoa(index)+"]", text) }
	if t[place].kind != kindObject {
		return &DecodeError{Path: at(""), Problem: "must be an object"}
	}
	var first *DecodeError
	for i := range rowSlots {
		p := &plan.row[i]
		if !p.set {
			continue
		}
		node, fault := t.follow(place, p.segs)
		if fault == nil && node != none {
			r.n, r.problem = &t[node], ""
			if rowSlots[i].set(r, out); r.problem != "" {
				fault = &DecodeError{Problem: r.problem}
			}
		}
		if fault != nil && first == nil {
			fault.Path = at(p.text)
			first = fault
		}
	}
	return first
}
