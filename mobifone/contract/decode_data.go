package contract

import "strconv"

// readData reads the fields and rows below the envelope.
func (c *Contract) readData(t tree, plan *replyPlan, out *Data) *DecodeError {
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
	return r.rows(t, place, plan, out)
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
func (r *reader) rows(t tree, place int32, plan *replyPlan, out *Data) *DecodeError {
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
		return nil
	}
	out.HasRows = true
	switch {
	case t[at].kind == kindObject:
		out.Rows = make([]Row, 1)
		return r.row(t, at, prefix, 0, plan, &out.Rows[0])
	case t[at].kind != kindArray:
		return &DecodeError{Path: prefix, Problem: "must be a list or an object"}
	case t[at].count > rowsMax:
		return &DecodeError{Path: prefix, Problem: "has too many rows"}
	}
	out.Rows = make([]Row, t[at].count)
	i := 0
	for el := t[at].first; el != none; el = t[el].next {
		if fault := r.row(t, el, prefix, i, plan, &out.Rows[i]); fault != nil {
			return fault
		}
		i++
	}
	return nil
}

func (r *reader) row(t tree, place int32, prefix string, index int, plan *replyPlan, out *Row) *DecodeError {
	at := func(text string) string { return joinPath(prefix+"["+strconv.Itoa(index)+"]", text) }
	if t[place].kind != kindObject {
		return &DecodeError{Path: at(""), Problem: "must be an object"}
	}
	for i := range rowSlots {
		p := &plan.row[i]
		if !p.set {
			continue
		}
		node, fault := t.follow(place, p.segs)
		if fault == nil && node != none {
			r.n = &t[node]
			if rowSlots[i].set(r, out); r.problem != "" {
				fault = &DecodeError{Problem: r.problem}
			}
		}
		if fault != nil {
			fault.Path = at(p.text)
			return fault
		}
	}
	return nil
}
