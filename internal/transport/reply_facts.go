package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// checkEcho compares what MobiFone sent back with what was asked.
func (c *core) checkEcho(cl *call, reply *wire.Reply) error {
	if !cl.guarded() {
		return nil
	}
	success := reply.Class == wire.Success
	d, f := &reply.Data, &cl.fields
	for _, e := range [...]struct {
		name                     string
		asked, answered, theSame bool
	}{
		{field.TransID, f.TransID != "", d.TransID != "", d.TransID == f.TransID},
		{field.PartnerTransID, f.PartnerTransID != "", d.PartnerTransID != "", d.PartnerTransID == f.PartnerTransID},
		{field.MSISDN, f.MSISDN.IsValid(), d.MSISDN.IsValid(), d.MSISDN == f.MSISDN},
		{field.Package, f.Package != "", d.Package != "", d.Package == f.Package},
		{field.Amount, f.Amount != 0, d.Amount != 0, d.Amount == f.Amount},
	} {
		switch {
		case !e.asked:
		case !e.answered && success && c.cfg.Contract.Echoes(cl.op, e.name):
			return fmt.Errorf("the reply lacks the %s", e.name)
		case e.answered && !e.theSame:
			return fmt.Errorf("the reply speaks of another %s", e.name)
		}
	}
	return nil
}

// refusal builds the error of a reply that is no success.
func (cl *call) refusal(reply *wire.Reply) *telco.Error {
	e := &telco.Error{
		Code: reply.Code(), WireCode: reply.WireCode, AttemptsLeft: reply.Data.AttemptsLeft,
		Message: telco.Scrub(reply.Message, cl.secrets()...),
	}
	if reply.Data.ResendAfter > 0 {
		e.RetryAfter = reply.Data.ResendAfter
	}
	return e
}

// heard keeps what the last well-formed reply says of itself as evidence.
func (cl *call) heard(mobifoneTime time.Time, id string, unread []string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.sofar.MobiFoneTime, cl.sofar.TelcoRequestID, cl.sofar.Unread = mobifoneTime, id, unread
}

// longestID bounds a foreign id that is kept.
const longestID = 128

// shownID is an id of MobiFone's for eyes: it may be made of the number, or of anything that
// was sent. Most have no digits in a row that could be, and cost nothing.
func (cl *call) shownID(id string) string {
	row, longest := 0, 0
	for i := range len(id) {
		if row++; id[i] < '0' || id[i] > '9' {
			row = 0
		}
		longest = max(longest, row)
	}
	if m := cl.fields.MSISDN; longest >= 9 && m.IsValid() {
		id = strings.ReplaceAll(id, m.Reveal(telco.Form9), "***")
	}
	if otp := cl.fields.OTP; longest >= 4 && !otp.IsZero() {
		id = strings.ReplaceAll(id, otp.Reveal(), "***")
	}
	if len(id) > longestID {
		id = strings.ToValidUTF8(id[:longestID], "") + "…"
	}
	return id
}

// mayBeCached reports whether a cache may have answered: it says so itself, or the reply's
// Date lies before the question. A cache gives an old "not found" for a row that is there.
func (c *core) mayBeCached(written instant, h http.Header, date time.Time) bool {
	for _, age := range h["Age"] {
		age = strings.TrimSpace(age)
		if age == "" || strings.Trim(age, "0") != "" { // not zero, or nothing that can be read
			return true
		}
	}
	return c.promises.Clock == "date" && c.clock.tooOld(date, written)
}

// dates reads the Date of replies, and the text of one second only once.
type dates struct {
	last atomic.Pointer[dated]
}

type dated struct {
	text string
	at   time.Time
}

// of is the one Date of a reply; zero when there is none, or several, of which nobody
// can say whose they are.
func (d *dates) of(h http.Header) time.Time {
	lines := h["Date"]
	if len(lines) != 1 {
		return time.Time{}
	}
	if last := d.last.Load(); last != nil && last.text == lines[0] {
		return last.at
	}
	at, err := http.ParseTime(lines[0])
	if err == nil {
		d.last.Store(&dated{strings.Clone(lines[0]), at})
	}
	return at
}

// text is the teller's sentence: the code's own, or SYSTEM_ERROR's while nothing is known.
func (c *core) text(e *telco.Error) telco.Text {
	code := e.Code
	if e.Outcome == telco.Unknown && e.Then != telco.ThenSameIDs {
		code = telco.SystemError
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
	return c.cfg.Contract.TextOf(code).Fill(values)
}

// retryAfter reads the Retry-After lines of a reply: whole seconds, or an HTTP date held
// against the reply's own Date (else against now). Anything else, the past included, is
// false; a value too large for a wait becomes the longest one there is. Of several, a
// gateway's and MobiFone's say, the longest counts.
func retryAfter(h http.Header, date, now time.Time) (longest time.Duration, asked bool) {
	if !date.IsZero() {
		now = date
	}
	for _, line := range h["Retry-After"] {
		if wait, ok := waitIn(strings.TrimSpace(line), now); ok {
			longest, asked = max(longest, wait), true
		}
	}
	return longest, asked
}

func waitIn(v string, now time.Time) (time.Duration, bool) {
	if isDigits(v) {
		secs, err := strconv.ParseInt(v, 10, 64)
		if err != nil || secs > int64(longestWait/time.Second) {
			return longestWait, true
		}
		return time.Duration(secs) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	wait := at.Sub(now)
	if wait < 0 {
		return 0, false
	}
	return min(wait, longestWait), true
}

const longestWait = 365 * 24 * time.Hour

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Rule returns the code table's row for MobiFone's string, read only; nil when none lists it.
func (t *Transport) Rule(op telco.Operation, wire string) *contract.CodeRule {
	return t.wire.Rule(op, wire)
}

// Canonical appends what a request says, without the OTP, for a fingerprint.
func (t *Transport) Canonical(b []byte, op telco.Operation, f *field.Request) ([]byte, error) {
	return t.wire.Canonical(b, op, f)
}

// WholeDays returns MobiFone's zone where its operation takes days instead of times, and
// nil elsewhere: such an answer holds the rows of whole days.
func (t *Transport) WholeDays(op telco.Operation) *time.Location {
	if t.wire.WholeDays(op) {
		return t.cfg.Contract.Zone()
	}
	return nil
}

// Transaction reads a row of a lookup into the vocabulary.
func (t *Transport) Transaction(op telco.Operation, row field.Row) telco.Transaction {
	tx := telco.Transaction{
		TransID: row.TransID, PartnerTransID: row.PartnerTransID, MSISDN: row.MSISDN,
		Package: row.Package, Amount: row.Amount, State: row.State, WireState: telco.Scrub(row.WireState),
		WireResultCode: telco.Scrub(row.ResultCode), ResultMessage: telco.Scrub(row.ResultMessage),
		Shop: row.Shop, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Extra: row.Extra,
	}
	// A row's code is the registration's, whatever the same string means of the lookup.
	if t.cfg.Contract.Has(telco.OpRegister) {
		op = telco.OpRegister
	}
	if rule := t.wire.Rule(op, row.ResultCode); rule != nil {
		tx.ResultCode = rule.Name
	}
	return tx
}
