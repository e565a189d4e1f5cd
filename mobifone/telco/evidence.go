package telco

// This file holds what a call can prove about itself, what hooks are told of it, and the note that
// MobiFone's inquiry desk gets. All of it may be logged and sent: it holds no OTP, no secret and no
// whole phone number.

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
)

// Evidence is what a call can prove about itself. Times are the local wall clock.
type Evidence struct {
	// Tries counts the HTTP requests begun, those that failed before the wire included.
	Tries int
	// Sends counts the requests whose body was let out; for a registration never above 1.
	Sends int
	// FirstSend is when the first body was let out; zero if none was.
	FirstSend time.Time
	// LastSend is when the last body was let out; zero if none was.
	LastSend time.Time
	// HTTPStatus is the status of the last reply; 0 when none came.
	HTTPStatus int
	// RequestID is the id of the last try, as sent to MobiFone.
	RequestID string
	// TelcoRequestID is MobiFone's own id of the exchange, in the last well-formed reply;
	// empty when it said none. The subscriber's number and the OTP are masked in it.
	TelcoRequestID string
	// MobiFoneTime is MobiFone's own clock in the last well-formed reply; zero when
	// there was none, or MobiFone has no clock.
	MobiFoneTime time.Time
	// Deadline names the deadline that ended the call, as far as the client can tell; empty
	// when none did:
	//
	//   - "limiter": it waited for the limiter, or the wait there would have been too long;
	//   - "connect": it was making a connection (name, proxy, TCP, TLS);
	//   - "first byte": the request was on its way and no reply began;
	//   - "body": a reply began and did not end;
	//   - "whole": no time was left for the call, while it waited for credentials or for another
	//     try.
	//
	// A transport of the caller's own does not tell a connection from the wait for a reply: there
	// such a call ends at "first byte".
	Deadline string
	// Unread names the fields of the last well-formed reply that only inform (dates, texts,
	// counters) and could not be read. They are zero, and decided nothing.
	Unread []string
	// Earlier are the tries before the last one, oldest first; nil when the first try was
	// the last.
	Earlier []Try
}

// Try is what is known of one HTTP request that was followed by another.
type Try struct {
	// RequestID is our id of the request, as sent to MobiFone.
	RequestID string
	// TelcoRequestID is MobiFone's id, as its reply said it; see [Evidence].
	TelcoRequestID string
	// EndedAt is when the try ended, by the local wall clock.
	EndedAt time.Time
	// HTTPStatus is the status of the reply; 0 when none came.
	HTTPStatus int
	// Sent says whether the body was let out.
	Sent     bool
	Code     Code
	WireCode string
	// Deadline names the deadline that ended the try, in the words of [Evidence.Deadline].
	Deadline string
}

// TryEvent describes one HTTP request to a hook. It holds no body, no header and no
// personal data.
type TryEvent struct {
	Operation Operation
	Lane      Lane
	// Method is the request's HTTP method.
	Method string
	// Route is the path of the operation, that of the base URL included. It holds nothing of
	// one call: no query, no id.
	Route string
	// Host is that of the base URL, with its port if that names one.
	Host string
	// Try is 1 for the first request of a call.
	Try int
	// RequestID is new for every try.
	RequestID string
	// HTTPStatus is 0 when no reply came.
	HTTPStatus int
	// Code is what the try came to; [Success], or the reason of the failure.
	Code Code
	// OnWire says whether the request came to the wire: at least a connection was asked for.
	// If not, the limiter, the credentials, the signature or the guard stopped it.
	OnWire bool
	// Sent says whether the body was let out.
	Sent bool
	// LimitWait is the time spent in the limiter, also when it refused in the end.
	LimitWait time.Duration
	// Duration runs from the limiter's grant to the reply's last byte; 0 where a middleware
	// answered without passing the request on.
	Duration time.Duration
	// Pause is how long the reply made the whole lane wait: a 429 with a Retry-After. 0 is not
	// at all.
	Pause time.Duration
	// Err is redacted; nil when a reply came.
	Err error
}

// CallEvent describes a call to a hook. When the call begins only Operation and Lane are known,
// and the rest is zero; so the outcome is Unknown.
type CallEvent struct {
	Operation Operation
	Lane      Lane
	Outcome   Outcome
	Code      Code
	WireCode  string
	Evidence  Evidence
	Duration  time.Duration
	// RetriesLeft is how many retries the budget allows that all calls of the client share, at
	// the end of this call: 20 at most. At 0 nothing is repeated until calls succeed again.
	RetriesLeft int
	// Err is what the caller gets, redacted.
	Err error
}

// Version is the SDK's own. Every request names it (User-Agent: mobifone-go/…), and so does
// a support note. This is its only place: a release is tagged with the same.
const Version = "0.1.0"

// SupportNote writes what MobiFone's inquiry desk (tra soát) needs to find one call: the
// ids of both sides, times in Vietnam's zone, codes, each try as far as the evidence has it,
// and MobiFone's own words. It may be sent as it is: it shows the number masked, no OTP and
// no secret, and foreign text scrubbed and cut. The error is an *[Error], also
// wrapped; of any other the note says only that nothing is known.
//
// For a registration that succeeded take [Handle.SupportNote] with the receipt's evidence.
func SupportNote(err error) Text {
	e, ok := errors.AsType[*Error](err)
	if !ok || e == nil {
		e = &Error{Outcome: OutcomeOf(err), Err: err}
	}
	return inquiry{e.Operation, e, e.Handle, e.Evidence}.note()
}

// SupportNote writes the same note about a registration that is known by its handle: what the
// handle says, and how the send went. It names no outcome, because evidence alone proves none.
func (h Handle) SupportNote(e Evidence) Text { return inquiry{OpRegister, nil, &h, e}.note() }

// inquiry is what a note is about.
type inquiry struct {
	op       Operation
	err      *Error  // nil: no outcome is told
	handle   *Handle // of a registration
	evidence Evidence
}

// note is a text in both languages, one labelled line after the other.
type note struct{ vi, en strings.Builder }

func (n *note) line(vi, en, value string) {
	if value != "" {
		n.vi.WriteString(vi + ": " + value + "\n")
		n.en.WriteString(en + ": " + value + "\n")
	}
}

func (n *note) words(vi, en string, value Text) {
	n.vi.WriteString(vi + ": " + value.VI + "\n")
	n.en.WriteString(en + ": " + value.EN + "\n")
}

func (q inquiry) note() Text {
	var n note
	n.vi.WriteString("ĐỀ NGHỊ TRA SOÁT\n")
	n.en.WriteString("INQUIRY\n")
	n.line("Thao tác", "Operation", text.Scrub(string(q.op)))
	if q.err != nil {
		q.err.note(&n)
	}
	if q.handle != nil {
		h := q.handle
		n.line("Thuê bao", "Subscriber", h.MSISDN.String())
		n.line("Gói cước", "Package", text.Scrub(string(h.Package)))
		if h.Amount != 0 {
			n.line("Số tiền", "Amount", h.Amount.String())
		}
		n.line("Mã giao dịch MobiFone (transId)", "MobiFone's transaction (transId)", q.telcoID(string(h.TransID)))
		n.line("Mã giao dịch đối tác (partnerTransId)", "Our transaction (partnerTransId)", ownID(string(h.PartnerTransID)))
		n.line("Chuẩn bị lúc (giờ MobiFone)", "Prepared at (MobiFone's time)", at(h.PreparedAt))
		n.line("Hạn gửi (giờ MobiFone)", "Send by (MobiFone's time)", at(h.SendBy))
	}
	q.evidence.note(&n, q.telcoID)
	n.line("Phần mềm", "Software", "mobifone-go/"+Version)
	return Text{VI: n.vi.String(), EN: n.en.String()}
}

// note tells what we make of the call and what MobiFone said.
func (e *Error) note(n *note) {
	outcome := map[Outcome]Text{
		Unknown:   {"chưa xác định", "unknown"},
		Succeeded: {"thành công", "succeeded"},
		Rejected:  {"bị từ chối", "rejected"},
		NotSent:   {"chưa gửi đi", "not sent"},
	}[e.Outcome]
	n.words("Kết quả phía đối tác", "Outcome on our side", outcome)
	n.line("Mã lỗi", "Code", text.Scrub(string(e.Code)))
	n.line("Mã MobiFone trả về", "MobiFone's code", text.Scrub(e.WireCode))
	n.line("Nội dung MobiFone trả về", "MobiFone's text", text.Scrub(e.Message))
	if e.Err != nil {
		n.line("Nguyên nhân", "Cause", text.Scrub(causeText(e.Err)))
	}
}

// note tells of the tries: the earlier ones line by line, the last one in full.
func (e Evidence) note(n *note, id func(string) string) {
	n.line("Mã yêu cầu phía đối tác (request id)", "Our request id", ownID(e.RequestID))
	n.line("Mã yêu cầu phía MobiFone (requestId)", "MobiFone's request id", id(e.TelcoRequestID))
	if e.HTTPStatus != 0 {
		n.line("HTTP", "HTTP", strconv.Itoa(e.HTTPStatus))
	}
	n.line("Gửi lần đầu", "First sent", at(e.FirstSend))
	if !e.LastSend.Equal(e.FirstSend) {
		n.line("Gửi lần cuối", "Last sent", at(e.LastSend))
	}
	n.line("Giờ MobiFone trong trả lời", "MobiFone's time in the reply", at(e.MobiFoneTime))
	if words := deadlineText(e.Deadline); words != (Text{}) {
		n.words("Hết thời gian", "Time ran out", words)
	}
	if len(e.Unread) > 0 {
		n.line("Trường không đọc được", "Fields that could not be read", text.Scrub(strings.Join(e.Unread, ", ")))
	}
	if e.Tries > 0 {
		n.line("Số lần thử / đã gửi", "Tries / sent", strconv.Itoa(e.Tries)+" / "+strconv.Itoa(e.Sends))
	}
	for i, t := range e.Earlier {
		n.line("Lần "+strconv.Itoa(i+1), "Try "+strconv.Itoa(i+1), t.note(id))
	}
}

// note is one line about a try, in words that the desks of both languages know.
func (t Try) note(id func(string) string) string {
	parts := []string{at(t.EndedAt), "request id " + ownID(t.RequestID)}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+value)
		}
	}
	add("MobiFone requestId ", id(t.TelcoRequestID))
	if t.HTTPStatus != 0 {
		add("HTTP ", strconv.Itoa(t.HTTPStatus))
	}
	add("", text.Scrub(string(t.Code)))
	add("code ", text.Scrub(t.WireCode))
	add("deadline: ", t.Deadline)
	if !t.Sent {
		add("", "not sent")
	}
	return strings.Join(parts, ", ")
}

func deadlineText(d string) Text {
	switch d {
	case "limiter":
		return Text{"khi chờ đến lượt gửi", "waiting for our own rate limit"}
	case "connect":
		return Text{"khi kết nối đến MobiFone", "connecting to MobiFone"}
	case "first byte":
		return Text{"khi chờ MobiFone trả lời", "waiting for MobiFone's reply to begin"}
	case "body":
		return Text{"khi nhận trả lời của MobiFone", "while MobiFone's reply came in"}
	case "whole":
		return Text{"cho cả yêu cầu", "for the call as a whole"}
	default:
		return Text{}
	}
}

// at writes a time for a person at a desk in Vietnam; empty for the zero time.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("+07", 7*60*60)).Format("2006-01-02 15:04:05.000 -07:00")
}

// longestID bounds an id in a note.
const longestID = 128

func ownID(id string) string { return text.Cut(text.Printable(id), longestID) }

// telcoID makes an id of MobiFone's fit to be shown. MobiFone may have built it from the subscriber's
// number, so that number is masked: the handle's, or, without a handle, every run of digits that is a
// phone number. Other digits stay: the desk searches for an id of a date and a counter, and Scrub
// would hide that.
func (q inquiry) telcoID(id string) string {
	id = ownID(id)
	if q.handle != nil {
		return q.handle.withoutNumber(id)
	}
	var b strings.Builder
	for id != "" {
		n := strings.IndexFunc(id, func(r rune) bool { return r < '0' || r > '9' })
		if n < 0 {
			n = len(id)
		}
		digits := id[:n]
		if m, err := ParseMSISDN(digits); err == nil {
			digits = m.String()
		}
		b.WriteString(digits)
		if id = id[n:]; id != "" {
			_, size := utf8.DecodeRuneInString(id)
			b.WriteString(id[:size])
			id = id[size:]
		}
	}
	return b.String()
}
