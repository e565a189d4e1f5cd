package registration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

func TestFenceAt(t *testing.T) {
	t.Parallel()
	sendBy := time.Date(2026, 11, 23, 10, 0, 20, 0, time.UTC)
	expiry := sendBy.Add(140 * time.Second)
	minute := contract.Duration(time.Minute)
	margins := contract.Semantics{
		LookupLagMax: minute, ClockSkewMax: contract.Duration(30 * time.Second), SettleMargin: contract.Duration(7 * time.Second), Clock: contract.ClockDate,
	}
	const slack = 97 * time.Second
	for name, tc := range map[string]struct {
		change func(*contract.Semantics)
		expiry time.Time
		want   time.Time
	}{
		"nothing promised":                     {func(*contract.Semantics) {}, expiry, time.Time{}},
		"longest delay":                        {func(s *contract.Semantics) { s.MaxExecutionDelay = &minute }, expiry, sendBy.Add(time.Minute + slack)},
		"expiry checked":                       {func(s *contract.Semantics) { s.OTPExpiryCheckedAtExecution = true }, expiry, expiry.Add(time.Second + slack)},
		"expiry checked, not said":             {func(s *contract.Semantics) { s.OTPExpiryCheckedAtExecution = true }, time.Time{}, time.Time{}},
		"expiry checked, not said, delay said": {func(s *contract.Semantics) { s.OTPExpiryCheckedAtExecution, s.MaxExecutionDelay = true, &minute }, time.Time{}, sendBy.Add(time.Minute + slack)},
		"no partner clock":                     {func(s *contract.Semantics) { s.MaxExecutionDelay, s.Clock = &minute, contract.ClockNone }, expiry, time.Time{}},
		"assumed lifetime":                     {func(s *contract.Semantics) { s.OTPTTL = minute }, time.Time{}, time.Time{}},
	} {
		sem := margins
		tc.change(&sem)
		assert.Equal(t, tc.want, fenceAt(sem, sendBy, tc.expiry), name)
	}
}
