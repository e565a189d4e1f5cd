package registration

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func pair(id telco.TransID, own telco.PartnerTransID) telco.IDs {
	return telco.IDs{TransID: id, PartnerTransID: own}
}

// claimed begins a send that must be allowed.
func claimed(t *testing.T, s *sends, ids telco.IDs) begun {
	t.Helper()
	require.False(t, s.holds(ids))
	b, ok := s.begin(ids)
	require.True(t, ok)
	return b
}

// refuses requires that a send of these ids may not begin, and that asking tells so.
func refuses(t *testing.T, s *sends, ids telco.IDs, why string) {
	t.Helper()
	assert.True(t, s.holds(ids), why)
	_, ok := s.begin(ids)
	assert.False(t, ok, why)
}

// What the end of a send leaves open to the same pair of ids, and to others that share one
// id with it.
func TestSendsRemember(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end          claimEnd
		same, shared bool // may go
	}{
		"unknown or registered": {keepClaim, false, false},
		"a wrong OTP":           {sameIDsAgain, true, false},
		"not sent":              {restoreClaim, true, true},
		"settled":               {dropClaim, true, true},
	} {
		for _, next := range []telco.IDs{pair("t1", "p1"), pair("t1", "p2"), pair("t2", "p1")} {
			s := newSends()
			one := claimed(t, s, pair("t1", "p1"))
			refuses(t, s, pair("t1", "p1"), "in flight")
			refuses(t, s, pair("t1", "p2"), "the same transId")
			refuses(t, s, pair("t2", "p1"), "the same partnerTransId")
			claimed(t, s, pair("t2", "p2"))
			s.forget(pair("t2", "p2"))
			s.end(one, tc.end)
			if next == one.claim.ids && tc.same || next != one.claim.ids && tc.shared {
				claimed(t, s, next)
			} else {
				refuses(t, s, next, name)
			}
		}
	}
}

// A second entry of the OTP that never left takes nothing away from the first, which did:
// the same pair may go again, and nothing else.
func TestSendsRestoreWhatStoodBefore(t *testing.T) {
	t.Parallel()
	s := newSends()
	s.end(claimed(t, s, pair("t1", "p1")), sameIDsAgain)
	second := claimed(t, s, pair("t1", "p1"))
	refuses(t, s, pair("t1", "p1"), "in flight again")
	s.end(second, restoreClaim)
	refuses(t, s, pair("t1", "p2"), "the first entry is not settled")
	refuses(t, s, pair("t2", "p1"), "the first entry is not settled")
	third := claimed(t, s, pair("t1", "p1"))
	s.end(third, keepClaim)
	refuses(t, s, pair("t1", "p1"), "unknown now")
}

func TestSendsForgetWhatWasResolved(t *testing.T) {
	t.Parallel()
	s := newSends()
	s.end(claimed(t, s, pair("t1", "p1")), keepClaim)
	s.forget(pair("t1", "p1"))
	claimed(t, s, pair("t1", "p2"))

	// What was settled while it was in flight is not remembered when it ends.
	s = newSends()
	one := claimed(t, s, pair("t1", "p1"))
	s.forget(one.claim.ids)
	s.end(one, keepClaim)
	claimed(t, s, one.claim.ids)
}

// What was settled of an earlier OTP of the same sale frees nothing that a later one holds.
func TestSendsForgetThePairOnly(t *testing.T) {
	t.Parallel()
	s := newSends()
	claimed(t, s, pair("t2", "p1"))
	for _, settled := range []telco.IDs{pair("t1", "p1"), pair("t2", "p2"), pair("", "p1"), pair("t2", "")} {
		s.forget(settled)
		refuses(t, s, pair("t2", "p1"), "in flight")
		refuses(t, s, pair("t2", "p3"), "in flight")
		refuses(t, s, pair("t3", "p1"), "in flight")
	}
}

// A send that was settled while its call still ran takes nothing away from the one that
// holds its transId by then.
func TestSendsEndTouchesItsOwnClaimOnly(t *testing.T) {
	t.Parallel()
	for _, end := range []claimEnd{keepClaim, sameIDsAgain, restoreClaim, dropClaim} {
		s := newSends()
		s.end(claimed(t, s, pair("t1", "p1")), sameIDsAgain)
		late := claimed(t, s, pair("t1", "p1"))
		s.forget(pair("t1", "p1"))
		claimed(t, s, pair("t1", "p2"))
		s.end(late, end)
		refuses(t, s, pair("t1", "p2"), "in flight")
		refuses(t, s, pair("t1", "p1"), "the transId is held")
		refuses(t, s, pair("t2", "p2"), "the partnerTransId is held")
	}
}

func TestSendsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSends()
	numbered := func(i int) telco.IDs {
		return pair(telco.TransID("t"+strconv.Itoa(i)), telco.PartnerTransID("p"+strconv.Itoa(i)))
	}
	for i := range 2*sendsRemembered + 10 { // once around the ring, and on
		b, ok := s.begin(numbered(i))
		require.True(t, ok)
		s.end(b, keepClaim)
	}
	assert.Len(t, s.trans, sendsRemembered)
	assert.Len(t, s.own, sendsRemembered)
	refuses(t, s, numbered(sendsRemembered+20), "still remembered")
	claimed(t, s, numbered(sendsRemembered+5)) // the oldest are forgotten
}

// Only what ends open is counted: sends that were settled, never left, or were settled on
// the way, push nothing out.
func TestSendsCountWhatEndsOpen(t *testing.T) {
	t.Parallel()
	oldest, passing := pair("oldest", "p"), pair("passing", "q")
	for name, pass := range map[string]func(s *sends){
		"settled":                     func(s *sends) { s.end(claimed(t, s, passing), dropClaim) },
		"not sent, after a wrong OTP": func(s *sends) { s.end(claimed(t, s, oldest), restoreClaim) },
		"settled on the way": func(s *sends) {
			b := claimed(t, s, passing)
			s.forget(passing)
			s.end(b, keepClaim)
		},
	} {
		s := newSends()
		s.end(claimed(t, s, oldest), sameIDsAgain)
		for range sendsRemembered {
			pass(s)
		}
		assert.True(t, s.remembers(oldest), name)
	}
}
