package contract

// This file checks where a document finds things in an answer: the envelope, the fields and the rows.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validateCount asks for a count where a search is the only lookup: a sale looks its ids up
// before it registers, and a list without a count shows of nothing that it is lacking.
func validateCount(d *Document, l *problemList) {
	e := d.Operations[telco.OpSearch]
	if e == nil || d.Operations[telco.OpGet] != nil || e.Response["total"] != "" || e.Response["pages"] != "" {
		return
	}
	l.add(member(member("$.operations", string(telco.OpSearch))+".response", "total"),
		"is needed where MobiFone has no transactions.get: without total or pages no list can show that a registration is lacking, "+
			"and a sale would never dare to register; leave the operation out if MobiFone counts nothing")
}

// validateEcho lets only what was ordered be compared: ids, subscriber, package, amount.
func validateEcho(d *Document, op telco.Operation, e *Endpoint, path string, l *problemList) {
	for i, name := range e.Echo {
		here := element(path+".echo", i)
		switch name {
		case field.TransID, field.PartnerTransID, field.MSISDN, field.Package, field.Amount:
		default:
			l.add(here, "want transId, partnerTransId, msisdn, package or amount, found %q", name)
			continue
		}
		switch {
		case op != telco.OpOTP && op != telco.OpRegister:
			l.add(here, "only otp.request and registration.register echo; a lookup's ids are always compared")
		case e.Response[name] == "":
			l.add(here, "%s is not in response, so it cannot be read", name)
		case op == telco.OpOTP && e.Request[name] == "":
			l.add(here, "%s is not in request, so there is nothing to compare with", name)
		case name == field.PartnerTransID && e.Request[name] == "" && !d.Semantics.PartnerTransIDAtOTP:
			l.add(here, "%s is sent neither here nor with otp.request, so that no answer can carry it; leave it out", name)
		case slices.Index(e.Echo, name) < i:
			l.add(here, "%s appears twice; keep one", name)
		}
	}
}

// validateResponse checks that each field is one the operation reads, at a place of its own, and
// that none is missing which the operation needs.
func validateResponse(d *Document, op telco.Operation, e *Endpoint, path string, l *problemList) {
	at := path + ".response"
	places := envelopePlaces(d.Envelope)
	paths := map[string]string{}
	claim := func(here, dotted string) {
		if problem := dottedProblem(dotted, true); problem != "" {
			l.add(here, "%s", problem)
			return
		}
		place := absolutePath(d.Envelope, dotted)
		if frame, clash := places[place]; clash {
			l.add(here, "%q is where the envelope's %s stands; the two must not be mixed", place, frame)
		}
		paths[here] = place
	}
	for _, name := range sortedKeys(e.Response) {
		here := member(at, name)
		if i := field.Index(field.Answers[:], name); i < 0 || field.Answers[i].Ops&field.Of(op) == 0 {
			l.add(here, "this operation does not read %q; it reads %s", name, listOrNothing(field.Names(field.Answers[:], field.Of(op))))
			continue
		}
		claim(here, e.Response[name])
	}
	for i, extra := range e.Extra {
		claim(element(path+".extra", i), extra)
	}
	for _, name := range field.Needed(field.Answers[:], field.Of(op)) {
		if e.Response[name] == "" {
			l.add(member(at, name), "is needed: the next step cannot go on without it")
		}
	}
	if e.Rows != nil && !wholePlace(e.Rows.Path) && dottedProblem(e.Rows.Path, true) == "" {
		paths[path+".rows.path"] = absolutePath(d.Envelope, e.Rows.Path)
	}
	validateApart(paths, l)
	validateRows(op, e, path+".rows", l)
}

// validateRows does the same for the rows of a list.
func validateRows(op telco.Operation, e *Endpoint, path string, l *problemList) {
	readable := field.Names(field.Rows[:], field.Of(op))
	switch {
	case readable == nil && e.Rows == nil:
		return
	case readable == nil:
		l.add(path, "this operation has no rows; map its fields in response")
		return
	case e.Rows == nil:
		l.add(path, "is missing: say where the answer's list (or single object) is")
		return
	}
	if problem := dottedProblem(e.Rows.Path, true); problem != "" && !wholePlace(e.Rows.Path) {
		l.add(path+".path", "%s", problem)
	}
	at := path + ".fields"
	paths := map[string]string{}
	claim := func(here, dotted string) {
		if problem := dottedProblem(dotted, false); problem != "" {
			l.add(here, "%s", problem)
			return
		}
		paths[here] = dotted
	}
	for _, name := range sortedKeys(e.Rows.Fields) {
		here := member(at, name)
		if !slices.Contains(readable, name) {
			l.add(here, "a row here does not hold %q; it holds %s", name, listOrNothing(readable))
			continue
		}
		claim(here, e.Rows.Fields[name])
	}
	for i, extra := range e.Rows.Extra {
		claim(element(path+".extra", i), extra)
	}
	validateApart(paths, l)
	for _, name := range field.Needed(field.Rows[:], field.Of(op)) {
		if e.Rows.Fields[name] == "" {
			l.add(member(at, name), "is needed: a row means nothing without it")
		}
	}
	if op != telco.OpEligible && e.Rows.Fields[field.TransID] == "" && e.Rows.Fields[field.PartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; a row without an id belongs to no sale")
	}
}

// wholePlace reports whether rows stand at the envelope's data or the root itself,
// where an object may hold other fields beside those of the row.
func wholePlace(path string) bool { return path == "" || path == "$" }

// validateEnvelope checks the frame that every answer has.
func validateEnvelope(d *Document, l *problemList) {
	env := d.Envelope
	if len(env.Code) == 0 {
		l.add("$.envelope.code", "is empty; an answer without a code says nothing")
	}
	if len(env.SuccessCodes) == 0 {
		l.add("$.envelope.successCodes", "is empty; no answer could ever be a success")
	}
	if (len(env.InnerCode) > 0) != (len(env.InnerSuccess) > 0) {
		l.add("$.envelope.innerCode", "innerCode and innerSuccess need each other: where the second code stands, and which of its values confirm a success")
	}
	seen := map[string]string{}
	for _, part := range envelopeParts(env) {
		for i, alias := range part.aliases {
			here := element(member("$.envelope", part.name), i)
			if problem := dottedProblem(alias, false); problem != "" {
				l.add(here, "%s", problem)
				continue
			}
			if first, twice := seen[alias]; twice {
				l.add(here, "%q stands in %s already", alias, first)
				continue
			}
			seen[alias] = part.name
		}
	}
}

type envelopePart struct {
	name    string
	aliases []string
}

// envelopeParts lists the members of the envelope with their names in the document.
func envelopeParts(env Envelope) []envelopePart {
	return []envelopePart{
		{"code", env.Code},
		{"message", env.Message},
		{"data", env.Data},
		{"requestId", env.RequestID},
		{"responseTime", env.ResponseTime},
		{"success", env.Success},
		{"innerCode", env.InnerCode},
	}
}

// envelopePlaces maps the place of each part of the frame but the data to its name.
func envelopePlaces(env Envelope) map[string]string {
	places := map[string]string{}
	for _, part := range envelopeParts(env) {
		if part.name == "data" {
			continue
		}
		for _, alias := range part.aliases {
			places[alias] = part.name
		}
	}
	return places
}

// absolutePath is a response path counted from the answer's root.
func absolutePath(env Envelope, path string) string {
	if rest, root := strings.CutPrefix(path, "$."); root {
		return rest
	}
	if len(env.Data) == 0 {
		return path
	}
	return fmt.Sprintf("%s.%s", env.Data[0], path)
}
