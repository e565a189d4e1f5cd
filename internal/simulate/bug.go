package main

import "github.com/fptshop/mobifone-go/mobifone/sale"

// bugID names a planted bug that is not an edit of a sale, a lookup or a result.
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
	bugNoDelay
	bugFenceForAll
	bugOtherBody
	bugNoEcho
	bugFlagOnly
	bugReconcileBlind
	bugReconcileSingly
	bugCAS
	bugOrderTwice
	bugNotDurable
	bugNoClaims
	bugLookLast
	bugLookErrorAbsent
	bugNoGuard
	bugClientAborts
	bugAssumedTTL
	bugIDByAttempt
	bugIDOnce
)

// A bug is a protocol that is wrong in one way.
type bug struct {
	flags  bugID
	name   string
	rule   string
	rules  func(*sale.Rules)
	edit   func(w *world, s *sale.Sale)
	lookup func(w *world, h *host, l *sale.Lookup)
	result func(w *world, d *draft, r *sale.SendResult)
}

func (w *world) has(id bugID) bool { return w.bug != nil && w.bug.flags == id }

// edited is the sale as a planted core would see it.
func (w *world) edited(s sale.Sale) sale.Sale {
	if w.bug != nil && w.bug.edit != nil {
		s.Sends = append([]sale.Send(nil), s.Sends...)
		w.bug.edit(w, &s)
	}
	return s
}

func (w *world) bentLookup(h *host, l sale.Lookup) sale.Lookup {
	if w.bug != nil && w.bug.lookup != nil {
		w.bug.lookup(w, h, &l)
	}
	return l
}

func (w *world) bentResult(d *draft, r sale.SendResult) sale.SendResult {
	if w.bug != nil && w.bug.result != nil {
		w.bug.result(w, d, &r)
	}
	return r
}
