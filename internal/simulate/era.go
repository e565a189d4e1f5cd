package main

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// lab is what one worker keeps between worlds.
type lab struct {
	truths map[sandbox.Kind]*era
	idle   []*coroutine
	stats  *stats
	known  map[belief]*contract.Contract
	bug    *bug
	log    bool
	struck [faultKinds]bool // in the world that ran last
	died   [pointKinds]bool
}

func newLab(st *stats) *lab {
	return &lab{truths: map[sandbox.Kind]*era{}, stats: st, known: map[belief]*contract.Contract{}}
}

func (l *lab) coroutine() *coroutine {
	if n := len(l.idle); n > 0 {
		c := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return c
	}
	return newCoroutine()
}

// era is one partner model; several worlds live in it, one after another in time, because
// making a model costs more than a sale.
type era struct {
	kind  sandbox.Kind
	model *sandbox.Model
	dice  *modelDice
	truth *contract.Contract
	start time.Time
	lives int
	phone uint64

	credentials partner.Credentials
}

const livesPerEra = 128

// dawn gives the model a world is to live in.
func (l *lab) dawn(k sandbox.Kind) (*era, error) {
	e := l.truths[k]
	if e != nil && e.lives < livesPerEra {
		e.lives++
		return e, nil
	}
	fresh := &era{
		kind: k, dice: &modelDice{dice: &dice{}}, start: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), lives: 1, phone: 770_000_000,
		credentials: partner.Credentials{APIKey: partner.NewSecret("the key"), Secret: partner.NewSecret("the secret")},
	}
	cfg := sandbox.Config{Kind: k, Random: fresh.dice, OTPPerDay: 1_000_000, PendingFor: pendingFor, Queue: queueMax(k)}
	if e != nil {
		fresh.truth, cfg.Contract = e.truth, e.truth
	} else if err := fresh.derive(cfg); err != nil {
		return nil, err
	}
	cfg.Contract = fresh.truth
	m, err := sandbox.NewModel(cfg)
	if err != nil {
		return nil, err
	}
	fresh.model = m
	l.truths[k] = fresh
	return fresh, nil
}

// What the simulated partners are like beside their kind.
const (
	pendingFor   = 4 * time.Minute
	lookupLagMax = 60 * time.Second
	clockSkewMax = 30 * time.Second // between any two of the partner's clocks
	settleMargin = 10 * time.Second // the client's read timeout; of a lookup that answers at once all of it is spare
	otpTTL       = 180 * time.Second
	sendWindow   = 20 * time.Second // the client's
	replyTimeout = 30 * time.Second // the client's
)

func queueMax(k sandbox.Kind) time.Duration {
	if k == sandbox.KindE {
		return time.Hour
	}
	return 0
}

// derive makes the contract that tells the truth about this partner.
func (e *era) derive(cfg sandbox.Config) error {
	truth, err := cfg.Truth()
	if err != nil {
		return err
	}
	truth, err = truth.WithSemantics(func(s *contract.Semantics) {
		s.LookupLagMax = contract.Duration(lookupLagMax)
		s.ClockSkewMax = contract.Duration(clockSkewMax)
		s.SettleMargin = contract.Duration(settleMargin)
	})
	if err != nil {
		return err
	}
	e.truth = truth
	return nil
}

// subscriber gives a number nobody else in the era has.
func (e *era) subscriber() partner.MSISDN {
	e.phone++
	return partner.MustParseMSISDN(fmt.Sprintf("0%d", e.phone))
}

// belief is what a contract promises of one model beside its kind.
type belief struct {
	kind     sandbox.Kind
	delay    time.Duration
	limited  bool // 429 means not executed
	final    bool // a refusal of one copy speaks for every copy
	noLookup bool
}

// believe returns the contract that the clients of a world go by: the truth, unless a bug
// is planted in it.
func (l *lab) believe(e *era, b belief) *contract.Contract {
	if c := l.known[b]; c != nil {
		return c
	}
	doc := e.truth.Document()
	if b.noLookup {
		doc.Operations = maps.Clone(doc.Operations)
		delete(doc.Operations, partner.OpGet)
	}
	c, err := contract.New(doc)
	if err == nil {
		c, err = c.WithSemantics(func(s *contract.Semantics) {
			if s.MaxExecutionDelay != nil {
				d := contract.Duration(b.delay)
				s.MaxExecutionDelay = &d
			}
			s.TooManyRequestsMeansNotExecuted = b.limited
			if b.final {
				promiseFinal(s)
			}
			if l.bug != nil && l.bug.semantics != nil {
				l.bug.semantics(s)
			}
		})
	}
	if err != nil {
		panic(err)
	}
	l.known[b] = c
	return c
}

// hasFinal reports whether a contract can promise that a refusal is final.
func hasFinal() bool {
	_, ok := reflect.TypeFor[contract.Semantics]().FieldByName("RefusalIsFinal")
	return ok
}

// promiseFinal sets refusalIsFinal, as soon as contracts have it.
func promiseFinal(s *contract.Semantics) {
	if f := reflect.ValueOf(s).Elem().FieldByName("RefusalIsFinal"); f.IsValid() {
		f.SetBool(true)
	}
}
