package transport

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Retry bounds the repetition of calls that may be repeated.
type Retry struct {
	Tries         int           // at most, the first included
	BackoffBase   time.Duration // the first wait is a random part of it, then twice as much …
	BackoffMax    time.Duration // … up to this
	RetryAfterCap time.Duration // a longer Retry-After ends the call instead of being waited for
}

// repeatable is the retry rule of each operation, as data.
type repeatable uint8

const (
	never     repeatable = iota // one wire request, whatever comes
	ifNotSent                   // only when the guard proves that nothing left
	freely                      // it changes nothing at the partner
)

func repetition(op partner.Operation) repeatable {
	switch op {
	case partner.OpEligible, partner.OpGet, partner.OpList, partner.OpSearch:
		return freely
	case partner.OpOTP:
		return ifNotSent
	default:
		return never
	}
}

// budget is shared by all calls of a client: retries may be at most a tenth of the
// calls, plus a reserve, so that an outage is not answered with a storm. It refuses
// retries; it never shortens a wait.
type budget struct {
	mu     sync.Mutex
	tenths int
}

const (
	budgetMax   = 200 // tenths: a reserve of 20 retries
	budgetRetry = 10  // a retry costs this
	budgetCall  = 1   // a call that was answered and needed none earns this
)

func newBudget() *budget { return &budget{tenths: budgetMax} }

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+budgetCall, budgetMax)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < budgetRetry {
		return false
	}
	b.tenths -= budgetRetry
	return true
}

// attempt runs the tries of one repeatable call through go-retryablehttp, which only
// loops and sleeps: what a reply means, whether to go on and how long to wait is
// decided here, from the call's own record.
type attempt struct {
	core *core
	r    *record
	last verdict
	wait time.Duration
}

func (a *attempt) run(req *http.Request) verdict {
	client := &retryablehttp.Client{
		HTTPClient: a.core.reads,
		RetryMax:   max(a.core.cfg.Retry.Tries-1, 0),
		CheckRetry: a.check,
		Backoff:    func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 },
		// The wait lies here and not in Backoff: after a cancellation the library would
		// toss a coin between the end of ctx and that of a wait already over.
		PrepareRetry: func(req *http.Request) error { return a.core.cfg.Seam.Sleep(req.Context(), a.wait) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	rreq, err := retryablehttp.FromRequest(req)
	if err != nil {
		return a.core.classify(a.r, nil, err)
	}
	resp, err := client.Do(rreq)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if a.last.err != nil && err != nil && req.Context().Err() != nil {
		// The caller's time ended in a wait between tries: the last verdict stands,
		// with the end as its cause.
		e := *a.last.err // hooks may hold the other one
		e.Err = joinCause(e.Err, req.Context().Err())
		a.last.err = &e
	}
	return a.last
}

// check is the CheckRetry: it reads and classifies the try, and grants the next one.
func (a *attempt) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	a.last = a.core.classify(a.r, resp, err)
	if resp != nil {
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	}
	a.core.reportTry(ctx, a.r, a.last)
	if a.last.err == nil {
		return false, nil
	}
	return a.grant(ctx), nil
}

func (a *attempt) grant(ctx context.Context) bool {
	tries := a.tries()
	if ctx.Err() != nil || tries >= a.core.cfg.Retry.Tries || !a.mayRepeat() {
		return false
	}
	wait := a.backoff(tries)
	if v := a.last; v.retryAfter > 0 {
		if v.retryAfter > a.core.cfg.Retry.RetryAfterCap {
			return false
		}
		wait = max(wait, v.retryAfter)
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(a.core.cfg.Seam.Now()) <= wait {
		return false
	}
	if !a.core.budget.spend() {
		return false
	}
	a.wait = wait
	return true
}

func (a *attempt) mayRepeat() bool {
	v := a.last
	switch repetition(a.r.op) {
	case freely:
		if v.refresh {
			return a.refreshOnce()
		}
		return v.again
	case ifNotSent:
		return v.again && v.err.Outcome == partner.NotSent
	default:
		return false
	}
}

// refreshOnce marks the refused credentials as stale, so that the next try fetches
// fresh ones, once per call.
func (a *attempt) refreshOnce() bool {
	a.r.mu.Lock()
	first, generation := !a.r.refreshed, a.r.granted.generation
	a.r.refreshed = true
	a.r.mu.Unlock()
	a.core.auth.stale(generation)
	return first
}

func (a *attempt) tries() int {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	return a.r.tries
}

// backoff is full jitter: a random wait below a bound that doubles.
func (a *attempt) backoff(tries int) time.Duration {
	bound := a.core.cfg.Retry.BackoffMax
	if shift := tries - 1; shift < 20 {
		bound = min(bound, a.core.cfg.Retry.BackoffBase<<max(shift, 0))
	}
	if bound <= 0 {
		return 0
	}
	return a.core.cfg.Seam.Jitter(bound)
}

// again says whether the contract lets a code's request go out again by itself.
func again(rule *contract.CodeRule) (again, refresh bool) {
	if rule == nil {
		return false, false
	}
	return rule.Resend == "reads", rule.Resend == "afterRefresh"
}
