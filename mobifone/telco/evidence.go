package telco

import "time"

// Evidence is what a call can prove about itself. Times are the local wall clock.
type Evidence struct {
	Tries      int       // HTTP requests begun, those that failed before the wire included
	Sends      int       // requests whose body was let out; for a registration never above 1
	FirstSend  time.Time // when the first body was let out; zero if none was
	LastSend   time.Time // when the last body was let out; zero if none was
	HTTPStatus int       // status of the last reply; 0 when none came
	RequestID  string    // the id of the last try, as sent to MobiFone
	// TelcoRequestID is MobiFone's own id of the exchange, in the last well-formed reply;
	// empty when it said none. The subscriber's number and the OTP are masked in it.
	TelcoRequestID string
	// MobiFoneTime is MobiFone's own clock in the last well-formed reply; zero when
	// there was none, or MobiFone has no clock.
	MobiFoneTime time.Time
	Deadline     Deadline // which deadline ended the call; empty when none did
	// Unread names the fields of the last well-formed reply that only inform (dates, texts,
	// counters) and could not be read. They are zero, and decided nothing.
	Unread []string
	// Earlier are the tries before the last one, oldest first; nil when the first try was
	// the last.
	Earlier []Try
}

// Try is what is known of one HTTP request that was followed by another.
type Try struct {
	RequestID      string    // as sent to MobiFone
	TelcoRequestID string    // as the reply said it; see [Evidence]
	EndedAt        time.Time // by the local wall clock
	HTTPStatus     int       // 0 when no reply came
	Sent           bool      // whether the body was let out
	Code           Code
	WireCode       string
	Deadline       Deadline
}

// Deadline names which of a call's deadlines ended it, as far as the client can tell:
//
//   - "limiter": it waited for the limiter, or the wait there would have been too long;
//   - "connect": it was making a connection (name, proxy, TCP, TLS);
//   - "first byte": the request was on its way and no reply began;
//   - "body": a reply began and did not end;
//   - "whole": no time was left for the call, while it waited for credentials or for another try.
//
// In a transport of the caller's own a connection cannot be told from the wait for a reply: such
// a call ends at "first byte".
type Deadline string

// Undecided is what a resolve saw when it could not decide.
type Undecided struct {
	Absent bool // a complete, well-formed lookup showed no row that counts
	// DecidesAt is when, in MobiFone's time, "not found" begins to count; zero: never, the
	// contract promises no end to the time in which a request may still be carried out.
	DecidesAt time.Time
}

// TryEvent describes one HTTP request to a hook. It holds no body, no header and no
// personal data.
type TryEvent struct {
	Operation  Operation
	Lane       Lane
	Try        int           // 1 for the first request of a call
	RequestID  string        // new for every try
	HTTPStatus int           // 0 when no reply came
	Sent       bool          // whether the body was let out
	LimitWait  time.Duration // time spent in the limiter
	Duration   time.Duration // from the limiter's grant to the reply's last byte
	Err        error         // redacted; nil when a reply came
}

// CallEvent describes a finished call to a hook.
type CallEvent struct {
	Operation Operation
	Lane      Lane
	Outcome   Outcome
	Code      Code
	WireCode  string
	Evidence  Evidence
	Duration  time.Duration
	Err       error // what the caller gets; redacted
}
