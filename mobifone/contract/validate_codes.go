package contract

import (
	"slices"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func validateCodes(d *Document, l *faultList) {
	wires := map[string]string{}
	names := map[partner.Code]string{}
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
		validateClass(d, r, path, l)
		validateResend(r, path, l)
		validateThen(r, path, l)
		validateText(r.Text.VI, path+".text.vi", l)
		validateText(r.Text.EN, path+".text.en", l)
	}
	for _, name := range []partner.Code{partner.Success, partner.SystemError} {
		if _, there := names[name]; !there {
			l.add("$.codes", "has no row named %s; its text is shown when nothing else is known", string(name))
		}
	}
	for i, code := range d.Envelope.SuccessCodes {
		here := element("$.envelope.successCodes", i)
		if code == "" {
			l.add(here, "the partner's string is empty")
		}
		if slices.Index(d.Envelope.SuccessCodes, code) < i {
			l.add(here, "%q stands twice; keep one", code)
		}
		if _, listed := wires[code]; !listed {
			l.add(here, "%q is not in the code table; list it in the row named SUCCESS", code)
		}
	}
}

func validateCodeName(r CodeRule, path string, names map[partner.Code]string, l *faultList) {
	here := path + ".name"
	switch {
	case r.Name == "":
		l.add(here, "is empty; want a canonical name such as SYSTEM_ERROR")
	case r.Name.Local():
		l.add(here, "%q is a name the SDK says itself; the partner cannot", string(r.Name))
	case !isUpperName(string(r.Name)):
		l.add(here, "%q is no canonical name; want capitals, digits and _", string(r.Name))
	}
	if first, twice := names[r.Name]; twice {
		l.add(here, "%q is the name of %s already; one row lists all its strings", string(r.Name), first)
		return
	}
	names[r.Name] = path
}

func validateCodeWires(d *Document, r CodeRule, path string, wires map[string]string, l *faultList) {
	if len(r.Wire) == 0 && len(r.HTTPStatus) == 0 && r.Name != partner.SystemError {
		l.add(path+".wire", "is empty and no httpStatus is given, so the row never applies")
	}
	for j, wire := range r.Wire {
		here := element(path+".wire", j)
		if wire == "" {
			l.add(here, "the partner's string is empty")
		}
		if _, err := strconv.ParseInt(wire, 10, 64); d.Envelope.CodeAsNumber && err != nil {
			l.add(here, "%q is no whole number, and envelope.codeAsNumber says that codes are", wire)
		}
		if first, twice := wires[wire]; twice {
			l.add(here, "%q stands in %s already; one string, one meaning", wire, first)
		}
		wires[wire] = path
		success := slices.Contains(d.Envelope.SuccessCodes, wire)
		if success != (r.Name == partner.Success) {
			l.add(here, "%q must stand in the row named SUCCESS and in envelope.successCodes, or in neither", wire)
		}
	}
}

func validateClass(d *Document, r CodeRule, path string, l *faultList) {
	for _, op := range sortedKeys(r.Class) {
		here := member(path+".class", string(op))
		if _, known := vocabularyOf(op); !known && op != anyOperation {
			l.add(here, "no operation %q; want one the SDK knows, or \"*\"", string(op))
		}
		class := r.Class[op]
		switch class {
		case ClassUnknown, ClassSuccess, ClassRejected:
		default:
			l.add(here, "want success, rejected or unknown, found %q", string(class))
			continue
		}
		isSuccess := r.Name == partner.Success
		if isSuccess && class != ClassSuccess {
			l.add(here, "a success code means success for every operation, found %s", string(class))
		}
		if !isSuccess && class == ClassSuccess && (op == partner.OpRegister || op == anyOperation) {
			l.add(here, "only envelope.successCodes prove a registration; want rejected or unknown")
		}
	}
	if r.Name == partner.Success && r.Class[anyOperation] == "" {
		for _, op := range sortedKeys(d.Operations) {
			if r.Class[op] == "" {
				l.add(path+".class", `does not say success for %s; write {"*": "success"}`, string(op))
			}
		}
	}
}

func validateResend(r CodeRule, path string, l *faultList) {
	switch r.Resend {
	case ResendNever, ResendReads, ResendAfterRefresh:
	default:
		l.add(path+".resend", "want never, reads or afterRefresh, found %q", string(r.Resend))
		return
	}
	if r.Name == partner.Success && r.Resend != ResendNever {
		l.add(path+".resend", "a success is never sent again; want never")
	}
}

func validateThen(r CodeRule, path string, l *faultList) {
	here := path + ".then"
	switch r.Then {
	case "", partner.ThenRefund, partner.ThenNewOTP, partner.ThenNewAttempt:
	case partner.ThenSameIDs:
		if r.Name != partner.OTPInvalid {
			l.add(here, "sameIds is for OTP_INVALID alone; want refund, newOTP or newAttempt")
		}
	default:
		l.add(here, "want refund, newOTP, newAttempt or sameIds, found %q", string(r.Then))
	}
	if r.Name == partner.Success && r.Then != "" {
		l.add(here, "nothing goes on after a success; leave it out")
	}
}

func isUpperName(s string) bool {
	for i, r := range s {
		letter := r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}
