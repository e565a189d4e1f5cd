package sandbox

// This file says which MobiFone is played: the settings, the six kinds, and what each
// subscriber's number chooses. How MobiFone then behaves is the business of
// internal/ledger; what is set here reaches it through Config.mobifone.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Config says which MobiFone is played, and how. Every field may be left zero, which means
// what its comment says; [New] reports everything that does not fit at once. The zero value
// is a good one: kind C, which promises the least that a client can still sell safely with,
// the nonce check on, the default contract and the agreement's packages.
//
// Six MobiFones can be played. They differ in how they treat a registration that arrives twice or
// late. "On arrival" is when the request reaches MobiFone, "at execution" when MobiFone carries
// it out; the two differ when the request was held back on its way.
//
//	A  dedupes for ever by partnerTransId; checks OTP expiry on arrival; a new OTP voids
//	   the earlier one
//	B  a transId registers once; checks OTP expiry on arrival and at execution
//	C  a transId registers once; checks OTP expiry on arrival only
//	D  no dedupe: a transId registers again and again until its OTP expires
//	E  as C, behind a queue: accepts with PROCESSING and executes up to Config.Queue later
//	F  nothing: no dedupe, no expiry
type Config struct {
	// Kind is one of the six MobiFones, "A" to "F"; "" is "C".
	Kind string
	// Contract is the wire that is served; nil is contract.Default. Its semantics are
	// replaced by the true ones of the MobiFone that is played.
	Contract *contract.Contract
	// Packages are on offer; nil is catalog.Default.
	Packages []catalog.Package
	// Random is the source of codes, ids and delays; nil is cryptographic. It is used under
	// the sandbox's lock, so it need not be safe for concurrent use.
	Random rand.Source

	// AcceptReplays switches the nonce check off: the same request is carried out again. A
	// contract without a nonce has no check to switch off.
	AcceptReplays bool

	// OTPTTL is how long a code is good for; 0 is 180 s.
	OTPTTL time.Duration
	// ResendAfter is the pause between two OTPs of one subscriber; 0 is 60 s, negative is
	// none.
	ResendAfter time.Duration
	// OTPAttempts is how often one code may be entered; 0 is 3.
	OTPAttempts int
	// OTPPerDay limits the OTPs of one subscriber on one business day (at +07:00); 0 is 10.
	OTPPerDay int
	// VoidEarlier lets a new OTP void the subscriber's earlier ones, as kind A always does.
	VoidEarlier bool
	// PendingFor is how long the numbers x01 and x02 stay PENDING; 0 is 5 s.
	PendingFor time.Duration
	// LookupLag is how far lookups lag behind the ledger; 0 is not at all.
	LookupLag time.Duration
	// Queue is the longest wait in the queue of kind E; 0 is 1 h.
	Queue time.Duration
	// MaxDelay is the longest time any request is held back, as [Sandbox.Contract] promises
	// it to the client; 0 is 60 s, in kind E Queue and 60 s more, in kind F no promise.
	MaxDelay time.Duration
	// SlowReply is how late the answer to a number 2xx is; 0 is 3 s.
	SlowReply time.Duration
	// GlacialReply is how late the answer to a number 3xx is; 0 is 120 s.
	GlacialReply time.Duration

	// From here on are settings of the wire, not of MobiFone's rules.

	// Credentials are what clients must show; those left zero are made up at random.
	Credentials telco.Credentials
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Skew is how far MobiFone's clock is ahead of Now.
	Skew time.Duration
	// TimeWindow is how far the timestamp of a request may be off; 0 is 300 s.
	TimeWindow time.Duration
	// NonceMemory is the most nonces that are remembered; 0 is 100000.
	NonceMemory int
	// TokenTTL is the life of a token of the bearer login; 0 is 1 h.
	TokenTTL time.Duration
	// RateLimit is how many requests per second are let in; 0 is no limit.
	RateLimit float64
	// RateBurst is how many requests may come at once under RateLimit; 0 is 1.
	RateBurst int
	// MaxBody is the most bytes of a request; 0 is 1 MiB.
	MaxBody int64
	// DisableAdmin takes the endpoints below /_sandbox/ away.
	DisableAdmin bool
}

// Truth is the config's contract with the true semantics of the MobiFone that the config
// describes: a client that believes it is as safe as a client of that kind can be. A script
// may still break it, for example with a request held back longer than MaxDelay. It fails
// where the contract cannot carry what the kind promises: a dedupe by a partnerTransId that
// is not sent.
func (c Config) Truth() (*contract.Contract, error) { return c.mobifone().Truth() }

// mobifone is the part of the config that is MobiFone's own, without the wire. Which
// subscribers there are is not part of it.
func (c Config) mobifone() ledger.Config {
	return ledger.Config{
		Kind: ledger.Kind(c.Kind), Contract: c.Contract, Packages: c.Packages, Random: c.Random,
		OTPTTL: c.OTPTTL, ResendAfter: c.ResendAfter, OTPAttempts: c.OTPAttempts, OTPPerDay: c.OTPPerDay,
		VoidEarlier: c.VoidEarlier, PendingFor: c.PendingFor, LookupLag: c.LookupLag, Queue: c.Queue, MaxDelay: c.MaxDelay,
	}
}

// withDefaults replaces every zero setting by the value that it means.
func (c Config) withDefaults() Config {
	m := c.mobifone().WithDefaults()
	c.Kind, c.Contract, c.Packages, c.Random = string(m.Kind), m.Contract, m.Packages, m.Random
	c.OTPTTL, c.ResendAfter, c.OTPAttempts, c.OTPPerDay = m.OTPTTL, m.ResendAfter, m.OTPAttempts, m.OTPPerDay
	c.PendingFor, c.Queue, c.MaxDelay = m.PendingFor, m.Queue, m.MaxDelay
	if c.Now == nil {
		c.Now = time.Now
	}
	c.SlowReply = orElse(c.SlowReply, 3*time.Second)
	c.GlacialReply = orElse(c.GlacialReply, 120*time.Second)
	c.TimeWindow = orElse(c.TimeWindow, 300*time.Second)
	c.NonceMemory = orElse(c.NonceMemory, 100_000)
	c.TokenTTL = orElse(c.TokenTTL, time.Hour)
	c.RateBurst = orElse(c.RateBurst, 1)
	c.MaxBody = orElse(c.MaxBody, 1<<20)
	return c
}

// orElse returns v unless it is zero.
func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// check reports every problem of a config that has its defaults, all at once.
func (c Config) check() error {
	problems := c.mobifone().Problems()
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"SlowReply", c.SlowReply},
		{"GlacialReply", c.GlacialReply},
		{"TimeWindow", c.TimeWindow},
		{"TokenTTL", c.TokenTTL},
	} {
		if d.v < 0 {
			problems = append(problems, fmt.Errorf("%s is negative", d.name))
		}
	}
	for _, n := range []struct {
		name     string
		negative bool
	}{
		{"NonceMemory", c.NonceMemory < 0},
		{"RateBurst", c.RateBurst < 0},
		{"MaxBody", c.MaxBody < 0},
		{"RateLimit", c.RateLimit < 0},
	} {
		if n.negative {
			problems = append(problems, fmt.Errorf("%s is negative", n.name))
		}
	}
	problems = append(problems, unplayable(c.Contract)...)
	for i, p := range problems {
		problems[i] = fmt.Errorf("sandbox: %w", p)
	}
	return errors.Join(problems...)
}

// unplayable says what no sandbox can play of a contract.
func unplayable(c *contract.Contract) (problems []error) {
	for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
		if !c.Has(op) {
			problems = append(problems, fmt.Errorf("the contract has no %s, and a sale has that step: add it to the document's operations", op))
		}
	}
	if wire.Of(c).SignsByUser() {
		problems = append(problems, errors.New("the contract signs through a Signer of your own, which nothing here can verify: "+
			"serve WithSigner(nil) with a scheme of the document, and give the client the same; test the Signer against MobiFone's examples"))
	}
	return problems
}

// Subscriber is a customer as MobiFone knows it, for [Sandbox.SetSubscriber]. The zero value
// is an active prepaid subscriber for whom everything works.
type Subscriber struct {
	// Unknown is not MobiFone's customer: SUBSCRIBER_NOT_FOUND at every step.
	Unknown bool
	// Postpaid is refused with NOT_PREPAID at every step.
	Postpaid bool
	// Barred is refused with SUBSCRIBER_INACTIVE at every step.
	Barred bool
	// NoSMS cannot be sent an OTP: OTP_NOT_DELIVERED.
	NoSMS bool
	// Ineligible holds the packages that are refused at step 1 and 3, with the reason.
	Ineligible map[telco.PackageCode]telco.Code

	// result is what comes of a registration.
	result ledger.Result
	// lost is on which side of the execution the connection of a registration ends; "" is
	// neither.
	lost string
	pace pace
}

// pace says how long the reply to a registration takes. MobiFone registers at once; only
// the reply is late.
type pace uint8

const (
	prompt pace = iota
	// slow waits Config.SlowReply.
	slow
	// glacial waits Config.GlacialReply, which is longer than a client does.
	glacial
)

// magic reads from the last three digits of a number what the sandbox does for a subscriber
// that [Sandbox.SetSubscriber] was not told about. The package's comment has the table.
func magic(m telco.MSISDN) Subscriber {
	last := m.LastThree()
	if len(last) != 3 {
		return Subscriber{}
	}
	var s Subscriber
	switch digit := last[2] - '0'; {
	case last[1] != '0':
		// Only x00 to x09 choose a result; every other number succeeds.
	case digit == 8:
		s.lost = after
	case digit == 9:
		s.lost = before
	default:
		s.result = ledger.Result(digit)
	}
	switch last[0] {
	case '2':
		s.pace = slow
	case '3':
		s.pace = glacial
	}
	return s
}

// known is what MobiFone itself knows of the subscriber: neither the pace nor what gets lost
// on the way.
func (s Subscriber) known() ledger.Subscriber {
	return ledger.Subscriber{
		Unknown: s.Unknown, Postpaid: s.Postpaid, Barred: s.Barred, NoSMS: s.NoSMS,
		Result: s.result, Ineligible: s.Ineligible,
	}
}

// reply is how long the answer to a registration takes.
func (p pace) reply(cfg Config) time.Duration {
	switch p {
	case prompt:
		return 0
	case slow:
		return cfg.SlowReply
	case glacial:
		return cfg.GlacialReply
	}
	return 0
}
