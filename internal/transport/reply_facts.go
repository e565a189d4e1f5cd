package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// checkEcho compares ids the partner sent back with ours.
func (c *core) checkEcho(r *record, reply *contract.Reply) error {
	if r.op != partner.OpRegister && r.op != partner.OpOTP {
		return nil
	}
	success := reply.Class == contract.ClassSuccess
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
func (c *core) refusal(r *record, reply *contract.Reply) *partner.Error {
	e := &partner.Error{
		Code: reply.Rule.Name, WireCode: reply.WireCode, AttemptsLeft: reply.Data.AttemptsLeft,
		Message: partner.Scrub(reply.Message, r.secrets()...),
	}
	if reply.Data.ResendAfter > 0 {
		e.RetryAfter = reply.Data.ResendAfter
	}
	return e
}

// observeTime learns the partner's clock from a well-formed reply.
func (c *core) observeTime(r *record, resp *http.Response, reply *contract.Reply) time.Time {
	var said time.Time
	switch c.cfg.Contract.Semantics().Clock {
	case contract.ClockNone:
		return said
	case contract.ClockResponseTime:
		said = reply.Time
	default:
		said, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	r.mu.Lock()
	written := r.written
	r.mu.Unlock()
	if written.wall.IsZero() {
		return time.Time{} // the reply did not come from the wire
	}
	if !c.clock.observe(said, written) {
		return time.Time{}
	}
	return said
}

// text is the teller's sentence: the code's own, or SYSTEM_ERROR's while nothing is known.
func (c *core) text(e *partner.Error) partner.Text {
	code := e.Code
	if e.Outcome == partner.Unknown {
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
