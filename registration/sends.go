package registration

import (
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// sends remembers, for one client and its lanes only, which ids are in flight, unresolved
// or registered, so that a double click or a blind retry in a caller's code sends nothing.
// It is a net below the caller's own care, not a store: it forgets the oldest of many
// and everything when the process ends.
type sends struct {
	mu    sync.Mutex
	trans map[partner.TransID]*claim
	own   map[partner.PartnerTransID]*claim
	order []*claim
}

// claim is held by the pair of ids of one registration.
type claim struct {
	ids   partner.IDs
	again bool // told a wrong OTP: exactly these two may go again
}

// claimEnd is what becomes of a claim when its send has ended.
type claimEnd uint8

const (
	keepClaim    claimEnd = iota // unknown, or registered
	sameIDsAgain                 // unknown after a wrong OTP
	restoreClaim                 // nothing left: as it was before
	dropClaim                    // settled
)

const sendsRemembered = 10_000

func newSends() *sends {
	return &sends{trans: map[partner.TransID]*claim{}, own: map[partner.PartnerTransID]*claim{}}
}

// begun is a claim in flight and what it replaced.
type begun struct {
	claim, prev *claim
}

// held returns the claim on either id that these two may not take. The lock is held.
func (s *sends) held(ids partner.IDs) *claim {
	for _, c := range []*claim{s.trans[ids.TransID], s.own[ids.PartnerTransID]} {
		if c != nil && (c.ids != ids || !c.again) {
			return c
		}
	}
	return nil
}

// begin claims the ids; false when another draft holds one of them.
func (s *sends) begin(ids partner.IDs) (begun, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held(ids) != nil {
		return begun{}, false
	}
	b := begun{claim: &claim{ids: ids}, prev: s.trans[ids.TransID]}
	s.set(b.claim)
	return b, true
}

func (s *sends) set(c *claim) {
	s.trans[c.ids.TransID], s.own[c.ids.PartnerTransID] = c, c
}

// holds reports whether a draft holds one of the ids.
func (s *sends) holds(ids partner.IDs) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held(ids) != nil
}

// remembers reports whether these very ids were sent before and are not settled.
func (s *sends) remembers(ids partner.IDs) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.trans[ids.TransID]
	return c != nil && c.ids == ids
}

// end keeps the claim of an unknown or successful send and drops the others. A claim that
// was forgotten meanwhile, as settled, stays forgotten: another may hold the ids by now.
func (s *sends) end(b begun, how claimEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.trans[b.claim.ids.TransID] != b.claim:
		return
	case how == dropClaim, how == restoreClaim && b.prev == nil:
		s.drop(b.claim)
		return
	case how == restoreClaim:
		s.set(b.prev)
		return
	}
	b.claim.again = how == sameIDsAgain
	s.order = append(s.order, b.claim)
	for len(s.order) > sendsRemembered {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
}

// forget lets the ids be used again: it was proven that they registered nothing.
func (s *sends) forget(ids partner.IDs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.trans[ids.TransID]; c != nil && c.ids == ids { // another pair's is not settled by this
		s.drop(c)
	}
}

// drop removes a claim where it is still the one that holds the id.
func (s *sends) drop(c *claim) {
	if c == nil {
		return
	}
	if s.trans[c.ids.TransID] == c {
		delete(s.trans, c.ids.TransID)
	}
	if s.own[c.ids.PartnerTransID] == c {
		delete(s.own, c.ids.PartnerTransID)
	}
}
