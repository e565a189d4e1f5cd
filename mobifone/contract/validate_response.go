package contract

import (
	"slices"
	"strings"
)

func validateResponse(d *Document, e *Endpoint, words vocabulary, path string, l *faultList) {
	at := path + ".response"
	places := envelopePlaces(d.Envelope)
	paths := map[string]string{}
	for _, logical := range sortedKeys(e.Response) {
		here := member(at, logical)
		if !slices.Contains(words.response, logical) {
			l.add(here, "this operation does not read %q; it reads %s", logical, listOrNothing(words.response))
			continue
		}
		if problem := dottedProblem(e.Response[logical], true); problem != "" {
			l.add(here, "%s", problem)
			continue
		}
		place := absolutePath(d.Envelope, e.Response[logical])
		if frame, clash := places[place]; clash {
			l.add(here, "%q is where the envelope's %s stands; the two must not be mixed", place, frame)
		}
		paths[here] = place
	}
	for _, logical := range words.needResponse {
		if e.Response[logical] == "" {
			l.add(member(at, logical), "is needed: the next step cannot go on without it")
		}
	}
	if e.Rows != nil && words.rows != nil && !wholePlace(e.Rows.Path) && dottedProblem(e.Rows.Path, true) == "" {
		paths[path+".rows.path"] = absolutePath(d.Envelope, e.Rows.Path)
	}
	validateApart(paths, l)
	validateRows(e, words, path+".rows", l)
}

func validateRows(e *Endpoint, words vocabulary, path string, l *faultList) {
	switch {
	case words.rows == nil && e.Rows == nil:
		return
	case words.rows == nil:
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
	for _, logical := range sortedKeys(e.Rows.Fields) {
		here := member(at, logical)
		if !slices.Contains(words.rows, logical) {
			l.add(here, "a row here does not hold %q; it holds %s", logical, listOrNothing(words.rows))
			continue
		}
		if problem := dottedProblem(e.Rows.Fields[logical], false); problem != "" {
			l.add(here, "%s", problem)
			continue
		}
		paths[here] = e.Rows.Fields[logical]
	}
	validateApart(paths, l)
	for _, logical := range words.needRows {
		if e.Rows.Fields[logical] == "" {
			l.add(member(at, logical), "is needed: a row means nothing without it")
		}
	}
	if words.rowIDs && e.Rows.Fields[fieldTransID] == "" && e.Rows.Fields[fieldPartnerTransID] == "" {
		l.add(at, "needs transId or partnerTransId; a row without an id belongs to no sale")
	}
}

// validateApart refuses two fields at one place, or one inside another.
func validateApart(paths map[string]string, l *faultList) {
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

func validateEnvelope(d *Document, l *faultList) {
	env := d.Envelope
	if len(env.Code) == 0 {
		l.add("$.envelope.code", "is empty; an answer without a code says nothing")
	}
	if len(env.SuccessCodes) == 0 {
		l.add("$.envelope.successCodes", "is empty; no answer could ever be a success")
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

// wholePlace reports whether rows stand at the envelope's data or the root itself,
// where an object may hold other fields beside those of the row.
func wholePlace(path string) bool { return path == "" || path == "$" }

type envelopePart struct {
	name    string
	aliases []string
}

func envelopeParts(env Envelope) []envelopePart {
	return []envelopePart{
		{"code", env.Code},
		{"message", env.Message},
		{"data", env.Data},
		{"requestId", env.RequestID},
		{"responseTime", env.ResponseTime},
		{"success", env.Success},
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
	return env.Data[0] + "." + path
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

func listOrNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
