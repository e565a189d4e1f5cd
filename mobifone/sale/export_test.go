package sale

import (
	"context"
	"sync"
	"time"
)

// What the tests of the core feed and find, by the names of the core.
const (
	Opened       = kindOpened
	CashTaken    = kindCashTaken
	CancelAsked  = kindCancelAsked
	OTPAsked     = kindOTPAsked
	OTPSentEvent = kindOTPSent
	OTPRefused   = kindOTPRefused
	SendPlanned  = kindSendPlanned
	SendEnded    = kindSendEnded
	LookedUp     = kindLookedUp
	Overdue      = kindOverdue
	AbandonAsked = kindAbandonAsked
	RefundTaken  = kindRefundTaken
	RefundPaid   = kindRefundPaid
	RefundDenied = kindRefundDenied
	Observed     = kindObserved
	Decided      = kindDecided
	Overridden   = kindOverridden

	RuleRegistered = ruleRegistered
	RuleRefundDue  = ruleRefundDue
	RuleRefunded   = ruleRefunded
	RuleClosed     = ruleClosed

	SettledYes = settledYes
	SettledNo  = settledNo
)

// ErrNoLookup is the error of a contract with which nobody can ask what became of a registration.
var ErrNoLookup = errNoLookup

// IsConflict reports whether somebody else changed the sale first.
func IsConflict(err error) bool { return isConflict(err) }

// NeedsLook lets the tests of the core ask whether a look has to go before the next send.
func NeedsLook(r Rules, s Sale) bool { return r.needsLook(s) }

// Slow moves one sale as the driver does, and reports whether its lookup failed.
func Slow(ctx context.Context, d *Desk, id string) bool {
	w := &waits{sales: map[string]wait{}}
	var running sync.WaitGroup
	d.start(ctx, []string{id}, w, &running)
	running.Wait()
	return w.sales[id].slow
}

// Apply stores events as one change, as the desk's acts do.
func Apply(ctx context.Context, d *Desk, s Sale, events ...Event) (Sale, error) {
	return d.apply(ctx, s, events...)
}

// NextPoll is when the driver looks a sale up again.
func (r Rules) NextPoll(s Sale, now time.Time) time.Time { return r.nextPoll(s, now) }
