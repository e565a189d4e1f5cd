package wire

// This file writes answers, the server's side of Decode: the sandbox and tests play MobiFone
// with it. It writes what the contract lists, in the contract's form, and can also contradict
// itself, for a fault of the sandbox.

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Answer is what a server says.
type Answer struct {
	// Code is canonical; the contract picks MobiFone's string for it.
	Code telco.Code
	// WireCode overrides Code.
	WireCode string
	Message  string
	// RequestID is that of the request that is answered.
	RequestID string
	// Time is MobiFone's clock, for the envelope's responseTime.
	Time time.Time
	Data field.Data
	// Contradict flips the success flag where the contract has one, to play a reply that
	// contradicts itself.
	Contradict bool
}

// WriteAnswer writes an answer, the server's side of [Wire.Decode]. It writes what the contract
// lists and a holds, and Decode reads the same back, times cut to the layout's precision. The
// code is a.WireCode, else the success code for [telco.Success], else the first string of the row
// named a.Code; no such row is an error. A single row of transactions.get is written as an
// object, other rows as a list. Row.ResultCode is MobiFone's string. cred signs where the
// contract signs replies.
func (w *Wire) WriteAnswer(op telco.Operation, a *Answer, cred telco.Credentials) (h http.Header, body []byte, err error) {
	o, err := w.operation(op)
	if err != nil {
		return nil, nil, err
	}
	// The code comes first, because a success flag must agree with it.
	code, err := w.wireCode(o, a)
	if err != nil {
		return nil, nil, err
	}
	b := builder{w: w}
	f := &w.frame
	b.putFirst(f.code, b.code(code))
	success := o.classify(code).class == Success
	b.putFirst(f.success, success != a.Contradict)
	// An answer that is a success confirms itself where the contract wants that.
	if success && len(w.inner) > 0 {
		b.putFirst(f.inner, w.inner[0])
	}
	b.putFirst(f.message, text(a.Message))
	b.putFirst(f.requestID, text(a.RequestID))
	b.putFirst(f.responseTime, b.field(&a.Time, ""))
	b.body(o, &a.Data)
	if b.err != nil {
		return nil, nil, fmt.Errorf("%s: %w", op, b.err)
	}
	h = http.Header{}
	if err := w.signAnswer(&b, h, cred); err != nil {
		return nil, nil, err
	}
	body, contentType := b.root.appendJSON(nil), typeJSON
	if w.codec != nil {
		if contentType, body, err = w.codec.Write(contract.Message{Operation: op, Reply: true, Credentials: cred}, body); err != nil {
			return nil, nil, fmt.Errorf("%s: the codec: %w", op, err)
		}
	}
	// A signature over the bytes is made when the bytes are final.
	if r := w.auth.Reply; r != nil && r.Canonical == "body" {
		signature, err := w.NewKey(cred).sign(body)
		if err != nil {
			return nil, nil, err
		}
		h.Set(r.Header, signature)
	}
	h.Set("Content-Type", contentType)
	return h, body, nil
}

// signAnswer signs the members of an answer, where the contract's replies are signed so.
func (w *Wire) signAnswer(b *builder, h http.Header, cred telco.Credentials) error {
	r := w.auth.Reply
	if r == nil || r.Canonical == "body" {
		return nil
	}
	// The members are read back as the client will read them.
	t, problem := jsontree.Read(b.root.appendJSON(nil), nil)
	if problem != "" {
		return errors.New("the answer: " + problem)
	}
	members, ok := w.replyMembers(t)
	if !ok {
		return errors.New("an answer with a list cannot be signed by all its members; list those that are signed")
	}
	signature, err := w.NewKey(cred).sign(w.appendMembers(nil, members, r.Canonical, r.Parts))
	if err != nil {
		return err
	}
	// The signature goes into a header, or among the members that it does not cover.
	if r.Header != "" {
		h.Set(r.Header, signature)
		return nil
	}
	b.put(strings.Split(r.Member, "."), signature)
	return b.err
}

// wireCode picks the string for an answer's code.
func (w *Wire) wireCode(o *operation, a *Answer) (string, error) {
	switch {
	case a.WireCode != "":
		return a.WireCode, nil
	case a.Code == telco.Success:
		// A success code may mean something else for this operation.
		for _, wire := range w.success {
			if o.classify(wire).class == Success {
				return wire, nil
			}
		}
	}
	// The first string of the row that means this code here.
	if named := w.byName[a.Code]; named != nil {
		for _, wire := range named.Wire {
			if r := o.codes[wire].rule; r != nil && r.Name == a.Code {
				return wire, nil
			}
		}
	}
	return "", fmt.Errorf("contract: no wire code for %q", string(a.Code))
}

// literal is a JSON number as it is written.
type literal string

// jsonObject is an object to write: members in the order in which they were put.
type jsonObject struct {
	// names are in the order in which they were put.
	names []string
	// values are string, int64, bool, literal, *jsonObject or []*jsonObject.
	values []any
}

// put sets the value at a path of names, making objects on the way. It reports false when the
// place is taken.
func (o *jsonObject) put(names []string, v any) bool {
	i := slices.Index(o.names, names[0])
	switch {
	case i < 0 && len(names) == 1:
		o.names, o.values = append(o.names, names[0]), append(o.values, v)
		return true
	// Objects on the way are made as they are needed.
	case i < 0:
		child := &jsonObject{}
		o.names, o.values = append(o.names, names[0]), append(o.values, child)
		return child.put(names[1:], v)
	case len(names) == 1:
		return false
	}
	child, ok := o.values[i].(*jsonObject)
	return ok && child.put(names[1:], v)
}

// appendJSON writes the object.
func (o *jsonObject) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontree.AppendString(b, name), ':')
		switch v := o.values[i].(type) {
		case string:
			b = jsontree.AppendString(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case literal:
			b = append(b, v...)
		case *jsonObject:
			b = v.appendJSON(b)
		case []*jsonObject:
			b = append(b, '[')
			for i, el := range v {
				if i > 0 {
					b = append(b, ',')
				}
				b = el.appendJSON(b)
			}
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

// builder builds one answer. The first error stays.
type builder struct {
	w    *Wire
	root jsonObject
	err  error
}

// fail keeps the first error.
func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// put writes a value; nil is not written.
func (b *builder) put(names []string, v any) {
	if v == nil {
		return
	}
	// Without a name the answer itself is the rows.
	if len(names) == 0 {
		o, ok := v.(*jsonObject)
		if !ok {
			b.fail(errors.New("an answer must be one object"))
			return
		}
		for i, name := range o.names {
			b.put([]string{name}, o.values[i])
		}
		return
	}
	if !b.root.put(names, v) {
		b.fail(errors.New("two fields of the contract stand in the same place"))
	}
}

// putFirst writes a value under the first of its names, if it has any.
func (b *builder) putFirst(names []place, v any) {
	if len(names) > 0 {
		b.put(names[0].names, v)
	}
}

// code is a code as the contract writes codes: as a number where it does so and the code is one.
func (b *builder) code(code string) any {
	if _, ok := plainInteger(code); ok && b.w.codeNumber {
		return literal(code)
	}
	return text(code)
}

// body writes the fields and rows below the envelope.
func (b *builder) body(o *operation, d *field.Data) {
	var base []string
	if len(b.w.frame.data) > 0 {
		base = b.w.frame.data[0].names
	}
	// below is a place of the document as a path from the root.
	below := func(p place) []string {
		if p.root {
			return p.names
		}
		return slices.Concat(base, p.names)
	}
	if o.hasRows && (d.HasRows || len(d.Rows) > 0) {
		rows := make([]*jsonObject, len(d.Rows))
		for i := range d.Rows {
			rows[i] = b.row(o, &d.Rows[i])
		}
		// transactions.get answers with one object; a list there would also be read.
		if o.set == field.Get && len(rows) == 1 {
			b.put(below(o.rows), rows[0])
		} else {
			b.put(below(o.rows), rows)
		}
	}
	for i := range o.data {
		s := &o.data[i]
		b.put(below(s.place), b.field(s.At(d), s.format))
	}
	for _, p := range o.extra {
		if v, ok := d.Extra.Get(p.text); ok {
			b.put(below(p), v)
		}
	}
}

// row writes one row.
func (b *builder) row(o *operation, r *field.Row) *jsonObject {
	out := &jsonObject{}
	put := func(p place, v any) {
		if v != nil && !out.put(p.names, v) {
			b.fail(errors.New("two row fields of the contract stand in the same place"))
		}
	}
	for i := range o.row {
		s := &o.row[i]
		v := b.field(s.At(r), s.format)
		// A row's code is written as the envelope's codes are.
		if s.Name == "resultCode" {
			v = b.code(r.ResultCode)
		}
		put(s.place, v)
	}
	for _, p := range o.rowExtra {
		if v, ok := r.Extra.Get(p.text); ok {
			put(p, v)
		}
	}
	return out
}

// field returns what is written for a field, nil for a field that is not written.
func (b *builder) field(at any, format string) any {
	switch at := at.(type) {
	case *string:
		return text(*at)
	case *field.StateSaid:
		// A string goes before the state, so that a state the contract does not list can be
		// played.
		if at.WireState != "" {
			return at.WireState
		}
		state := at.State
		return b.value(&state, format)
	case **int:
		if *at == nil {
			return nil
		}
		return int64(**at)
	case **bool:
		if *at == nil {
			return nil
		}
		return flagAs(format, **at)
	case *time.Duration:
		if *at == 0 {
			return nil
		}
		return int64(*at / unit(format))
	}
	return b.value(at, format)
}

// flagAs writes a flag in its format.
func flagAs(format string, yes bool) any {
	switch {
	case format == "1/0" && yes:
		return int64(1)
	case format == "1/0":
		return int64(0)
	case format == "Y/N" && yes:
		return "Y"
	case format == "Y/N":
		return "N"
	}
	return yes
}

// value writes a field of a type that requests carry too, as they do.
func (b *builder) value(at any, format string) any {
	v, bare, err := b.w.appendField(nil, at, format, false)
	switch {
	case err != nil:
		b.fail(err)
		return nil
	case len(v) == 0:
		return nil
	case bare:
		return literal(v)
	}
	return string(v)
}

// text is a value to write; "" is not written.
func text[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}
