package contract

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func validateOperations(d *Document, l *faultList) {
	if len(d.Operations) == 0 {
		l.add("$.operations", "is empty; list what the partner offers")
	}
	taken := map[string]string{}
	for _, op := range sortedKeys(d.Operations) {
		path := member("$.operations", string(op))
		words, known := vocabularyOf(op)
		if !known {
			l.add(path, "no operation %q; the SDK knows %s", string(op), joinOperations())
			continue
		}
		e := d.Operations[op]
		if e == nil {
			l.add(path, "is null; leave the member out when the partner has no such operation")
			continue
		}
		validateRoute(op, e, path, l)
		validateIdempotencyHeader(d.Auth, op, e, path+".idempotencyHeader", l)
		claimRoute(taken, e.Method, e.Path, path, l)
		validateRequest(op, e, words, path, l)
		validatePrivacy(d, e, path, l)
		validateResponse(d, e, words, path, l)
		validateEcho(e, path, l)
	}
	if login := d.Auth.Login; login != nil {
		claimRoute(taken, login.Method, login.Path, "$.auth.login", l)
	}
}

func joinOperations() string {
	var names []string
	for _, op := range partner.Operations() {
		names = append(names, string(op))
	}
	return strings.Join(names, ", ")
}

func validateRoute(op partner.Operation, e *Endpoint, path string, l *faultList) {
	switch e.Method {
	case http.MethodPost, http.MethodPut:
	case http.MethodGet:
		if op == partner.OpOTP || op == partner.OpRegister {
			l.add(path+".method", "GET is for reading: Go and proxies re-send it by themselves; want POST or PUT")
		}
	default:
		l.add(path+".method", "want GET, POST or PUT, found %q", e.Method)
	}
	switch e.Encoding {
	case Query:
	case JSON, Form:
		if e.Method == http.MethodGet {
			l.add(path+".encoding", "a GET has no body; want query, found %s", string(e.Encoding))
		}
	default:
		l.add(path+".encoding", "want json, form or query, found %q", string(e.Encoding))
	}
	if problem := pathProblem(e.Path); problem != "" {
		l.add(path+".path", "%s", problem)
	}
}

func validateIdempotencyHeader(a Auth, op partner.Operation, e *Endpoint, path string, l *faultList) {
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
	if op != partner.OpOTP && op != partner.OpRegister {
		l.add(path, "only otp.request and registration.register have a partnerTransId to put there")
	}
}

// claimRoute refuses two operations on one method and path: a server could not tell
// them apart.
func claimRoute(taken map[string]string, method, route, path string, l *faultList) {
	key := method + " " + route
	if first, twice := taken[key]; twice {
		l.add(path+".path", "%s is also that of %s", key, first)
		return
	}
	taken[key] = path
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

// validatePrivacy keeps subscribers out of URLs, which end in logs.
func validatePrivacy(d *Document, e *Endpoint, path string, l *faultList) {
	if e.Encoding != Query && e.Method != http.MethodGet {
		return
	}
	at := path + ".request"
	if e.Request[fieldOTP] != "" {
		l.add(member(at, fieldOTP), "an OTP never stands in a URL; send it by POST as json or form")
	}
	if e.Request[fieldMSISDN] != "" && !d.AllowSubscriberInURL {
		l.add(member(at, fieldMSISDN), "a phone number in a URL ends in logs; send it by POST as json or form, "+
			"or set allowSubscriberInURL if the partner has no other way")
	}
}
