package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Config says which MobiFone a model plays. The zero value plays kind C with the default
// contract and the agreement's packages.
type Config struct {
	Kind     Kind
	Contract *contract.Contract // nil is contract.Default
	Packages []catalog.Package  // nil is catalog.Default
	Random   rand.Source        // of codes, ids and delays; nil is cryptographic

	// Customer tells what MobiFone knows of a subscriber whom SetSubscriber did not set; nil
	// tells of every one that everything works.
	Customer func(telco.MSISDN) Subscriber

	OTPTTL      time.Duration // 0 is 180 s
	ResendAfter time.Duration // between two OTPs of one subscriber; 0 is 60 s, negative is none
	OTPAttempts int           // entries per OTP; 0 is 3
	OTPPerDay   int           // OTPs per subscriber and business day (at +07:00); 0 is 10
	VoidEarlier bool          // a new OTP voids the subscriber's earlier ones, as in kind A
	PendingFor  time.Duration // how long PendingThenOK and PendingThenFailed stay PENDING; 0 is 5 s
	LookupLag   time.Duration // how far lookups lag behind the ledger; 0 is not at all
	Queue       time.Duration // the longest wait in kind E's queue; 0 is 1 h
	MaxDelay    time.Duration // the longest any request is parked, as Truth promises; 0 is 60 s (E: Queue + 60 s; F: no promise)
}

// WithDefaults replaces what is zero by what it stands for.
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
// MobiFone carries it out; the two are apart when the request was parked on its way.
const (
	KindA Kind = "A" // dedupes for ever by partnerTransId; checks OTP expiry on arrival; a new OTP voids the earlier one
	KindB Kind = "B" // a transId registers once; checks OTP expiry at execution
	KindC Kind = "C" // a transId registers once; checks OTP expiry on arrival only
	KindD Kind = "D" // no dedupe: a transId registers again and again until its OTP expires
	KindE Kind = "E" // as C, behind a queue: accepts with PROCESSING, executes up to Config.Queue later
	KindF Kind = "F" // nothing: no dedupe, no expiry
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
	dedupe        bool // by partnerTransId, for ever
	oneTime       bool // a transId that was executed is used up
	expiryArrival bool // the OTP must be alive when the request arrives
	expiryLate    bool // the OTP must be alive when the request is executed
	voids         bool // a new OTP voids the subscriber's earlier ones
	queue         bool // accepted requests wait in a queue
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
