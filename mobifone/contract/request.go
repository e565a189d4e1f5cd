package contract

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// OperationOf finds the operation a server is asked for. path is what stands below the
// base URL; both are compared exactly.
func (c *Contract) OperationOf(method, path string) (partner.Operation, bool) {
	op, ok := c.wire.routes[method+" "+path]
	return op, ok
}

// ReadRequest reads a request's logical fields, the strict reverse of
// [Contract.Encode]: a member the operation does not list, one that stands twice, a
// missing or other constant, a wrong content type or JSON type are errors. An error of
// a single field wraps the code a partner would answer where there is one
// ([partner.InvalidISDN], [partner.PackageInvalid], [partner.ShopOrEmployeeInvalid],
// [partner.OTPInvalid], [partner.AmountMismatch]); any other wraps none. No error
// holds a value. A missing field is left zero: what an operation needs is for the
// server to say.
func (c *Contract) ReadRequest(op partner.Operation, r *http.Request, body []byte) (Fields, error) {
	e, err := c.endpoint(op)
	if err != nil {
		return Fields{}, err
	}
	members, err := c.requestMembers(e, r, body)
	if err != nil {
		return Fields{}, fmt.Errorf("%s: %w", op, err)
	}
	var f Fields
	for _, field := range e.listed {
		v, ok := members[e.names[field]]
		if !ok {
			continue
		}
		if e.encoding == JSON && v.number != c.isNumber(e, field) {
			return Fields{}, fmt.Errorf("%s: %s: wrong JSON type", op, requestNames[field])
		}
		if err := c.readField(&f, field, v.text); err != nil {
			return Fields{}, fmt.Errorf("%s: %s: %w", op, requestNames[field], err)
		}
	}
	return f, nil
}

// isNumber reports whether a JSON request carries the field as a number.
func (c *Contract) isNumber(e *wireOp, field reqField) bool {
	switch field {
	case reqAmount, reqPage, reqSize:
		return !e.asText[field]
	case reqFrom, reqTo:
		return c.wire.times.asNumber() && !e.asText[field]
	}
	return false
}

// requestMembers reads what was sent, by wire name, with the constants checked.
func (c *Contract) requestMembers(e *wireOp, r *http.Request, body []byte) (map[string]value, error) {
	var members map[string]value
	var err error
	switch e.encoding {
	case Query:
		if len(body) > 0 {
			return nil, errors.New("a body where the query carries the request")
		}
		members, err = pairMembers(r.URL.RawQuery)
	default:
		if c.bodies != nil {
			return nil, errCodecOneWay
		}
		if r.URL.RawQuery != "" {
			return nil, errors.New("a query where the body carries the request")
		}
		members, err = bodyMembers(e.encoding, r.Header.Get("Content-Type"), body)
	}
	if err != nil {
		return nil, err
	}
	for name := range members {
		if _, ok := e.known[name]; !ok {
			return nil, errors.New("a member the operation does not list")
		}
	}
	for _, fixed := range e.constants {
		v, ok := members[fixed.name]
		want := fixed.text
		if e.encoding == JSON {
			want, v.text = fixed.json, v.json()
		}
		if !ok || v.text != want {
			return nil, fmt.Errorf("constant %q is missing or another", fixed.name)
		}
	}
	return members, nil
}

func bodyMembers(encoding Encoding, contentType string, body []byte) (map[string]value, error) {
	want := typeJSON
	if encoding == Form {
		want = typeForm
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != want {
		return nil, errors.New("content type is not " + want)
	}
	if encoding == Form {
		return pairMembers(string(body))
	}
	t, fault := parseReply(body)
	if fault != nil {
		return nil, errors.New("body: " + fault.Problem)
	}
	members := make(map[string]value, t[0].count)
	for m := t[0].first; m != none; m = t[m].next {
		v, ok := scalarValue(t[m])
		if !ok {
			return nil, errors.New("a member is neither string nor number nor bool")
		}
		members[t[m].key] = v
	}
	return members, nil
}

// scalarValue keeps a string, number or bool of a request's JSON; a bool counts as
// text that only a constant can want.
func scalarValue(n node) (value, bool) {
	switch n.kind {
	case kindString:
		return value{set: true, text: n.text}, true
	case kindNumber:
		return value{set: true, number: true, text: n.text}, true
	case kindTrue:
		return value{set: true, number: true, text: "true"}, true
	case kindFalse:
		return value{set: true, number: true, text: "false"}, true
	}
	return value{}, false
}

// json writes a read scalar as it stood.
func (v value) json() string {
	if v.number {
		return v.text
	}
	return string(appendText(nil, v.text))
}

func pairMembers(raw string) (map[string]value, error) {
	pairs, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("a query or form that cannot be read")
	}
	members := make(map[string]value, len(pairs))
	for name, vs := range pairs {
		if len(vs) != 1 {
			return nil, errors.New("a name twice in the query or form")
		}
		members[name] = value{set: true, text: vs[0]}
	}
	return members, nil
}
