package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// checkEcho compares ids the partner sent back with ours.
func (c *core) checkEcho(r *record, reply *wire.Reply) error {
	if r.op != partner.OpRegister && r.op != partner.OpOTP {
		return nil
	}
	success := reply.Class == wire.Success
	echoes := []struct {
		name, theirs, ours string
	}{
		{"transId", string(reply.Data.TransID), string(r.fields.TransID)},
		{"partnerTransId", string(reply.Data.PartnerTransID), string(r.fields.PartnerTransID)},
	}
	for _, e := range echoes {
		switch {
		case e.ours == "":
		case e.theirs == "" && success && c.cfg.Contract.Echoes(r.op, e.name):
			return fmt.Errorf("the reply lacks the %s", e.name)
		case e.theirs != "" && e.theirs != e.ours:
			return fmt.Errorf("the reply speaks of another %s", e.name)
		}
	}
	return nil
}

// refusal builds the error of a reply that is no success.
func (c *core) refusal(r *record, reply *wire.Reply) *partner.Error {
	e := &partner.Error{
		Code: reply.Code(), WireCode: reply.WireCode, AttemptsLeft: reply.Data.AttemptsLeft,
		Message: partner.Scrub(reply.Message, r.secrets()...),
	}
	if reply.Data.ResendAfter > 0 {
		e.RetryAfter = reply.Data.ResendAfter
	}
	return e
}

// observeTime learns the partner's clock from a well-formed reply, and says whether the
// time in it shows that it may come from a cache. Such a reply teaches nothing: its time
// is when somebody else asked.
func (c *core) observeTime(r *record, h http.Header, reply *wire.Reply, cached bool) (time.Time, bool) {
	said := dateOf(h)
	switch c.cfg.Contract.Semantics().Clock {
	case "none":
		return time.Time{}, cached
	case "responseTime":
		said = reply.Time
		cached = cached || c.clock.tooOld(said, r.writtenAt())
	}
	written := r.writtenAt()
	if cached || written.wall.IsZero() { // or the reply did not come from the wire
		return time.Time{}, cached
	}
	if !c.clock.observe(said, written) {
		return time.Time{}, false
	}
	return said, false
}

// mayBeCached reports whether a cache may have answered: it says so itself, or the reply's
// Date lies before the question. A cache gives an old "not found" for a row that is there.
func (c *core) mayBeCached(r *record, h http.Header) bool {
	for _, age := range h.Values("Age") {
		age = strings.TrimSpace(age)
		if age == "" || strings.Trim(age, "0") != "" { // not zero, or nothing that can be read
			return true
		}
	}
	return c.clock.source == "date" && c.clock.tooOld(dateOf(h), r.writtenAt())
}

// dateOf is the one Date of a reply; zero when there is none, or several, of which nobody
// can say whose they are.
func dateOf(h http.Header) time.Time {
	dates := h.Values("Date")
	if len(dates) != 1 {
		return time.Time{}
	}
	date, _ := http.ParseTime(dates[0])
	return date
}

// text is the teller's sentence: the code's own, or SYSTEM_ERROR's while nothing is known.
func (c *core) text(e *partner.Error) partner.Text {
	code := e.Code
	if e.Outcome == partner.Unknown && e.Then != partner.ThenSameIDs {
		code = partner.SystemError
	}
	rule, ok := c.cfg.Contract.RuleNamed(code)
	if !ok {
		return partner.Text{}
	}
	values := map[string]string{}
	if e.AttemptsLeft != nil {
		values["n"] = strconv.Itoa(*e.AttemptsLeft)
	}
	if e.RetryAfter > 0 {
		values["s"] = strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
	}
	if e.Message != "" {
		values["reason"] = e.Message
	}
	return rule.Text.Fill(values)
}
