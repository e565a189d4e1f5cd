// Package contract describes MobiFone's wire as data.
//
// MobiFone publishes no wire specification of its partner API, so nothing of the wire
// is a constant in code: paths, field names, the envelope, result codes, states, time
// layouts, authentication, limits and MobiFone's promises are in one JSON document.
// [Default] is the embedded document. Whoever holds the real specification loads another
// and passes it to the client:
//
//	c, err := contract.Load(data) // contract.Problems(err) lists everything that is wrong
//	client, err := mobifone.New(cfg, mobifone.WithContract(c))
//
// docs/contract.md says how to write one, docs/contract-reference.md what each member means.
// What JSON cannot say has two seams: a [Codec] for other bytes, a [Signer] for other headers.
//
// A [Contract] never changes after it is made and is safe for concurrent use.
package contract

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Contract is a checked document. The zero value is not usable; [Default], [Load] and [New]
// make one. It never changes and is safe for concurrent use.
type Contract struct {
	doc Document
	// codec is nil when bodies are what the document says.
	codec Codec
	// signer is nil when the document's scheme signs.
	signer Signer
	// byName has the index of each row of the code table.
	byName map[telco.Code]int
	// zone is the document's, parsed.
	zone *time.Location
	// memo is new for every copy with another codec or signer: what was compiled for one is wrong
	// for the other.
	memo *memo
}

// compile makes a contract of a valid document, which it keeps. It fails only on a document that was
// not validated: the embedded one, if it is broken.
func compile(doc Document) (*Contract, error) {
	zone, err := parseZone(doc.Time.Zone)
	if err != nil {
		return nil, err
	}
	c := &Contract{doc: doc, zone: zone, byName: map[telco.Code]int{}, memo: new(memo)}
	for i, r := range doc.Codes {
		c.byName[r.Name] = i
	}
	return c, nil
}

// Document returns a deep copy, which [New] accepts again. Ask once and keep it: it copies the whole code
// table.
func (c *Contract) Document() Document { return clone(c.doc) }

// Has reports whether MobiFone offers the operation. Calling one that it does not offer is an error of
// code [telco.OperationAbsent], and nothing is sent.
func (c *Contract) Has(op telco.Operation) bool { return c.doc.Operations[op] != nil }

// Carries reports whether a request of the operation carries the field. For the
// partnerTransId of otp.request the semantics must say so too.
func (c *Contract) Carries(op telco.Operation, name string) bool {
	e := c.doc.Operations[op]
	if e == nil || e.Request[name] == "" {
		return false
	}
	if op == telco.OpOTP && name == field.PartnerTransID {
		return c.doc.Semantics.PartnerTransIDAtOTP
	}
	return true
}

// Echoes reports whether a success of the operation must carry the field back, equal to ours.
func (c *Contract) Echoes(op telco.Operation, name string) bool {
	e := c.doc.Operations[op]
	return e != nil && slices.Contains(e.Echo, name)
}

// IdempotencyHeader names the header that carries the operation's partnerTransId; "" for
// none.
func (c *Contract) IdempotencyHeader(op telco.Operation) string {
	if e := c.doc.Operations[op]; e != nil {
		return e.IdempotencyHeader
	}
	return ""
}

// Semantics returns a copy of what MobiFone promises.
func (c *Contract) Semantics() Semantics {
	s := c.doc.Semantics // the one pointer in it must not lead back into the contract
	if s.MaxExecutionDelay != nil {
		s.MaxExecutionDelay = new(*s.MaxExecutionDelay)
	}
	return s
}

// Limits returns MobiFone's bounds. The client keeps to them by itself: a larger page is an error before
// anything is sent, and a longer window is split.
func (c *Contract) Limits() Limits { return c.doc.Limits }

// Scheme returns the name of the authentication scheme.
func (c *Contract) Scheme() string { return c.doc.Auth.Scheme }

// Zone returns MobiFone's fixed time zone: times without a zone are read in it, and all are written in
// it.
func (c *Contract) Zone() *time.Location { return c.zone }

// WithSemantics returns a contract like c with the semantics that change leaves behind; it
// reports every problem like [New]. Codec and signer stay. It is for trials and tests; what MobiFone has
// promised belongs into the document, where others can read it.
func (c *Contract) WithSemantics(change func(*Semantics)) (*Contract, error) {
	doc := c.Document()
	change(&doc.Semantics)
	next, err := New(doc)
	if err != nil {
		return nil, err
	}
	next.codec, next.signer = c.codec, c.signer
	return next, nil
}

// RuleNamed returns a copy of the code table's row with the canonical name.
func (c *Contract) RuleNamed(name telco.Code) (CodeRule, bool) {
	i, ok := c.byName[name]
	if !ok {
		return CodeRule{}, false
	}
	return clone(c.doc.Codes[i]), true
}

// TextOf returns the sentences of the row with the canonical name; none without a row.
func (c *Contract) TextOf(name telco.Code) telco.Text {
	if i, ok := c.byName[name]; ok {
		return c.doc.Codes[i].Text
	}
	return telco.Text{}
}

// RefusalOf is ThenOf for a code that refuses a registration, and empty for every other: a
// code that says that an earlier request exists refuses nothing, since that one may succeed.
func (c *Contract) RefusalOf(name telco.Code) telco.Then {
	i, ok := c.byName[name]
	if !ok || c.doc.ClassOf(telco.OpRegister, &c.doc.Codes[i]) != "rejected" {
		return ""
	}
	return c.ThenOf(name)
}

// ThenOf returns where a registration goes on after the code, once it is settled that
// nothing was registered: what its row says, else [telco.ThenSameIDs] for OTP_INVALID,
// else [telco.ThenRefund] if the row refuses a registration. It is empty for a code that
// is not listed or refuses nothing.
func (c *Contract) ThenOf(name telco.Code) telco.Then {
	i, ok := c.byName[name]
	if !ok || name == telco.Success {
		return ""
	}
	switch r := &c.doc.Codes[i]; {
	case r.Then != "":
		return r.Then
	case name == telco.OTPInvalid: // the order is open until its last entry: the ids stay
		return telco.ThenSameIDs
	case c.doc.ClassOf(telco.OpRegister, r) == "rejected":
		return telco.ThenRefund
	}
	return ""
}

// ClassOf returns what a row of the code table means for an operation: the class
// it names for it, else the one for "*", else unknown. RATE_LIMITED is rejected for
// otp.request when the semantics say that it means "not executed".
//
// On register a rejection is proof only where [Semantics.RefusalIsFinal] promises it:
// something on the way may deliver a request twice, and the refusal may be the answer to
// the other copy.
func (d *Document) ClassOf(op telco.Operation, r *CodeRule) string {
	class := r.Class[op]
	if class == "" {
		class = r.Class[anyOperation]
	}
	switch {
	case class != "" && class != "unknown":
		return class
	case op == telco.OpOTP && r.Name == telco.RateLimited && d.Semantics.TooManyRequestsMeansNotExecuted:
		return "rejected"
	}
	return "unknown"
}

// anyOperation is the class map's key for the operations it does not name.
const anyOperation telco.Operation = "*"

// Codec translates between MobiFone's bytes and the JSON that the document describes, both
// ways: the client writes requests and reads replies, the sandbox reads requests and writes
// replies. A MobiFone that speaks XML or plain text needs one; the document, its fields,
// codes and rules stay in force on the JSON side. It must be safe for concurrent use and
// must not keep the slices it is given.
//
// A request of the form encoding is a form on the document's side too, and most codecs pass
// it as it is. One of the query encoding has no body and passes no codec; its reply does.
type Codec interface {
	// Write turns the document's JSON into what goes on the wire. A client calls it for each
	// try of a request, before the signature, so that what it returns is what is signed and
	// sent.
	Write(m Message, json []byte) (contentType string, body []byte, err error)
	// Read turns what came over the wire into the document's JSON. That the bytes are whole
	// and that no field appears in them twice is for Read to check; its error makes the reply
	// unreadable and is not passed on, because it may quote the reply.
	Read(m Message, contentType string, body []byte) (json []byte, err error)
}

// Message says what a [Codec] translates.
type Message struct {
	Operation telco.Operation
	// Reply is true for MobiFone's answer, false for our request.
	Reply bool
	// Credentials are those of this try; on the server's side, what clients must show.
	Credentials telco.Credentials
	// Stamp is that of this try; zero on the server's side.
	Stamp Stamp
}

// Stamp makes one try unlike any other: a try that is repeated gets a new one.
type Stamp struct {
	// Time is when the try is signed: MobiFone's time as far as it is known, else the local wall's.
	Time time.Time
	// Nonce and RequestID are random texts of 32 hex digits.
	Nonce     string
	RequestID string
	// Token is the bearer scheme's; zero in the others.
	Token telco.Secret
}

// Signer authenticates a request in a way that the document cannot say. body is what will
// be sent. Signer sets headers; a request whose body or URL it changes is refused and not
// sent (a [Codec] changes bodies). It must be safe for concurrent use.
type Signer interface {
	Sign(req *http.Request, body []byte, cred telco.Credentials, s Stamp) error
}

// WithCodec returns a contract whose bodies go through codec; nil takes it away.
func (c *Contract) WithCodec(codec Codec) *Contract {
	d := *c
	d.codec, d.memo = codec, new(memo)
	return &d
}

// WithSigner returns a contract that signs through signer; nil takes it away.
func (c *Contract) WithSigner(signer Signer) *Contract {
	d := *c
	d.signer, d.memo = signer, new(memo)
	return &d
}

// memo keeps what the SDK makes of a contract. It is any, because the packages that make it import this
// one.
type memo struct {
	once sync.Once
	made any
}

// Memo is for the SDK's own packages: it keeps what they make of a contract, so that it is
// made once. compile must not change the document.
func (c *Contract) Memo(compile func(*Document, Codec, Signer) any) any {
	c.memo.once.Do(func() { c.memo.made = compile(&c.doc, c.codec, c.signer) })
	return c.memo.made
}

// doubts are words, in lower case, that a gateway uses for "I do not know what became of it". A code
// whose name or text has one is seldom a refusal.
var doubts = [...]string{
	"timeout", "time out", "timed out", "unknown", "cannot tell", "processed", "processing", "no response", "busy",
	"system error", "internal error", "duplicate",
	"không xác định", "chưa xác định", "không rõ", "quá thời gian", "hết thời gian chờ", "chờ quá lâu",
	"đang xử lý", "đang được xử lý", "không phản hồi", "không có phản hồi", "bận", "lỗi hệ thống", "trùng",
}

// Warnings lists what a document may say and a person should look at again: old signatures,
// refusals whose own text says that MobiFone cannot tell, lookups that could not settle a
// sale. None is a reason not to use the contract.
func (c *Contract) Warnings() []*Problem {
	l := &problemList{}
	// Some gateways know nothing better, so this is no problem of the document.
	if strings.HasPrefix(c.doc.Auth.Scheme, "legacy-") {
		l.add("$.auth.scheme", "%s can be forged with today's machines; ask MobiFone for hmac-sha256", c.doc.Auth.Scheme)
	}
	// Only what counts as a refusal of a registration can let a sale go on that was carried out.
	for i := range c.doc.Codes {
		r := &c.doc.Codes[i]
		if c.doc.ClassOf(telco.OpRegister, r) != "rejected" {
			continue
		}
		text := strings.ToLower(strings.ReplaceAll(string(r.Name), "_", " ") + " " + r.Text.VI + " " + r.Text.EN)
		for _, doubt := range doubts {
			if strings.Contains(text, doubt) {
				l.add(element("$.codes", i), "%s counts as a refusal, and its name or text speaks of %q: "+
					"if MobiFone cannot tell what became of the registration, its class on register is unknown", string(r.Name), doubt)
				break
			}
		}
	}
	l.warnOfLookups(&c.doc)
	// Whoever can change the code can turn a refusal into a success, signature or not.
	covers := func(code string) bool { return slices.Contains(c.doc.Auth.Reply.Parts, code) }
	if r := c.doc.Auth.Reply; r != nil && r.Canonical == "members" && !slices.ContainsFunc(c.doc.Envelope.Code, covers) {
		l.add("$.auth.reply.parts", "does not list %s: whoever sits between can change the result code of a signed answer; "+
			"ask MobiFone what it signs", c.doc.Envelope.Code[0])
	}
	return l.list
}

// warnOfLookups warns where no lookup could settle a sale: there is none, or its rows lack what tells
// one sale from another. The lookup by id is judged where there is one, since the search then serves
// people alone.
func (l *problemList) warnOfLookups(d *Document) {
	op := telco.OpGet
	if d.Operations[op] == nil {
		op = telco.OpSearch
	}
	e := d.Operations[op]
	if e == nil {
		l.add("$.operations", "has neither transactions.get nor transactions.search: whatever a reply does not settle goes to a person at once")
		return
	}
	fields := e.Response
	if e.Rows != nil {
		fields = e.Rows.Fields
	}
	for _, name := range []string{field.MSISDN, field.Package, field.Amount} {
		if fields[name] == "" {
			l.add(member("$.operations", string(op)), "reads no %s: a success that it shows cannot be told from another sale's, "+
				"and goes to a person", name)
		}
	}
}
