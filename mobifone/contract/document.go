package contract

// This file holds the document as a person writes it: one Go field per member. What a member means is
// in docs/contract-reference.md; what is refused is in the validate files.

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Document is the JSON form of a contract. docs/contract-reference.md explains each member. A member
// without omitzero must be written, even when it says nothing ([], {}, null, false); the
// tag oneof lists the texts a member may be.
type Document struct {
	Version int    `json:"version"` // of this format: 1
	Name    string `json:"name"`    // names the contract for people
	// what MobiFone offers; calling any other operation is a typed error
	Operations map[telco.Operation]*Endpoint `json:"operations"`
	Envelope   Envelope                      `json:"envelope"` // the frame of every answer
	Codes      []CodeRule                    `json:"codes"`    // the code table; a code that is not listed is unknown
	// MobiFone's string for a transaction's state → INIT, PENDING, SUCCESS, FAILED, EXPIRED,
	// CANCELLED or REVERSED
	States map[string]string `json:"states"`
	Time   TimeFormat        `json:"time"` // times in bodies
	// the form of a phone number that is sent: 84912345678, 0912345678 or 912345678; all are
	// read
	MSISDN               string    `json:"msisdn"                        oneof:"84|0|9"`
	Auth                 Auth      `json:"auth"`                          // how requests prove who sends them
	Limits               Limits    `json:"limits"`                        // MobiFone's own bounds
	Semantics            Semantics `json:"semantics"`                     // what MobiFone promises beyond the shape of its messages
	AllowSubscriberInURL bool      `json:"allowSubscriberInURL,omitzero"` // lets a phone number stand in a query; an OTP never may
}

// Endpoint is one operation on the wire.
type Endpoint struct {
	Method   string `json:"method"   oneof:"GET|POST|PUT"`    // otp.request and registration.register are never GET
	Path     string `json:"path"`                             // absolute, below the client's base URL
	Encoding string `json:"encoding" oneof:"json|form|query"` // how the request's fields travel
	// field → name on the wire, in JSON a dotted path; a field that is not listed is not sent
	Request map[string]string `json:"request"`
	AsText  []string          `json:"asText,omitzero"` // of amount, page, size: those that a JSON body writes as strings
	// field → how it is written or read: a layout of time, "0.00" for an amount, "ms", "s",
	// "min" or "h" for a duration; "1/0" or "Y/N" for a flag, though every form of one is read
	Formats map[string]string `json:"formats,omitzero"`
	// name on the wire → a string, bool or number that every request carries
	Constants map[string]any `json:"constants,omitzero"`
	// field → dotted path below the envelope's data; "$." starts at the root
	Response map[string]string `json:"response"`
	Rows     *Rows             `json:"rows,omitzero"` // of an answer with a list
	// response fields that a success must carry and that must equal ours
	Echo []string `json:"echo,omitzero"`
	// paths of further members to keep for the caller, as Response counts them
	Extra []string `json:"extra,omitzero"`
	// IdempotencyHeader names a header that carries the partnerTransId; never
	// Idempotency-Key or X-Idempotency-Key, which net/http takes as leave to send again.
	IdempotencyHeader string `json:"idempotencyHeader,omitzero"`
}

// Rows says where the rows of an answer are. An object at Path is a list of one.
type Rows struct {
	// as in Endpoint.Response; "" is the envelope's data itself, "$" the root
	Path   string            `json:"path"`
	Fields map[string]string `json:"fields"`         // field → dotted path inside the row
	Extra  []string          `json:"extra,omitzero"` // paths of further members of a row to keep for the caller
}

// Envelope says where an answer's frame is. Each list holds dotted paths from the root;
// the first that is present counts.
type Envelope struct {
	Code         []string `json:"code"`                  // the result code
	Message      []string `json:"message"`               // a text for people
	Data         []string `json:"data"`                  // the payload; empty: the root itself
	RequestID    []string `json:"requestId"`             // MobiFone's own id of the request
	ResponseTime []string `json:"responseTime"`          // MobiFone's clock
	Success      []string `json:"success"`               // a flag that must not contradict the code
	SuccessCodes []string `json:"successCodes"`          // the codes that mean success, all in the row named SUCCESS
	InnerCode    []string `json:"innerCode,omitzero"`    // a second code that must confirm a success, where it is present
	InnerSuccess []string `json:"innerSuccess,omitzero"` // the inner codes that do
	CodeAsNumber bool     `json:"codeAsNumber,omitzero"` // a server writes its codes as numbers; either form is always read
}

// CodeRule is one row of the code table.
type CodeRule struct {
	Wire []string `json:"wire"` // MobiFone's strings
	// the row speaks for these alone; none: for all that no other row names
	Operations []telco.Operation `json:"operations,omitzero"`
	HTTPStatus []int             `json:"httpStatus,omitzero"` // statuses that mean the same without an envelope
	Name       telco.Code        `json:"name"`                // the canonical name
	// what the code means for an operation; "*" for those not named; default unknown
	Class map[telco.Operation]string `json:"class" oneof:"success|rejected|unknown"`
	// for the teller; may hold [… {n} …], also {s} and {reason}: a bracket without its value
	// is left out
	Text telco.Text `json:"text"`
	// reads: lookups and eligibility may be repeated; afterRefresh: once, with fresh
	// credentials
	Resend string `json:"resend" oneof:"never|reads|afterRefresh"`
	// where a sale goes on once it is settled that nothing was registered
	Then telco.Then `json:"then,omitzero" oneof:"refund|newOTP|newAttempt|sameIds"`
}

// TimeFormat says how times stand in bodies.
type TimeFormat struct {
	Layout string   `json:"layout"        oneof:"LAYOUT"` // written
	Accept []string `json:"accept"        oneof:"LAYOUT"` // read as well
	Zone   string   `json:"zone"`                         // "+07:00": fixed, for times that carry none
	None   []string `json:"none,omitzero"`                // texts that mean "no time"; "" always does
}

// Auth says how a request proves who sends it.
type Auth struct {
	Scheme    string    `json:"scheme"             oneof:"none|api-key|password|hmac-sha256|hmac-sha512|rsa-sha256|bearer|legacy-md5|legacy-sha1|legacy-rsa-sha1"`
	Headers   AuthNames `json:"headers"`                                              // what a header carries
	Members   AuthNames `json:"members,omitzero"`                                     // what a member of the request carries, among its fields
	Canonical string    `json:"canonical,omitzero" oneof:"parts|sortedPairs|members"` // what is signed
	// of parts: method, target, path, query, timestamp, nonce, requestId, apiKey, username,
	// bodyHash, body; of members: names on the wire
	Parts     []string          `json:"parts,omitzero"`
	Separator string            `json:"separator,omitzero"`                     // between the signed parts or pairs
	Values    bool              `json:"values,omitzero"`                        // pairs and members are signed without their names
	Secret    string            `json:"secret,omitzero"    oneof:"first|last"`  // where legacy-md5 and legacy-sha1 put the secret
	Timestamp string            `json:"timestamp,omitzero" oneof:"ms|s|LAYOUT"` // ms and s: since the epoch
	Encoding  string            `json:"encoding,omitzero"  oneof:"hex|base64"`  // of the signature; hex is lower case
	Reply     *ReplySignature   `json:"reply,omitzero"`                         // of a MobiFone that signs its answers
	Login     *Login            `json:"login,omitzero"`                         // of bearer
	Constants map[string]string `json:"constants,omitzero"`                     // headers sent with every request
}

// AuthNames names where each part of the authentication stands; a part without a name is
// not sent.
type AuthNames struct {
	APIKey    string `json:"apiKey,omitzero"`
	Username  string `json:"username,omitzero"`
	Password  string `json:"password,omitzero"`
	Token     string `json:"token,omitzero"` // of bearer; without a name it goes into Authorization
	Timestamp string `json:"timestamp,omitzero"`
	Nonce     string `json:"nonce,omitzero"`
	RequestID string `json:"requestId,omitzero"`
	Signature string `json:"signature,omitzero"`
}

// ReplySignature says how MobiFone signs its answers, by the scheme and the encoding of the
// requests. An answer with a wrong signature, or none, is unreadable.
type ReplySignature struct {
	Header    string   `json:"header,omitzero"`                                  // the signature stands in this header
	Member    string   `json:"member,omitzero"`                                  // or at this dotted path from the root
	Canonical string   `json:"canonical"       oneof:"body|sortedPairs|members"` // what is signed
	Parts     []string `json:"parts,omitzero"`                                   // of members: dotted paths from the root
}

// Login is the call that yields a bearer token.
type Login struct {
	Method    string `json:"method"             oneof:"POST"`
	Path      string `json:"path"`
	Encoding  string `json:"encoding"           oneof:"json|form"`
	Username  string `json:"username"` // names on the wire
	Password  string `json:"password"`
	Token     string `json:"token"`              // dotted path from the root
	ExpiresIn string `json:"expiresIn,omitzero"` // dotted path to a lifetime in seconds
}

// Limits are MobiFone's own bounds.
type Limits struct {
	PageSizeDefault int      `json:"pageSizeDefault"`
	PageSizeMax     int      `json:"pageSizeMax"`
	PagesFromZero   bool     `json:"pagesFromZero,omitzero"` // the first page is 0
	RangeMax        Duration `json:"rangeMax"`               // of one list request, half-open
	ReplyBytesMax   int64    `json:"replyBytesMax"`          // a longer answer is unreadable
}

// Semantics is what MobiFone promises beyond the shape of its messages. The defaults are
// pessimistic: each can only cost time.
type Semantics struct {
	// a second register with the same partnerTransId is refused for ever
	DedupeByPartnerTransID bool `json:"dedupeByPartnerTransID"`
	// RefusalIsFinal: a refusal of a registration speaks for every copy of it. None was
	// carried out before the refusal, and none is after it, inside MobiFone or on the way.
	RefusalIsFinal                  bool      `json:"refusalIsFinal"`
	OTPExpiryCheckedAtExecution     bool      `json:"otpExpiryCheckedAtExecution"`
	MaxExecutionDelay               *Duration `json:"maxExecutionDelay"` // null: unknown, so that there is no fence
	LookupLagMax                    Duration  `json:"lookupLagMax"`
	ClockSkewMax                    Duration  `json:"clockSkewMax"`
	SettleMargin                    Duration  `json:"settleMargin"`
	PartnerTransIDAtOTP             bool      `json:"partnerTransIDAtOTP"`
	TooManyRequestsMeansNotExecuted bool      `json:"tooManyRequestsMeansNotExecuted"`
	OTPTTL                          Duration  `json:"otpTTL"` // for the countdown only, never for the fence
	HoldBeforeReview                Duration  `json:"holdBeforeReview"`
	ResendAfter                     Duration  `json:"resendAfter"`
	// where MobiFone's time is read: the header Date, the envelope, or nowhere, and then no
	// fence is known
	Clock string `json:"clock" oneof:"date|responseTime|none"`
}

// Duration is a time.Duration that reads and writes as "60s" or "15m" in JSON.
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Three sets of promises to start from, in Go as here and in a document as
// docs/contract-reference.md shows them. docs/practice.md tells what a shop lives through with each.
//
//	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { *s = contract.Ordinary() })

// Nothing is what the embedded document says: nothing is known of MobiFone. Whatever is
// not answered ends with a person.
func Nothing() Semantics { return Default().Semantics() }

// Ordinary promises what most gateways keep: a request is carried out within a minute of
// leaving, or never, and a lookup shows a registration within half a minute.
func Ordinary() Semantics {
	s := Nothing()
	s.MaxExecutionDelay = new(Duration(time.Minute))
	s.LookupLagMax = Duration(30 * time.Second)
	return s
}

// Everything promises more: MobiFone also dedupes by partnerTransId for ever, and a
// refusal speaks for every copy of a request.
func Everything() Semantics {
	s := Ordinary()
	s.DedupeByPartnerTransID = true
	s.RefusalIsFinal = true
	return s
}
