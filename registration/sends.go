package registration

import (
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// sends remembers, for one client and its lanes only, which ids are in flight, unresolved or
// registered, so that a double click or a blind retry in a caller's code sends nothing.
// It is a net below the caller's own care, not a store: it forgets the oldest of many
// and everything when the process ends.
type sends struct {
	mu    sync.Mutex
	open  map[string]bool // ids held by a draft
	order []ids
}

// ids are the two names of one registration.
type ids [2]string

const sendsRemembered = 10_000

func newSends() *sends { return &sends{open: map[string]bool{}} }

func idsOf(s partner.Send) ids {
	return ids{"t" + string(s.TransID), "p" + string(s.PartnerTransID)}
}

// begin claims the ids; false when another draft holds one of them.
func (s *sends) begin(i ids) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[i[0]] || s.open[i[1]] {
		return false
	}
	s.open[i[0]], s.open[i[1]] = true, true
	return true
}

// holds reports whether a draft holds one of the ids.
func (s *sends) holds(i ids) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[i[0]] || s.open[i[1]]
}

// end keeps the claim of an unknown or successful send and drops the others.
func (s *sends) end(i ids, outcome partner.Outcome) {
	if outcome == partner.Rejected || outcome == partner.NotSent {
		s.forget(i)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, i)
	for len(s.order) > sendsRemembered {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
}

// forget lets the ids be used again: a lookup proved that they were refused.
func (s *sends) forget(i ids) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(i)
}

func (s *sends) drop(i ids) {
	for _, id := range i {
		delete(s.open, id)
	}
}
