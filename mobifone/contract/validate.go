package contract

import (
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// validate holds a document against every rule and adds a fault for each breach. The
// rules refuse what would be guessed at, what could leak a subscriber's data, and
// what could let an outcome read as proven when it is not.
func validate(d *Document, l *faultList) {
	if d.Version != 1 {
		l.add("$.version", "this SDK reads version 1, found %d", d.Version)
	}
	if strings.TrimSpace(d.Name) == "" {
		l.add("$.name", "is empty; name the contract so that logs can say which one is in force")
	}
	validateOperations(d, l)
	validateEnvelope(d, l)
	validateCodes(d, l)
	validateStates(d, l)
	validateTime(d, l)
	switch d.MSISDN {
	case "84", "0", "9":
	default:
		l.add("$.msisdn", `want "84" (84912345678), "0" (0912345678) or "9" (912345678), found %q`, d.MSISDN)
	}
	validateAuth(d, l)
	validateLimits(d.Limits, l)
	validateSemantics(d, l)
}

func validateStates(d *Document, l *faultList) {
	reached := map[string]bool{}
	for _, wire := range sortedKeys(d.States) {
		name := d.States[wire]
		path := member("$.states", wire)
		if wire == "" {
			l.add(path, "the partner's string is empty")
		}
		if stateNamed(name) == partner.StateUnlisted {
			l.add(path, "no state %q; want INIT, PENDING, SUCCESS, FAILED, EXPIRED, CANCELLED or REVERSED", name)
		}
		reached[name] = true
	}
	if !readsStates(d) {
		return
	}
	for _, name := range []string{"PENDING", "SUCCESS", "FAILED"} {
		if !reached[name] {
			l.add("$.states", "no string of the partner means %s; a lookup could not tell a sale's end", name)
		}
	}
}

// readsStates reports whether any answer carries a state.
func readsStates(d *Document) bool {
	for _, e := range d.Operations {
		if e != nil && (e.Response[fieldStatus] != "" || e.Rows != nil && e.Rows.Fields[fieldStatus] != "") {
			return true
		}
	}
	return false
}

func validateLimits(limits Limits, l *faultList) {
	if limits.PageSizeMax < 1 {
		l.add("$.limits.pageSizeMax", "want 1 or more, found %d", limits.PageSizeMax)
	}
	switch {
	case limits.PageSizeDefault < 1:
		l.add("$.limits.pageSizeDefault", "want 1 or more, found %d", limits.PageSizeDefault)
	case limits.PageSizeMax >= 1 && limits.PageSizeDefault > limits.PageSizeMax:
		l.add("$.limits.pageSizeDefault", "is %d, above pageSizeMax %d", limits.PageSizeDefault, limits.PageSizeMax)
	}
	if limits.RangeMax <= 0 {
		l.add("$.limits.rangeMax", `want a time above zero, such as "744h"`)
	}
	if limits.ReplyBytesMax < 1 || limits.ReplyBytesMax > 1<<30 {
		l.add("$.limits.replyBytesMax", "want 1 to %d, found %d", 1<<30, limits.ReplyBytesMax)
	}
}
