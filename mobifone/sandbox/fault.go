package sandbox

// This file holds what a test scripts: the words of a fault, the check of one, and which
// request meets which fault. What a fault does to the request is in effects.go, one row
// for each word.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The two sides of the execution, in [Fault.When].
const (
	before = "before"
	after  = "after"
)

// Fault says which requests fail, and how. It reads and writes as JSON, with durations as
// "3s"; the JSON names are those of the control API. Several faults that hit one request
// work together; of two of the same kind the later one counts. For example:
//
//	// The next registration is carried out, and its reply is lost.
//	{Operation: telco.OpRegister, Kind: "drop"}
//
//	// The next registration never reaches MobiFone.
//	{Operation: telco.OpRegister, Kind: "drop", When: "before"}
//
//	// Every other lookup by id is 15 s behind, until the test ends.
//	{Operation: telco.OpGet, Kind: "stale", Delay: contract.Duration(15 * time.Second), Every: 2, Times: -1}
//
//	// A gateway gives up; MobiFone registers all the same, a minute later.
//	{Operation: telco.OpRegister, Kind: "late", Delay: contract.Duration(time.Minute), Status: 504}
//
// These are the kinds; [Sandbox.Script] refuses any other word. Those marked b may also fall
// before the execution, which then does not happen (but see latency).
//
//	latency     b  the reply is Delay late. Before: the request is Delay late, and it is
//	               executed then even when the client has gone meanwhile
//	drop        b  the connection ends without a reply: EOF, or RST with Reset
//	silence     b  no reply comes until the client goes
//	status      b  HTTP status Status without an envelope, with RetryAfter and Location
//	code        b  the result code Code, or WireCode; under the HTTP status Status if it is set
//	late           a registration is held back and executed after Delay; the reply is Status
//	               at once, or silence when Status is 0
//	duplicate      the request is delivered twice, Delay apart; the reply is that of the
//	               first, or with Second, and then at once, that of the copy
//	stale          lookups answer as of Delay ago
//	absent         lookups find nothing
//	other-sale     the reply belongs to another sale's request of the same operation
//	wrong-ids      the ids in the reply are nobody's
//	contradict     the success flag contradicts the code, where the contract has such a flag
//	garble         the body cannot be read, in the way of Shape
//	cut            the body ends after Bytes bytes: EOF, or RST with Reset
//	length         Content-Length is off by Bytes: too long when positive, too short when negative
//	drip           the body comes byte by byte, Delay apart
//	endless        the body does not end
//	big-header     the headers take Bytes bytes; 0 is 16 MiB
//	interim        Bytes 1xx replies come before the real one; 0 is 100000
//	gzip-bomb      a small gzip body unpacks to Bytes bytes; 0 is 1 GiB
//
// And these are the shapes of garble. The last four change JSON, so a contract with a codec of
// its own cannot have them.
//
//	html            an HTML page, as a proxy shows one during maintenance
//	bom             a byte order mark before the body
//	not-json        the text OK
//	empty           no byte at all
//	duplicate-keys  every member of the object twice
//	nulls           every value is null
//	wrong-types     strings become lists, numbers become objects, flags become strings
//	bad-utf8        the first string is not UTF-8
type Fault struct {
	// Operation is the operation that fails; "" is every one but the bearer scheme's login,
	// which is named "login".
	Operation telco.Operation `json:"operation,omitzero"`
	// MSISDN is the subscriber whose requests fail, in any written form; "" is everybody.
	// It is personal data.
	MSISDN string `json:"msisdn,omitzero"`
	// Nth is the first of the matching requests that fails, counted from 1; 0 is the first.
	Nth int `json:"nth,omitzero"`
	// Every lets every n-th matching request fail from then on; 0 is each.
	Every int `json:"every,omitzero"`
	// Times is how many requests fail; 0 is one, negative is without end.
	Times int `json:"times,omitzero"`

	// Kind is what goes wrong: a word of the type's first table.
	Kind string `json:"kind"`
	// When says on which side of the execution the fault falls: "before" or "after"; "" is after.
	When string `json:"when,omitzero"`
	// Delay is the time of latency, late, duplicate, stale and drip.
	Delay contract.Duration `json:"delay,omitzero"`
	// Bytes is the size of cut, length, big-header, interim and gzip-bomb.
	Bytes int `json:"bytes,omitzero"`
	// Reset ends the connection of drop and cut with RST instead of FIN.
	Reset bool `json:"reset,omitzero"`
	// Shape is how garble spoils the body: a word of the type's second table.
	Shape string `json:"shape,omitzero"`
	// Status is the HTTP status of status, code and late: 200 to 599.
	Status int `json:"status,omitzero"`
	// RetryAfter is the header Retry-After of status, written as it is here.
	RetryAfter string `json:"retryAfter,omitzero"`
	// Location is the header Location of status.
	Location string `json:"location,omitzero"`
	// Code is the result code of code, by the SDK's name; the contract gives the wire's.
	Code telco.Code `json:"code,omitzero"`
	// WireCode is the result code of code as it is on the wire, for one that the contract
	// does not list.
	WireCode string `json:"wireCode,omitzero"`
	// Second makes duplicate reply with the copy's answer; Delay must then be 0. Where nonces are
	// checked and Config.AcceptReplays is not set, that answer is AUTH_NONCE.
	Second bool `json:"second,omitzero"`
}

// check reports everything that is wrong with the fault at once.
func (f Fault) check() error {
	var errs []error
	bad := func(cond bool, format string, args ...any) {
		if cond {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	// What every kind needs is checked here, what only one needs by its row.
	e := effectOf(f.Kind)
	if e.kind == "" {
		bad(true, "no kind %q: one of %s", f.Kind, list(effects, func(e effect) string { return e.kind }))
	}
	if e.check != nil {
		err := e.check(f)
		bad(err != nil, "%w", err)
	}
	if ops := append(field.Operations(), opLogin); f.Operation != "" && !slices.Contains(ops, f.Operation) {
		bad(true, "no operation %q: one of %s", string(f.Operation), list(ops, func(op telco.Operation) telco.Operation { return op }))
	}
	bad(f.When != "" && f.When != before && f.When != after, "when is %q: want before or after", f.When)
	bad(f.When == before && e.kind != "" && !e.beforehand(), "kind %q is never before the execution", f.Kind)
	bad(f.Status != 0 && (f.Status < 200 || f.Status > 599), "status %d is not 200 to 599", f.Status)
	bad(f.Delay < 0, "delay is negative")
	bad(f.Nth < 0 || f.Every < 0, "nth and every must not be negative")
	bad(f.Bytes < 0 && f.Kind != "length", "bytes is negative")
	if f.MSISDN != "" {
		_, err := telco.ParseMSISDN(f.MSISDN)
		bad(err != nil, "msisdn is not a number")
	}
	return errors.Join(errs...)
}

// list names the words that are known.
func list[T any, W ~string](all []T, word func(T) W) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = string(word(one))
	}
	return strings.Join(words, ", ")
}

// scripted is a fault with how often it was met.
type scripted struct {
	Fault
	// msisdn is Fault.MSISDN read; invalid is everybody.
	msisdn telco.MSISDN
	// seen counts the matching requests, fired those that failed.
	seen  int
	fired int
}

// script holds the faults to come.
type script struct{ faults []*scripted }

// add adds all faults, or none when one is malformed; its error says what is wrong with each.
func (s *script) add(faults ...Fault) error {
	var errs []error
	for i, f := range faults {
		if err := f.check(); err != nil {
			errs = append(errs, fmt.Errorf("sandbox: fault %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// All are well formed: from here on nothing can fail, so none is left half added.
	for _, f := range faults {
		e := &scripted{Fault: f}
		if f.MSISDN != "" {
			e.msisdn, _ = telco.ParseMSISDN(f.MSISDN) // check has read it
		}
		s.faults = append(s.faults, e)
	}
	return nil
}

// hit counts the request and returns the faults that it meets. Faults that have failed
// often enough are forgotten.
func (s *script) hit(op telco.Operation, n telco.MSISDN) plan {
	var p plan
	keep := s.faults[:0]
	for _, e := range s.faults {
		if e.matches(op, n) && e.takes() {
			p = p.with(e.Fault)
		}
		if !e.spent() {
			keep = append(keep, e)
		}
	}
	clear(s.faults[len(keep):])
	s.faults = keep
	return p
}

// matches reports whether the fault is for such a request. The login fails only by name.
func (e *scripted) matches(op telco.Operation, n telco.MSISDN) bool {
	return (e.Operation == op || e.Operation == "" && op != opLogin) && (!e.msisdn.IsValid() || e.msisdn == n)
}

// takes counts a matching request and reports whether it is one of those that fail.
func (e *scripted) takes() bool {
	e.seen++
	// since counts the matching requests after the first that may fail.
	since := e.seen - max(1, e.Nth)
	if since < 0 || since%max(1, e.Every) != 0 || e.spent() {
		return false
	}
	e.fired++
	return true
}

// spent reports whether the fault has failed often enough.
func (e *scripted) spent() bool { return e.Times >= 0 && e.fired >= max(1, e.Times) }

// plan is what happens to one request: at most one fault of each kind, in the order of the
// script. Only latency may come twice, once on each side of the execution.
type plan []Fault

// with adds a fault in place of one of the same kind.
func (p plan) with(f Fault) plan {
	for i := range p {
		if p[i].Kind == f.Kind && (f.Kind != "latency" || p[i].When == f.When) {
			p[i] = f
			return p
		}
	}
	return append(p, f)
}

// get returns the plan's fault of that kind.
func (p plan) get(k string) (Fault, bool) {
	for _, f := range p {
		if f.Kind == k {
			return f, true
		}
	}
	return Fault{}, false
}

// latency sums the delays on one side of the execution.
func (p plan) latency(w string) time.Duration {
	var d time.Duration
	for _, f := range p {
		if f.Kind == "latency" && cmp.Or(f.When, after) == w {
			d += time.Duration(f.Delay)
		}
	}
	return d
}

// magic adds what the subscriber's number chooses for the reply to a registration.
func (p plan) magic(s Subscriber, cfg Config) plan {
	if d := s.pace.reply(cfg); d > 0 {
		p = append(p, Fault{Kind: "latency", When: after, Delay: contract.Duration(d)})
	}
	if s.lost != "" {
		p = p.with(Fault{Kind: "drop", When: s.lost})
	}
	return p
}
