package main

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// lab is what one worker keeps between worlds.
type lab struct {
	truths map[sandbox.Kind]*era
	idle   []*coroutine
	stats  *stats
	tables map[bool]*codeTable // by what a 429 means
	bug    *bug
	log    bool
	struck [faultKinds]bool // in the world that ran last
	died   [pointKinds]bool
}

func newLab(st *stats) *lab {
	return &lab{truths: map[sandbox.Kind]*era{}, stats: st, tables: map[bool]*codeTable{}}
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
	rules sale.Rules
	start time.Time
	lives int
	phone uint64
}

const livesPerEra = 128

// dawn gives the model a world is to live in.
func (l *lab) dawn(k sandbox.Kind) (*era, error) {
	e := l.truths[k]
	if e != nil && e.lives < livesPerEra {
		e.lives++
		return e, nil
	}
	fresh := &era{kind: k, dice: &modelDice{dice: &dice{}}, start: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), lives: 1, phone: 770_000_000}
	cfg := sandbox.Config{Kind: k, Random: fresh.dice, OTPPerDay: 1_000_000, PendingFor: pendingFor, Queue: queueMax(k)}
	if e != nil {
		fresh.truth, fresh.rules, cfg.Contract = e.truth, e.rules, e.truth
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
	settleMargin = time.Second      // the bound is tight: a second less is unsafe
	otpTTL       = 180 * time.Second
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
	e.truth, e.rules = truth, sale.RulesOf(truth)
	return nil
}

// subscriber gives a number nobody else in the era has.
func (e *era) subscriber() partner.MSISDN {
	e.phone++
	return partner.MustParseMSISDN(fmt.Sprintf("0%d", e.phone))
}
