package partner

import (
	"fmt"
	"strings"
	"time"
)

// Text is one sentence for the teller in two languages.
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// IsZero reports whether both sentences are empty.
func (t Text) IsZero() bool { return t == Text{} }

// FieldError says what is wrong with one input and what to do about it. It never
// holds the value.
type FieldError struct {
	Field   string
	Problem string
}

// Error is the one error type of the SDK. Its fields are exported so that tests of
// an importer can build one; the zero value is an error of unknown outcome.
//
// It never holds an OTP, a secret or a whole phone number in readable form.
type Error struct {
	Operation    Operation
	Outcome      Outcome
	Code         Code          // canonical; a local.* code when the partner said nothing usable
	WireCode     string        // the partner's own string; empty when it said none
	Message      string        // the partner's text, scrubbed of numbers that could be personal
	Text         Text          // the sentence the contract has for Code
	AttemptsLeft *int          // OTP entries left; nil when the partner did not say
	RetryAfter   time.Duration // how long to wait before trying again; 0 when not known
	Evidence     Evidence
	Handle       *Handle      // of a registration: what to resolve; see registration.Resolve
	Lookup       *Lookup      // of a resolve that could not decide
	Fields       []FieldError // of bad input, every fault at once
	Err          error        // the cause; nil when the partner's reply is the cause
}

// Error says operation, outcome, code, evidence and cause on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Operation != "" {
		b.WriteString(string(e.Operation))
		b.WriteString(": ")
	}
	b.WriteString(e.Outcome.String())
	if e.Code != "" {
		b.WriteString(": ")
		b.WriteString(string(e.Code))
	}
	e.writeEvidence(&b)
	for i, f := range e.Fields {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + f.Field + ": " + f.Problem)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) writeEvidence(b *strings.Builder) {
	var parts []string
	if e.WireCode != "" {
		parts = append(parts, fmt.Sprintf("code %q", e.WireCode))
	}
	if e.Evidence.HTTPStatus != 0 {
		parts = append(parts, fmt.Sprintf("HTTP %d", e.Evidence.HTTPStatus))
	}
	if e.Evidence.Tries != 0 {
		parts = append(parts, fmt.Sprintf("tries %d, sent %d", e.Evidence.Tries, e.Evidence.Sends))
	}
	if e.RetryAfter > 0 {
		parts = append(parts, "retry after "+e.RetryAfter.String())
	}
	if e.Evidence.RequestID != "" {
		parts = append(parts, "request "+e.Evidence.RequestID)
	}
	if len(parts) > 0 {
		b.WriteString(" (" + strings.Join(parts, ", ") + ")")
	}
}

// Unwrap gives the code and the cause, so that errors.Is finds either.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Code != "" {
		errs = append(errs, e.Code)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}
