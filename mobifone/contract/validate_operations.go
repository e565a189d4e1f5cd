package contract

// This file checks the operations of a document: routes, paths and the members of requests.

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
		if isDay(e.Formats[field.From]) && d.Limits.RangeMax < Duration(24*time.Hour) {
			l.add("$.limits.rangeMax", "is shorter than the day that %s asks for; want at least 24h", string(op))
		}
		validateResponse(d, op, e, path, l)
		validateEcho(d, op, e, path, l)
	}
	validateCount(d, l)
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

// validateRoute checks method, path and encoding of an endpoint.
func validateRoute(op telco.Operation, e *Endpoint, path string, l *problemList) {
	if e.Method == http.MethodGet {
		if op == telco.OpOTP || op == telco.OpRegister {
			l.add(path+".method", "GET is for reading: Go and proxies re-send it by themselves; want POST or PUT")
		}
		if e.Encoding == "json" || e.Encoding == "form" {
			l.add(path+".encoding", "a GET has no body; want query, found %s", e.Encoding)
		}
	}
	if problem := pathProblem(e.Path); problem != "" {
		l.add(path+".path", "%s", problem)
	}
}

// validateIdempotencyHeader refuses headers that something else reads.
func validateIdempotencyHeader(a Auth, op telco.Operation, e *Endpoint, path string, l *problemList) {
	name := e.IdempotencyHeader
	if name == "" {
		return
	}
	if problem := headerProblem(name); problem != "" {
		l.add(path, "%s", problem)
	}
	for _, h := range authHeaderNames(a) {
		if strings.EqualFold(h.name, name) {
			l.add(path, "%q is also that of %s", name, h.path)
		}
	}
	if op != telco.OpOTP && op != telco.OpRegister {
		l.add(path, "only otp.request and registration.register have a partnerTransId to put there")
	}
}

// route is who answers at a method and path.
type route struct {
	path      string
	encoding  string
	constants map[string]any
}

// claimRoute refuses two operations at one method and path that no constant tells apart: a
// server could not know which is asked for.
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

// apart reports whether a constant of two operations tells them apart.
func apart(a, b route) bool {
	if a.encoding != b.encoding {
		return false
	}
	for name, v := range a.constants {
		if w, both := b.constants[name]; both && v != w {
			return true
		}
	}
	return false
}

// pathProblem says what is wrong with an URL path; "" when nothing is.
func pathProblem(p string) string {
	if !strings.HasPrefix(p, "/") || p == "/" {
		return `want an absolute path such as "/partner/v1/otp"; scheme and host belong to the client's base URL`
	}
	for _, r := range p {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("/-._~!$&'()*+,;=:@", r) {
			return "holds " + quoteRune(r) + "; want plain letters, digits and -._~!$&'()*+,;=:@ between slashes, no query, fragment, escape or placeholder"
		}
	}
	segments := strings.Split(p[1:], "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return `holds an empty segment, "." or ".."; servers and proxies read those differently`
		}
	}
	return ""
}

// validatePrivacy keeps subscribers and secrets out of URLs, which end in logs.
func validatePrivacy(d *Document, e *Endpoint, path string, l *problemList) {
	if e.Encoding != "query" && e.Method != http.MethodGet {
		return
	}
	at := path + ".request"
	if e.Request[field.OTPCode] != "" {
		l.add(member(at, field.OTPCode), "an OTP never stands in a URL; send it by POST as json or form")
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
	if op == telco.OpRegister && e.Request[field.TransID] == "" {
		for _, name := range []string{field.MSISDN, field.Package} {
			if e.Request[name] == "" {
				l.add(member(at, name), "is needed where no transId is sent: nothing else says what is bought")
			}
		}
	}
	if (op == telco.OpRegister || op == telco.OpGet) && e.Request[field.TransID] == "" && e.Request[field.PartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; without an id nothing can be looked up")
	}
	for _, name := range sortedKeys(e.Constants) {
		here := member(path+".constants", name)
		if claimName(e, here, name, l) {
			names[here] = name
		}
	}
	for _, m := range authMembers(d.Auth) {
		names["$.auth.members."+m.name] = m.path
	}
	validateApart(names, l)
	validateAsText(e, path+".asText", l)
}

// claimName checks a name on the wire: in JSON it is a dotted path.
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

// validateAsText checks the fields that are written as strings.
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

// formatChoices are the formats that a kind of field can have.
func formatChoices(k field.Kind) []string {
	switch k {
	case field.Time:
		return choicesOf("LAYOUT")
	case field.Money:
		return []string{"0.0", "0.00"}
	case field.Duration:
		return []string{"ms", "s", "min", "h"}
	case field.Flag:
		return []string{"1/0", "Y/N"}
	}
	return nil
}

// validateFormats checks that each format is one that its field can have.
func validateFormats(op telco.Operation, e *Endpoint, path string, l *problemList) {
	ops := field.Of(op)
	for _, name := range sortedKeys(e.Formats) {
		here := member(path, name)
		kind, found := field.Text, false
		if i := field.Index(field.Requests[:], name); i >= 0 && field.Requests[i].Ops&ops != 0 && e.Request[name] != "" {
			kind, found = field.KindOf(field.Requests[i]), true
		}
		if i := field.Index(field.Answers[:], name); i >= 0 && field.Answers[i].Ops&ops != 0 && e.Response[name] != "" {
			kind, found = field.KindOf(field.Answers[i]), true
		}
		if i := field.Index(field.Rows[:], name); i >= 0 && field.Rows[i].Ops&ops != 0 && e.Rows != nil && e.Rows.Fields[name] != "" {
			kind, found = field.KindOf(field.Rows[i]), true
		}
		choices := formatChoices(kind)
		switch {
		case !found:
			l.add(here, "%q is in neither request, response nor rows of this operation", name)
		case choices == nil:
			l.add(here, "a %s has no format; only times, amounts, durations and flags have one", kind)
		case !slices.Contains(choices, e.Formats[name]):
			l.add(here, "want %s, found %q", oneOfThese(choices), e.Formats[name])
		}
	}
	if day := e.Formats[field.From]; isDay(day) != isDay(e.Formats[field.To]) {
		l.add(path, "from and to must both be days or both be times")
	}
}

// isDay reports whether a layout names a whole day: a window of such days includes the last.
func isDay(layout string) bool {
	return layout == "yyyyMMdd" || layout == "yyyy-MM-dd" || layout == "dd/MM/yyyy"
}
