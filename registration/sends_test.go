package registration

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestSendsRemember(t *testing.T) {
	t.Parallel()
	for outcome, free := range map[partner.Outcome]bool{
		partner.Unknown: false, partner.Succeeded: false, partner.Rejected: true, partner.NotSent: true,
	} {
		s := newSends()
		one := ids{"t1", "p1"}
		assert.True(t, s.begin(one))
		assert.False(t, s.begin(one), "in flight")
		assert.False(t, s.begin(ids{"t1", "p2"}), "the same transId")
		assert.False(t, s.begin(ids{"t2", "p1"}), "the same partnerTransId")
		assert.True(t, s.begin(ids{"t2", "p2"}))
		s.end(one, outcome)
		assert.Equal(t, free, s.begin(one), "after %s", outcome)
	}
}

func TestSendsForgetWhatWasResolved(t *testing.T) {
	t.Parallel()
	s := newSends()
	one := ids{"t1", "p1"}
	assert.True(t, s.begin(one))
	s.end(one, partner.Unknown)
	s.forget(one)
	assert.True(t, s.begin(one))
}

func TestSendsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSends()
	for i := range sendsRemembered + 10 {
		one := ids{"t" + strconv.Itoa(i), "p" + strconv.Itoa(i)}
		assert.True(t, s.begin(one))
		s.end(one, partner.Unknown)
	}
	assert.Len(t, s.open, 2*sendsRemembered)
	assert.False(t, s.begin(ids{"t20", "p20"}))
	assert.True(t, s.begin(ids{"t5", "p5"}), "the oldest are forgotten")
}
