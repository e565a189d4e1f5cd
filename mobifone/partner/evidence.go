package partner

import "time"

// Evidence is what a call can prove about itself. Times are the local wall clock.
type Evidence struct {
	Tries      int       // HTTP requests begun, those that failed before the wire included
	Sends      int       // requests whose body was let out; for a registration never above 1
	FirstSend  time.Time // when the first body was let out; zero if none was
	LastSend   time.Time // when the last body was let out; zero if none was
	HTTPStatus int       // status of the last reply; 0 when none came
	RequestID  string    // the id of the last try, as sent to the partner
	// PartnerTime is the partner's own clock in the last well-formed reply; zero when
	// there was none, or the partner has no clock.
	PartnerTime time.Time
}

// Lookup is what a resolve saw when it could not decide.
type Lookup struct {
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
