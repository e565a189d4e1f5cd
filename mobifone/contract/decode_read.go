package contract

import (
	"math"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Bounds of single values.
const (
	identMax   = 256                // bytes of an id or code
	countMax   = math.MaxInt32      // attempts, pages, days, totals
	secondsMax = 366 * 24 * 60 * 60 // of a wait or a lifetime
)

// reader reads one node as what a field needs. The first problem stays; it never
// holds the value.
type reader struct {
	c       *Contract
	n       *node
	problem string
}

func (r *reader) fail(problem string) {
	if r.problem == "" {
		r.problem = problem
	}
}

// sentence reads text for people.
func (r *reader) sentence() string {
	if r.n.kind != kindString {
		r.fail("must be a string")
		return ""
	}
	return r.n.text
}

// ident reads an id or code: a string, or a whole number as it is written.
func (r *reader) ident() string {
	switch r.n.kind {
	case kindString:
	case kindNumber:
		if _, ok := plainInteger(r.n.text); !ok {
			r.fail("must be a string or a whole number")
			return ""
		}
	default:
		r.fail("must be a string or a whole number")
		return ""
	}
	if len(r.n.text) > identMax {
		r.fail("is too long")
		return ""
	}
	return r.n.text
}

// transID reads the id that a later request must send: it is refused when it cannot.
func (r *reader) transID() partner.TransID {
	s := r.ident()
	if s == "" {
		return ""
	}
	id, err := partner.ParseTransID(s)
	if err != nil || string(id) != s {
		r.fail("is no transId")
		return ""
	}
	return id
}

func (r *reader) integer() int64 {
	var n int64
	ok := false
	switch r.n.kind {
	case kindNumber:
		n, ok = wholeNumber(r.n.text)
	case kindString:
		n, ok = wholeText(r.n.text)
	}
	if !ok {
		r.fail("must be a whole number")
		return 0
	}
	if n < 0 {
		r.fail("must not be negative")
		return 0
	}
	return n
}

func (r *reader) money() partner.VND { return partner.VND(r.integer()) }

func (r *reader) count() int {
	n := r.integer()
	if n > countMax {
		r.fail("is too large")
		return 0
	}
	return int(n)
}

func (r *reader) seconds() time.Duration {
	n := r.integer()
	if n > secondsMax {
		r.fail("is too large")
		return 0
	}
	return time.Duration(n) * time.Second
}

// flag reads true or false, also as a string, as form-minded systems send it.
func (r *reader) flag() bool {
	switch {
	case r.n.kind == kindTrue, r.n.kind == kindString && r.n.text == "true":
		return true
	case r.n.kind == kindFalse, r.n.kind == kindString && r.n.text == "false":
		return false
	}
	r.fail("must be true or false")
	return false
}

// flagSaid is a flag that may be missing; nil when it cannot be read.
func (r *reader) flagSaid() *bool {
	if v := r.flag(); r.problem == "" {
		return &v
	}
	return nil
}

// time reads a time; an empty string is no time.
func (r *reader) time() time.Time {
	if r.n.kind != kindString && r.n.kind != kindNumber {
		r.fail("must be a time")
		return time.Time{}
	}
	if r.n.kind == kindString && r.n.text == "" {
		return time.Time{}
	}
	t, err := r.c.wire.times.parse(r.n.text)
	if err != nil {
		r.fail(err.Error())
	}
	return t
}

// state reads a state; one the contract does not list keeps its wire string.
func (r *reader) state() (partner.State, string) {
	wire := r.ident()
	return r.c.stateOf[wire], wire
}

// msisdn reads a number in any form. A row whose number is none, masked perhaps, is
// still a row: the zero value matches no subscriber.
func (r *reader) msisdn() partner.MSISDN {
	m, err := partner.ParseMSISDN(r.ident())
	if err != nil {
		return partner.MSISDN{}
	}
	return m
}
