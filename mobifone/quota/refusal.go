package quota

// This file holds what a caller is told who gets no slot.

import (
	"fmt"
	"time"
)

// Reason says why a call was refused. The zero value is QueueTooLong.
type Reason uint8

// The reasons.
const (
	// QueueTooLong means that no slot comes before the call's deadline.
	QueueTooLong Reason = iota
	// CoolingDown means that the subscriber got an OTP a moment ago, in this shop or another.
	CoolingDown
	// EngineDown means that the engine cannot be reached and the quota fails closed.
	EngineDown
	// Closed means that the limiter was closed.
	Closed
)

// String returns "queue too long", "cooling down", "engine down" or "closed".
func (r Reason) String() string {
	switch r {
	case QueueTooLong:
		return "queue too long"
	case CoolingDown:
		return "cooling down"
	case EngineDown:
		return "engine down"
	default:
		return "closed"
	}
}

// Refusal is the error of a call that gets no slot. Nothing was sent: of a call that a client
// makes it comes inside a *telco.Error with the outcome NotSent and the code LimitReached.
type Refusal struct {
	Reason Reason
	// Wait is when it makes sense to come again, from now; 0 where that is not known. With
	// QueueTooLong it is the least that the wait would be: other hosts wait too.
	Wait time.Duration
	// Err is what the engine failed with, or nil.
	Err error
}

// Error says why, and when to come again.
func (r *Refusal) Error() string {
	text := "the quota's limiter refused: " + r.Reason.String()
	if r.Wait > 0 {
		text += fmt.Sprintf(", come again in %s", r.Wait.Round(time.Millisecond))
	}
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// RetryAfter returns Wait.
func (r *Refusal) RetryAfter() time.Duration { return r.Wait }
