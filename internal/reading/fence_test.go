package reading_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestLastBy(t *testing.T) {
	t.Parallel()
	minute := contract.Duration(time.Minute)
	for name, tc := range map[string]struct {
		sem    contract.Semantics
		expiry time.Time
		want   time.Time
	}{
		"nothing promised":               {contract.Semantics{}, sendBy.Add(time.Hour), time.Time{}},
		"longest delay":                  {contract.Semantics{MaxExecutionDelay: &minute}, sendBy.Add(time.Hour), sendBy.Add(time.Minute)},
		"expiry checked":                 {contract.Semantics{OTPExpiryCheckedAtExecution: true}, sendBy.Add(time.Hour), sendBy.Add(time.Hour + time.Second)},
		"expiry checked, not said":       {contract.Semantics{OTPExpiryCheckedAtExecution: true}, time.Time{}, time.Time{}},
		"both, the expiry earlier":       {contract.Semantics{OTPExpiryCheckedAtExecution: true, MaxExecutionDelay: &minute}, sendBy.Add(30 * time.Second), sendBy.Add(31 * time.Second)},
		"both, the delay earlier":        {contract.Semantics{OTPExpiryCheckedAtExecution: true, MaxExecutionDelay: &minute}, sendBy.Add(time.Hour), sendBy.Add(time.Minute)},
		"never before send-by":           {contract.Semantics{OTPExpiryCheckedAtExecution: true}, sendBy.Add(-7 * time.Hour), sendBy},
		"an assumed lifetime":            {contract.Semantics{OTPTTL: minute}, time.Time{}, time.Time{}},
		"a MobiFone without a clock":     {contract.Semantics{MaxExecutionDelay: &minute, Clock: "none"}, time.Time{}, time.Time{}},
		"expiry not checked, delay said": {contract.Semantics{MaxExecutionDelay: &minute}, sendBy.Add(time.Second), sendBy.Add(time.Minute)},
	} {
		assert.Equal(t, tc.want, reading.LastBy(tc.sem, sendBy, tc.expiry), name)
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	sem := contract.Semantics{
		ClockSkewMax: contract.Duration(3 * time.Second), LookupLagMax: contract.Duration(5 * time.Second), SettleMargin: contract.Duration(7 * time.Second),
	}
	early, late := telco.SendWindow{LastBy: sendBy}, telco.SendWindow{LastBy: sendBy.Add(time.Hour)}
	m := reading.MarginsOf(sem, time.Second)
	at, known := m.Fence([]telco.SendWindow{late, early})
	assert.True(t, known)
	assert.Equal(t, sendBy.Add(time.Hour+15*time.Second), at, "the latest of all")
	_, known = m.Fence([]telco.SendWindow{early, {}, late})
	assert.False(t, known, "one whose last execution is not known")
	_, known = m.Fence(nil)
	assert.False(t, known)
	at, _ = reading.MarginsOf(sem, 11*time.Second).Fence([]telco.SendWindow{early})
	assert.Equal(t, sendBy.Add(19*time.Second), at, "the margin is at least the read timeout")
}
