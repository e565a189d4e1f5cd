package sandbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// FaultKind is one way to fail.
type FaultKind string

// The ways to fail. "Before" and "after" are Fault.When: before the execution (which then
// does not happen, latency excepted) or after it.
const (
	Latency    FaultKind = "latency"    // wait Delay; before: executed even when the client has gone meanwhile
	Drop       FaultKind = "drop"       // the connection ends without a reply; Reset for RST instead of EOF
	Silence    FaultKind = "silence"    // no reply until the client goes
	Cut        FaultKind = "cut"        // the reply's body ends after Bytes bytes; Reset for RST
	Length     FaultKind = "length"     // Content-Length is off by Bytes (too long when positive)
	Garble     FaultKind = "garble"     // the body is unreadable in the way of Shape
	WrongIDs   FaultKind = "wrong-ids"  // the ids in the reply are nobody's
	OtherSale  FaultKind = "other-sale" // the reply to another sale's request of the same operation
	Contradict FaultKind = "contradict" // the success flag contradicts the code
	Status     FaultKind = "status"     // the HTTP status Status without an envelope, with RetryAfter and Location
	Override   FaultKind = "code"       // the result code Code, or WireCode; with the HTTP status Status when it is set
	Late       FaultKind = "late"       // parked, executed after Delay; the reply is Status, or silence when that is 0
	Duplicate  FaultKind = "duplicate"  // delivered twice, Delay apart; the reply is the first's, or with Second the copy's
	Absent     FaultKind = "absent"     // lookups find nothing
	Stale      FaultKind = "stale"      // lookups answer as of Delay ago
	Drip       FaultKind = "drip"       // the body comes byte by byte, Delay apart
	Endless    FaultKind = "endless"    // the body does not end
	BigHeader  FaultKind = "big-header" // headers of Bytes bytes; 0 is 16 MiB
	Interim    FaultKind = "interim"    // a flood of Bytes 1xx replies before the real one; 0 is 100000
	GzipBomb   FaultKind = "gzip-bomb"  // a small gzip body that unpacks to Bytes bytes; 0 is 1 GiB
)

// When says on which side of the execution a fault falls. The zero value is after.
type When string

// The two sides.
const (
	After  When = "after"
	Before When = "before"
)

// Shape is how a body is garbled.
type Shape string

// The shapes.
const (
	HTML          Shape = "html" // a page, with status 200
	BOM           Shape = "bom"  // a byte order mark before the body
	DuplicateKeys Shape = "duplicate-keys"
	Nulls         Shape = "nulls" // every value is null
	WrongTypes    Shape = "wrong-types"
	NotJSON       Shape = "not-json"
	Empty         Shape = "empty"
	BadUTF8       Shape = "bad-utf8"
)

// Fault says which requests fail, and how. It reads and writes as JSON, durations as
// "3s". Several faults that hit one request work together; of two of the same kind the
// later one counts.
type Fault struct {
	Operation telco.Operation `json:"operation,omitzero"` // "": every one
	MSISDN    string          `json:"msisdn,omitzero"`    // any written form; "": every one. Personal data
	Nth       int             `json:"nth,omitzero"`       // from the n-th request that matches; 0 is the first
	Every     int             `json:"every,omitzero"`     // and then each Every-th; 0 is each
	Times     int             `json:"times,omitzero"`     // so often; 0 is once, negative is for ever

	Kind       FaultKind         `json:"kind"`
	When       When              `json:"when,omitzero"`
	Delay      contract.Duration `json:"delay,omitzero"`
	Bytes      int               `json:"bytes,omitzero"`
	Reset      bool              `json:"reset,omitzero"`
	Shape      Shape             `json:"shape,omitzero"`
	Status     int               `json:"status,omitzero"`
	RetryAfter string            `json:"retryAfter,omitzero"` // as it stands in the header
	Location   string            `json:"location,omitzero"`
	Code       telco.Code        `json:"code,omitzero"`
	WireCode   string            `json:"wireCode,omitzero"` // for a code the contract does not list
	Second     bool              `json:"second,omitzero"`
}

// These are read only.
var (
	faultKinds = []FaultKind{
		Latency, Drop, Silence, Cut, Length, Garble, WrongIDs, OtherSale, Contradict, Status, Override,
		Late, Duplicate, Absent, Stale, Drip, Endless, BigHeader, Interim, GzipBomb,
	}
	beforeKinds = []FaultKind{Latency, Drop, Silence, Status, Override}

	shapes = []Shape{HTML, BOM, DuplicateKeys, Nulls, WrongTypes, NotJSON, Empty, BadUTF8}
)

// FaultKinds returns every way to fail.
func FaultKinds() []FaultKind { return slices.Clone(faultKinds) }

// Shapes returns every way to garble a body.
func Shapes() []Shape { return slices.Clone(shapes) }

// Validate reports everything that is wrong with the fault at once.
func (f Fault) Validate() error {
	var errs []error
	bad := func(cond bool, format string, args ...any) {
		if cond {
			errs = append(errs, fmt.Errorf("sandbox: fault: "+format, args...))
		}
	}
	bad(!slices.Contains(faultKinds, f.Kind), "no kind %q", string(f.Kind))
	bad(f.Operation != "" && !knownOperation(f.Operation), "no operation %q", string(f.Operation))
	bad(f.When != "" && f.When != Before && f.When != After, "when is %q, not before or after", string(f.When))
	bad(f.When == Before && !slices.Contains(beforeKinds, f.Kind), "kind %q is never before the execution", string(f.Kind))
	bad(f.Kind == Duplicate && f.Second && f.Delay > 0, "the copy's reply cannot be waited for: second and delay exclude each other")
	bad(f.Kind == Garble && !slices.Contains(shapes, f.Shape), "no shape %q", string(f.Shape))
	bad(f.Kind == Status && (f.Status < 200 || f.Status > 599), "status %d is not 200 to 599", f.Status)
	bad(f.Kind != Status && f.Status != 0 && (f.Status < 200 || f.Status > 599), "status %d is not 200 to 599", f.Status)
	bad(f.Kind == Override && f.Code == "" && f.WireCode == "", "kind code needs code or wireCode")
	bad(f.Delay < 0, "delay is negative")
	bad(f.Nth < 0 || f.Every < 0, "nth and every must not be negative")
	bad(f.Bytes < 0 && f.Kind != Length, "bytes is negative")
	if f.MSISDN != "" {
		_, err := telco.ParseMSISDN(f.MSISDN)
		bad(err != nil, "msisdn is not a number")
	}
	return errors.Join(errs...)
}

// knownOperation reports whether a fault may name the operation.
func knownOperation(op telco.Operation) bool {
	if op == OpLogin {
		return true
	}
	return slices.Contains(telco.Operations(), op)
}
