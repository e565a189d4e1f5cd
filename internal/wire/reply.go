package wire

// This file decodes answers, the client's side: first the envelope, here, then the fields and
// rows in body.go. What decides is read strictly; what only decorates is left out, and named,
// when it cannot be read.

import (
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Bounds of single values and of an answer's rows, far above any real one.
const (
	// rowsMax bounds the rows of one answer.
	rowsMax = 10_000
	// textMax bounds an id or code, in bytes.
	textMax = 256
	// countMax bounds attempts, pages, days and totals.
	countMax = math.MaxInt32
	// durationMax bounds a wait or a lifetime.
	durationMax = 366 * 24 * time.Hour
)

// Error says why an answer cannot be read. It never holds the answer's bytes.
type Error struct {
	// Path is where, with dots between the names; "" for the whole answer.
	Path string
	// Problem says what is wrong there, and never quotes the value.
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
	// WireCode is MobiFone's own string.
	WireCode string
	// Rule is the code table's row, the contract's own: read only. It is nil for a code that is
	// not listed.
	Rule *contract.CodeRule
	// Class is that of the code for the operation.
	Class Class
	// Message is as MobiFone wrote it: it may hold personal data.
	Message   string
	RequestID string
	// Time is the envelope's responseTime; zero when absent.
	Time time.Time
	// Unread names fields that decide nothing and could not be read.
	Unread []string
	Data   field.Data
}

// Code is the canonical name of the reply's code; "" for a code that is not listed.
func (r *Reply) Code() telco.Code {
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
	w *Wire
	// t is the whole answer.
	t jsontree.Tree
	// data is the envelope's data, at its path, for errors.
	data int32
	at   string
	out  *Reply
}

// Decode reads an answer into out, which must be zero. Errors are of type [*Error] and never hold
// the answer's bytes; beside an error the content of out is not defined.
//
// What decides is read strictly: the text must be one whole JSON object without a key twice; the
// code, ids, status, amount, subscriber, package, price and the eligible flag must be readable; a
// success flag must not contradict the code. What only decorates (dates, counters, texts, the
// request id, a second name of the same thing) is absent when it cannot be read, and Reply.Unread
// names it. Names are compared exactly. null is absent, except for a null list
// ([field.Data.HasRows]). One offer of packages.eligible that cannot be read fails alone
// ([field.Row.Problem]).
//
// A code of the success set has class Success, unless the envelope's inner code does not confirm
// it; a code that is not listed has class Unknown and no row. h and try are for a codec, and for
// a contract whose replies are signed; a zero try is that of a request that was not
// authenticated.
func (w *Wire) Decode(op telco.Operation, h http.Header, body []byte, try *Try, out *Reply) error {
	o, err := w.operation(op)
	if err != nil {
		return err
	}
	// A signature over the bytes is checked before anything reads them.
	signed := w.auth.Reply
	if signed != nil && signed.Canonical == "body" {
		if err := w.verifyReply(h, body, nil, try); err != nil {
			return &Error{Problem: err.Error()}
		}
	}
	// The codec gets a copy: it may keep what it was given, and the buffer is used again.
	if w.codec != nil {
		m := contract.Message{Operation: op, Reply: true, Stamp: try.Stamp}
		if try.Key != nil {
			m.Credentials = try.Key.cred
		}
		if body, err = w.codec.Read(m, h.Get("Content-Type"), slices.Clone(body)); err != nil {
			return &Error{Problem: "the codec cannot read it"}
		}
	}
	// The tree's list of nodes is used again; a reply costs one allocation for its text.
	room, _ := rooms.Get().(*jsontree.Tree)
	if room == nil {
		room = new(jsontree.Tree)
	}
	t, problem := readObject(body, *room)
	// A signature over members needs the tree.
	if problem == "" && signed != nil && signed.Canonical != "body" {
		if err := w.verifyReply(h, nil, t, try); err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		return &Error{Problem: problem}
	}
	r := reader{w: w, t: t, out: out}
	bad := r.frame(o)
	if bad == nil {
		bad = r.body(o)
	}
	// The list is cleared before it is kept: its nodes point into the reply's text.
	if clear(t); len(t) <= roomMax {
		*room = t[:0]
		rooms.Put(room)
	}
	if bad != nil {
		return bad
	}
	return nil
}

// readObject reads one JSON object into room.
func readObject(body []byte, room jsontree.Tree) (t jsontree.Tree, problem string) {
	if t, problem = jsontree.Read(body, room); problem == "" && t[0].Kind != jsontree.Object {
		problem = "not a JSON object"
	}
	return t, problem
}

// first finds the first of several names of one thing that is present.
func (r *reader) first(names []place) (node *jsontree.Node, at *place, bad *Error) {
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

// throughNoObject is the problem of a path that ends too early.
const throughNoObject = "leads through a value that is no object"

// unread notes a field that decides nothing and cannot be read.
func (r *reader) unread(path string) { r.out.Unread = append(r.out.Unread, path) }

// frame reads the envelope: the code, the flags that confirm or contradict it, and the rest.
func (r *reader) frame(o *operation) *Error {
	f := &r.w.frame
	bad := r.code(o)
	if bad != nil {
		return bad
	}
	// A success flag is never believed against the code: the two must agree.
	node, at, bad := r.first(f.success)
	if bad != nil {
		return bad
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
	// Only a success is doubted: a refusal needs no confirmation.
	if r.out.Class == Success && len(f.inner) > 0 {
		if bad := r.innerCode(); bad != nil {
			return bad
		}
	}
	// The rest of the envelope decides nothing.
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

// code reads the code under its first name. A second name must not hold a code that the contract
// lists with another meaning: such a reply contradicts itself. Anything else under it decides
// nothing.
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
		// decided says that an earlier name held the code.
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
		// The same code twice is no news.
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

// innerCode lets a second code doubt a success: the reply is then neither success nor refusal.
func (r *reader) innerCode() *Error {
	node, at, bad := r.first(r.w.frame.inner)
	if bad != nil || node == nil {
		return bad
	}
	text, problem := readText(node)
	if problem != "" {
		return &Error{Path: at.text, Problem: problem}
	}
	if !slices.Contains(r.w.inner, text) {
		// The code that is reported shows both, and no row of the table has such a code.
		r.out.WireCode += "/" + text
		r.out.Class, r.out.Rule = Unknown, nil
	}
	return nil
}

// decoration reads the first of several names that set can read, and notes those before it that
// it cannot.
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
