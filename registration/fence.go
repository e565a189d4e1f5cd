package registration

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// sendWindow is how long after Prepare the body may leave, in the partner's time.
const sendWindow = 20 * time.Second

// fenceAt is the partner's time from which on "not found" means "never registered"
// (R10), or zero when no fence is known. otpExpiresAt is what the partner's own reply
// carried; an assumed lifetime never enters.
func fenceAt(sem contract.Semantics, sendBy, otpExpiresAt time.Time) time.Time {
	if sem.Clock == contract.ClockNone {
		return time.Time{}
	}
	var latest time.Time
	switch {
	case sem.OTPExpiryCheckedAtExecution && !otpExpiresAt.IsZero():
		// The partner writes it in whole seconds: the truth may be this much later.
		latest = otpExpiresAt.Add(time.Second)
	case sem.MaxExecutionDelay != nil:
		latest = sendBy.Add(time.Duration(*sem.MaxExecutionDelay))
	default:
		return time.Time{}
	}
	return latest.Add(time.Duration(sem.ClockSkewMax) + time.Duration(sem.LookupLagMax) + time.Duration(sem.SettleMargin))
}
