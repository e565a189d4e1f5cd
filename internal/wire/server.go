package wire

// This file reads requests, the server's side of Encode. It is stricter than a gateway needs to
// be: whatever the client could not have written is an error, so that the sandbox and the tests
// find a wrong request at once.

import (
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// sent is one member as it was sent.
type sent struct {
	// number is true for a number or bool: what JSON writes without quotes.
	number bool
	// text is the value without quotes and escapes.
	text string
}

// OperationOf finds the operation that a server is asked for: by method, by path (below the base
// URL, compared exactly) and, where operations share a path, by their constants. req and body may
// be nil where no path is shared.
func (w *Wire) OperationOf(method, path string, req *http.Request, body []byte) (telco.Operation, bool) {
	candidates := w.routes[method+" "+path]
	// Where one operation has the path, its content is for ReadRequest to judge.
	if len(candidates) == 1 {
		return candidates[0].op, true
	}
	// Operations that share a path are told apart by their constants.
	for _, o := range candidates {
		members, err := w.membersOf(o, req, body)
		if err == nil && o.constantsFit(members) == "" {
			return o.op, true
		}
	}
	return "", false
}

// ReadRequest reads a request's fields, the strict reverse of [Wire.Encode]. A member that the
// operation does not list, one that appears twice, a missing or other constant, and a wrong
// content type or JSON type are errors. An error of a single field wraps the code that MobiFone
// would answer where there is one ([field.InvalidISDN], [field.PackageInvalid],
// [telco.ShopOrEmployeeInvalid], [telco.OTPInvalid], [field.AmountMismatch]); any other wraps
// none. No error holds a value. A missing field is left zero: the server knows what an operation
// needs.
func (w *Wire) ReadRequest(op telco.Operation, r *http.Request, body []byte) (field.Request, error) {
	o, err := w.operation(op)
	if err != nil {
		return field.Request{}, err
	}
	var f field.Request
	members, err := w.membersOf(o, r, body)
	if err != nil {
		return f, fmt.Errorf("%s: %w", op, err)
	}
	// A member that nobody reads would be a member that MobiFone ignores in silence.
	for name := range members {
		if !slices.ContainsFunc(o.items, func(it item) bool { return it.name == name }) {
			return field.Request{}, fmt.Errorf("%s: a member the operation does not list", op)
		}
	}
	if wrong := o.constantsFit(members); wrong != "" {
		return field.Request{}, fmt.Errorf("%s: constant %q is missing or another", op, wrong)
	}
	for i := range o.items {
		it := &o.items[i]
		v, there := members[it.name]
		if it.field == 0 || !there {
			continue
		}
		spec := &field.Requests[it.field-1]
		to := spec.At(&f)
		// The client puts a number in quotes only where the contract does.
		if o.encoding == "json" && v.number != w.isNumber(it, to) {
			return field.Request{}, fmt.Errorf("%s: %s: wrong JSON type", op, spec.Name)
		}
		if err := w.readField(it, spec.Name, to, v.text); err != nil {
			return field.Request{}, fmt.Errorf("%s: %s: %w", op, spec.Name, err)
		}
	}
	return f, nil
}

// isNumber reports whether a JSON request carries the field as a number.
func (w *Wire) isNumber(it *item, to any) bool {
	if it.asText {
		return false
	}
	switch to.(type) {
	case *int:
		return true
	case *telco.VND:
		return it.format == ""
	case *time.Time:
		return it.format == "" && asNumber(w.times.layout) || asNumber(it.format)
	}
	return false
}

// membersOf reads what was sent to an operation, by name.
func (w *Wire) membersOf(o *operation, r *http.Request, body []byte) (map[string]sent, error) {
	// What carries the request is the query or the body, never both.
	if o.encoding == "query" {
		if len(body) > 0 {
			return nil, errors.New("a body where the query carries the request")
		}
		return pairMembers(r.URL.RawQuery)
	}
	if r.URL.RawQuery != "" {
		return nil, errors.New("a query where the body carries the request")
	}
	if w.codec != nil {
		json, err := w.codec.Read(contract.Message{Operation: o.op}, r.Header.Get("Content-Type"), slices.Clone(body))
		if err != nil {
			return nil, errors.New("the codec cannot read the request")
		}
		return readMembers(o.encoding, json)
	}
	// Without a codec the content type is the encoding's own.
	if err := contentTypeIs(r, o.encoding); err != nil {
		return nil, err
	}
	return readMembers(o.encoding, body)
}

// contentTypeIs checks the content type of an encoding; parameters may follow.
func contentTypeIs(r *http.Request, encoding string) error {
	want := typeJSON
	if encoding == "form" {
		want = typeForm
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != want {
		return errors.New("content type is not " + want)
	}
	return nil
}

// constantsFit returns the name of a constant that is missing or another; "" when all fit.
func (o *operation) constantsFit(members map[string]sent) string {
	for i := range o.items {
		it := &o.items[i]
		if !it.constant {
			continue
		}
		v, there := members[it.name]
		got := v.text
		if o.encoding == "json" {
			got = v.json()
		}
		if !there || got != it.literal {
			return it.name
		}
	}
	return ""
}

// readMembers reads the members of a body or query, nested ones under their dotted names.
func readMembers(encoding string, body []byte) (map[string]sent, error) {
	if encoding != "json" {
		return pairMembers(string(body))
	}
	t, problem := readObject(body, nil)
	if problem != "" {
		return nil, errors.New("body: " + problem)
	}
	members, ok := leaves(t)
	// null and empty objects are never sent: a zero field is left out.
	for i := range t[1:] {
		if n := &t[i+1]; n.Kind == jsontree.Null || n.Kind == jsontree.Object && n.Count == 0 {
			ok = false
		}
	}
	if !ok {
		return nil, errors.New("a member is neither string nor number nor bool, nor an object of such")
	}
	return members, nil
}

// leaves are the values of an object by their dotted names; null reads as nothing.
func leaves(t jsontree.Tree) (map[string]sent, bool) {
	members := make(map[string]sent, t[0].Count)
	ok := t.Leaves(0, "", func(way string, n *jsontree.Node) {
		members[way] = sent{n.Kind != jsontree.String, n.Scalar()}
	})
	return members, ok
}

// requestMembers reads the members of a request of either encoding, for its signature.
func requestMembers(req *http.Request, body []byte) (map[string]sent, error) {
	members, err := pairMembers(req.URL.RawQuery)
	if err != nil || len(body) == 0 {
		return members, err
	}
	media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		return nil, errors.New("sorted pairs need a content type")
	}
	encoding := "json"
	if media == typeForm {
		encoding = "form"
	}
	inBody, err := readMembers(encoding, body)
	if err != nil {
		return nil, err
	}
	// One name in both places would be signed once and read twice.
	for name, v := range inBody {
		if _, twice := members[name]; twice {
			return nil, errors.New("a field is in the query and in the body")
		}
		members[name] = v
	}
	return members, nil
}

// json writes a member as it was sent.
func (v sent) json() string {
	if v.number {
		return v.text
	}
	return string(jsontree.AppendString(nil, v.text))
}

// pairMembers reads a query or form; a name must not come twice.
func pairMembers(raw string) (map[string]sent, error) {
	pairs, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("a query or form that cannot be read")
	}
	members := make(map[string]sent, len(pairs))
	for name, vs := range pairs {
		if len(vs) != 1 {
			return nil, errors.New("a name twice in the query or form")
		}
		members[name] = sent{text: vs[0]}
	}
	return members, nil
}

const (
	// partnerTransIDMax is how many characters of [A-Za-z0-9-] MobiFone stores.
	partnerTransIDMax = 32
	// codeMax bounds a shop, employee, point of sale or channel code, in bytes.
	codeMax = 64
)

// readField sets one field from its text on the wire. An empty text is malformed: a zero field is
// not sent at all.
func (w *Wire) readField(it *item, name string, to any, s string) error {
	if s == "" {
		return errors.New("empty")
	}
	var err error
	switch to := to.(type) {
	case *string:
		if *to, err = plainCode(s); name != "channel" && name != "system" {
			err = coded(telco.ShopOrEmployeeInvalid, err)
		}
	case *telco.MSISDN:
		*to, err = telco.ParseMSISDN(s)
		err = coded(field.InvalidISDN, err)
	case *telco.PackageCode:
		*to, err = exact(telco.ParsePackageCode, s)
		err = coded(field.PackageInvalid, err)
	case *telco.TransID:
		*to, err = exact(telco.ParseTransID, s)
	case *telco.PartnerTransID:
		*to, err = foreignID(s)
	case *telco.OTP:
		*to, err = telco.ParseOTP(s)
		// ParseOTP reads what a person types, spaces and all; on the wire it is exact.
		if err != nil || to.Reveal() != s {
			*to, err = telco.OTP{}, fmt.Errorf("malformed: %w", telco.OTPInvalid)
		}
	case *telco.VND:
		var n int64
		// The zeros behind the point belong to the format, not to the amount.
		n, err = positive(strings.TrimSuffix(s, strings.TrimPrefix(it.format, "0")))
		*to, err = telco.VND(n), coded(field.AmountMismatch, err)
	case *time.Time:
		*to, err = w.times.parse(s, it.format)
		// The window names its last day; the end is the start of the next one.
		if err == nil && name == field.To && field.IsDay(it.format) {
			*to = to.AddDate(0, 0, 1)
		}
	case *telco.State:
		if *to = w.stateOf[s]; *to == telco.StateUnlisted {
			err = errors.New("a state the contract does not list")
		}
	case *int:
		var n int64
		if it.format == fromZero {
			// Page 0 is allowed here, and positive refuses 0: so it reads ten times the page.
			n, err = positive(s + "0")
			if s == "0" || err == nil {
				n, err = n/10+1, nil
			}
		} else {
			n, err = positive(s)
		}
		*to = int(n)
	}
	return err
}

// coded gives a failure the code that MobiFone would answer. It drops the cause, which may hold
// the value.
func coded(code telco.Code, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("malformed: %w", code)
}

// exact refuses what parse would first have to mend.
func exact[T ~string](parse func(string) (T, error), s string) (T, error) {
	v, err := parse(s)
	if err != nil || string(v) != s {
		return "", errors.New("malformed")
	}
	return v, nil
}

// foreignID reads a partnerTransId as MobiFone does: it knows the alphabet, not the check
// character.
func foreignID(s string) (telco.PartnerTransID, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	if len(s) > partnerTransIDMax || strings.Trim(s, alphabet) != "" {
		return "", errors.New("malformed")
	}
	return telco.PartnerTransID(s), nil
}

// plainCode reads a code that holds no control character.
func plainCode(s string) (string, error) {
	for _, ch := range []byte(s) {
		if ch < ' ' || ch == 0x7f {
			return "", errors.New("a control character")
		}
	}
	if len(s) > codeMax {
		return "", errors.New("too long")
	}
	return s, nil
}

// positive reads a whole number above 0.
func positive(s string) (int64, error) {
	n, ok := plainInteger(s)
	if !ok || n <= 0 || n > math.MaxInt64>>1 {
		return 0, errors.New("not a positive whole number")
	}
	return n, nil
}
