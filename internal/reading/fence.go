// Package reading is the only place that knows what MobiFone's answers prove about an
// intent to register: what a row says of it, when "not found" counts, and how a complete
// lookup is made. Registration, transactions and the sale ask here.
//
// It decides nothing about money. It says what is proven: registered, not registered, a
// contradiction for a person, or nothing yet.
package reading

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// otpGranule is how much later an OTP may run out than its expiry says: it is told in
// whole seconds.
const otpGranule = time.Second

// LastBy is the latest time, by MobiFone's clock, at which a request that leaves by sendBy
// can still be carried out; zero when nothing promised bounds it. otpExpiresAt is the
// expiry in MobiFone's own reply, zero when it said none; an assumed lifetime never enters.
func LastBy(sem contract.Semantics, sendBy, otpExpiresAt time.Time) time.Time {
	if sem.Clock == "none" {
		return time.Time{}
	}
	var last time.Time
	if sem.MaxExecutionDelay != nil {
		last = sendBy.Add(time.Duration(*sem.MaxExecutionDelay))
	}
	if sem.OTPExpiryCheckedAtExecution && !otpExpiresAt.IsZero() {
		if expiry := otpExpiresAt.Add(otpGranule); last.IsZero() || expiry.Before(last) {
			last = expiry
		}
	}
	if !last.IsZero() && last.Before(sendBy) {
		return sendBy
	}
	return last
}

// Margins are how late and how wrong MobiFone's answers may be.
type Margins struct {
	ClockSkewMax time.Duration
	LookupLagMax time.Duration
	SettleMargin time.Duration
}

// MarginsOf takes the margins from a contract. The settle margin is at least the time a
// lookup's reply may take: its ledger may have been read that long before it came.
func MarginsOf(sem contract.Semantics, readTimeout time.Duration) Margins {
	return Margins{
		ClockSkewMax: time.Duration(sem.ClockSkewMax),
		LookupLagMax: time.Duration(sem.LookupLagMax),
		SettleMargin: max(time.Duration(sem.SettleMargin), readTimeout),
	}
}

// Fence is the time, by MobiFone's clock, from which on a complete lookup that shows
// nothing proves that none of the intents was or will be carried out. It is not known
// unless the last execution of each is.
func (m Margins) Fence(intents []telco.SendWindow) (at time.Time, known bool) {
	for _, i := range intents {
		if i.LastBy.IsZero() {
			return time.Time{}, false
		}
		if i.LastBy.After(at) {
			at = i.LastBy
		}
	}
	if at.IsZero() {
		return at, false
	}
	return at.Add(m.ClockSkewMax + m.LookupLagMax + m.SettleMargin), true
}
