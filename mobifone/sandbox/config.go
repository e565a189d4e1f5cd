package sandbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Config says which partner is played, and how. The zero value is a good one: kind C,
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

	// What only the wire needs; the model does not look at it.
	Credentials  partner.Credentials // what clients must show; zero is made up at random
	Now          func() time.Time    // nil is time.Now
	Skew         time.Duration       // how far the partner's clock is ahead of Now
	TimeWindow   time.Duration       // how far a timestamp may be off; 0 is 300 s
	NonceMemory  int                 // nonces remembered at most; 0 is 100000
	TokenTTL     time.Duration       // of the bearer login; 0 is 1 h
	RateLimit    float64             // requests per second; 0 is no limit
	RateBurst    int                 // 0 is 1
	MaxBody      int64               // bytes of a request; 0 is 1 MiB
	DisableAdmin bool                // no /_sandbox/ endpoints
}

// DefaultConfig is what the zero Config stands for, written out.
func DefaultConfig() Config { return Config{}.withDefaults() }

func (c Config) withDefaults() Config {
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
		c.Random = cryptoSource{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.OTPTTL = orElse(c.OTPTTL, 180*time.Second)
	c.ResendAfter = orElse(c.ResendAfter, 60*time.Second) // a negative one stays: a 0 would be 60 s the next time
	c.OTPAttempts = orElse(c.OTPAttempts, 3)
	c.OTPPerDay = orElse(c.OTPPerDay, 10)
	c.PendingFor = orElse(c.PendingFor, 5*time.Second)
	c.SlowReply = orElse(c.SlowReply, 3*time.Second)
	c.GlacialReply = orElse(c.GlacialReply, 120*time.Second)
	c.TimeWindow = orElse(c.TimeWindow, 300*time.Second)
	c.NonceMemory = orElse(c.NonceMemory, 100_000)
	c.TokenTTL = orElse(c.TokenTTL, time.Hour)
	c.RateBurst = orElse(c.RateBurst, 1)
	c.MaxBody = orElse(c.MaxBody, 1<<20)
	if c.Kind == KindE {
		c.Queue = orElse(c.Queue, time.Hour)
	}
	if c.Kind != KindF {
		c.MaxDelay = orElse(c.MaxDelay, c.Queue+60*time.Second)
	}
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
	var errs []error
	if _, err := ParseKind(string(c.Kind)); err != nil {
		errs = append(errs, err)
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
		{"SlowReply", c.SlowReply},
		{"GlacialReply", c.GlacialReply},
		{"TimeWindow", c.TimeWindow},
		{"TokenTTL", c.TokenTTL},
	} {
		if d.v < 0 {
			errs = append(errs, fmt.Errorf("sandbox: %s is negative", d.name))
		}
	}
	if c.OTPAttempts < 1 || c.OTPPerDay < 1 || c.NonceMemory < 1 || c.RateBurst < 1 || c.MaxBody < 1 || c.RateLimit < 0 {
		errs = append(errs, errors.New("sandbox: OTPAttempts, OTPPerDay, NonceMemory, RateBurst, MaxBody and RateLimit must not be negative"))
	}
	return errors.Join(append(errs, playable(c.Contract)...)...)
}

// playable says what of a contract no sandbox can play.
func playable(c *contract.Contract) (errs []error) {
	for _, op := range []partner.Operation{partner.OpOTP, partner.OpRegister} {
		if !c.Has(op) {
			errs = append(errs, fmt.Errorf("sandbox: the contract has no %s, and a sale has that step: add it to the document's operations", op))
		}
	}
	if wire.Of(c).SignsByUser() {
		errs = append(errs, errors.New("sandbox: the contract signs through a Signer of your own, which nothing here can verify: "+
			"serve WithSigner(nil) with a scheme of the document, and give the client the same; test the Signer against MobiFone's examples"))
	}
	return errs
}

// Contract is the default contract with the true semantics of a partner of that kind
// with default settings; it is what [Config.Truth] gives for Config{Kind: k}.
func Contract(k Kind) (*contract.Contract, error) { return Config{Kind: k}.Truth() }

// Truth is the config's contract with the true semantics of the partner that the config
// describes: a client that believes it is safe, as far as a client of that kind can be.
// Scripted faults that break it (a request parked longer than MaxDelay) are the
// scripter's business. It fails where the contract cannot carry what the kind promises: a
// dedupe by a partnerTransId that is not sent.
func (c Config) Truth() (*contract.Contract, error) {
	c = c.withDefaults()
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
