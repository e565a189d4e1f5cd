package contract

// This file checks the table of result codes, above all that no code can be taken for a success by
// mistake.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validateCodes checks the code table row by row, then what the rows say together.
func validateCodes(d *Document, l *problemList) {
	wires := map[string][]wireRow{}
	names := map[telco.Code]string{}
	statuses := map[int]string{}
	for i, r := range d.Codes {
		path := element("$.codes", i)
		validateCodeName(r, path, names, l)
		validateCodeWires(d, r, path, wires, l)
		for j, status := range r.HTTPStatus {
			here := element(path+".httpStatus", j)
			if status < 400 || status > 599 {
				l.add(here, "want a status from 400 to 599, found %d; a code never overrides a success status", status)
			}
			if first, twice := statuses[status]; twice {
				l.add(here, "%d stands in %s already", status, first)
			}
			statuses[status] = path
		}
		validateOwnOperations(r, path, l)
		validateClass(d, r, path, l)
		validateThen(r, path, l)
		validateText(r.Text.VI, path+".text.vi", l)
		validateText(r.Text.EN, path+".text.en", l)
	}
	for _, name := range []telco.Code{telco.Success, telco.SystemError} {
		if _, there := names[name]; !there {
			l.add("$.codes", "has no row named %s; its text is shown when nothing else is known", string(name))
		}
	}
	for i, code := range d.Envelope.SuccessCodes {
		here := element("$.envelope.successCodes", i)
		if code == "" {
			l.add(here, "MobiFone's string is empty")
		}
		if slices.Index(d.Envelope.SuccessCodes, code) < i {
			l.add(here, "%q appears twice; keep one", code)
		}
		if _, listed := wires[code]; !listed {
			l.add(here, "%q is not in the code table; list it in the row named SUCCESS", code)
		}
	}
	for _, op := range sortedKeys(d.Operations) {
		if names[telco.Success] != "" && field.Of(op) != 0 && !canSucceed(d, op) {
			l.add(names[telco.Success], "no code means success for %s: let the row speak for it, with a string that no other row claims", string(op))
		}
	}
}

// canSucceed reports whether a code means success for an operation: one of the row named
// SUCCESS that speaks for it and that no row of the operation's own takes.
func canSucceed(d *Document, op telco.Operation) bool {
	for _, r := range d.Codes {
		if r.Name != telco.Success || len(r.Operations) > 0 && !slices.Contains(r.Operations, op) {
			continue
		}
		for _, wire := range r.Wire {
			taken := func(other CodeRule) bool {
				return other.Name != telco.Success && slices.Contains(other.Operations, op) && slices.Contains(other.Wire, wire)
			}
			if !slices.ContainsFunc(d.Codes, taken) {
				return true
			}
		}
	}
	return false
}

// validateCodeName wants each canonical name once, in capitals.
func validateCodeName(r CodeRule, path string, names map[telco.Code]string, l *problemList) {
	here := path + ".name"
	switch {
	case r.Name == "":
		l.add(here, "is empty; want a canonical name such as SYSTEM_ERROR")
	case r.Name.Local():
		l.add(here, "%q is a name the SDK says itself; MobiFone cannot", string(r.Name))
	case !isUpperName(string(r.Name)):
		l.add(here, "%q is no canonical name; want capitals, digits and _", string(r.Name))
	}
	if first, twice := names[r.Name]; twice {
		l.add(here, "%q is the name of %s already; one row lists all its strings", string(r.Name), first)
		return
	}
	names[r.Name] = path
}

// validateCodeWires refuses a string that two rows would read.
func validateCodeWires(d *Document, r CodeRule, path string, wires map[string][]wireRow, l *problemList) {
	if len(r.Wire) == 0 && len(r.HTTPStatus) == 0 && r.Name != telco.SystemError {
		l.add(path+".wire", "is empty and no httpStatus is given, so the row never applies")
	}
	for j, wire := range r.Wire {
		here := element(path+".wire", j)
		if wire == "" {
			l.add(here, "MobiFone's string is empty")
		}
		if _, err := strconv.ParseInt(wire, 10, 64); d.Envelope.CodeAsNumber && err != nil {
			l.add(here, "%q is no whole number, and envelope.codeAsNumber says that codes are", wire)
		}
		for _, other := range wires[wire] {
			if overlaps(r.Operations, other.operations) {
				l.add(here, "%q stands in %s already; one string, one meaning, unless the rows name different operations", wire, other.path)
				break
			}
		}
		wires[wire] = append(wires[wire], wireRow{path, r.Operations})
		success := slices.Contains(d.Envelope.SuccessCodes, wire)
		if success != (r.Name == telco.Success) && (len(r.Operations) == 0 || r.Name == telco.Success) {
			l.add(here, "%q must stand in the row named SUCCESS and in envelope.successCodes, or in neither", wire)
		}
	}
}

// validateOwnOperations checks the operations that a row is limited to.
func validateOwnOperations(r CodeRule, path string, l *problemList) {
	for j, op := range r.Operations {
		here := element(path+".operations", j)
		if field.Of(op) == 0 {
			l.add(here, "no operation %q; the SDK knows %s", string(op), joinOperations())
		}
		if slices.Index(r.Operations, op) < j {
			l.add(here, "%s appears twice; keep one", string(op))
		}
	}
}

// validateClass refuses a class that would let an outcome read as proven when it is not.
func validateClass(d *Document, r CodeRule, path string, l *problemList) {
	for _, op := range sortedKeys(r.Class) {
		here := member(path+".class", string(op))
		if field.Of(op) == 0 && op != anyOperation {
			l.add(here, "no operation %q; want one the SDK knows, or \"*\"", string(op))
		}
		class := r.Class[op]
		isSuccess := r.Name == telco.Success
		if isSuccess && class != "success" {
			l.add(here, "a success code means success for every operation, found %s", class)
		}
		if !isSuccess && class == "success" && (op == telco.OpRegister || op == anyOperation) {
			l.add(here, "only envelope.successCodes prove a registration; want rejected or unknown")
		}
	}
	if r.Name == telco.Success && r.Class[anyOperation] == "" {
		for _, op := range sortedKeys(d.Operations) {
			if r.Class[op] == "" {
				l.add(path+".class", `does not say success for %s; write {"*": "success"}`, string(op))
			}
		}
	}
}

// validateThen checks where a sale goes on after the code.
func validateThen(r CodeRule, path string, l *problemList) {
	if r.Then == telco.ThenSameIDs && r.Name != telco.OTPInvalid {
		l.add(path+".then", "sameIds is for OTP_INVALID alone; want refund, newOTP or newAttempt")
	}
	if r.Name == telco.Success && r.Then != "" {
		l.add(path+".then", "nothing goes on after a success; leave it out")
	}
	if r.Name == telco.Success && r.Resend != "never" {
		l.add(path+".resend", "a success is never sent again; want never")
	}
}

// isUpperName reports whether s is a name in capitals, such as OTP_INVALID.
func isUpperName(s string) bool {
	for i, r := range s {
		letter := r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// wireRow is a row that holds one of MobiFone's strings.
type wireRow struct {
	path       string
	operations []telco.Operation
}

// overlaps reports whether two rows of one string could both speak for an operation. A row
// that names none speaks for the operations that no other names.
func overlaps(a, b []telco.Operation) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return slices.ContainsFunc(a, func(op telco.Operation) bool { return slices.Contains(b, op) })
}

// validateText checks one sentence for the teller. A value stands in a bracket with
// the words that mean nothing without it: "Wrong OTP.[ Entries left: {n}.]". So a
// sentence never shows a hole.
func validateText(text, path string, l *problemList) {
	if strings.TrimSpace(text) == "" {
		l.add(path, "is empty; the teller needs a sentence")
		return
	}
	open, filled := false, false
	for rest := text; rest != ""; {
		r := rest[0]
		rest = rest[1:]
		switch r {
		case '[':
			if open {
				l.add(path, "has a bracket inside a bracket")
				return
			}
			open, filled = true, false
		case ']':
			if !open {
				l.add(path, "closes a bracket that is not open")
				return
			}
			if !filled {
				l.add(path, "has a bracket without a value, so it would never be left out")
			}
			open = false
		case '}':
			l.add(path, "closes a brace that is not open")
			return
		case '{':
			name, after, closed := strings.Cut(rest, "}")
			if !closed {
				l.add(path, "has a brace that is not closed")
				return
			}
			if name != "n" && name != "s" && name != "reason" {
				l.add(path, "knows no value {%s}; want {n}, {s} or {reason}", name)
			} else if !open {
				l.add(path, "{%s} must stand in a bracket with the words to leave out when it is missing", name)
			}
			filled = true
			rest = after
		}
	}
	if open {
		l.add(path, "has a bracket that is not closed")
	}
}

// validateStates checks that each state is a known one and that lookups can say those that settle
// a sale.
func validateStates(d *Document, l *problemList) {
	reached := map[string]bool{}
	for _, wire := range sortedKeys(d.States) {
		name := d.States[wire]
		path := member("$.states", wire)
		if wire == "" {
			l.add(path, "MobiFone's string is empty")
		}
		if _, known := field.State(name); !known {
			l.add(path, "no state %q; want INIT, PENDING, SUCCESS, FAILED, EXPIRED, CANCELLED or REVERSED", name)
		}
		reached[name] = true
	}
	if !readsStates(d) {
		return
	}
	for _, name := range []string{"PENDING", "SUCCESS", "FAILED"} {
		if !reached[name] {
			l.add("$.states", "no string of MobiFone's means %s; a lookup could not tell a sale's end", name)
		}
	}
}

// readsStates reports whether any answer carries a state.
func readsStates(d *Document) bool {
	for _, e := range d.Operations {
		if e != nil && (e.Response[field.Status] != "" || e.Rows != nil && e.Rows.Fields[field.Status] != "") {
			return true
		}
	}
	return false
}
