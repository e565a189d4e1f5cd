package contract

// This file checks what belongs to no single operation or code: limits, semantics, times and their
// formats, the envelope, and what a name or a path may be. The other validate files check one part
// each. All of them add to one list, never stop at the first problem, and change nothing.

import (
	"fmt"
	"maps"
	"net/textproto"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validate checks a document against every rule and adds a problem for each breach. The
// rules refuse what would be guessed at, what could leak a subscriber's data, and what
// could let an outcome read as proven when it is not.
func validate(d *Document, l *problemList) {
	// Another version may mean something else by the same member.
	if d.Version != 1 {
		l.add("$.version", "this SDK reads version 1, found %d", d.Version)
	}
	if strings.TrimSpace(d.Name) == "" {
		l.add("$.name", "is empty; name the document, so that a person can tell which one is in force")
	}
	validateOperations(d, l)
	validateEnvelope(d, l)
	validateCodes(d, l)
	validateStates(d, l)
	validateTime(d, l)
	validateAuth(d, l)
	validateLimits(d.Limits, l)
	validateSemantics(d, l)
	validateChoices("$", reflect.ValueOf(d).Elem(), "", l)
}

// sortedKeys lists a map's keys in order, so that the same document gives its problems in the same
// order every time.
func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// quoteRune writes a character so that it can be seen.
func quoteRune(r rune) string { return strconv.QuoteRune(r) }

// listOrNothing joins names for a sentence; "nothing" when there are none.
func listOrNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// nameProblem says what is wrong with a wire name; "" when nothing is. A space or control character is
// refused because it is nearly always one copied along from a specification; an invisible one could
// not be found by eye.
func nameProblem(name string) string {
	if name == "" {
		return "the wire name is empty; leave the member out when MobiFone does not take the field"
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar {
			return "the wire name " + strconv.Quote(name) + " holds a space or a control character"
		}
	}
	return ""
}

// dottedProblem says what is wrong with a dotted path; "" when nothing is. A leading "$." counts from
// the answer's root; mayBeRooted allows it, where a path is otherwise counted from the envelope's
// data. Names that hold a dot cannot be said.
func dottedProblem(path string, mayBeRooted bool) string {
	rest, rooted := strings.CutPrefix(path, "$.")
	if rooted && !mayBeRooted {
		return `starts with "$."; this path is not counted from there`
	}
	for segment := range strings.SplitSeq(rest, ".") {
		if segment == "" || segment == "$" || nameProblem(segment) != "" {
			return `want names joined by dots, such as "order.status"`
		}
	}
	return ""
}

// validateApart refuses two things at one place, or one inside another: written, the second would
// overwrite the first or have nowhere to go; read, one value would mean two things. paths has the
// dotted path of each place in the document.
func validateApart(paths map[string]string, l *problemList) {
	here := sortedKeys(paths)
	for i, a := range here {
		for _, b := range here[:i] {
			pa, pb := paths[a], paths[b]
			if pa == pb || strings.HasPrefix(pa, pb+".") || strings.HasPrefix(pb, pa+".") {
				l.add(a, "%q and %q (%s) overlap; each field has a place of its own", pa, pb, b)
			}
		}
	}
}

// validateLimits refuses bounds that no listing could work with. replyBytesMax ends at 1 GiB: a whole
// reply is read into memory before anything of it is believed.
func validateLimits(limits Limits, l *problemList) {
	if limits.PageSizeMax < 1 {
		l.add("$.limits.pageSizeMax", "want 1 or more, found %d", limits.PageSizeMax)
	}
	// A request that names no size gets the default, so it must be one that MobiFone allows.
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

// longestWait bounds each wait, so that no sum of them can overflow: a fence that wraps
// around would be in the past, and prove an absence at once.
const longestWait = 366 * 24 * time.Hour

// validateSemantics refuses waits that are negative or so long that a sum of them could overflow,
// and promises that the document cannot keep.
func validateSemantics(d *Document, l *problemList) {
	s := d.Semantics
	// Every wait is found by its type, so that a new one is bounded without a line here.
	for f, v := range reflect.ValueOf(s).Fields() {
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		wait, ok := reflect.TypeAssert[Duration](v)
		if !ok {
			continue
		}
		here := member("$.semantics", strings.TrimSuffix(f.Tag.Get("json"), ",omitzero"))
		if wait < 0 {
			l.add(here, "is negative; a wait runs forward")
		}
		if time.Duration(wait) > longestWait {
			l.add(here, "is longer than %s", longestWait)
		}
	}
	// Without a clock no fence is known: the document would promise one and never get there.
	if s.Clock == "responseTime" && len(d.Envelope.ResponseTime) == 0 {
		l.add("$.semantics.clock", "the envelope names no responseTime to read the clock from")
	}
	// A promise about an id that MobiFone is never sent would be believed, and never be kept.
	promises := []struct {
		name string
		made bool
		op   telco.Operation
	}{
		{"partnerTransIDAtOTP", s.PartnerTransIDAtOTP, telco.OpOTP},
		{"dedupeByPartnerTransID", s.DedupeByPartnerTransID, telco.OpRegister},
	}
	for _, p := range promises {
		e := d.Operations[p.op]
		if p.made && e != nil && e.Request[field.PartnerTransID] == "" {
			l.add(member("$.semantics", p.name), "cannot hold: %s sends no partnerTransId", p.op)
		}
	}
}

// validateTime checks the layouts and the zone. That each layout is a known one is checked with the
// other choices.
func validateTime(d *Document, l *problemList) {
	for i, name := range d.Time.Accept {
		if slices.Index(d.Time.Accept, name) < i {
			l.add(element("$.time.accept", i), "%q appears twice; keep one", name)
		}
	}
	// It writes every time that has no format of its own, so it must have the time of day.
	switch d.Time.Layout {
	case "yyyyMMdd", "yyyy-MM-dd", "dd/MM/yyyy":
		l.add("$.time.layout", "%q writes no time of day; name a day's layout in the formats of the field that needs it", d.Time.Layout)
	}
	if _, err := parseZone(d.Time.Zone); err != nil {
		l.add("$.time.zone", "%v", err)
	}
}

// parseZone reads "+07:00". The zone is fixed so that no program needs the zone
// database for a country that has one zone and no summer time. Offsets reach to 14 hours, the largest
// that any country has.
func parseZone(s string) (*time.Location, error) {
	t, err := time.Parse("-07:00", s)
	_, seconds := t.Zone()
	if err != nil || len(s) != len("+07:00") || seconds < -14*3600 || seconds > 14*3600 {
		return nil, fmt.Errorf(`want a fixed offset such as "+07:00", found %q`, s)
	}
	return time.FixedZone(s, seconds), nil
}

// validateEnvelope checks the frame that every answer has. Each part may have several names, because
// gateways in front of MobiFone write their own; no name may serve two parts, or a message could be
// read as a code.
func validateEnvelope(d *Document, l *problemList) {
	env := d.Envelope
	if len(env.Code) == 0 {
		l.add("$.envelope.code", "is empty; an answer without a code says nothing")
	}
	if len(env.SuccessCodes) == 0 {
		l.add("$.envelope.successCodes", "is empty; no answer could ever be a success")
	}
	// A second code that nothing confirms would doubt every success.
	if (len(env.InnerCode) > 0) != (len(env.InnerSuccess) > 0) {
		l.add("$.envelope.innerCode", "innerCode and innerSuccess need each other: where the second code is, and which of its values confirm a success")
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
				l.add(here, "%q is in %s already", alias, first)
				continue
			}
			seen[alias] = part.name
		}
	}
}

// envelopePart is one member of the envelope with the paths under which answers may have it.
type envelopePart struct {
	// name is the member's name in the document.
	name string
	// aliases are paths from the answer's root; the first one present counts.
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

// envelopePlaces maps the place of each part of the frame but the data to its name. The fields of an
// answer lie inside the data, so that place alone is no clash.
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

// absolutePath is a response path counted from the answer's root. Of several names of the data only
// the first is compared: a server writes that one.
func absolutePath(env Envelope, path string) string {
	if rest, root := strings.CutPrefix(path, "$."); root {
		return rest
	}
	if len(env.Data) == 0 {
		return path
	}
	return fmt.Sprintf("%s.%s", env.Data[0], path)
}

// pathProblem says what is wrong with a URL path; "" when nothing is. The path is signed and sent byte
// by byte, so it may hold nothing that net/http, a proxy or a server would escape, unescape or
// clean up on its own.
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
	segments := strings.Split(p[1:], "/") // the last one may be empty: some routers want the slash
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return `holds an empty segment, "." or ".."; servers and proxies read those differently`
		}
	}
	return ""
}

// formatChoices are the formats that a kind of field can have; nil for a kind that has only one form.
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

// validateFormats checks that each format is one that its field can have. Formats are by field, so a
// field that is in the request and in the answer has one for both.
func validateFormats(op telco.Operation, e *Endpoint, path string, l *problemList) {
	ops := field.Of(op)
	for _, name := range sortedKeys(e.Formats) {
		here := member(path, name)
		// A name may be in several of the three tables; its kind is the same in all of them.
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
		// A format for nothing is most often a misspelt field.
		switch {
		case !found:
			l.add(here, "%q is in neither request, response nor rows of this operation", name)
		case choices == nil:
			l.add(here, "a %s has no format; only times, amounts, durations and flags have one", kind)
		case !slices.Contains(choices, e.Formats[name]):
			l.add(here, "want %s, found %q", oneOfThese(choices), e.Formats[name])
		}
	}
	// A window from a day to a moment, or the reverse, has no meaning that two systems would share.
	if day := e.Formats[field.From]; field.IsDay(day) != field.IsDay(e.Formats[field.To]) {
		l.add(path, "from and to must both be days or both be times")
	}
}

// headerProblem says what is wrong with a header's name; "" when nothing is. Headers that HTTP itself
// uses are refused: net/http sets, drops or acts on them whatever the client asked for.
func headerProblem(name string) string {
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return "holds " + quoteRune(r) + ", which no header name does"
		}
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "":
		return "the header's name is empty"
	case "Idempotency-Key", "X-Idempotency-Key":
		// A request with one of these is repeated after a broken connection: two registrations.
		return "net/http takes this header as leave to send a request twice; want another name"
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive",
		"Trailer", "Te", "Upgrade", "Expect", "Accept-Encoding", "Range", "Cookie", "Date":
		return "HTTP itself uses this header; want another name"
	}
	return ""
}
