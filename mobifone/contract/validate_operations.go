package contract

// This file checks the operations of a document: the route of each, the fields of its request and the
// places of its answer. No phone number, OTP or password may get into a URL, no two fields may share a
// place, and what the next step of a sale needs must be there.

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validateOperations checks each operation by itself, in the order of their names, and then what the
// operations need of each other.
func validateOperations(d *Document, l *problemList) {
	if len(d.Operations) == 0 {
		l.add("$.operations", "is empty; list what MobiFone offers")
	}
	routes := map[string][]route{}
	for _, op := range sortedKeys(d.Operations) {
		path := member("$.operations", string(op))
		if field.Of(op) == 0 {
			l.add(path, "no operation %q; the SDK knows %s", string(op), joinOperations())
			continue
		}
		e := d.Operations[op]
		if e == nil {
			l.add(path, "is null; leave the member out when MobiFone has no such operation")
			continue
		}
		validateRoute(op, e, path, l)
		validateIdempotencyHeader(d.Auth, op, e, path+".idempotencyHeader", l)
		claimRoute(routes, route{path, e.Encoding, e.Constants}, e.Method+" "+e.Path, l)
		validateRequest(d, op, e, path, l)
		validatePrivacy(d, e, path, l)
		validateFormats(op, e, path+".formats", l)
		// A window of whole days is a day long at least.
		if field.IsDay(e.Formats[field.From]) && d.Limits.RangeMax < Duration(24*time.Hour) {
			l.add("$.limits.rangeMax", "is shorter than the day that %s asks for; want at least 24h", string(op))
		}
		validateResponse(d, op, e, path, l)
		validateEcho(d, op, e, path, l)
	}
	validateCount(d, l)
	// The login is a request to the same server, without constants that could tell it apart.
	if login := d.Auth.Login; login != nil {
		claimRoute(routes, route{path: "$.auth.login"}, login.Method+" "+login.Path, l)
	}
}

// joinOperations lists the operations the SDK knows, for a sentence.
func joinOperations() string {
	var names []string
	for _, op := range field.Operations() {
		names = append(names, string(op))
	}
	return strings.Join(names, ", ")
}

// validateRoute checks method, path and encoding of an endpoint. A GET of something that moves money or
// sends an SMS is refused: browsers, proxies and net/http repeat a GET that got no reply.
func validateRoute(op telco.Operation, e *Endpoint, path string, l *problemList) {
	if e.Method == http.MethodGet {
		if op == telco.OpOTP || op == telco.OpRegister {
			l.add(path+".method", "GET is for reading: Go and proxies re-send it by themselves; want POST or PUT")
		}
		// Servers may ignore the body of a GET, and caches do.
		if e.Encoding == "json" || e.Encoding == "form" {
			l.add(path+".encoding", "a GET has no body; want query, found %s", e.Encoding)
		}
	}
	if problem := pathProblem(e.Path); problem != "" {
		l.add(path+".path", "%s", problem)
	}
}

// validateIdempotencyHeader refuses headers that something else reads, and a header for an operation
// that has no partnerTransId of its own.
func validateIdempotencyHeader(a Auth, op telco.Operation, e *Endpoint, path string, l *problemList) {
	name := e.IdempotencyHeader
	if name == "" {
		return
	}
	if problem := headerProblem(name); problem != "" {
		l.add(path, "%s", problem)
	}
	// The id is set after the request is signed, and would replace a part of the signature.
	for _, h := range authHeaderNames(a) {
		if strings.EqualFold(h.name, name) {
			l.add(path, "%q is also that of %s", name, h.path)
		}
	}
	if op != telco.OpOTP && op != telco.OpRegister {
		l.add(path, "only otp.request and registration.register have a partnerTransId to put there")
	}
}

// route is an operation at a method and path.
type route struct {
	// path is the operation's JSON path, for problems.
	path string
	// encoding and constants tell operations apart that share the URL.
	encoding  string
	constants map[string]any
}

// claimRoute refuses two operations at one method and path that no constant tells apart: a
// server could not know which is asked for. taken has the operations at each method and path.
func claimRoute(taken map[string][]route, r route, key string, l *problemList) {
	for _, other := range taken[key] {
		if !apart(r, other) {
			l.add(r.path+".path", "%s is also that of %s; where MobiFone has one path for several operations, "+
				"give both a constant of one name and different values", key, other.path)
			return
		}
	}
	taken[key] = append(taken[key], r)
}

// apart reports whether a constant tells two operations apart: both must have it, with different
// values. A constant that only one of them has might be an optional member to the server. Two
// encodings are refused, because a server reads the constants only after it has chosen one.
func apart(a, b route) bool {
	if a.encoding != b.encoding {
		return false
	}
	for name, v := range a.constants { // in one form each, so that they can be compared
		if w, both := b.constants[name]; both && v != w {
			return true
		}
	}
	return false
}

// validatePrivacy keeps subscribers and secrets out of URLs, which proxies and servers log by default.
// Only the phone number can be allowed, since some gateways take it in no other way; an OTP or a
// password cannot.
func validatePrivacy(d *Document, e *Endpoint, path string, l *problemList) {
	// The fields of any other request are in its body.
	if e.Encoding != "query" && e.Method != http.MethodGet {
		return
	}
	at := path + ".request"
	if e.Request[field.OTPCode] != "" {
		l.add(member(at, field.OTPCode), "an OTP is never part of a URL; send it by POST as json or form")
	}
	if e.Request[field.MSISDN] != "" && !d.AllowSubscriberInURL {
		l.add(member(at, field.MSISDN), "a phone number in a URL ends in logs; send it by POST as json or form, "+
			"or set allowSubscriberInURL if MobiFone has no other way")
	}
	for _, m := range []struct{ part, name string }{
		{"apiKey", d.Auth.Members.APIKey}, {"password", d.Auth.Members.Password}, {"token", d.Auth.Members.Token},
	} {
		if m.name != "" {
			l.add(path+".encoding", "query would put auth.members.%s into the URL, which ends in logs; want POST with json or form, or a header", m.part)
		}
	}
}

// validateRequest checks that each field is one the operation has, with a place of its own, and
// that none is missing which the operation needs.
func validateRequest(d *Document, op telco.Operation, e *Endpoint, path string, l *problemList) {
	at := path + ".request"
	names := map[string]string{}
	// A field that the operation does not have is never sent, and its writer expects that it is.
	for _, name := range sortedKeys(e.Request) {
		here := member(at, name)
		if i := field.Index(field.Requests[:], name); i < 0 || field.Requests[i].Ops&field.Of(op) == 0 {
			known := slices.Sorted(slices.Values(field.Names(field.Requests[:], field.Of(op))))
			l.add(here, "%s cannot send %q; it knows %s", op, name, strings.Join(known, ", "))
			continue
		}
		if claimName(e, here, e.Request[name], l) {
			names[here] = e.Request[name]
		}
	}
	for _, name := range field.Needed(field.Requests[:], field.Of(op)) {
		if e.Request[name] == "" {
			l.add(member(at, name), "is needed: %s means nothing without it", op)
		}
	}
	// The transId names an order that has its subscriber and package already.
	if op == telco.OpRegister && e.Request[field.TransID] == "" {
		for _, name := range []string{field.MSISDN, field.Package} {
			if e.Request[name] == "" {
				l.add(member(at, name), "is needed where no transId is sent: nothing else says what is bought")
			}
		}
	}
	// Nobody could ever find out what became of a registration without an id.
	if (op == telco.OpRegister || op == telco.OpGet) && e.Request[field.TransID] == "" && e.Request[field.PartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; without an id nothing can be looked up")
	}
	// Constants and parts of the authentication share the request with the fields.
	for _, name := range sortedKeys(e.Constants) {
		here := member(path+".constants", name)
		if claimName(e, here, name, l) {
			names[here] = name
		}
	}
	for _, m := range authParts(d.Auth.Members) {
		names["$.auth.members."+m.name] = m.path
	}
	validateApart(names, l)
	validateAsText(e, path+".asText", l)
}

// claimName checks a name on the wire, which in JSON is a dotted path, and reports whether it can be
// compared with the others.
func claimName(e *Endpoint, here, name string, l *problemList) bool {
	problem := nameProblem(name)
	if problem == "" && e.Encoding == "json" {
		problem = dottedProblem(name, false)
	}
	if problem != "" {
		l.add(here, "%s", problem)
	}
	return problem == ""
}

// validateAsText checks the fields that are written as strings. All other types are strings in JSON
// anyway, or say it by their format.
func validateAsText(e *Endpoint, path string, l *problemList) {
	for i, name := range e.AsText {
		here := element(path, i)
		switch name {
		case field.Amount, field.Page, field.Size:
		default:
			l.add(here, "want a number: amount, page or size, found %q", name)
			continue
		}
		if e.Request[name] == "" {
			l.add(here, "%s is not in request", name)
		}
		if slices.Index(e.AsText, name) < i {
			l.add(here, "%s appears twice; keep one", name)
		}
	}
}

// validateCount asks for a count where a search is the only lookup: a sale looks its ids up
// before it registers, and a list without a count cannot show that something is missing from it.
func validateCount(d *Document, l *problemList) {
	e := d.Operations[telco.OpSearch]
	if e == nil || d.Operations[telco.OpGet] != nil || e.Response["total"] != "" || e.Response["pages"] != "" {
		return
	}
	l.add(member(member("$.operations", string(telco.OpSearch))+".response", "total"),
		"is needed where MobiFone has no transactions.get: without total or pages no list can show that a registration is lacking, "+
			"and a sale would never dare to register; leave the operation out if MobiFone counts nothing")
}

// validateEcho lets only what was ordered be compared: ids, subscriber, package, amount. A promised
// echo that is missing makes a success unreadable, so an echo that no answer can carry would make
// every registration unknown.
func validateEcho(d *Document, op telco.Operation, e *Endpoint, path string, l *problemList) {
	for i, name := range e.Echo {
		here := element(path+".echo", i)
		switch name {
		case field.TransID, field.PartnerTransID, field.MSISDN, field.Package, field.Amount:
		default:
			l.add(here, "want transId, partnerTransId, msisdn, package or amount, found %q", name)
			continue
		}
		// Each case is an echo that could never be compared, or is compared anyway.
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
	// paths has the place of each field, counted from the root, so that both kinds can be compared.
	paths := map[string]string{}
	// claim takes the place of a path, or adds why it cannot be one.
	claim := func(here, dotted string) {
		if problem := dottedProblem(dotted, true); problem != "" {
			l.add(here, "%s", problem)
			return
		}
		place := absolutePath(d.Envelope, dotted)
		if frame, clash := places[place]; clash {
			l.add(here, "%q is where the envelope's %s is; the two must not be mixed", place, frame)
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
	// What is kept for the caller has a place of its own too: a copy of a field could be read unmasked.
	for i, extra := range e.Extra {
		claim(element(path+".extra", i), extra)
	}
	for _, name := range field.Needed(field.Answers[:], field.Of(op)) {
		if e.Response[name] == "" {
			l.add(member(at, name), "is needed: the next step cannot go on without it")
		}
	}
	// The rows take a place among the fields, and no field may be inside of it.
	if e.Rows != nil && !wholePlace(e.Rows.Path) && dottedProblem(e.Rows.Path, true) == "" {
		paths[path+".rows.path"] = absolutePath(d.Envelope, e.Rows.Path)
	}
	validateApart(paths, l)
	validateRows(op, e, path+".rows", l)
}

// validateRows does the same for the rows of a list. Their paths count from the row, so they clash
// only with each other.
func validateRows(op telco.Operation, e *Endpoint, path string, l *problemList) {
	// An operation whose answer has rows must say where they are; any other must not.
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
	// An offer needs no id: it is about the subscriber that was asked for.
	if op != telco.OpEligible && e.Rows.Fields[field.TransID] == "" && e.Rows.Fields[field.PartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; a row without an id belongs to no sale")
	}
}

// wholePlace reports whether the rows are the envelope's data or the root itself. An object there
// may hold other fields beside those of the row, so it is not compared with their places.
func wholePlace(path string) bool { return path == "" || path == "$" }
