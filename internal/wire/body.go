package wire

// This file reads what lies below the envelope: fields, rows, extra members, and each single
// value by the type of its field. A problem is told in words with its place and never quotes
// what was read: that may be a phone number.

import (
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// body reads the fields and rows below the envelope.
func (r *reader) body(o *operation) *Error {
	if bad := r.findData(); bad != nil {
		return bad
	}
	for i := range o.data {
		s := &o.data[i]
		// A place from the root is not below the envelope's data.
		from, prefix := r.data, r.at
		if s.root {
			from, prefix = 0, ""
		}
		if problem := readSlot(r, s, from, &r.out.Data); problem != "" {
			// What decides makes the answer unreadable; what decorates is only noted.
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

// findData finds the envelope's data: the root when the envelope names none.
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
		// An earlier name held the data already.
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

// readSlot reads one field; a field that cannot be read stays zero.
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
		// Absent rows say nothing; a null may say that there are none.
		out.HasRows = nullIsEmpty(o.set, out) && r.t.IsNull(place, o.rows.names)
		return nil
	}
	out.HasRows = true
	// One object is a list of one.
	first, count := at, int32(1)
	switch n := &r.t[at]; {
	case n.Kind == jsontree.Object:
	case n.Kind != jsontree.Array:
		return &Error{Path: r.rowsPath(o), Problem: "must be a list or an object"}
	// A list beyond the bound is not cut: half an answer would prove an absence.
	case n.Count > rowsMax:
		return &Error{Path: r.rowsPath(o), Problem: "has too many rows"}
	default:
		first, count = n.First, n.Count
	}
	out.Rows = field.MakeRows(int(count))
	for i, el := 0, first; i < len(out.Rows); i, el = i+1, r.t[el].Next {
		bad := r.row(o, el, i, &out.Rows[i])
		switch {
		case bad == nil:
		case o.set != field.Eligible:
			return bad
		default: // the others may be sold; of this one nothing is guessed
			out.Rows[i].Problem = bad
		}
	}
	return nil
}

// nullIsEmpty reports whether null in place of the rows says that there are none. Of a single
// transaction it never does: that would prove an absence by silence.
func nullIsEmpty(op field.Ops, d *field.Data) bool {
	switch op {
	case field.Eligible:
		return true
	case field.List, field.Search:
		return d.Total != nil && *d.Total == 0 || d.Pages != nil && *d.Pages == 0
	}
	return false
}

// row reads the fields of a row, also those behind one that cannot be read, and returns the first
// problem.
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

// joinPath puts a dot between two paths, unless one is empty.
func joinPath(prefix, text string) string {
	switch {
	case prefix == "":
		return text
	case text == "":
		return prefix
	}
	return prefix + "." + text
}

// read reads a node into a field by the field's type. It returns what is wrong, never the value;
// then the field is zero.
func (w *Wire) read(n *jsontree.Node, to any, format string) (problem string) {
	switch to := to.(type) {
	case *string:
		*to, problem = readText(n)
	// Ids are texts of bounded length; their form is MobiFone's business.
	case *telco.TransID:
		problem = readInto(n, to)
	case *telco.PartnerTransID:
		problem = readInto(n, to)
	case *telco.PackageCode:
		problem = readInto(n, to)
	// A string that the contract does not list leaves the state unlisted, which proves nothing.
	case *field.StateSaid:
		to.WireState, problem = readText(n)
		to.State = w.stateOf[to.WireState]
	case *telco.MSISDN:
		var text string
		if text, problem = readText(n); problem == "" {
			// A number that is masked or malformed stays zero and matches no subscriber.
			*to, _ = telco.ParseMSISDN(text)
		}
	// Money is a whole number of dong and never negative.
	case *telco.VND:
		var amount int64
		amount, problem = readInteger(n, format)
		*to = telco.VND(amount)
	case *int:
		if *to, problem = readCount(n); problem == "" && format == fromZero {
			*to++
		}
	// A pointer tells 0 from absent.
	case **int:
		var count int
		if count, problem = readCount(n); problem == "" {
			*to = &count
		}
	case **bool:
		var flag bool
		if flag, problem = readFlag(n); problem == "" {
			*to = &flag
		}
	case *time.Duration:
		*to, problem = readDuration(n, unit(format))
	case *time.Time:
		// A layout that is a number may come in quotes and the other way round.
		if n.Kind != jsontree.String && n.Kind != jsontree.Number {
			return "must be a time"
		}
		t, err := w.times.parse(n.Text, format)
		if err != nil {
			return err.Error()
		}
		*to = t
	}
	return problem
}

// readInto reads an id or code of bounded length.
func readInto[S ~string](n *jsontree.Node, to *S) string {
	text, problem := readText(n)
	if len(text) > textMax {
		return "is too long"
	}
	*to = S(text)
	return problem
}

// readText reads an id, code or text: a string, or a whole number of any length as it is written.
func readText(n *jsontree.Node) (text, problem string) {
	// A number keeps its digits: an id of twenty digits does not go through a float.
	if n.Kind != jsontree.String && (n.Kind != jsontree.Number || !wholeDigits(n.Text)) {
		return "", "must be a string or a whole number"
	}
	return n.Text, ""
}

// readInteger reads a whole number that is not negative. decimals is the format of an amount that
// is written with that many zeros behind the point.
func readInteger(n *jsontree.Node, decimals string) (whole int64, problem string) {
	ok := false
	switch n.Kind {
	case jsontree.Number:
		whole, ok = wholeNumber(n.Text)
	case jsontree.String: // plain digits: "120.000" and "120,000" are not numbers here
		text := n.Text
		// An amount in quotes may carry the contract's zeros behind the point.
		if decimals != "" {
			if cut := len(text) - (len(decimals) - 1); cut > 0 && text[cut:] == decimals[1:] {
				text = text[:cut]
			}
		}
		whole, ok = plainInteger(text)
	}
	switch {
	case !ok:
		return 0, "must be a whole number"
	case whole < 0:
		return 0, "must not be negative"
	}
	return whole, ""
}

// readCount reads a whole number that fits an int.
func readCount(n *jsontree.Node) (count int, problem string) {
	whole, problem := readInteger(n, "")
	if whole > countMax {
		return 0, "is too large"
	}
	return int(whole), problem
}

// readDuration reads a whole number of units.
func readDuration(n *jsontree.Node, of time.Duration) (d time.Duration, problem string) {
	whole, problem := readInteger(n, "")
	if whole > int64(durationMax/of) {
		return 0, "is too large"
	}
	return time.Duration(whole) * of, problem
}

// readFlag reads true or false, 1 or 0, "Y" or "N", also in quotes, as gateways write them.
func readFlag(n *jsontree.Node) (flag bool, problem string) {
	switch {
	case n.Kind == jsontree.True:
		return true, ""
	case n.Kind == jsontree.False:
		return false, ""
	case n.Kind == jsontree.String || n.Kind == jsontree.Number:
		// Gateways write the same flag in several ways.
		switch n.Text {
		case "1", "true", "Y", "y":
			return true, ""
		case "0", "false", "N", "n":
			return false, ""
		}
	}
	return false, "must be true or false"
}
