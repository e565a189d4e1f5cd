package telco

// This file holds the one error of the SDK, the four outcomes it can carry, and its sentence for the teller.
// What an error prints is scrubbed: it shows no OTP, no secret and no whole phone number. A sentence never
// shows a brace or half a thought.

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
)

// FieldError says what is wrong with one input and what to do about it. It never
// holds the value.
type FieldError struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error is the one error type of the SDK. Its fields are exported so that tests of
// an importer can build one; the zero value is an error of unknown outcome.
//
// It never holds an OTP, a secret or a whole phone number in readable form; what it
// prints, under every fmt verb, in log/slog and in JSON, is scrubbed once more:
// digits that could be a phone number show their last three alone. Ask it with [OutcomeOf], with
// errors.Is and a [Code], or take it out:
//
//	if e, ok := errors.AsType[*telco.Error](err); ok && e.AttemptsLeft != nil { … }
type Error struct {
	Operation Operation
	Outcome   Outcome
	// Code is the canonical reason; a local.* code when MobiFone said nothing usable.
	Code Code
	// WireCode is MobiFone's own string; empty when it said none.
	WireCode string
	// Message is MobiFone's text, scrubbed of numbers that could be personal.
	Message string
	// Text is the sentence that the contract has for Code, filled in or not; see [Error.Sentence].
	Text Text
	// AttemptsLeft is how often the OTP may still be entered; nil when MobiFone did not say.
	AttemptsLeft *int
	// Then says, for a registration, where the sale goes on once it is settled that this answer
	// registered nothing.
	Then Then
	// RetryAfter is how long to wait before trying again; 0 when not known.
	RetryAfter time.Duration
	Evidence   Evidence
	// Handle is what to resolve after a registration; see registration.Resolve.
	Handle *Handle
	// Absent says that a lookup was answered, completely and well-formed, and that the answer shows
	// no registration under these ids, done or in work. After a Get there is no row at all; after a
	// Resolve there may be one, INIT or FAILED. Anything else, a bare HTTP 404 included, is no
	// absence, and neither is an answer that a cache may have given. An absence is no failure: the
	// registration may still be on its way, see DecidesAt.
	Absent bool
	// AbsentAt is the earliest time, by MobiFone's clock, at which the ledger can have been read
	// that showed none; zero when that is not known.
	AbsentAt time.Time
	// DecidesAt is for a resolve that could not decide, also because its lookup failed: when, in MobiFone's time, "not found" begins
	// to count. Zero is never: the contract promises no end to the time in which a request may
	// still be carried out.
	DecidesAt time.Time
	// Fields lists what is wrong with the input, all of it at once.
	Fields []FieldError
	// Err is the cause; nil when MobiFone's reply is the cause.
	Err error
}

// Error returns operation, outcome, code, evidence and cause on one line.
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
		b.WriteString(sep + f.Field + ": " + text.Scrub(f.Problem))
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", text.Scrub(e.Message))
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(causeText(e.Err))
	}
	return b.String()
}

// causeText scrubs what a foreign error says; our own is scrubbed already, and longer.
func causeText(err error) string {
	if own, ok := err.(*Error); ok && own != nil { //nolint:errorlint // only the cause itself is meant
		return own.Error()
	}
	return text.Scrub(err.Error())
}

func (e *Error) writeEvidence(b *strings.Builder) {
	var parts []string
	if e.WireCode != "" {
		parts = append(parts, fmt.Sprintf("code %q", text.Scrub(e.WireCode)))
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
	if e.Evidence.TelcoRequestID != "" {
		parts = append(parts, "MobiFone's request "+text.Scrub(e.Evidence.TelcoRequestID))
	}
	if e.Evidence.Deadline != "" {
		parts = append(parts, "deadline "+e.Evidence.Deadline)
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

// Format writes what Error returns, whatever the verb: fmt would print the fields of a foreign cause
// with some verbs.
func (e Error) Format(f fmt.State, verb rune) {
	said := e.Error()
	writeMasked(f, verb, said, "&telco.Error{"+strconv.Quote(said)+"}")
}

// LogValue returns operation, outcome, code, wire_code, http_status, tries, sends,
// request_id, telco_request_id, deadline and retry_after, those that are known, and
// nothing else: not MobiFone's message, not the cause.
func (e Error) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 11)
	words := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	number := func(key string, value int) {
		if value != 0 {
			attrs = append(attrs, slog.Int(key, value))
		}
	}
	words("operation", string(e.Operation))
	words("outcome", e.Outcome.String())
	words("code", string(e.Code))
	words("wire_code", text.Scrub(e.WireCode))
	number("http_status", e.Evidence.HTTPStatus)
	number("tries", e.Evidence.Tries)
	number("sends", e.Evidence.Sends)
	words("request_id", e.Evidence.RequestID)
	words("telco_request_id", text.Scrub(e.Evidence.TelcoRequestID))
	words("deadline", e.Evidence.Deadline)
	if e.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retry_after", e.RetryAfter))
	}
	return slog.GroupValue(attrs...)
}

// MarshalText writes what Error says, for encoders that know texts alone, such as XML.
func (e Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// MarshalJSON writes what LogValue returns, and the faulty fields of bad input.
// Durations are in seconds.
func (e Error) MarshalJSON() ([]byte, error) {
	fields := make([]FieldError, 0, len(e.Fields))
	for _, f := range e.Fields {
		fields = append(fields, FieldError{f.Field, text.Scrub(f.Problem)})
	}
	return json.Marshal(struct {
		Operation  Operation    `json:"operation,omitzero"`
		Outcome    string       `json:"outcome"`
		Code       Code         `json:"code,omitzero"`
		WireCode   string       `json:"wireCode,omitzero"`
		HTTPStatus int          `json:"httpStatus,omitzero"`
		Tries      int          `json:"tries,omitzero"`
		Sends      int          `json:"sends,omitzero"`
		RequestID  string       `json:"requestId,omitzero"`
		TelcoID    string       `json:"telcoRequestId,omitzero"`
		Deadline   string       `json:"deadline,omitzero"`
		RetryAfter float64      `json:"retryAfter,omitzero"`
		Fields     []FieldError `json:"fields,omitempty"`
	}{
		e.Operation, e.Outcome.String(), e.Code, text.Scrub(e.WireCode), e.Evidence.HTTPStatus,
		e.Evidence.Tries, e.Evidence.Sends, e.Evidence.RequestID, text.Scrub(e.Evidence.TelcoRequestID), e.Evidence.Deadline,
		e.RetryAfter.Seconds(), fields,
	})
}

// Sentence returns Text with its values filled in: {n} from AttemptsLeft, {s} from
// RetryAfter in whole seconds, rounded up, {reason} from Message.
func (e *Error) Sentence() Text {
	values := map[string]string{"reason": strings.TrimRight(text.Scrub(e.Message), ". ")}
	if e.AttemptsLeft != nil {
		values["n"] = strconv.Itoa(max(0, *e.AttemptsLeft))
	}
	if e.RetryAfter > 0 {
		values["s"] = strconv.FormatInt(int64((e.RetryAfter-1)/time.Second)+1, 10)
	}
	return e.Text.Fill(values)
}

// Outcome says what is known about a registration. The zero value is [Unknown]:
// what was never said is not known.
//
// For the two steps before a registration (packages.eligible, otp.request) it speaks
// of that step alone; for lookups it is Unknown whenever there is an error, because
// a failed lookup says nothing about the registration.
type Outcome uint8

// The four outcomes.
const (
	// Unknown is everything that is not proven to be one of the others. It must be resolved.
	Unknown Outcome = iota
	// Succeeded means that MobiFone said so.
	Succeeded
	// Rejected means that MobiFone said no, and that the no cannot be the echo of our own success.
	Rejected
	// NotSent means proven: not one byte of the body left. The same ids may be sent again.
	NotSent
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

// Text is one sentence, or a few, for the teller in two languages. As a template of
// the contract it may hold values in braces: {n} attempts left, {s} seconds to wait,
// {reason} MobiFone's reason. See [Text.Fill].
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// IsZero reports whether both sentences are empty.
func (t Text) IsZero() bool { return t == Text{} }

// Fill puts values in the place of their names in braces, in both languages. A part in
// square brackets is kept only if every value named in it is there and not empty, and loses
// its brackets:
//
//	"Mã OTP không đúng.[ Còn {n} lần nhập.]"   without n: "Mã OTP không đúng."
//	"Đăng ký gói thất bại[: {reason}]."        without reason: "Đăng ký gói thất bại."
//
// A sentence that lacks a value outside of brackets is left out, unless no other sentence would
// remain; then only the name is removed. A teller never sees a brace. Brackets do not nest, and an
// unmatched one stays as it is. A value is put in as it is; names inside it are not replaced.
func (t Text) Fill(values map[string]string) Text {
	return Text{VI: fill(t.VI, values), EN: fill(t.EN, values)}
}

func fill(template string, values map[string]string) string {
	if !strings.ContainsAny(template, "{[") {
		return template
	}
	template = choose(template, values)
	sentences := split(template)
	var kept []string
	for _, s := range sentences {
		if complete(s, values) {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		kept = sentences
	}
	return substitute(strings.Join(kept, " "), values)
}

// choose resolves the bracketed parts.
func choose(template string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(template, "[")
		part, after, closed := strings.Cut(rest, "]")
		if !open || !closed {
			b.WriteString(template)
			return b.String()
		}
		b.WriteString(before)
		if complete(part, values) {
			b.WriteString(part)
		}
		template = after
	}
}

// split cuts at a sentence end followed by a space.
func split(s string) []string {
	var out []string
	start := 0
	for i := 0; i+1 < len(s); i++ {
		if (s[i] == '.' || s[i] == '!' || s[i] == '?') && s[i+1] == ' ' {
			out = append(out, s[start:i+1])
			start = i + 2
		}
	}
	return append(out, s[start:])
}

// complete reports whether every name in s has a value.
func complete(s string, values map[string]string) bool {
	whole := true
	eachName(s, func(string) {}, func(name string) { whole = whole && values[name] != "" })
	return whole
}

func substitute(s string, values map[string]string) string {
	var b strings.Builder
	missing := false
	eachName(s, func(text string) { b.WriteString(text) }, func(name string) {
		missing = missing || values[name] == ""
		b.WriteString(values[name])
	})
	if !missing {
		return b.String()
	}
	// A name went without a value: close the gap it left.
	out := strings.Join(strings.Fields(b.String()), " ")
	return strings.NewReplacer(" .", ".", " ,", ",").Replace(out)
}

// eachName walks s: text between names, and the names in braces.
func eachName(s string, text, name func(string)) {
	for {
		before, rest, open := strings.Cut(s, "{")
		inner, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			text(s)
			return
		}
		text(before)
		name(inner)
		s = after
	}
}
