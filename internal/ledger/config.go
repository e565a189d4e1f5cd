package ledger

// This file says which MobiFone a model plays: the settings, the six kinds as rules, what is
// known of a subscriber, and the chance that codes, ids and delays come from. A kind is nothing
// but its row in kindRules; the steps ask the rules and never the kind.

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Config says which MobiFone a model plays. The zero value plays kind C with the default
// contract and the agreement's packages.
type Config struct {
	// Kind is which of six MobiFones is played.
	Kind Kind
	// Contract gives the codes, limits and fields; nil is contract.Default.
	Contract *contract.Contract
	// Packages are on offer; nil is catalog.Default.
	Packages []catalog.Package
	// Random is the source of codes, ids and delays; nil is cryptographic.
	Random mathrand.Source

	// Customer tells what MobiFone knows of a subscriber whom SetSubscriber did not set; nil says
	// of everybody that everything works.
	Customer func(telco.MSISDN) Subscriber

	// OTPTTL is how long a code is good for; 0 is 180 s.
	OTPTTL time.Duration
	// ResendAfter is the pause between two OTPs of one subscriber; 0 is 60 s, negative is none.
	ResendAfter time.Duration
	// OTPAttempts is how often one code may be entered; 0 is 3.
	OTPAttempts int
	// OTPPerDay limits the OTPs of one subscriber on one business day (at +07:00); 0 is 10.
	OTPPerDay int
	// VoidEarlier lets a new OTP void the subscriber's earlier ones, as in kind A.
	VoidEarlier bool
	// PendingFor is how long PendingThenOK and PendingThenFailed stay PENDING; 0 is 5 s.
	PendingFor time.Duration
	// LookupLag is how far lookups lag behind the ledger; 0 is not at all.
	LookupLag time.Duration
	// Queue is the longest wait in kind E's queue; 0 is 1 h.
	Queue time.Duration
	// MaxDelay is the longest time any request is held back, as Truth promises it; 0 is 60 s, in
	// kind E Queue and 60 s more, in kind F no promise.
	MaxDelay time.Duration
}

// WithDefaults replaces every zero setting by the value that it means.
func (c Config) WithDefaults() Config {
	if c.Kind == "" {
		c.Kind = KindC
	}
	if c.Contract == nil {
		c.Contract = contract.Default()
	}
	if c.Packages == nil {
		c.Packages = catalog.Default().All()
	}
	if c.Random == nil {
		c.Random = Crypto{}
	}
	if c.Customer == nil {
		c.Customer = func(telco.MSISDN) Subscriber { return Subscriber{} }
	}
	setTo(&c.OTPTTL, 180*time.Second)
	setTo(&c.ResendAfter, 60*time.Second) // a negative one stays: a 0 would be 60 s the next time
	setTo(&c.OTPAttempts, 3)
	setTo(&c.OTPPerDay, 10)
	setTo(&c.PendingFor, 5*time.Second)
	if c.Kind == KindE {
		setTo(&c.Queue, time.Hour)
	}
	if c.Kind != KindF {
		setTo(&c.MaxDelay, c.Queue+60*time.Second)
	}
	return c
}

// setTo gives a setting that is zero its value.
func setTo[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// Problems returns everything that is wrong with a config that has its defaults. The caller
// puts the name of its package before each.
func (c Config) Problems() []error {
	var problems []error
	if _, err := ParseKind(string(c.Kind)); err != nil {
		problems = append(problems, err)
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"OTPTTL", c.OTPTTL},
		{"PendingFor", c.PendingFor},
		{"LookupLag", c.LookupLag},
		{"Queue", c.Queue},
		{"MaxDelay", c.MaxDelay},
	} {
		if d.v < 0 {
			problems = append(problems, fmt.Errorf("%s is negative", d.name))
		}
	}
	if c.OTPAttempts < 1 || c.OTPPerDay < 1 {
		problems = append(problems, errors.New("OTPAttempts and OTPPerDay must not be negative"))
	}
	return problems
}

// Truth is the config's contract with the true semantics of the MobiFone that the config
// describes. It fails where the contract cannot carry what the kind promises: a dedupe by
// a partnerTransId that is not sent.
func (c Config) Truth() (*contract.Contract, error) {
	c = c.WithDefaults()
	r := kindRules[c.Kind]
	return c.Contract.WithSemantics(func(s *contract.Semantics) {
		s.DedupeByPartnerTransID = r.dedupe
		s.OTPExpiryCheckedAtExecution = r.expiryLate
		s.MaxExecutionDelay = nil
		if c.MaxDelay > 0 {
			d := contract.Duration(c.MaxDelay)
			s.MaxExecutionDelay = &d
		}
		s.LookupLagMax = contract.Duration(c.LookupLag)
		s.ClockSkewMax = contract.Duration(time.Second) // one clock, told in whole seconds
		s.SettleMargin = contract.Duration(time.Second)
		s.TooManyRequestsMeansNotExecuted = false // a scripted 429 may come after the execution
		s.OTPTTL = contract.Duration(c.OTPTTL)
		s.ResendAfter = contract.Duration(max(0, c.ResendAfter))
	})
}

// Kind says which of six MobiFones a model plays: how it treats a registration that
// arrives twice or late. The zero value is KindC.
type Kind string

// The six kinds. "On arrival" is when the request reaches MobiFone, "at execution" when
// MobiFone carries it out; the two differ when the request was held back on its way.
const (
	// KindA dedupes for ever by partnerTransId and checks OTP expiry on arrival; a new OTP
	// voids the earlier one.
	KindA Kind = "A"
	// KindB registers a transId once and checks OTP expiry on arrival and at execution.
	KindB Kind = "B"
	// KindC registers a transId once and checks OTP expiry on arrival only.
	KindC Kind = "C"
	// KindD has no dedupe: a transId registers again and again until its OTP expires.
	KindD Kind = "D"
	// KindE is C behind a queue: it accepts with PROCESSING and executes up to Config.Queue
	// later.
	KindE Kind = "E"
	// KindF has nothing: no dedupe, no expiry.
	KindF Kind = "F"
)

// Kinds returns the six in order.
func Kinds() []Kind { return []Kind{KindA, KindB, KindC, KindD, KindE, KindF} }

// ParseKind reads a kind's letter; "" is the default.
func ParseKind(s string) (Kind, error) {
	if s == "" {
		return KindC, nil
	}
	if _, ok := kindRules[Kind(s)]; !ok {
		return "", fmt.Errorf("no MobiFone of kind %q: one of A, B, C, D, E, F", s)
	}
	return Kind(s), nil
}

// rules is what a kind does, spelt out.
type rules struct {
	// dedupe never carries a partnerTransId out twice.
	dedupe bool
	// oneTime means that a transId that was executed is used up.
	oneTime bool
	// expiryArrival wants the OTP alive when the request arrives.
	expiryArrival bool
	// expiryLate wants the OTP alive when the request is executed.
	expiryLate bool
	// voids lets a new OTP void the subscriber's earlier ones.
	voids bool
	// queue accepts requests with PROCESSING and executes them later.
	queue bool
}

// kindRules is read only.
var kindRules = map[Kind]rules{
	KindA: {dedupe: true, expiryArrival: true, voids: true},
	KindB: {oneTime: true, expiryArrival: true, expiryLate: true},
	KindC: {oneTime: true, expiryArrival: true},
	KindD: {expiryArrival: true, expiryLate: true},
	KindE: {oneTime: true, expiryArrival: true, queue: true},
	KindF: {},
}

// Crypto is the default source: nobody can foretell its codes and ids.
type Crypto struct{}

// Uint64 draws 64 bits.
func (Crypto) Uint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand promises so
	return binary.LittleEndian.Uint64(b[:])
}

// chance draws what the model leaves to chance, all from one source, so that one seed repeats a
// run.
type chance struct{ src mathrand.Source }

// code draws a six-digit OTP.
func (c chance) code() uint32 {
	const n = 1_000_000
	for { // no modulo bias: a test of codes would otherwise see it
		if v := c.src.Uint64(); v < math.MaxUint64/n*n {
			return uint32(v % n)
		}
	}
}

// fraction draws from [0, 1).
func (c chance) fraction() float64 { return float64(c.src.Uint64()>>11) / (1 << 53) }

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// transID makes an id that is unique by its sequence number and cannot be guessed.
func (c chance) transID(seq uint64) telco.TransID {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], c.src.Uint64())
	b[0], b[1], b[2], b[3], b[4] = byte(seq>>32), byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
	return telco.TransID("T" + base32Text.EncodeToString(b[:]))
}

// Token makes an unguessable word of 32 characters.
func Token(src mathrand.Source) string {
	var b [20]byte
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], uint32(src.Uint64()>>32))
	}
	return base32Text.EncodeToString(b[:])
}

// Result is what comes of registering for a subscriber. The zero value is success.
type Result uint8

// The results, in the order of the sandbox's magic numbers.
const (
	// Succeeds registers the package.
	Succeeds Result = iota
	// PendingThenOK is PROCESSING, then SUCCESS.
	PendingThenOK
	// PendingThenFailed is PROCESSING, then FAILED with REGISTRATION_FAILED.
	PendingThenFailed
	// Ineligible is NOT_ELIGIBLE.
	Ineligible
	// AlreadyRegistered is PACKAGE_ALREADY_REGISTERED.
	AlreadyRegistered
	// Inactive is SUBSCRIBER_INACTIVE.
	Inactive
	// OTPWrong counts every OTP as wrong.
	OTPWrong
	// OTPTooOld counts every OTP as expired.
	OTPTooOld
)

// Subscriber is a customer as MobiFone knows it. The zero value is an active prepaid
// subscriber for whom everything works.
type Subscriber struct {
	// Unknown is not MobiFone's customer: SUBSCRIBER_NOT_FOUND at every step.
	Unknown bool
	// Postpaid is refused with NOT_PREPAID at every step.
	Postpaid bool
	// Barred is refused with SUBSCRIBER_INACTIVE at every step.
	Barred bool
	// NoSMS cannot be sent an OTP: OTP_NOT_DELIVERED.
	NoSMS bool
	// Result is what comes of a registration that is otherwise in order.
	Result Result
	// Ineligible holds the packages that are refused at step 1 and 3, with the reason.
	Ineligible map[telco.PackageCode]telco.Code
}

// refusal is what every step says to a subscriber who can buy nothing; "" to others.
func (s Subscriber) refusal() telco.Code {
	switch {
	case s.Unknown:
		return field.SubscriberNotFound
	case s.Postpaid:
		return field.NotPrepaid
	case s.Barred:
		return field.SubscriberInactive
	}
	return ""
}

// bars is why the package cannot be registered; "" when it can.
func (s Subscriber) bars(pkg telco.PackageCode) telco.Code {
	switch s.Result {
	case Ineligible:
		return telco.NotEligible
	case AlreadyRegistered:
		return field.PackageAlreadyRegistered
	case Inactive:
		return field.SubscriberInactive
	}
	return s.Ineligible[pkg]
}
