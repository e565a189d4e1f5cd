package wire

// This file writes requests: the body or query in the contract's order and format, and the
// canonical form that a fingerprint is made of. What it writes is final: the same bytes are
// signed and sent.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	// The content types that a contract can name without a codec.
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// Request is an encoded request.
type Request struct {
	Method string
	// Path is below the base URL.
	Path string
	// RawQuery is sorted by name.
	RawQuery string
	// ContentType is empty without a body.
	ContentType string
	// Body is final: what is signed is what is sent.
	Body []byte
}

// Try is what one try of a request authenticates with: a key made of the credentials, and the
// time and ids of this try.
type Try struct {
	Key   *Key
	Stamp contract.Stamp
}

// item is one member of a request: a field, a constant, or a part of the authentication.
type item struct {
	name string
	// parents are the objects around a nested member.
	parents []string
	// key is the name as it is written: `"name":` or `name=`.
	key string
	// field is 1 + the index into field.Requests; 0 is not a field.
	field  int
	format string
	// asText writes a number in quotes.
	asText   bool
	auth     part
	constant bool
	// literal is a constant's: in JSON its literal, else the bare text.
	literal string
}

// Encode writes a request. The body bytes are final: what is signed is what is sent.
//
// A zero field is not sent, nor is one that the operation's endpoint does not list;
// partnerTransId goes with otp.request only where the semantics accept it there. JSON members
// come in the order of the table of fields, then constants, then authentication; query and form
// are sorted by name. Without a try, what depends on one is left out and no codec is asked. An
// operation that the contract lacks is an error that wraps [telco.OperationAbsent]. A field that
// cannot be written (a time outside the years 2000 to 2100, a negative number, a state without a
// string) is one that wraps [telco.InvalidInput]. No error holds a field's value. The body lies
// in room if it is large enough, so the caller must not use room again while the request is under
// way.
func (w *Wire) Encode(op telco.Operation, f *field.Request, try *Try, room []byte) (Request, error) {
	o, err := w.operation(op)
	if err != nil {
		return Request{}, err
	}
	out := Request{Method: o.method, Path: o.path}
	// A signature among the members covers the others, so it is made first.
	signature := ""
	if try != nil && w.auth.signs && w.auth.members[partSignature] != "" {
		if signature, err = w.signMembers(o, f, try); err != nil {
			return Request{}, err
		}
	}
	// Large enough for the body of a registration.
	if room == nil {
		room = make([]byte, 320)
	}
	body, err := w.appendBody(room[:0], o, f, try, signature)
	switch {
	case err != nil:
		return Request{}, err
	case o.encoding == "query":
		out.RawQuery = string(body)
		return out, nil
	case o.encoding == "form":
		out.ContentType = typeForm
	default:
		out.ContentType = typeJSON
	}
	out.Body = body
	// The codec translates last: what it returns is what is signed and sent.
	if try != nil && w.codec != nil {
		m := contract.Message{Operation: op, Credentials: try.Key.cred, Stamp: try.Stamp}
		if out.ContentType, out.Body, err = w.codec.Write(m, body); err != nil {
			return Request{}, fmt.Errorf("%s: %w: the codec: %w", op, telco.InvalidInput, err)
		}
	}
	return out, nil
}

// PerTry reports whether an operation's request depends on credentials or stamp, so that each try
// has to encode it anew.
func (w *Wire) PerTry(op telco.Operation) bool {
	o := w.op(op)
	return o != nil && o.perTry
}

// WholeDays reports whether an operation's window is told in days, the last one included.
func (w *Wire) WholeDays(op telco.Operation) bool {
	o := w.op(op)
	return o != nil && slices.ContainsFunc(o.items, func(it item) bool { return field.IsDay(it.format) })
}

// appendBody writes the items: as a JSON object in their order, members of one object
// together, or as pairs sorted by name.
func (w *Wire) appendBody(b []byte, o *operation, f *field.Request, try *Try, signature string) ([]byte, error) {
	isJSON := o.encoding == "json"
	if isJSON {
		b = append(b, '{')
	}
	// open are the objects that were opened and not closed, outermost first.
	var open []string
	var room [96]byte
	first := true
	for _, i := range o.order {
		it := &o.items[i]
		text, bare, err := w.appendItem(room[:0], it, f, try, signature)
		if err != nil {
			return b, fmt.Errorf("%s: %w", o.op, err)
		}
		switch {
		case len(text) == 0 && !it.constant:
			continue
		case isJSON:
			// Items of one object are neighbours, so each object is opened once.
			if len(it.parents) > 0 || len(open) > 0 {
				b, open, first = openObjects(b, open, it.parents, first)
			}
			if !first {
				b = append(b, ',')
			}
			b = append(b, it.key...)
			// A number or a constant's literal goes without quotes.
			if bare && !it.asText {
				b = append(b, text...)
			} else {
				b = jsontree.AppendString(b, text)
			}
		default:
			if !first {
				b = append(b, '&')
			}
			b = appendEscaped(append(b, it.key...), text)
		}
		first = false
	}
	for range open {
		b = append(b, '}')
	}
	if isJSON {
		b = append(b, '}')
	}
	return b, nil
}

// openObjects closes the objects that an item is not in and opens those that it is in.
func openObjects(b []byte, open, want []string, first bool) ([]byte, []string, bool) {
	// same is how many objects stay open.
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

// appendEscaped escapes as url.QueryEscape does, into a buffer.
func appendEscaped[T ~string | ~[]byte](b []byte, s T) []byte {
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

// appendItem appends what one item says, nothing for an item that is not sent. bare means that
// JSON writes it as it is, without quotes.
func (w *Wire) appendItem(b []byte, it *item, f *field.Request, try *Try, signature string) (text []byte, bare bool, err error) {
	switch {
	case it.constant:
		return append(b, it.literal...), true, nil
	case it.auth == partSignature:
		return append(b, signature...), false, nil
	case it.auth != 0:
		if try != nil {
			b, err = w.appendPart(b, it.auth, try)
		}
		return b, false, err
	}
	spec := &field.Requests[it.field-1]
	b, bare, err = w.appendField(b, spec.At(f), it.format, spec.Name == field.To)
	if err == nil && !utf8.Valid(b) {
		err = errors.New("not UTF-8")
	}
	// The cause never holds the value, so it may be wrapped.
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", telco.InvalidInput, spec.Name, err)
	}
	return b, bare, err
}

// appendField appends a field by its type, and nothing for a zero one. end marks the end of a
// window: where a layout writes days, the last day inside the window is written.
func (w *Wire) appendField(b []byte, at any, format string, end bool) (text []byte, bare bool, err error) {
	switch at := at.(type) {
	case *string:
		b = append(b, *at...)
	case *telco.MSISDN:
		b = at.AppendReveal(b, w.msisdnForm)
	case *telco.OTP:
		b = at.AppendReveal(b)
	case *telco.PackageCode:
		b = append(b, *at...)
	case *telco.TransID:
		b = append(b, *at...)
	case *telco.PartnerTransID:
		b = append(b, *at...)
	case *int:
		n := *at
		// The SDK's page 1 is MobiFone's page 0. It is sent, though it is 0 there.
		if format == fromZero && n > 0 {
			return strconv.AppendInt(b, int64(n-1), 10), true, nil
		}
		b, err = appendNumber(b, int64(n))
		return b, true, err
	case *telco.VND:
		// The format of an amount is the zeros that follow the point, with a digit before them.
		if b, err = appendNumber(b, int64(*at)); len(b) > 0 && format != "" {
			return append(b, format[1:]...), false, err
		}
		return b, true, err
	case *time.Time:
		layout, t := cmp.Or(format, w.times.layout), *at
		if t.IsZero() {
			return b, false, nil
		}
		// The end of a window is not part of it. Where days are written, the last day inside is
		// named.
		if end && field.IsDay(layout) {
			t = t.Add(-1)
		}
		b, err = w.times.appendTime(b, layout, t)
		return b, asNumber(layout), err
	case *telco.State:
		// A state that the contract has no string for cannot be asked for.
		text, ok := w.wireState[*at]
		if !ok && *at != telco.StateUnlisted {
			err = errors.New("the contract has no wire string for this state")
		}
		b = append(b, text...)
	default:
		err = errors.New("a field of a type that requests do not carry")
	}
	return b, false, err
}

// appendNumber appends a number that is not 0; a negative one is an error.
func appendNumber(b []byte, n int64) ([]byte, error) {
	switch {
	case n < 0:
		return b, errors.New("must not be negative")
	case n == 0:
		return b, nil
	}
	return strconv.AppendInt(b, n, 10), nil
}

// Canonical writes what a request says without the OTP: the operation and each field that the
// endpoint lists, under the names of the table of fields and in its order, the number as 84…,
// times as epoch seconds. Two contracts that list the same fields give the same bytes whatever
// they call them on the wire, so a fingerprint outlives a change of names. The bytes hold the
// full number: they are for a keyed hash only.
func (w *Wire) Canonical(b []byte, op telco.Operation, f *field.Request) ([]byte, error) {
	o, err := w.operation(op)
	if err != nil {
		return nil, err
	}
	b = append(b, `{"v":1,"operation":`...)
	// The version comes first: another form of these bytes is another fingerprint.
	b = jsontree.AppendString(b, string(op))
	var room [96]byte
	for i := range field.Requests {
		spec := &field.Requests[i]
		// An OTP is a guess of six digits: a hash that covers it could be searched for it.
		if spec.Name == field.OTPCode || !o.lists(i) {
			continue
		}
		// Formats of one contract do not show here.
		text, bare, err := w.appendCanonicalField(room[:0], spec.At(f))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w: %s: %w", op, telco.InvalidInput, spec.Name, err)
		case len(text) == 0:
			continue
		}
		b = append(jsontree.AppendString(append(b, ','), spec.Name), ':')
		if bare {
			b = append(b, text...)
		} else {
			b = jsontree.AppendString(b, text)
		}
	}
	return append(b, '}'), nil
}

// appendCanonicalField is appendField without the contract's formats.
func (w *Wire) appendCanonicalField(b []byte, at any) (text []byte, bare bool, err error) {
	switch at := at.(type) {
	case *telco.MSISDN:
		return at.AppendReveal(b, "84"), false, nil
	case *time.Time:
		if at.IsZero() {
			return b, false, nil
		}
		return strconv.AppendInt(b, at.Unix(), 10), true, nil
	case *telco.State:
		if *at == telco.StateUnlisted {
			return b, false, nil
		}
		return append(b, at.String()...), false, nil
	}
	return w.appendField(b, at, "", false)
}

// lists reports whether a request carries the field at this index of field.Requests.
func (o *operation) lists(index int) bool {
	return slices.ContainsFunc(o.items, func(it item) bool { return it.field == index+1 })
}
