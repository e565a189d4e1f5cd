package registration

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func pair(t, p string) partner.IDs {
	return partner.IDs{TransID: partner.TransID(t), PartnerTransID: partner.PartnerTransID(p)}
}

func TestSendsRemember(t *testing.T) {
	t.Parallel()
	for how, free := range map[claimEnd]bool{keepClaim: false, sameIDsAgain: true, restoreClaim: true, dropClaim: true} {
		s := newSends()
		one := pair("t1", "p1")
		claim, ok := s.begin(one)
		assert.True(t, ok)
		for _, other := range []partner.IDs{one, pair("t1", "p2"), pair("t2", "p1")} { // in flight, and one shared id
			_, ok = s.begin(other)
			assert.False(t, ok, other)
			assert.True(t, s.holds(other))
		}
		_, ok = s.begin(pair("t2", "p2"))
		assert.True(t, ok)
		s.end(claim, how)
		assert.Equal(t, !free, s.holds(one), how)
		_, ok = s.begin(one)
		assert.Equal(t, free, ok, how)
	}
}

// After a wrong OTP exactly the same two ids may go again; one shared id alone may not.
func TestSendsAfterAWrongOTP(t *testing.T) {
	t.Parallel()
	s := newSends()
	one := pair("t1", "p1")
	claim, _ := s.begin(one)
	s.end(claim, sameIDsAgain)
	for _, other := range []partner.IDs{pair("t1", "p2"), pair("t2", "p1")} {
		_, ok := s.begin(other)
		assert.False(t, ok, other)
	}
	again, ok := s.begin(one)
	assert.True(t, ok)
	_, ok = s.begin(one)
	assert.False(t, ok, "in flight once more")
	s.end(again, restoreClaim) // nothing left this time: the first is still open
	_, ok = s.begin(pair("t1", "p2"))
	assert.False(t, ok)
	third, ok := s.begin(one)
	assert.True(t, ok)
	s.end(third, keepClaim)
	_, ok = s.begin(one)
	assert.False(t, ok, "unknown now")
}

func TestSendsForgetWhatWasResolved(t *testing.T) {
	t.Parallel()
	s := newSends()
	one := pair("t1", "p1")
	claim, _ := s.begin(one)
	s.end(claim, keepClaim)
	s.forget(one)
	claim, ok := s.begin(one)
	assert.True(t, ok)
	s.forget(one)
	s.end(claim, keepClaim) // settled while in flight
	_, ok = s.begin(one)
	assert.True(t, ok)
}

func TestSendsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSends()
	for i := range sendsRemembered + 10 {
		claim, ok := s.begin(pair("t"+strconv.Itoa(i), "p"+strconv.Itoa(i)))
		assert.True(t, ok)
		s.end(claim, keepClaim)
	}
	assert.Len(t, s.trans, sendsRemembered)
	assert.Len(t, s.own, sendsRemembered)
	assert.True(t, s.holds(pair("t20", "p20")))
	assert.False(t, s.holds(pair("t5", "p5")), "the oldest are forgotten")
}
