package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// Request is an encoded request.
type Request struct {
	Method      string
	Path        string // below the base URL
	RawQuery    string // sorted by name
	ContentType string // empty without a body
	Body        []byte
}

// Try is what one try of a request authenticates with.
type Try struct {
	Key   *Key // of the credentials
	Stamp contract.Stamp
}

// item is one member of a request: a field, a constant, or a part of the authentication.
type item struct {
	name     string
	parents  []string // of a nested member
	key      string   // `"name":`
	field    int      // 1 + index into field.Requests; 0: not a field
	format   string
	asText   bool
	fromZero bool // of page: the first is 0
	auth     part
	text     string // of a constant: as a query writes it
	json     string // and as JSON writes it
}

// value is one item as it goes on the wire. The zero value is not sent.
type value struct {
	set    bool
	number bool // n counts
	text   string
	n      int64
	json   string // of a constant
}

func textValue(s string) value { return value{set: s != "", text: s} }

// Encode writes a request. The body bytes are final: what is signed is what is sent.
//
// A zero field is not sent, nor is one that the operation's endpoint does not list;
// partnerTransId goes with otp.request only where the semantics accept it there. JSON
// members stand in the order of the table of fields, then constants, then authentication;
// query and form are sorted by name. Without a try, what hangs on one is left out and no
// codec is asked. An operation the contract lacks is an error that wraps
// [partner.OperationAbsent]; a field that cannot be written (a time outside the years 2000
// to 2100, a negative number, a state without a string) one that wraps
// [partner.InvalidInput]. No error holds a field's value.
func (w *Wire) Encode(op partner.Operation, f *field.Request, try *Try) (Request, error) {
	o, err := w.operation(op)
	if err != nil {
		return Request{}, err
	}
	out := Request{Method: o.method, Path: o.path}
	var signature string
	if try != nil && w.auth.signs && w.auth.members[partSignature] != "" {
		if signature, err = w.signMembers(o, f, try); err != nil {
			return Request{}, err
		}
	}
	body := make([]byte, 0, 320)
	if o.encoding == "json" {
		body, err = w.appendJSON(body, o, f, try, signature)
	} else {
		body, err = w.appendPairs(body, o, f, try, signature)
	}
	switch {
	case err != nil:
		return Request{}, fmt.Errorf("%s: %w", op, err)
	case o.encoding == "query":
		out.RawQuery = string(body)
		return out, nil
	case o.encoding == "form":
		out.ContentType = typeForm
	default:
		out.ContentType = typeJSON
	}
	out.Body = body
	if try != nil && w.codec != nil {
		m := contract.Message{Operation: op, Credentials: try.Key.cred, Stamp: try.Stamp}
		if out.ContentType, out.Body, err = w.codec.Write(m, body); err != nil {
			return Request{}, fmt.Errorf("%s: %w: the codec: %w", op, partner.InvalidInput, err)
		}
	}
	return out, nil
}

// PerTry reports whether an operation's request hangs on credentials or stamp, so that each
// try encodes it anew.
func (w *Wire) PerTry(op partner.Operation) bool {
	o := w.ops[op]
	return o != nil && o.perTry
}

// WholeDays reports whether an operation's window is told in days, the last one included.
func (w *Wire) WholeDays(op partner.Operation) bool {
	o := w.ops[op]
	return o != nil && slices.ContainsFunc(o.items, func(it item) bool { return isDay(it.format) })
}

// appendJSON writes the items in their order; members of one object stand together.
func (w *Wire) appendJSON(b []byte, o *operation, f *field.Request, try *Try, signature string) ([]byte, error) {
	b = append(b, '{')
	var open []string
	first := true
	for i := range o.items {
		it := &o.items[i]
		v, err := w.value(it, f, try, signature)
		if err != nil {
			return b, err
		}
		if !v.set {
			continue
		}
		if len(it.parents) > 0 || len(open) > 0 {
			b, open, first = openObjects(b, open, it.parents, first)
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, it.key...)
		b = appendValue(b, v, it.asText)
	}
	for range open {
		b = append(b, '}')
	}
	return append(b, '}'), nil
}

// openObjects closes the objects that an item does not stand in and opens those it does.
func openObjects(b []byte, open, want []string, first bool) ([]byte, []string, bool) {
	same := 0
	for same < len(open) && same < len(want) && open[same] == want[same] {
		same++
	}
	for range open[same:] {
		b, first = append(b, '}'), false
	}
	for _, name := range want[same:] {
		if !first {
			b = append(b, ',')
		}
		b = append(append(jsontree.AppendString(b, name), ':'), '{')
		first = true
	}
	return b, want, first
}

func appendValue(b []byte, v value, asText bool) []byte {
	switch {
	case v.json != "":
		return append(b, v.json...)
	case v.number && asText:
		b = append(b, '"')
		b = strconv.AppendInt(b, v.n, 10)
		return append(b, '"')
	case v.number:
		return strconv.AppendInt(b, v.n, 10)
	default:
		return jsontree.AppendString(b, v.text)
	}
}

// plain is the value as a query writes it, before any escaping.
func (v value) plain() string {
	if v.number {
		return strconv.FormatInt(v.n, 10)
	}
	return v.text
}

// appendPairs writes the items as a query, sorted by name.
func (w *Wire) appendPairs(b []byte, o *operation, f *field.Request, try *Try, signature string) ([]byte, error) {
	for _, i := range o.order {
		it := &o.items[i]
		v, err := w.value(it, f, try, signature)
		if err != nil {
			return b, err
		}
		if !v.set {
			continue
		}
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = append(appendEscaped(b, it.name), '=')
		if v.number {
			b = strconv.AppendInt(b, v.n, 10)
			continue
		}
		b = appendEscaped(b, v.text)
	}
	return b, nil
}

// appendEscaped escapes as url.QueryEscape does.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

var errNegative = errors.New("must not be negative")

// value reads one item. Numbers stay in n so that they are formatted only once.
func (w *Wire) value(it *item, f *field.Request, try *Try, signature string) (value, error) {
	switch {
	case it.auth != 0 && try == nil:
		return value{}, nil
	case it.auth != 0:
		return w.authValue(it.auth, try, signature)
	case it.field == 0:
		return value{set: true, text: it.text, json: it.json}, nil
	}
	spec := &field.Requests[it.field-1]
	v, err := w.fieldValue(spec.At(f), it.format, spec.Name == field.To)
	if err == nil && !utf8.ValidString(v.text) {
		err = errors.New("not UTF-8")
	}
	if err != nil { // it never holds the value
		return value{}, fmt.Errorf("%w: %s: %w", partner.InvalidInput, spec.Name, err)
	}
	if it.fromZero && v.set {
		v.n--
	}
	return v, nil
}

// fieldValue reads a field by its type. A time that a day's layout writes as the end of a
// window is the last day inside it.
func (w *Wire) fieldValue(at any, format string, end bool) (value, error) {
	switch at := at.(type) {
	case *string:
		return textValue(*at), nil
	case *partner.MSISDN:
		return textValue(at.Reveal(w.msisdnForm)), nil
	case *partner.OTP:
		return textValue(at.Reveal()), nil
	case *partner.PackageCode:
		return textValue(string(*at)), nil
	case *partner.TransID:
		return textValue(string(*at)), nil
	case *partner.PartnerTransID:
		return textValue(string(*at)), nil
	case *int:
		return numberValue(int64(*at))
	case *partner.VND:
		v, err := numberValue(int64(*at))
		if v.set && format != "" {
			return textValue(strconv.FormatInt(v.n, 10) + strings.TrimPrefix(format, "0")), err
		}
		return v, err
	case *time.Time:
		return w.timeValue(*at, format, end)
	case *partner.State:
		if *at == partner.StateUnlisted {
			return value{}, nil
		}
		text, ok := w.wireState[*at]
		if !ok {
			return value{}, errors.New("the contract has no wire string for this state")
		}
		return textValue(text), nil
	}
	return value{}, errors.New("a field of a type that requests do not carry")
}

func numberValue(n int64) (value, error) {
	if n < 0 {
		return value{}, errNegative
	}
	return value{set: n != 0, number: true, n: n}, nil
}

func (w *Wire) timeValue(t time.Time, layout string, end bool) (value, error) {
	if t.IsZero() {
		return value{}, nil
	}
	if layout == "" {
		layout = w.times.layout
	}
	if end && isDay(layout) {
		t = t.Add(-1)
	}
	var buf [32]byte
	text, err := w.times.appendTime(buf[:0], layout, t)
	if err != nil {
		return value{}, err
	}
	if asNumber(layout) {
		n, _ := plainInteger(string(text))
		return value{set: true, number: true, n: n}, nil
	}
	return textValue(string(text)), nil
}

// Canonical writes what a request says without the OTP: the operation and each field
// the endpoint lists, under the names of the table of fields, in its order, the number as
// 84…, times as epoch seconds. Two contracts that list the same fields give the same
// bytes whatever they call them on the wire, so a fingerprint outlives a change of
// names. The bytes hold the full number: they are for a keyed hash only.
func (w *Wire) Canonical(b []byte, op partner.Operation, f *field.Request) ([]byte, error) {
	o, err := w.operation(op)
	if err != nil {
		return nil, err
	}
	b = append(b, `{"v":1,"operation":`...)
	b = jsontree.AppendString(b, string(op))
	for i := range field.Requests {
		spec := &field.Requests[i]
		if spec.Name == field.OTPCode || !o.lists(i) {
			continue
		}
		v, err := w.canonicalValue(spec.At(f))
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s: %w", op, partner.InvalidInput, spec.Name, err)
		}
		if !v.set {
			continue
		}
		b = append(jsontree.AppendString(append(b, ','), spec.Name), ':')
		b = appendValue(b, v, false)
	}
	return append(b, '}'), nil
}

func (w *Wire) canonicalValue(at any) (value, error) {
	switch at := at.(type) {
	case *partner.MSISDN:
		return textValue(at.Reveal(partner.Form84)), nil
	case *time.Time:
		return value{set: !at.IsZero(), number: true, n: at.Unix()}, nil
	case *partner.State:
		if *at == partner.StateUnlisted {
			return value{}, nil
		}
		return textValue(at.String()), nil
	}
	return w.fieldValue(at, "", false)
}

func (o *operation) lists(index int) bool {
	return slices.ContainsFunc(o.items, func(it item) bool { return it.field == index+1 })
}

// nested compiles the items' keys. Members of one object are brought together, each where
// the first of them stood.
func nested(items []item, isJSON bool) []item {
	for i := range items {
		it := &items[i]
		names := []string{it.name}
		if isJSON {
			names = strings.Split(it.name, ".")
		}
		it.parents = names[:len(names)-1]
		it.key = string(jsontree.AppendString(nil, names[len(names)-1])) + ":"
	}
	return gather(items, 0)
}

func gather(items []item, depth int) []item {
	var out []item
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
