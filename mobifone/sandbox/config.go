package sandbox

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

// Config says which MobiFone is played, and how. The zero value is a good one: kind C,
// which promises least of those a client can be safe with, the nonce check on, the
// default contract and the agreement's packages.
type Config struct {
	Kind     Kind
	Contract *contract.Contract // the wire; nil is contract.Default. Its semantics are replaced by the true ones
	Packages []catalog.Package  // nil is catalog.Default
	Random   rand.Source        // of codes, ids and delays; nil is cryptographic. Used under the sandbox's lock

	// AcceptReplays switches the nonce check off: the same request is carried out again. A
	// contract without a nonce has no check to switch off.
	AcceptReplays bool

	OTPTTL       time.Duration // 0 is 180 s
	ResendAfter  time.Duration // between two OTPs of one subscriber; 0 is 60 s, negative is none
	OTPAttempts  int           // entries per OTP; 0 is 3
	OTPPerDay    int           // OTPs per subscriber and business day (at +07:00); 0 is 10
	VoidEarlier  bool          // a new OTP voids the subscriber's earlier ones, as in kind A
	PendingFor   time.Duration // how long x01 and x02 stay PENDING; 0 is 5 s
	LookupLag    time.Duration // how far lookups lag behind the ledger; 0 is not at all
	Queue        time.Duration // the longest wait in kind E's queue; 0 is 1 h
	MaxDelay     time.Duration // the longest any request is parked, as Contract promises; 0 is 60 s (E: Queue + 60 s; F: no promise)
	SlowReply    time.Duration // of Slow; 0 is 3 s
	GlacialReply time.Duration // of Glacial; 0 is 120 s

	// What only the wire needs.
	Credentials  telco.Credentials // what clients must show; zero is made up at random
	Now          func() time.Time  // nil is time.Now
	Skew         time.Duration     // how far MobiFone's clock is ahead of Now
	TimeWindow   time.Duration     // how far a timestamp may be off; 0 is 300 s
	NonceMemory  int               // nonces remembered at most; 0 is 100000
	TokenTTL     time.Duration     // of the bearer login; 0 is 1 h
	RateLimit    float64           // requests per second; 0 is no limit
	RateBurst    int               // 0 is 1
	MaxBody      int64             // bytes of a request; 0 is 1 MiB
	DisableAdmin bool              // no /_sandbox/ endpoints
}

// DefaultConfig is what the zero Config stands for, written out.
func DefaultConfig() Config { return Config{}.withDefaults() }

// mobifone is what the config says of MobiFone itself. Who a subscriber is stands beside.
func (c Config) mobifone() ledger.Config {
	return ledger.Config{
		Kind: ledger.Kind(c.Kind), Contract: c.Contract, Packages: c.Packages, Random: c.Random,
		OTPTTL: c.OTPTTL, ResendAfter: c.ResendAfter, OTPAttempts: c.OTPAttempts, OTPPerDay: c.OTPPerDay,
		VoidEarlier: c.VoidEarlier, PendingFor: c.PendingFor, LookupLag: c.LookupLag, Queue: c.Queue, MaxDelay: c.MaxDelay,
	}
}

func (c Config) withDefaults() Config {
	m := c.mobifone().WithDefaults()
	c.Kind, c.Contract, c.Packages, c.Random = Kind(m.Kind), m.Contract, m.Packages, m.Random
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

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// check reports every fault at once, of a config with its defaults.
func (c Config) check() error {
	faults := c.mobifone().Faults()
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
			faults = append(faults, fmt.Errorf("%s is negative", d.name))
		}
	}
	if c.NonceMemory < 1 || c.RateBurst < 1 || c.MaxBody < 1 || c.RateLimit < 0 {
		faults = append(faults, errors.New("NonceMemory, RateBurst, MaxBody and RateLimit must not be negative"))
	}
	faults = append(faults, playable(c.Contract)...)
	for i, fault := range faults {
		faults[i] = fmt.Errorf("sandbox: %w", fault)
	}
	return errors.Join(faults...)
}

// playable says what of a contract no sandbox can play.
func playable(c *contract.Contract) (errs []error) {
	for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
		if !c.Has(op) {
			errs = append(errs, fmt.Errorf("the contract has no %s, and a sale has that step: add it to the document's operations", op))
		}
	}
	if wire.Of(c).SignsByUser() {
		errs = append(errs, errors.New("the contract signs through a Signer of your own, which nothing here can verify: "+
			"serve WithSigner(nil) with a scheme of the document, and give the client the same; test the Signer against MobiFone's examples"))
	}
	return errs
}

// Contract is the default contract with the true semantics of a MobiFone of that kind
// with default settings; it is what [Config.Truth] gives for Config{Kind: k}.
func Contract(k Kind) (*contract.Contract, error) { return Config{Kind: k}.Truth() }

// Truth is the config's contract with the true semantics of the MobiFone that the config
// describes: a client that believes it is safe, as far as a client of that kind can be.
// Scripted faults that break it (a request parked longer than MaxDelay) are the
// scripter's business. It fails where the contract cannot carry what the kind promises: a
// dedupe by a partnerTransId that is not sent.
func (c Config) Truth() (*contract.Contract, error) { return c.mobifone().Truth() }

// Kind says which of six MobiFones is played: how it treats a registration that arrives
// twice or late. The zero value is [KindC].
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
	k, err := ledger.ParseKind(s)
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return Kind(k), nil
}
