package contract

// This file checks what a document says as a whole: choices, states, limits, semantics and times. The
// other validate files check one part each. All of them add to one list and never stop at the first problem.

import (
	"fmt"
	"maps"
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
	validateAuth(d, l)
	validateLimits(d.Limits, l)
	validateSemantics(d, l)
	validateChoices("$", reflect.ValueOf(d).Elem(), "", l)
}

// validateChoices checks every text whose member has a oneof tag.
func validateChoices(path string, v reflect.Value, oneOf string, l *problemList) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			validateChoices(path, v.Elem(), oneOf, l)
		}
	case reflect.Struct:
		for f, inner := range v.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if options == "omitzero" && inner.IsZero() {
				continue
			}
			validateChoices(member(path, name), inner, f.Tag.Get("oneof"), l)
		}
	case reflect.Slice:
		for i := range v.Len() {
			validateChoices(element(path, i), v.Index(i), oneOf, l)
		}
	case reflect.Map:
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			validateChoices(member(path, key.String()), v.MapIndex(key), oneOf, l)
		}
	case reflect.String:
		if choices := choicesOf(oneOf); oneOf != "" && !slices.Contains(choices, v.String()) {
			l.add(path, "want %s, found %q", oneOfThese(choices), v.String())
		}
	}
}

// layouts are the layouts of times, the last three of whole days.
const layouts = "yyyyMMddHHmmss|yyyy-MM-dd HH:mm:ss|dd/MM/yyyy HH:mm:ss|rfc3339|iso8601|epochSeconds|epochMillis|yyyyMMdd|yyyy-MM-dd|dd/MM/yyyy"

// choicesOf reads a oneof tag, in which LAYOUT stands for every layout.
func choicesOf(tag string) []string {
	return strings.Split(strings.ReplaceAll(tag, "LAYOUT", layouts), "|")
}

// oneOfThese lists choices for a person: "a", "b" or "c".
func oneOfThese(choices []string) string {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = strconv.Quote(c)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// sortedKeys keeps the order of problems the same for the same document.
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

// nameProblem says what is wrong with a wire name; "" when nothing is.
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

// dottedProblem says what is wrong with a dotted path; "" when nothing is.
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

// validateApart refuses two things at one place, or one inside another.
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

// validateLimits refuses bounds that no listing could work with.
func validateLimits(limits Limits, l *problemList) {
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

// longestWait bounds each wait, so that no sum of them can overflow: a fence that wraps
// around stands in the past.
const longestWait = 366 * 24 * time.Hour

// validateSemantics refuses waits that are negative or so long that a sum of them could overflow,
// and promises that the document cannot keep.
func validateSemantics(d *Document, l *problemList) {
	s := d.Semantics
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
	if s.Clock == "responseTime" && len(d.Envelope.ResponseTime) == 0 {
		l.add("$.semantics.clock", "the envelope names no responseTime to read the clock from")
	}
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

// validateTime checks the layouts and the zone.
func validateTime(d *Document, l *problemList) {
	seen := map[string]bool{}
	for i, name := range d.Time.Accept {
		if seen[name] {
			l.add(element("$.time.accept", i), "%q appears twice; keep one", name)
		}
		seen[name] = true
	}
	switch d.Time.Layout {
	case "yyyyMMdd", "yyyy-MM-dd", "dd/MM/yyyy":
		l.add("$.time.layout", "%q writes no time of day; name a day's layout in the formats of the field that needs it", d.Time.Layout)
	}
	if _, err := parseZone(d.Time.Zone); err != nil {
		l.add("$.time.zone", "%v", err)
	}
}

// parseZone reads "+07:00". The zone is fixed so that no program needs the zone
// database for a country that has one zone and no summer time.
func parseZone(s string) (*time.Location, error) {
	t, err := time.Parse("-07:00", s)
	_, seconds := t.Zone()
	if err != nil || len(s) != len("+07:00") || seconds < -14*3600 || seconds > 14*3600 {
		return nil, fmt.Errorf(`want a fixed offset such as "+07:00", found %q`, s)
	}
	return time.FixedZone(s, seconds), nil
}
