package contract

// This file checks MobiFone's words: the table of result codes and the states of a transaction. Above
// all no code may be taken for a success by mistake, and none for a refusal of a registration that may
// have been carried out. What a row means for an operation is Document.ClassOf's business.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validateCodes checks the code table row by row, then what the rows say together: that the two rows
// which the SDK itself relies on are there, that the success codes are listed, and that every
// operation can succeed.
func validateCodes(d *Document, l *problemList) {
	// What earlier rows have taken: strings with their operations, names and statuses with the path.
	wires := map[string][]wireRow{}
	names := map[telco.Code]string{}
	statuses := map[int]string{}
	for i, r := range d.Codes {
		path := element("$.codes", i)
		validateCodeName(r, path, names, l)
		validateCodeWires(d, r, path, wires, l)
		for j, status := range r.HTTPStatus {
			here := element(path+".httpStatus", j)
			// Such a reply has no envelope. Under a success status that is unreadable, never a code.
			if status < 400 || status > 599 {
				l.add(here, "want a status from 400 to 599, found %d; a code never overrides a success status", status)
			}
			if first, twice := statuses[status]; twice {
				l.add(here, "%d is in %s already", status, first)
			}
			statuses[status] = path
		}
		validateOwnOperations(r, path, l)
		validateClass(d, r, path, l)
		validateThen(r, path, l)
		validateText(r.Text.VI, path+".text.vi", l)
		validateText(r.Text.EN, path+".text.en", l)
	}
	// The SDK looks these two up by their names.
	for _, name := range []telco.Code{telco.Success, telco.SystemError} {
		if _, there := names[name]; !there {
			l.add("$.codes", "has no row named %s; its text is shown when nothing else is known", string(name))
		}
	}
	// A success code must be in the table, so that its operations can be limited.
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
	// An operation that cannot succeed would end every sale with a person.
	for _, op := range sortedKeys(d.Operations) {
		if names[telco.Success] != "" && field.Of(op) != 0 && !canSucceed(d, op) {
			l.add(names[telco.Success], "no code means success for %s: let the row speak for it, with a string that no other row claims", string(op))
		}
	}
}

// canSucceed reports whether a code means success for an operation: one of the row named
// SUCCESS that speaks for it and that no row of the operation's own takes. A gateway may use one
// string for success here and for something else there; the row that names the operation wins.
func canSucceed(d *Document, op telco.Operation) bool {
	for _, r := range d.Codes {
		if r.Name != telco.Success || len(r.Operations) > 0 && !slices.Contains(r.Operations, op) {
			continue
		}
		for _, wire := range r.Wire {
			// The row SUCCESS may name the operation too; only another row takes the string away.
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

// validateCodeName wants each canonical name once, in capitals. Programs ask for these names with
// errors.Is, so two rows of one name would make the answer depend on the order of the table. names has
// the path of the row that took a name.
func validateCodeName(r CodeRule, path string, names map[telco.Code]string, l *problemList) {
	here := path + ".name"
	switch {
	case r.Name == "":
		l.add(here, "is empty; want a canonical name such as SYSTEM_ERROR")
	case r.Name.Local(): // such as CONNECT_FAILED: it tells that nothing came from MobiFone
		l.add(here, "%q is a name the SDK says itself; MobiFone cannot", string(r.Name))
	case !isUpperName(string(r.Name)):
		l.add(here, "%q is no canonical name; want capitals, digits and _", string(r.Name))
	}
	// One row may list several strings, so there is no need for two rows of one name.
	if first, twice := names[r.Name]; twice {
		l.add(here, "%q is the name of %s already; one row lists all its strings", string(r.Name), first)
		return
	}
	names[r.Name] = path
}

// validateCodeWires refuses a string that two rows would read, and a string that is a success in one
// place of the document and not in the other. wires has the rows that took a string.
func validateCodeWires(d *Document, r CodeRule, path string, wires map[string][]wireRow, l *problemList) {
	// The row SYSTEM_ERROR may be there for its text alone, which is shown when nothing else is known.
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
				l.add(here, "%q is in %s already; one string, one meaning, unless the rows name different operations", wire, other.path)
				break
			}
		}
		wires[wire] = append(wires[wire], wireRow{path, r.Operations})
		// Both places must agree, so that no slip in one of them alone can make a code a success. A row
		// limited to operations may give a success code another meaning there.
		success := slices.Contains(d.Envelope.SuccessCodes, wire)
		if success != (r.Name == telco.Success) && (len(r.Operations) == 0 || r.Name == telco.Success) {
			l.add(here, "%q must be in the row named SUCCESS and in envelope.successCodes, or in neither", wire)
		}
	}
}

// validateOwnOperations checks the operations that a row is limited to. They need not be in the
// document, so that a table can stay as it is while operations come and go.
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

// validateClass refuses a class that would let an outcome read as proven when it is not. A registration
// has succeeded only under a success code. For the other operations a further code may mean success,
// such as "nothing found" for a list.
func validateClass(d *Document, r CodeRule, path string, l *problemList) {
	for _, op := range sortedKeys(r.Class) {
		here := member(path+".class", string(op))
		if field.Of(op) == 0 && op != anyOperation {
			l.add(here, "no operation %q; want one the SDK knows, or \"*\"", string(op))
		}
		class := r.Class[op]
		// Only the row SUCCESS may, and must, say success for a registration.
		isSuccess := r.Name == telco.Success
		if isSuccess && class != "success" {
			l.add(here, "a success code means success for every operation, found %s", class)
		}
		if !isSuccess && class == "success" && (op == telco.OpRegister || op == anyOperation) {
			l.add(here, "only envelope.successCodes prove a registration; want rejected or unknown")
		}
	}
	// The class of a success code decides nothing. It must be written all the same, so that the table
	// says to its reader what the SDK does.
	if r.Name == telco.Success && r.Class[anyOperation] == "" {
		for _, op := range sortedKeys(d.Operations) {
			if r.Class[op] == "" {
				l.add(path+".class", `does not say success for %s; write {"*": "success"}`, string(op))
			}
		}
	}
}

// validateThen checks where a sale goes on after the code. The same ids may be used again only after a
// wrong OTP, when MobiFone itself asks for another entry; after any other refusal a second send with
// them could be the second charge.
func validateThen(r CodeRule, path string, l *problemList) {
	if r.Then == telco.ThenSameIDs && r.Name != telco.OTPInvalid {
		l.add(path+".then", "sameIds is for OTP_INVALID alone; want refund, newOTP or newAttempt")
	}
	// After a success the sale is over: nobody would read these two, and their writer expects something.
	if r.Name == telco.Success && r.Then != "" {
		l.add(path+".then", "nothing goes on after a success; leave it out")
	}
	if r.Name == telco.Success && r.Resend != "never" {
		l.add(path+".resend", "a success is never sent again; want never")
	}
}

// isUpperName reports whether s is a name in capitals, such as OTP_INVALID. Names are printed in logs and
// metrics, so they hold nothing that would need quotes there.
func isUpperName(s string) bool {
	for i, r := range s {
		letter := r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// wireRow is a row that has a string: its path, and the operations that it is limited to (none when it
// is for all).
type wireRow struct {
	path       string
	operations []telco.Operation
}

// overlaps reports whether two rows of one string could both speak for an operation. A row that names
// no operation gives way to one that does, so these two do not overlap; two that name none do.
func overlaps(a, b []telco.Operation) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	// Both name operations: one in common is enough.
	return slices.ContainsFunc(a, func(op telco.Operation) bool { return slices.Contains(b, op) })
}

// validateText checks one sentence for the teller. A value is in a bracket with the words that mean
// nothing without it: "Wrong OTP.[ Entries left: {n}.]". So a sentence never shows a hole. It stops at
// the first problem of a sentence that makes the rest unreadable.
func validateText(text, path string, l *problemList) {
	if strings.TrimSpace(text) == "" {
		l.add(path, "is empty; the teller needs a sentence")
		return
	}
	// open says that a bracket is open, filled that it has a value.
	open, filled := false, false
	// Brackets and braces are ASCII, so bytes can be read: no byte of a Vietnamese letter is one.
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
			// n is how many entries are left, s a wait in seconds, reason MobiFone's own text.
			if name != "n" && name != "s" && name != "reason" {
				l.add(path, "knows no value {%s}; want {n}, {s} or {reason}", name)
			} else if !open {
				l.add(path, "{%s} must be in a bracket with the words to leave out when it is missing", name)
			}
			filled = true
			rest = after
		}
	}
	if open {
		l.add(path, "has a bracket that is not closed")
	}
}

// validateStates checks that each state is a known one and that lookups can show those that settle a
// sale: without a string for SUCCESS no registration could ever be found, without one for FAILED every
// refusal would wait for the fence. A string that the document does not list proves nothing.
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
		// Several strings may mean one state; a server writes the canonical name among them.
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

// readsStates reports whether any answer carries a state; if none does, the states say nothing.
func readsStates(d *Document) bool {
	for _, e := range d.Operations {
		if e != nil && (e.Response[field.Status] != "" || e.Rows != nil && e.Rows.Fields[field.Status] != "") {
			return true
		}
	}
	return false
}
