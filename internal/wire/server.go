package wire

import (
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// This file is the server's half: what the sandbox and a test's partner need, and a client
// does not link.

// sent is one member as it was sent.
type sent struct {
	number bool // or a bool: without quotes in JSON
	text   string
}

// Answer is what a server says.
type Answer struct {
	Code      partner.Code // canonical; the contract picks MobiFone's string
	WireCode  string       // overrides Code
	Message   string
	RequestID string
	Time      time.Time
	Data      field.Data
	// Contradict flips the success flag where the contract has one; for fault tests.
	Contradict bool
}

// OperationOf finds the operation a server is asked for, by method, path (what stands below
// the base URL, compared exactly) and, where operations share a path, by their constants.
// req and body may be nil where no path is shared.
func (w *Wire) OperationOf(method, path string, req *http.Request, body []byte) (partner.Operation, bool) {
	candidates := w.routes[method+" "+path]
	if len(candidates) == 1 {
		return candidates[0].op, true
	}
	for _, o := range candidates {
		members, err := w.membersOf(o, req, body)
		if err == nil && o.constantsFit(members) == "" {
			return o.op, true
		}
	}
	return "", false
}

// ReadRequest reads a request's fields, the strict reverse of [Wire.Encode]: a member the
// operation does not list, one that appears twice, a missing or other constant, a wrong
// content type or JSON type are errors. An error of a single field wraps the code MobiFone
// would answer where there is one ([partner.InvalidISDN], [partner.PackageInvalid],
// [partner.ShopOrEmployeeInvalid], [partner.OTPInvalid], [partner.AmountMismatch]); any
// other wraps none. No error holds a value. A missing field is left zero: what an operation
// needs is for the server to say.
func (w *Wire) ReadRequest(op partner.Operation, r *http.Request, body []byte) (field.Request, error) {
	o, err := w.operation(op)
	if err != nil {
		return field.Request{}, err
	}
	var f field.Request
	members, err := w.membersOf(o, r, body)
	if err != nil {
		return f, fmt.Errorf("%s: %w", op, err)
	}
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
	case *partner.VND:
		return it.format == ""
	case *time.Time:
		return it.format == "" && asNumber(w.times.layout) || asNumber(it.format)
	}
	return false
}

// membersOf reads what was sent to an operation, by name.
func (w *Wire) membersOf(o *operation, r *http.Request, body []byte) (map[string]sent, error) {
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
	if err := contentTypeIs(r, o.encoding); err != nil {
		return nil, err
	}
	return readMembers(o.encoding, body)
}

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
	t, problem := jsontree.Read(body, nil)
	if problem == "" && t[0].Kind != jsontree.Object {
		problem = "not a JSON object"
	}
	if problem != "" {
		return nil, errors.New("body: " + problem)
	}
	members, ok := leaves(t)
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
	for name, v := range inBody {
		if _, twice := members[name]; twice {
			return nil, errors.New("a field stands in query and body")
		}
		members[name] = v
	}
	return members, nil
}

// json writes a member as it stood.
func (v sent) json() string {
	if v.number {
		return v.text
	}
	return string(jsontree.AppendString(nil, v.text))
}

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
	partnerTransIDMax = 32 // characters of [A-Za-z0-9-] that MobiFone stores
	codeMax           = 64 // bytes of a shop, employee, point of sale or channel code
)

// readField sets one field from its text on the wire. An empty text is malformed:
// what is zero is not sent.
func (w *Wire) readField(it *item, name string, to any, s string) error {
	if s == "" {
		return errors.New("empty")
	}
	var err error
	switch to := to.(type) {
	case *string:
		if *to, err = plainCode(s); name != "channel" && name != "system" {
			err = coded(partner.ShopOrEmployeeInvalid, err)
		}
	case *partner.MSISDN:
		*to, err = partner.ParseMSISDN(s)
		err = coded(partner.InvalidISDN, err)
	case *partner.PackageCode:
		*to, err = exact(partner.ParsePackageCode, s)
		err = coded(partner.PackageInvalid, err)
	case *partner.TransID:
		*to, err = exact(partner.ParseTransID, s)
	case *partner.PartnerTransID:
		*to, err = foreignID(s)
	case *partner.OTP:
		*to, err = partner.ParseOTP(s)
		if err != nil || to.Reveal() != s { // ParseOTP reads what a person types
			*to, err = partner.OTP{}, fmt.Errorf("malformed: %w", partner.OTPInvalid)
		}
	case *partner.VND:
		var n int64
		n, err = positive(strings.TrimSuffix(s, strings.TrimPrefix(it.format, "0")))
		*to, err = partner.VND(n), coded(partner.AmountMismatch, err)
	case *time.Time:
		*to, err = w.times.parse(s, it.format)
		if err == nil && name == field.To && isDay(it.format) {
			*to = to.AddDate(0, 0, 1)
		}
	case *partner.State:
		if *to = w.stateOf[s]; *to == partner.StateUnlisted {
			err = errors.New("a state the contract does not list")
		}
	case *int:
		var n int64
		if it.format == fromZero {
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

// coded gives a failure the code MobiFone would answer. The cause is left out: it may hold
// the value.
func coded(code partner.Code, err error) error {
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
func foreignID(s string) (partner.PartnerTransID, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	if len(s) > partnerTransIDMax || strings.Trim(s, alphabet) != "" {
		return "", errors.New("malformed")
	}
	return partner.PartnerTransID(s), nil
}

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

func positive(s string) (int64, error) {
	n, ok := plainInteger(s)
	if !ok || n <= 0 || n > math.MaxInt64>>1 {
		return 0, errors.New("not a positive whole number")
	}
	return n, nil
}

// Verify checks a request's authentication against the credentials, the server's side of
// Sign. Its error is one of partner.AuthKey, partner.AuthSignature, or
// partner.AuthTimestamp for a timestamp that cannot be read; how old a timestamp may be and
// whether a nonce was seen is the server's business. Keys, tokens and signatures are
// compared in constant time, and what the server itself does not have matches nothing. A
// header that stands twice is refused. token is bearer's.
//
// With a signer of the user's nothing can be verified: the error is partner.AuthSignature.
func (w *Wire) Verify(op partner.Operation, req *http.Request, body []byte, cred partner.Credentials, token partner.Secret) (contract.Stamp, error) {
	s, err := w.verify(op, req, body, cred, token)
	if err != nil {
		return contract.Stamp{}, err
	}
	return s, nil
}

func (w *Wire) verify(op partner.Operation, req *http.Request, body []byte, cred partner.Credentials, token partner.Secret) (s contract.Stamp, err error) {
	for _, fixed := range w.auth.constants {
		if v, ok := single(req.Header, fixed[0]); !ok || v != fixed[1] {
			return s, partner.AuthKey
		}
	}
	if w.signer != nil {
		return s, partner.AuthSignature
	}
	said, members, err := w.saidParts(op, req, body)
	if err != nil {
		return s, err
	}
	for p, want := range map[part]partner.Secret{
		partAPIKey: cred.APIKey, partUsername: partner.NewSecret(cred.Username), partPassword: cred.Password, partToken: token,
	} {
		if w.auth.carries(p) && !equalSecret(said[p], want) {
			return s, partner.AuthKey
		}
	}
	if w.auth.carries(partTimestamp) {
		var ok bool
		if s.Time, ok = w.readStamp(said[partTimestamp]); !ok {
			return s, partner.AuthTimestamp
		}
	}
	s.Nonce, s.RequestID = said[partNonce], said[partRequestID]
	if w.auth.carries(partToken) {
		s.Token = token
	}
	if w.auth.signs && !w.signed(req, body, cred, s, said, members) {
		return s, partner.AuthSignature
	}
	return s, nil
}

func (a *auth) carries(p part) bool { return a.headers[p] != "" || a.members[p] != "" }

// saidParts reads the authentication where it stands. A part that is missing is an error.
func (w *Wire) saidParts(op partner.Operation, req *http.Request, body []byte) (said [partCount]string, members map[string]sent, err error) {
	if o := w.op(op); o != nil && o.perTry && w.auth.members != [partCount]string{} {
		if members, err = w.membersOf(o, req, body); err != nil {
			return said, nil, partner.AuthSignature
		}
	}
	missing := [partCount]partner.Code{
		partAPIKey: partner.AuthKey, partUsername: partner.AuthKey, partPassword: partner.AuthKey, partToken: partner.AuthKey,
		partTimestamp: partner.AuthTimestamp, partNonce: partner.AuthSignature, partRequestID: partner.AuthSignature, partSignature: partner.AuthSignature,
	}
	for p := partAPIKey; p < partCount; p++ {
		if !w.auth.carries(p) {
			continue
		}
		text, ok := single(req.Header, w.auth.headers[p])
		if name := w.auth.members[p]; name != "" {
			text = members[name].text
			ok = text != ""
		}
		if p == partToken && w.auth.headers[p] == "Authorization" {
			text, ok = strings.CutPrefix(text, "Bearer ")
		}
		if !ok {
			return said, nil, missing[p]
		}
		said[p] = text
	}
	return said, members, nil
}

// Token returns the bearer token that a request carries, wherever the contract puts it.
func (w *Wire) Token(op partner.Operation, req *http.Request, body []byte) string {
	said, _, _ := w.saidParts(op, req, body)
	return said[partToken]
}

func (w *Wire) signed(req *http.Request, body []byte, cred partner.Credentials, s contract.Stamp, said [partCount]string, members map[string]sent) bool {
	var message []byte
	var err error
	if members != nil && w.auth.Canonical != "parts" {
		delete(members, w.auth.members[partSignature])
		message = w.appendMembers(nil, members, w.auth.Canonical, w.auth.Parts)
	} else if message, err = w.appendCanonical(nil, req, body, &cred, &s, []byte(said[partTimestamp])); err != nil {
		return false
	}
	var public any
	if cred.PrivateKey != nil {
		public = cred.PrivateKey.Public()
	}
	return w.NewKey(cred).verify(said[partSignature], message, public)
}

// readStamp reads a timestamp in the scheme's form, in the years a time may have.
func (w *Wire) readStamp(text string) (time.Time, bool) {
	layout := w.auth.Timestamp
	switch layout {
	case "s":
		layout = "epochSeconds"
	case "", "ms":
		layout = "epochMillis"
	}
	t, ok := parseLayout(layout, text, w.times.zone)
	t = t.In(w.times.zone)
	return t, ok && inRange(t)
}

// WriteAnswer writes an answer, the server's side of [Wire.Decode]: what the contract lists
// and a is not zero is written, and Decode reads the same back, times cut to the layout's
// precision. The code is a.WireCode, else the success code for [partner.Success], else the
// first string of the row named a.Code; no such row is an error. A single row of
// transactions.get is written as an object, other rows as a list. Row.ResultCode is
// MobiFone's string. cred signs where the contract signs replies.
func (w *Wire) WriteAnswer(op partner.Operation, a *Answer, cred partner.Credentials) (h http.Header, body []byte, err error) {
	o, err := w.operation(op)
	if err != nil {
		return nil, nil, err
	}
	code, err := w.wireCode(o, a)
	if err != nil {
		return nil, nil, err
	}
	b := builder{w: w}
	f := &w.frame
	b.putFirst(f.code, b.code(code))
	success := o.classify(code).class == Success
	b.putFirst(f.success, success != a.Contradict)
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

// signAnswer signs the members of an answer.
func (w *Wire) signAnswer(b *builder, h http.Header, cred partner.Credentials) error {
	r := w.auth.Reply
	if r == nil || r.Canonical == "body" {
		return nil
	}
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
	if r.Header != "" {
		h.Set(r.Header, signature)
		return nil
	}
	b.put(strings.Split(r.Member, "."), signature)
	return b.err
}

func (w *Wire) wireCode(o *operation, a *Answer) (string, error) {
	switch {
	case a.WireCode != "":
		return a.WireCode, nil
	case a.Code == partner.Success:
		for _, wire := range w.success { // one may mean something else here
			if o.classify(wire).class == Success {
				return wire, nil
			}
		}
	}
	if named := w.byName[a.Code]; named != nil {
		for _, wire := range named.Wire {
			if r := o.codes[wire].rule; r != nil && r.Name == a.Code {
				return wire, nil
			}
		}
	}
	return "", fmt.Errorf("contract: no wire code for %q", string(a.Code))
}

// single returns a header that stands exactly once and is not empty.
func single(h http.Header, name string) (string, bool) {
	vs := h[name]
	if len(vs) != 1 || vs[0] == "" {
		return "", false
	}
	return vs[0], true
}

// literal is a JSON number as it is written.
type literal string

// jsonObject is an object to write: members in the order they were put.
type jsonObject struct {
	names  []string
	values []any // string, int64, bool, literal, *jsonObject, []*jsonObject
}

// put sets the value at a path of names, making objects on the way; false when the
// place is taken.
func (o *jsonObject) put(names []string, v any) bool {
	i := slices.Index(o.names, names[0])
	switch {
	case i < 0 && len(names) == 1:
		o.names, o.values = append(o.names, names[0]), append(o.values, v)
		return true
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
	if len(names) == 0 { // the answer itself is the rows
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

func (b *builder) putFirst(names []place, v any) {
	if len(names) > 0 {
		b.put(names[0].names, v)
	}
}

// code writes a code as a number where the contract does so and the code is one.
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

// field returns what is written for a field, nil for what is not.
func (b *builder) field(at any, format string) any {
	switch at := at.(type) {
	case *string:
		return text(*at)
	case *field.StateSaid:
		if at.WireState != "" { // so that a state the contract does not list can be played
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

// value writes a field that requests carry too, as they do.
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
