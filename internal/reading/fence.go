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

// otpGranule is how much later an OTP may run out than its expiry says, because the expiry is in
// whole seconds.
const otpGranule = time.Second

// LastBy is the latest time, by MobiFone's clock, at which a request that leaves by sendBy can
// still be carried out. It is zero when MobiFone promises no bound. otpExpiresAt is the expiry in
// MobiFone's own reply, zero when it said none; a lifetime that is only assumed is never used.
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

// Margins are how late and how wrong MobiFone's answers may be. The contract promises them.
type Margins struct {
	// ClockSkewMax is how far MobiFone's own clocks may differ.
	ClockSkewMax time.Duration
	// LookupLagMax is how far a lookup may be behind the ledger.
	LookupLagMax time.Duration
	// SettleMargin is what is added for the time that a lookup itself takes.
	SettleMargin time.Duration
}

// MarginsOf takes the margins from a contract. The settle margin is at least the time that the
// reply to a lookup may take: MobiFone may have read its ledger that long before the reply came.
func MarginsOf(sem contract.Semantics, readTimeout time.Duration) Margins {
	return Margins{
		ClockSkewMax: time.Duration(sem.ClockSkewMax),
		LookupLagMax: time.Duration(sem.LookupLagMax),
		SettleMargin: max(time.Duration(sem.SettleMargin), readTimeout),
	}
}

// Fence is the earliest time, by MobiFone's clock, at which a complete lookup that shows nothing
// proves that none of the intents was or will be carried out. It is known only if the last
// execution of each intent is.
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
