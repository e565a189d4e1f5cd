package main

import (
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// bugID names a planted bug that lives in the world's own code.
type bugID uint8

const (
	noBug bugID = iota
	bugMonotonicOnly
	bugWallOnly
	bugAckLost
	bugCASLie
	bugEventLost
	bugClaimShort
	bugNoAddClaim
	bugObserveLost
	bugReconcileBlind
	bugReconcileSingly
	bugCAS
	bugOrderTwice
	bugNotDurable
	bugNoClaims
	bugIDByAttempt
	bugIDOnce
	bugBlindResend
	bugReadAhead
	bugListForgets
)

// A bug is a protocol that is wrong in one way. It is planted where what ships meets the
// world: in what its contract promises, in its store, clocks and ids, in its MobiFone, or
// in replies that say what a careless client would have read in them.
type bug struct {
	flags     bugID
	name      string
	rule      string
	semantics func(*contract.Semantics)
	edit      func(w *world, s *sale.Sale)
	rows      func(w *world, a *wire.Answer)
	reply     func(w *world, m *letter, p *reply, faults faultSet)
	partner   func(w *world, p sale.Gateway) sale.Gateway
}

func (w *world) has(id bugID) bool { return w.bug != nil && w.bug.flags == id }

// edited is the sale as a planted core would see it.
func (w *world) edited(s sale.Sale) sale.Sale {
	if w.bug != nil && w.bug.edit != nil {
		w.bug.edit(w, &s)
	}
	return s
}
