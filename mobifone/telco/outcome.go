package telco

import "errors"

// Outcome says what is known about a registration. The zero value is [Unknown]:
// what was never said is not known.
//
// For the two steps before a registration (packages.eligible, otp.request) it speaks
// of that step alone; for lookups it is Unknown whenever there is an error, because
// a failed lookup says nothing about the registration.
type Outcome uint8

// The four outcomes.
const (
	Unknown   Outcome = iota // everything that is not proven to be one of the others
	Succeeded                // MobiFone said so
	Rejected                 // MobiFone said no, and the no cannot be the echo of our own success
	NotSent                  // proven: not one byte of the body left
)

// String returns the outcome's name in lower case: "unknown", "succeeded", "rejected", "not sent".
func (o Outcome) String() string {
	switch o {
	case Succeeded:
		return "succeeded"
	case Rejected:
		return "rejected"
	case NotSent:
		return "not sent"
	default:
		return "unknown"
	}
}

// OutcomeOf reads the outcome from an error: nil is [Succeeded], an [*Error] (also
// wrapped) carries its own, any other error is [Unknown].
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Succeeded
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e.Outcome
	}
	return Unknown
}
