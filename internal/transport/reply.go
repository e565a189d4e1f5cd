package transport

// This file reads replies: the body, within its bound, and the facts around it that classify
// needs (the Date, a Retry-After, whether a cache may have answered, whether the ids are ours).
// It also builds the error of a refusal and its texts, scrubbed of numbers and codes.

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// buffer is what a reply is read into. It is cleared and used again: nothing keeps it, because a
// tree has a copy of the text, and a codec gets one.
type buffer struct{ bytes []byte }

// bufferMax bounds the buffers that are kept.
const bufferMax = 16 << 10

// buffers holds empty buffers, cleared.
var buffers sync.Pool

// takeBuffer gives out an empty buffer.
func takeBuffer() *buffer {
	if b, ok := buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 1<<10)}
}

// giveBack clears a buffer and keeps it, unless it has grown too large.
func (b *buffer) giveBack() {
	if cap(b.bytes) > bufferMax {
		return
	}
	clear(b.bytes[:cap(b.bytes)]) // a Reader may write beyond what it says
	b.bytes = b.bytes[:0]
	buffers.Put(b)
}

// readBody reads a whole reply within the contract's bound. A reply that is longer is unreadable
// and its connection is dropped.
func (c *core) readBody(resp *http.Response, in *buffer) error {
	if resp.StatusCode < 200 { // behind a 101 is the bare connection: no deadline ends reading it
		return errors.New("MobiFone answered with a status that ends no request")
	}
	limit := c.cfg.Contract.Limits().ReplyBytesMax
	body := in.bytes
	var err error
	for err == nil {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		var n int
		n, err = resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if in.bytes = body; int64(len(body)) > limit {
			return fmt.Errorf("the reply is longer than %d bytes", limit)
		}
	}
	if err != io.EOF {
		return err
	}
	if encoded(resp.Header) {
		return errors.New("the reply is compressed, which was not asked for")
	}
	return nil
}

// encoded reports whether any of a reply's Content-Encoding lines names anything but
// identity: of such a reply the bytes are not what MobiFone said.
func encoded(h http.Header) bool {
	for _, line := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}

// Reply is a well-formed answer as MobiFone said it. Beside an error it is the refusal, and zero
// when there was no well-formed answer.
type Reply struct {
	wire.Reply
	// MobiFoneTime is MobiFone's own clock in this reply; zero when the reply has none, or may
	// come from a cache.
	MobiFoneTime time.Time
	// ReadAt is the earliest that MobiFone can have looked it up: MobiFoneTime less the whole
	// round trip. It is zero when MobiFoneTime is.
	ReadAt time.Time
	// Cached says that a cache may have answered. Such a reply proves no absence and no time.
	Cached   bool
	Evidence telco.Evidence
}

// replyRooms holds empty replies for reuse.
var replyRooms sync.Pool

// noReply empties the call's reply and returns it, to be filled in. What lies in replyRooms is
// empty.
func (cl *call) noReply() *Reply {
	if cl.reply != nil {
		*cl.reply = Reply{}
	} else if cl.reply, _ = replyRooms.Get().(*Reply); cl.reply == nil {
		cl.reply = new(Reply)
	}
	return cl.reply
}

// checkEcho compares what MobiFone sent back with what was asked. An id, number, package or
// amount of another sale makes the reply unreadable, and so does a missing one that the contract
// promises beside a success.
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
		Message: text.Scrub(reply.Message, cl.secrets()...),
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

// shownID makes an id of MobiFone's fit to be shown: it may be made of the number, or of anything
// that was sent. Most ids have no digits in a row that could be, and cost nothing. An echo of our
// own request id is random and shown as it is: masked beside the original it would tell the OTP
// that it happens to contain.
func (cl *call) shownID(id string) string {
	cl.mu.Lock()
	ours := cl.sofar.RequestID
	cl.mu.Unlock()
	if id == ours {
		return id
	}
	row, longest := 0, 0
	for i := range len(id) {
		if row++; id[i] < '0' || id[i] > '9' {
			row = 0
		}
		longest = max(longest, row)
	}
	if m := cl.fields.MSISDN; longest >= 9 && m.IsValid() {
		id = strings.ReplaceAll(id, m.Reveal(""), "***")
	}
	if otp := cl.fields.OTP; longest >= 4 && !otp.IsZero() {
		id = strings.ReplaceAll(id, otp.Reveal(), "***")
	}
	if len(id) > longestID {
		id = strings.ToValidUTF8(id[:longestID], "") + "…"
	}
	return id
}

// mayBeCached reports whether a cache may have answered: the reply says so itself, or its Date
// lies before the question. A cache gives an old "not found" for a row that is there.
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

// dated is a text that was read already.
type dated struct {
	text string
	at   time.Time
}

// of is the one Date of a reply. It is zero when there is none, or several: then nobody can say
// whose they are.
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

// text is the teller's sentence: the code's own, or that of SYSTEM_ERROR while nothing is known.
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

// retryAfter reads the Retry-After lines of a reply: whole seconds, or an HTTP date, compared
// with the reply's own Date (else with now). asked is false for anything else, the past included.
// A value too large for a wait becomes the longest one there is. Of several lines, a gateway's
// and MobiFone's say, the longest wait counts.
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

// waitIn reads one Retry-After line.
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

// longestWait is the most that a Retry-After is read as.
const longestWait = 365 * 24 * time.Hour

// isDigits reports whether s is digits alone, and not empty.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
