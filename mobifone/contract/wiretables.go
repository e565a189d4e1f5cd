package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// wireTables is a document compiled for the wire: names sorted out, paths split,
// header names canonical, so that a call does none of it again. It never changes.
type wireTables struct {
	ops        map[partner.Operation]*wireOp
	routes     map[string]partner.Operation // method, space, path
	msisdnForm partner.MSISDNForm
	times      clockwork
	success    map[string]bool // the wire codes that are success
	successOne string          // the one a server writes
	codeNumber bool
	headers    authHeaders
	login      *loginPlan // nil without a login
}

// wireOp is one operation on the wire.
type wireOp struct {
	op            partner.Operation
	method, path  string
	encoding      Encoding
	listed        []reqField        // what a request carries, in order
	names         [reqCount]string  // wire names; "" is not sent
	jsonKey       [reqCount]string  // `"name":`
	asText        [reqCount]bool    // numbers written as JSON strings
	constants     []constant        // sorted by name
	jsonConstants string            // `"a":1,"b":"x"`
	known         map[string]string // wire name → logical name, "" for a constant
	reply         replyPlan
}

// constant is a member sent with each request.
type constant struct {
	name string
	text string // as a query writes it
	json string // as JSON writes it
}

// compileWire compiles a validated document. An error names the first thing that
// validation should have refused.
func compileWire(doc *Document) (*wireTables, error) {
	w := &wireTables{
		ops:        make(map[partner.Operation]*wireOp, len(doc.Operations)),
		routes:     make(map[string]partner.Operation, len(doc.Operations)),
		codeNumber: doc.Envelope.CodeAsNumber,
		headers:    compileAuthHeaders(doc.Auth),
	}
	var err error
	if w.times, err = compileTimes(doc.Time); err != nil {
		return nil, err
	}
	switch doc.MSISDN {
	case "84":
		w.msisdnForm = partner.Form84
	case "0":
		w.msisdnForm = partner.Form0
	case "9":
		w.msisdnForm = partner.Form9
	default:
		return nil, fmt.Errorf("msisdn form %q is not known", doc.MSISDN)
	}
	if len(doc.Envelope.SuccessCodes) == 0 {
		return nil, errors.New("no success code")
	}
	w.successOne = doc.Envelope.SuccessCodes[0]
	w.success = make(map[string]bool, len(doc.Envelope.SuccessCodes))
	for _, code := range doc.Envelope.SuccessCodes {
		w.success[code] = true
	}
	if w.login, err = compileLogin(doc.Auth.Login); err != nil {
		return nil, err
	}
	frame, err := compileFrame(doc.Envelope)
	if err != nil {
		return nil, err
	}
	for op, end := range doc.Operations {
		if end == nil {
			continue
		}
		e, err := compileOp(doc, op, end, frame)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		w.ops[op] = e
		w.routes[e.method+" "+e.path] = op
	}
	return w, nil
}

func compileOp(doc *Document, op partner.Operation, end *Endpoint, frame framePlan) (*wireOp, error) {
	e := &wireOp{op: op, method: end.Method, path: end.Path, encoding: end.Encoding, known: make(map[string]string)}
	switch end.Encoding {
	case JSON, Form, Query:
	default:
		return nil, fmt.Errorf("encoding %q is not known", end.Encoding)
	}
	for logical, name := range end.Request {
		if name == "" || !slices.Contains(requestNames[:], logical) {
			return nil, fmt.Errorf("request field %q cannot be mapped to %q", logical, name)
		}
	}
	for i, logical := range requestNames {
		name, ok := end.Request[logical]
		if !ok {
			continue
		}
		if reqField(i) == reqPartnerTransID && op == partner.OpOTP && !doc.Semantics.PartnerTransIDAtOTP {
			continue // the partner does not take it here
		}
		e.names[i], e.jsonKey[i] = name, string(appendText(nil, name))+":"
		e.asText[i] = slices.Contains(end.AsText, logical)
		e.listed = append(e.listed, reqField(i))
		e.known[name] = logical
	}
	if err := e.compileConstants(end.Constants); err != nil {
		return nil, err
	}
	var err error
	e.reply, err = compileReply(end, frame)
	return e, err
}

func (e *wireOp) compileConstants(constants map[string]any) error {
	var members []string
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		c := constant{name: name}
		switch v := constants[name].(type) {
		case string:
			c.text, c.json = v, string(appendText(nil, v))
		case bool:
			c.text = strconv.FormatBool(v)
			c.json = c.text
		case json.Number:
			c.text, c.json = string(v), string(v)
		default:
			return fmt.Errorf("constant %q is not a string, number or bool", name)
		}
		e.constants = append(e.constants, c)
		members = append(members, string(appendText(nil, name))+":"+c.json)
		e.known[name] = ""
	}
	e.jsonConstants = strings.Join(members, ",")
	return nil
}

// authHeaders are the document's header names in canonical form.
type authHeaders struct {
	apiKey, timestamp, nonce, requestID, signature string
	constants                                      []constant
}

func compileAuthHeaders(a Auth) authHeaders {
	h := authHeaders{
		apiKey:    http.CanonicalHeaderKey(a.Headers.APIKey),
		timestamp: http.CanonicalHeaderKey(a.Headers.Timestamp),
		nonce:     http.CanonicalHeaderKey(a.Headers.Nonce),
		requestID: http.CanonicalHeaderKey(a.Headers.RequestID),
		signature: http.CanonicalHeaderKey(a.Headers.Signature),
	}
	for _, name := range slices.Sorted(maps.Keys(a.Constants)) {
		h.constants = append(h.constants, constant{name: http.CanonicalHeaderKey(name), text: a.Constants[name]})
	}
	return h
}
