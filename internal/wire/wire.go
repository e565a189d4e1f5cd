// Package wire is a contract compiled: paths split, names escaped, codes looked up, so that
// a call does none of it again. It serves both sides. The client encodes requests, signs
// them and decodes replies; a server (the sandbox, a test's MobiFone) does the reverse. The
// two tables of internal/field say which fields there are, and nothing else does.
//
// This file compiles. The client's half is in request.go, sign.go, reply.go and body.go, the
// server's in server.go, verify.go and answer.go. Both share values.go (numbers and times as
// they are written) and credentials.go (keys and the login). No file knows what a field means
// for a sale, and no error holds a field's value.
package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Wire is a compiled contract. It never changes and is safe for concurrent use.
type Wire struct {
	// ops are by the bit of their set; routes, by method, space and path.
	ops    [8]*operation
	routes map[string][]*operation
	// byName and byStatus find a row of the code table by its canonical name and by an HTTP
	// status.
	byName   map[telco.Code]*contract.CodeRule
	byStatus map[int]*contract.CodeRule
	// frame is where the envelope's parts are.
	frame frame
	// success are the codes that are success; a server writes the first.
	success []string
	// inner are the inner codes that confirm a success.
	inner []string
	// codeNumber says that a server writes codes that are numbers without quotes.
	codeNumber bool
	// msisdnForm is the form in which a request carries a phone number.
	msisdnForm string
	// times and auth write and read what their parts of the document say.
	times times
	auth  auth
	// login is nil without one.
	login *login
	// stateOf reads MobiFone's string for a state, wireState writes it.
	stateOf   map[string]telco.State
	wireState map[telco.State]string
	// codec and signer are the user's own; nil without them.
	codec  contract.Codec
	signer contract.Signer
}

// Class is what a code means for one operation. The zero value is Unknown.
type Class uint8

// The classes.
const (
	// Unknown is a code that the contract does not list, or lists without a meaning here.
	Unknown Class = iota
	// Success is a code of the success set.
	Success
	// Rejected is a refusal.
	Rejected
)

// meaning is a code's row and its class for one operation. The zero value is that of a code that
// the contract does not list.
type meaning struct {
	rule  *contract.CodeRule
	class Class
}

// operation is one operation on the wire.
type operation struct {
	op telco.Operation
	// set is the operation's bit in the tables of fields.
	set field.Ops
	// method and path are where requests go; the path is below the base URL.
	method, path string
	// encoding is json, form or query.
	encoding string
	// items are what a request carries, in order.
	items []item
	// perTry says that a request's body depends on credentials or stamp.
	perTry bool
	// data are the answer's fields; extra are members that the SDK has no field for.
	data  []slot[field.Data]
	extra []place
	// rows is where the rows are, where the operation has any (hasRows); row are the fields of
	// each.
	rows     place
	hasRows  bool
	row      []slot[field.Row]
	rowExtra []place
	// codes are by MobiFone's string.
	codes map[string]meaning
	// order is that of the items as they are written.
	order []int
}

// place leads to a value in an answer.
type place struct {
	// root says that it leads from the answer's root, not from the envelope's data.
	root bool
	// names are the steps on the way; without any it leads to the start.
	names []string
	// text is the place as the document writes it, for errors.
	text string
}

// slot is one field of an answer and its place.
type slot[T any] struct {
	// Spec is the field's row in its table, and place where an answer has it.
	field.Spec[T]
	place
	// format is the field's own in the document; empty takes the contract's.
	format string
}

// fromZero is the format of a page number that MobiFone counts from 0. The SDK counts from 1.
const fromZero = "fromZero"

// frame says where the envelope's parts are, each under one or more names.
type frame struct {
	// Each part has several places where the document allows several; the first is written.
	code, message, data, requestID, responseTime, success, inner []place
}

// Of returns the compiled contract. It compiles once per contract.
func Of(c *contract.Contract) *Wire {
	w, _ := c.Memo(func(d *contract.Document, codec contract.Codec, signer contract.Signer) any {
		return compile(d, c, codec, signer)
	}).(*Wire)
	return w
}

// Translated reports whether a codec translates between the document's JSON and the bytes.
func (w *Wire) Translated() bool { return w.codec != nil }

// compile does all of it at once; the contract was checked when it was loaded, so nothing can
// fail here.
func compile(d *contract.Document, c *contract.Contract, codec contract.Codec, signer contract.Signer) *Wire {
	w := &Wire{
		routes: map[string][]*operation{}, byName: map[telco.Code]*contract.CodeRule{}, byStatus: map[int]*contract.CodeRule{},
		success: d.Envelope.SuccessCodes, inner: d.Envelope.InnerSuccess, codeNumber: d.Envelope.CodeAsNumber,
		times: compileTimes(d.Time, c.Zone()), auth: compileAuth(d.Auth), login: compileLogin(d.Auth.Login),
		codec: codec, signer: signer,
	}
	// The document was checked, so the name is one of these.
	w.msisdnForm = map[string]string{"84": "84", "0": "0"}[d.MSISDN] // "9": the nine digits alone
	w.compileStates(d.States)
	// Each part of the envelope may have several names; the first is the one a server writes.
	for to, from := range map[*[]place][]string{
		&w.frame.code: d.Envelope.Code, &w.frame.message: d.Envelope.Message, &w.frame.data: d.Envelope.Data,
		&w.frame.requestID: d.Envelope.RequestID, &w.frame.responseTime: d.Envelope.ResponseTime,
		&w.frame.success: d.Envelope.Success, &w.frame.inner: d.Envelope.InnerCode,
	} {
		for _, text := range from {
			*to = append(*to, placeOf(text))
		}
	}
	for i := range d.Codes {
		r := &d.Codes[i]
		w.byName[r.Name] = r
		for _, status := range r.HTTPStatus {
			w.byStatus[status] = r
		}
	}
	for op, e := range d.Operations {
		if e == nil {
			continue
		}
		o := compileOperation(d, op, e)
		// A codec may put anything into a body, so a body that it writes is made anew for each
		// try. A query has no codec.
		o.perTry = w.codec != nil && e.Encoding != "query" || slices.ContainsFunc(o.items, func(it item) bool { return it.auth != 0 })
		o.compileCodes(d)
		w.ops[bits.TrailingZeros8(uint8(o.set))] = o
		key := e.Method + " " + e.Path
		w.routes[key] = append(w.routes[key], o)
	}
	return w
}

// placeOf reads a path of the document: names with dots between, from the root after "$".
func placeOf(text string) place {
	p := place{text: text}
	rest := text
	if text == "$" || strings.HasPrefix(text, "$.") {
		p.root = true
		rest = strings.TrimPrefix(text[1:], ".")
	}
	if rest != "" {
		p.names = strings.Split(rest, ".")
	}
	return p
}

// compileOperation compiles one endpoint: what a request carries and where each answer field is.
func compileOperation(d *contract.Document, op telco.Operation, e *contract.Endpoint) *operation {
	o := &operation{op: op, set: field.Of(op), method: e.Method, path: e.Path, encoding: e.Encoding}
	for i, spec := range field.Requests {
		name, listed := e.Request[spec.Name]
		// A partnerTransId at otp.request is sent only where the contract says that MobiFone
		// takes it.
		if !listed || spec.Name == field.PartnerTransID && op == telco.OpOTP && !d.Semantics.PartnerTransIDAtOTP {
			continue
		}
		o.items = append(o.items, item{
			field: i + 1, name: name, format: formatOf(d, e, spec.Name), asText: slices.Contains(e.AsText, spec.Name),
		})
	}
	// Constants come in the order of their names, so that a request's bytes do not depend on the
	// order of a map.
	for _, name := range slices.Sorted(maps.Keys(e.Constants)) {
		it := item{name: name, constant: true}
		switch v := e.Constants[name].(type) {
		case string:
			if it.literal = v; e.Encoding == "json" {
				it.literal = string(jsontree.AppendString(nil, v))
			}
		case bool:
			it.literal = strconv.FormatBool(v)
		case json.Number:
			it.literal = string(v)
		}
		o.items = append(o.items, it)
	}
	for part, name := range authNames(d.Auth.Members) {
		o.items = append(o.items, item{auth: part, name: name})
	}
	o.items = nested(o.items, e.Encoding == "json")
	for i := range o.items {
		o.order = append(o.order, i)
	}
	// Pairs are sorted by name, as url.Values.Encode sorts them; JSON keeps its order.
	if e.Encoding != "json" {
		slices.SortFunc(o.order, func(a, b int) int { return strings.Compare(o.items[a].name, o.items[b].name) })
	}
	for _, spec := range field.Answers {
		if text, listed := e.Response[spec.Name]; listed {
			o.data = append(o.data, slot[field.Data]{spec, placeOf(text), formatOf(d, e, spec.Name)})
		}
	}
	for _, text := range e.Extra {
		o.extra = append(o.extra, placeOf(text))
	}
	// The rest is for operations whose answer has rows.
	if e.Rows == nil {
		return o
	}
	o.hasRows, o.rows = true, placeOf(e.Rows.Path)
	for _, spec := range field.Rows {
		if text, listed := e.Rows.Fields[spec.Name]; listed {
			o.row = append(o.row, slot[field.Row]{spec, placeOf(text), e.Formats[spec.Name]})
		}
	}
	for _, text := range e.Rows.Extra {
		o.rowExtra = append(o.rowExtra, placeOf(text))
	}
	return o
}

// formatOf says how a field of an endpoint is written or read.
func formatOf(d *contract.Document, e *contract.Endpoint, name string) string {
	if name == field.Page && d.Limits.PagesFromZero {
		return fromZero
	}
	return e.Formats[name]
}

// compileCodes finds the row of each string for this operation. A row that names the operation
// goes before one that names none.
func (o *operation) compileCodes(d *contract.Document) {
	o.codes = map[string]meaning{}
	named := map[string]bool{}
	for i := range d.Codes {
		r := &d.Codes[i]
		// A row without operations is for all of them.
		own := slices.Contains(r.Operations, o.op)
		if !own && len(r.Operations) > 0 {
			continue
		}
		m := meaning{rule: r}
		switch class := d.ClassOf(o.op, r); {
		case class == "success", r.Name == telco.Success:
			m.class = Success
		case class == "rejected":
			m.class = Rejected
		}
		for _, wire := range r.Wire {
			// A row that names the operation is not replaced by a row for all.
			if own || !named[wire] {
				o.codes[wire], named[wire] = m, true
			}
		}
	}
}

// compileStates fills both directions. Of several strings for one state the canonical name is
// written, else the first in byte order, so that the choice does not depend on the order of a
// map.
func (w *Wire) compileStates(states map[string]string) {
	w.stateOf, w.wireState = map[string]telco.State{}, map[telco.State]string{}
	for wire, name := range states {
		state, _ := field.State(name)
		w.stateOf[wire] = state
		// Several strings may mean one state; one of them has to be written, always the same.
		old, taken := w.wireState[state]
		if !taken || wire == name || old != name && wire < old {
			w.wireState[state] = wire
		}
	}
}

// SignsByUser reports whether a signer of the user's own authenticates requests, which the
// server's half cannot verify.
func (w *Wire) SignsByUser() bool { return w.signer != nil }

// op finds an operation; nil for one that the contract lacks.
func (w *Wire) op(op telco.Operation) *operation {
	if set := field.Of(op); set != 0 {
		return w.ops[bits.TrailingZeros8(uint8(set))]
	}
	return nil
}

// operation is op with an error, which wraps [telco.OperationAbsent].
func (w *Wire) operation(op telco.Operation) (*operation, error) {
	if o := w.op(op); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("%w: %s", telco.OperationAbsent, op)
}

// Rule returns the row of the code table for MobiFone's string, or nil. It is the contract's own:
// read only.
func (w *Wire) Rule(op telco.Operation, wire string) *contract.CodeRule {
	if o := w.op(op); o != nil {
		return o.codes[wire].rule
	}
	return nil
}

// RuleForStatus returns the row that the contract names for an HTTP status without an envelope,
// or nil; read only. On a call that moves money such a reply is Unknown whatever the row says.
func (w *Wire) RuleForStatus(status int) *contract.CodeRule { return w.byStatus[status] }

// classify says what a code means.
func (o *operation) classify(wire string) meaning { return o.codes[wire] }

// nested compiles the items' keys. Members of one object are brought together, each where the
// first of them was.
func nested(items []item, isJSON bool) []item {
	for i := range items {
		it := &items[i]
		names := []string{it.name}
		if isJSON {
			names = strings.Split(it.name, ".")
		}
		it.parents = names[:len(names)-1]
		it.key = string(appendEscaped(nil, it.name)) + "="
		if isJSON {
			it.key = string(jsontree.AppendString(nil, names[len(names)-1])) + ":"
		}
	}
	return gather(items, 0)
}

// gather brings items together that share a parent at this depth, and so on below.
func gather(items []item, depth int) []item {
	var out []item
	// done are the items that were gathered with an earlier one.
	done := make([]bool, len(items))
	for i, it := range items {
		switch {
		case done[i]:
		case len(it.parents) <= depth:
			out = append(out, it)
		default:
			var inside []item
			for j, other := range items {
				if len(other.parents) > depth && other.parents[depth] == it.parents[depth] {
					done[j] = true
					inside = append(inside, other)
				}
			}
			out = append(out, gather(inside, depth+1)...)
		}
	}
	return out
}
