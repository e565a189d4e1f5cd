package wire

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Bounds of single values and of an answer's rows, far above any real one.
const (
	rowsMax     = 10_000
	textMax     = 256                  // bytes of an id or code
	countMax    = math.MaxInt32        // attempts, pages, days, totals
	durationMax = 366 * 24 * time.Hour // of a wait or a lifetime
)

// Error says why an answer cannot be read. It never holds the answer's bytes.
type Error struct {
	Path    string // where, as a dotted path; "" for the whole
	Problem string
}

// Error says where and why.
func (e *Error) Error() string {
	if e.Path == "" {
		return "unreadable reply: " + e.Problem
	}
	return "unreadable reply: " + e.Path + ": " + e.Problem
}

// Reply is a decoded, well-formed answer.
type Reply struct {
	WireCode  string
	Rule      *contract.CodeRule // the code table's row, the contract's own: read only; nil for a code that is not listed
	Class     Class              // of the code for the operation
	Message   string             // as MobiFone wrote it: may hold personal data
	RequestID string
	Time      time.Time // the envelope's responseTime; zero when absent
	Unread    []string  // fields that decide nothing and could not be read
	Data      field.Data
}

// Code is the canonical name of the reply's code; "" for one that is not listed.
func (r *Reply) Code() partner.Code {
	if r.Rule == nil {
		return ""
	}
	return r.Rule.Name
}

// roomMax bounds the node lists that are kept.
const roomMax = 4096

// rooms are node lists that no reply uses any more, cleared of what they held.
var rooms sync.Pool

// reader reads one answer.
type reader struct {
	w    *Wire
	t    jsontree.Tree
	data int32  // the envelope's data
	at   string // and its path, for errors
	out  *Reply
}

// Decode reads an answer. Errors are of type [*Error] and never hold the answer's bytes.
//
// What decides is read strictly: that the text is one JSON object, whole, without a key
// twice; the code, ids, status, amount, subscriber, package, price and the eligible flag; a
// success flag that contradicts the code. What only decorates (dates, counters, texts, the
// request id, a second name of the same thing) is absent when it cannot be read, and
// Reply.Unread names it. Names are compared exactly. What is null is absent, but for a null
// list ([field.Data.HasRows]). One offer of packages.eligible that cannot be read fails
// alone ([field.Row.Fault]).
//
// out is filled in, and must be zero; beside an error its content is not defined.
//
// A code of the success set has class Success, unless the envelope's inner code does not
// confirm it; one that is not listed has class Unknown and no row. h and try are for a
// codec, and for a contract whose replies are signed; a zero try is that of a request that
// was not authenticated.
func (w *Wire) Decode(op partner.Operation, h http.Header, body []byte, try *Try, out *Reply) error {
	o, err := w.operation(op)
	if err != nil {
		return err
	}
	signed := w.auth.Reply
	if signed != nil && signed.Canonical == "body" {
		if err := w.verifyReply(h, body, nil, try); err != nil {
			return &Error{Problem: err.Error()}
		}
	}
	if w.codec != nil {
		m := contract.Message{Operation: op, Reply: true, Stamp: try.Stamp}
		if try.Key != nil {
			m.Credentials = try.Key.cred
		}
		if body, err = w.codec.Read(m, h.Get("Content-Type"), slices.Clone(body)); err != nil {
			return &Error{Problem: "the codec cannot read it"}
		}
	}
	room, _ := rooms.Get().(*jsontree.Tree)
	if room == nil {
		room = new(jsontree.Tree)
	}
	t, problem := jsontree.Read(body, *room)
	if problem == "" && t[0].Kind != jsontree.Object {
		problem = "not a JSON object"
	}
	if problem == "" && signed != nil && signed.Canonical != "body" {
		if err := w.verifyReply(h, nil, t, try); err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		return &Error{Problem: problem}
	}
	r := reader{w: w, t: t, out: out}
	fault := r.frame(o)
	if fault == nil {
		fault = r.body(o)
	}
	if clear(t); len(t) <= roomMax {
		*room = t[:0]
		rooms.Put(room)
	}
	if fault != nil {
		return fault
	}
	return nil
}

// first finds the first of several names of one thing that is present.
func (r *reader) first(names []place) (node *jsontree.Node, at *place, fault *Error) {
	for i := range names {
		p := &names[i]
		n, ok := r.t.Follow(0, p.names)
		if !ok {
			return nil, p, &Error{Path: p.text, Problem: throughNoObject}
		}
		if n != jsontree.None {
			return &r.t[n], p, nil
		}
	}
	return nil, nil, nil
}

const throughNoObject = "leads through a value that is no object"

// unread notes a field that decides nothing and cannot be read.
func (r *reader) unread(path string) { r.out.Unread = append(r.out.Unread, path) }

func (r *reader) frame(o *operation) *Error {
	f := &r.w.frame
	fault := r.code(o)
	if fault != nil {
		return fault
	}
	node, at, fault := r.first(f.success)
	if fault != nil {
		return fault
	}
	if node != nil {
		flag, problem := readFlag(node)
		if problem == "" && flag != (r.out.Class == Success) {
			problem = "contradicts the code"
		}
		if problem != "" {
			return &Error{Path: at.text, Problem: problem}
		}
	}
	if r.out.Class == Success && len(f.inner) > 0 {
		if fault := r.innerCode(); fault != nil {
			return fault
		}
	}
	r.decoration(f.message, func(n *jsontree.Node) (ok bool) {
		r.out.Message, ok = n.Text, n.Kind == jsontree.String
		return ok && n.Text != ""
	})
	r.decoration(f.requestID, func(n *jsontree.Node) bool {
		var problem string
		r.out.RequestID, problem = readText(n)
		return problem == ""
	})
	r.decoration(f.responseTime, func(n *jsontree.Node) bool {
		problem := r.w.read(n, &r.out.Time, "")
		return problem == ""
	})
	return nil
}

// code reads the code under its first name. A second name must not hold a code that the
// contract lists with another meaning: such a reply contradicts itself. Anything else under
// it decides nothing.
func (r *reader) code(o *operation) *Error {
	names := r.w.frame.code
	for i := range names {
		p := &names[i]
		n, ok := r.t.Follow(0, p.names)
		if n == jsontree.None && ok {
			continue
		}
		text, problem := "", throughNoObject
		if ok {
			text, problem = readText(&r.t[n])
		}
		decided := r.out.WireCode != ""
		if problem != "" || text == "" {
			if !decided && problem != "" {
				return &Error{Path: p.text, Problem: problem}
			}
			if decided {
				r.unread(p.text)
			}
			continue
		}
		m := o.classify(text)
		switch {
		case !decided:
			r.out.WireCode, r.out.Rule, r.out.Class = text, m.rule, m.class
		case text == r.out.WireCode:
		case m.rule != nil && m.rule != r.out.Rule:
			return &Error{Path: p.text, Problem: "contradicts another name of the same field"}
		default:
			r.unread(p.text)
		}
	}
	if r.out.WireCode == "" {
		return &Error{Path: names[0].text, Problem: "no code"}
	}
	return nil
}

// innerCode lets a second code doubt a success: the reply is then neither success nor
// refusal.
func (r *reader) innerCode() *Error {
	node, at, fault := r.first(r.w.frame.inner)
	if fault != nil || node == nil {
		return fault
	}
	text, problem := readText(node)
	if problem != "" {
		return &Error{Path: at.text, Problem: problem}
	}
	if !slices.Contains(r.w.inner, text) {
		r.out.WireCode += "/" + text
		r.out.Class, r.out.Rule = Unknown, nil
	}
	return nil
}

// decoration reads the first of several names that set can read, and notes those before it
// that it cannot.
func (r *reader) decoration(names []place, set func(*jsontree.Node) bool) {
	for i := range names {
		n, ok := r.t.Follow(0, names[i].names)
		switch {
		case ok && n == jsontree.None:
		case ok && set(&r.t[n]):
			return
		case ok && r.t[n].Kind == jsontree.String && r.t[n].Text == "":
		default:
			r.unread(names[i].text)
		}
	}
}

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
func (r *reader) extra(places []place, from int32) partner.Extra {
	return partner.NewExtra(func(yield func(string, string) bool) {
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

// read reads a node into a field by the field's type. It returns what is wrong, never the
// value; then the field is zero.
func (w *Wire) read(n *jsontree.Node, to any, format string) (problem string) {
	switch to := to.(type) {
	case *string:
		*to, problem = readText(n)
	case *partner.TransID:
		problem = readInto(n, to)
	case *partner.PartnerTransID:
		problem = readInto(n, to)
	case *partner.PackageCode:
		problem = readInto(n, to)
	case *field.StateSaid:
		to.WireState, problem = readText(n)
		to.State = w.stateOf[to.WireState]
	case *partner.MSISDN:
		var text string
		if text, problem = readText(n); problem == "" { // one that is masked or malformed matches no subscriber
			*to, _ = partner.ParseMSISDN(text)
		}
	case *partner.VND:
		var amount int64
		amount, problem = readInteger(n, format)
		*to = partner.VND(amount)
	case *int:
		if *to, problem = readCount(n); problem == "" && format == fromZero {
			*to++
		}
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

func readInto[S ~string](n *jsontree.Node, to *S) string {
	text, problem := readText(n)
	if len(text) > textMax {
		return "is too long"
	}
	*to = S(text)
	return problem
}

// readText reads an id, code or text: a string, or a whole number of any length as it is
// written.
func readText(n *jsontree.Node) (text, problem string) {
	if n.Kind != jsontree.String && (n.Kind != jsontree.Number || !wholeDigits(n.Text)) {
		return "", "must be a string or a whole number"
	}
	return n.Text, ""
}

// readInteger reads a whole number that is not negative. decimals is the format of an
// amount with that many zeros behind the point.
func readInteger(n *jsontree.Node, decimals string) (whole int64, problem string) {
	ok := false
	switch n.Kind {
	case jsontree.Number:
		whole, ok = wholeNumber(n.Text)
	case jsontree.String: // plain digits: "120.000" and "120,000" are not numbers here
		text := n.Text
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

func readCount(n *jsontree.Node) (count int, problem string) {
	whole, problem := readInteger(n, "")
	if whole > countMax {
		return 0, "is too large"
	}
	return int(whole), problem
}

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
		switch n.Text {
		case "1", "true", "Y", "y":
			return true, ""
		case "0", "false", "N", "n":
			return false, ""
		}
	}
	return false, "must be true or false"
}
