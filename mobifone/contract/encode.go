package contract

import (
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// Encode writes a request. The body bytes are final: what is signed is what is sent.
//
// A zero field is not sent, nor is one that the operation's endpoint does not list;
// partnerTransId goes with otp.request only where the semantics accept it there. JSON
// members stand in the order of [Fields] with the constants behind them; query and
// form are sorted by name. An operation the contract lacks is an error that wraps
// [partner.OperationAbsent]; a field that cannot be written (a time outside the years
// 2000 to 2100, a negative number, a state without a wire string) one that wraps
// [partner.InvalidInput]. No error holds a field's value.
//
// With a [Codec], bodies are the codec's; queries stay as the document says.
func (c *Contract) Encode(op partner.Operation, f Fields) (Wire, error) {
	e, err := c.endpoint(op)
	if err != nil {
		return Wire{}, err
	}
	out := Wire{Method: e.method, Path: e.path}
	switch {
	case e.encoding == Query:
		out.RawQuery, err = c.encodeQuery(e, &f)
	case c.bodies != nil:
		out.ContentType, out.Body, err = c.bodies.encode(c, e, &f)
	case e.encoding == Form:
		var text string
		text, err = c.encodeQuery(e, &f)
		out.ContentType, out.Body = typeForm, []byte(text)
	default:
		out.ContentType = typeJSON
		out.Body, err = c.encodeJSON(e, &f)
	}
	if err != nil {
		return Wire{}, fmt.Errorf("%s: %w", op, err)
	}
	return out, nil
}

func (c *Contract) endpoint(op partner.Operation) (*wireOp, error) {
	if e, ok := c.wire.ops[op]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("%w: %s", partner.OperationAbsent, op)
}

// Canonical writes what a request says without the OTP: the operation and each field
// the endpoint lists, under logical names, in the order of [Fields], the number as
// 84…, times as epoch seconds. Two contracts that list the same fields give the same
// bytes whatever they call them on the wire, so a fingerprint outlives a change of
// names. The bytes hold the full number: they are for a keyed hash only.
func (c *Contract) Canonical(op partner.Operation, f Fields) ([]byte, error) {
	e, err := c.endpoint(op)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 320)
	b = append(b, `{"v":1,"operation":`...)
	b = appendText(b, string(op))
	for _, field := range e.listed {
		if field == reqOTP {
			continue
		}
		v, err := c.canonicalValue(&f, field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		if !v.set {
			continue
		}
		b = append(b, ',')
		b = appendText(b, requestNames[field])
		b = append(b, ':')
		b = appendValue(b, v, false)
	}
	return append(b, '}'), nil
}

func (c *Contract) canonicalValue(f *Fields, field reqField) (value, error) {
	switch field {
	case reqMSISDN:
		return textValue(f.MSISDN.Reveal(partner.Form84)), nil
	case reqFrom:
		return epochValue(f.From), nil
	case reqTo:
		return epochValue(f.To), nil
	case reqState:
		if f.State == partner.StateUnlisted {
			return value{}, nil
		}
		return textValue(f.State.String()), nil
	default:
		return c.value(f, field)
	}
}
