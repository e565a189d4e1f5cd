package contract

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func quoteRune(r rune) string { return strconv.QuoteRune(r) }

func validateRequest(op partner.Operation, e *Endpoint, words vocabulary, path string, l *faultList) {
	at := path + ".request"
	wires := map[string]string{}
	for _, logical := range sortedKeys(e.Request) {
		wire := e.Request[logical]
		here := member(at, logical)
		if !slices.Contains(words.request, logical) {
			l.add(here, "%s cannot send %q; it knows %s", op, logical, strings.Join(slices.Sorted(slices.Values(words.request)), ", "))
			continue
		}
		if problem := nameProblem(wire); problem != "" {
			l.add(here, "%s", problem)
			continue
		}
		if first, twice := wires[wire]; twice {
			l.add(here, "%q already carries %s; one wire name, one field", wire, first)
		}
		wires[wire] = logical
	}
	for _, logical := range words.needRequest {
		if e.Request[logical] == "" {
			l.add(member(at, logical), "is needed: %s means nothing without it", op)
		}
	}
	if words.requestIDs && e.Request[fieldTransID] == "" && e.Request[fieldPartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; without an id nothing can be looked up")
	}
	for _, name := range sortedKeys(e.Constants) {
		here := member(path+".constants", name)
		if problem := nameProblem(name); problem != "" {
			l.add(here, "%s", problem)
		}
		if logical, clash := wires[name]; clash {
			l.add(here, "is the wire name of %s too", logical)
		}
	}
	validateAsText(e, path+".asText", l)
}

func validateAsText(e *Endpoint, path string, l *faultList) {
	for i, logical := range e.AsText {
		here := element(path, i)
		switch logical {
		case "amount", "page", "size":
		default:
			l.add(here, "want a number: amount, page or size, found %q", logical)
			continue
		}
		if e.Request[logical] == "" {
			l.add(here, "%s is not in request", logical)
		}
		if slices.Index(e.AsText, logical) < i {
			l.add(here, "%s stands twice; keep one", logical)
		}
	}
}

// validateEcho lets only ids be compared: they are all that a reply and its request
// share for certain.
func validateEcho(e *Endpoint, path string, l *faultList) {
	for i, logical := range e.Echo {
		here := element(path+".echo", i)
		switch {
		case logical != fieldTransID && logical != fieldPartnerTransID:
			l.add(here, "want transId or partnerTransId, found %q", logical)
		case e.Response[logical] == "":
			l.add(here, "%s is not in response, so it cannot be read", logical)
		case e.Request[logical] == "":
			l.add(here, "%s is not in request, so there is nothing to compare with", logical)
		case slices.Index(e.Echo, logical) < i:
			l.add(here, "%s stands twice; keep one", logical)
		}
	}
}

// nameProblem says what is wrong with a wire name; "" when nothing is.
func nameProblem(name string) string {
	if name == "" {
		return "the wire name is empty; leave the member out when the partner does not take the field"
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar {
			return "the wire name " + strconv.Quote(name) + " holds a space or a control character"
		}
	}
	return ""
}
