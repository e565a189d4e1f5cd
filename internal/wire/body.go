package wire

import (
	"strconv"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// body reads the fields and rows below the envelope.
func (r *reader) body(o *operation) *Error {
	if fault := r.findData(); fault != nil {
		return fault
	}
	for i := range o.data {
		s := &o.data[i]
		from, prefix := r.data, r.at
		if s.root {
			from, prefix = 0, ""
		}
		if problem := readSlot(r, s, from, &r.out.Data); problem != "" {
			if s.Decides {
				return &Error{Path: joinPath(prefix, s.text), Problem: problem}
			}
			r.unread(joinPath(prefix, s.text))
		}
	}
	if len(o.extra) > 0 {
		r.out.Data.Extra = r.extra(o.extra, r.data)
	}
	if !o.hasRows {
		return nil
	}
	return r.rows(o)
}

// findData finds the envelope's data: the root when the envelope has none.
func (r *reader) findData() *Error {
	names := r.w.frame.data
	if len(names) == 0 {
		return nil
	}
	r.data, r.at = jsontree.None, names[0].text
	for i := range names {
		p := &names[i]
		n, ok := r.t.Follow(0, p.names)
		switch {
		case ok && n == jsontree.None:
			continue
		case r.data != jsontree.None:
			r.unread(p.text)
			continue
		case !ok:
			return &Error{Path: p.text, Problem: throughNoObject}
		case r.t[n].Kind != jsontree.Object && r.t[n].Kind != jsontree.Array:
			return &Error{Path: p.text, Problem: "must be an object or a list"}
		}
		r.data = n
	}
	return nil
}

// readSlot reads one field; what cannot be read stays zero.
func readSlot[T any](r *reader, s *slot[T], from int32, out *T) (problem string) {
	n, ok := r.t.Follow(from, s.names)
	switch {
	case !ok:
		return throughNoObject
	case n == jsontree.None:
		return ""
	}
	return r.w.read(&r.t[n], s.At(out), s.format)
}

// extra keeps members that the contract asks for and the SDK has no field for.
func (r *reader) extra(places []place, from int32) telco.Extra {
	return telco.NewExtra(func(yield func(string, string) bool) {
		for i := range places {
			at := from
			if places[i].root {
				at = 0
			}
			n, ok := r.t.Follow(at, places[i].names)
			if !ok || n == jsontree.None || r.t[n].Kind == jsontree.Object || r.t[n].Kind == jsontree.Array {
				continue
			}
			if !yield(places[i].text, r.t[n].Scalar()) {
				return
			}
		}
	})
}

// rows reads a list of objects, or one object as a list of one.
func (r *reader) rows(o *operation) *Error {
	place := r.data
	if o.rows.root {
		place = 0
	}
	at, ok := r.t.Follow(place, o.rows.names)
	out := &r.out.Data
	switch {
	case !ok:
		return &Error{Path: r.rowsPath(o), Problem: throughNoObject}
	case at == jsontree.None:
		out.HasRows = nullIsEmpty(o.set, out) && r.t.IsNull(place, o.rows.names)
		return nil
	}
	out.HasRows = true
	first, count := at, int32(1)
	switch n := &r.t[at]; {
	case n.Kind == jsontree.Object:
	case n.Kind != jsontree.Array:
		return &Error{Path: r.rowsPath(o), Problem: "must be a list or an object"}
	case n.Count > rowsMax:
		return &Error{Path: r.rowsPath(o), Problem: "has too many rows"}
	default:
		first, count = n.First, n.Count
	}
	out.Rows = field.MakeRows(int(count))
	for i, el := 0, first; i < len(out.Rows); i, el = i+1, r.t[el].Next {
		fault := r.row(o, el, i, &out.Rows[i])
		switch {
		case fault == nil:
		case o.set != field.Eligible:
			return fault
		default: // the others may be sold; of this one nothing is guessed
			out.Rows[i].Fault = fault
		}
	}
	return nil
}

// nullIsEmpty reports whether null in place of the rows says that there are none. Of a
// transaction it never does.
func nullIsEmpty(op field.Ops, d *field.Data) bool {
	switch op {
	case field.Eligible:
		return true
	case field.List, field.Search:
		return d.Total != nil && *d.Total == 0 || d.Pages != nil && *d.Pages == 0
	}
	return false
}

// row reads the fields of a row, those behind one that cannot be read too, and returns
// the first fault.
func (r *reader) row(o *operation, at int32, index int, out *field.Row) *Error {
	here := func(text string) string { return joinPath(r.rowsPath(o)+"["+strconv.Itoa(index)+"]", text) }
	if r.t[at].Kind != jsontree.Object {
		return &Error{Path: here(""), Problem: "must be an object"}
	}
	var first *Error
	for i := range o.row {
		s := &o.row[i]
		switch problem := readSlot(r, s, at, out); {
		case problem == "":
		case !s.Decides:
			r.unread(here(s.text))
		case first == nil:
			first = &Error{Path: here(s.text), Problem: problem}
		}
	}
	if len(o.rowExtra) > 0 {
		out.Extra = r.extra(o.rowExtra, at)
	}
	return first
}

// rowsPath is where the rows are, for errors.
func (r *reader) rowsPath(o *operation) string {
	if o.rows.root {
		return o.rows.text
	}
	return joinPath(r.at, o.rows.text)
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
