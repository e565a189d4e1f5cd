package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// Document is the JSON form of a contract.
type Document struct {
	Version              int                             `json:"version"` // of this format: 1
	Name                 string                          `json:"name"`
	Operations           map[partner.Operation]*Endpoint `json:"operations"` // an absent one is a typed error at the call
	Envelope             Envelope                        `json:"envelope"`
	Codes                []CodeRule                      `json:"codes"`
	States               map[string]string               `json:"states"` // wire string → canonical name, aliases included
	Time                 TimeFormat                      `json:"time"`
	MSISDN               string                          `json:"msisdn"` // wire form sent: "84", "0" or "9"; all are read
	Auth                 Auth                            `json:"auth"`
	Limits               Limits                          `json:"limits"`
	Semantics            Semantics                       `json:"semantics"`
	AllowSubscriberInURL bool                            `json:"allowSubscriberInURL,omitzero"` // an OTP is never allowed there
}

// Encoding says how an operation's request fields travel.
type Encoding string

// The encodings.
const (
	JSON  Encoding = "json"
	Form  Encoding = "form"
	Query Encoding = "query"
)

// Endpoint is one operation on the wire.
type Endpoint struct {
	Method    string            `json:"method"`
	Path      string            `json:"path"` // absolute, below the client's base URL
	Encoding  Encoding          `json:"encoding"`
	Request   map[string]string `json:"request"`            // logical → wire name; a field not listed is not sent
	AsText    []string          `json:"asText,omitzero"`    // of amount, page, size: those sent as JSON strings
	Constants map[string]any    `json:"constants,omitzero"` // wire name → string, bool or number (json.Number once checked) sent with each request
	Response  map[string]string `json:"response"`           // logical → dotted path below the envelope's data; "$." starts at the root
	Rows      *Rows             `json:"rows,omitzero"`
	Echo      []string          `json:"echo,omitzero"` // logical response fields a success must carry and that must equal ours
	// IdempotencyHeader names a header that carries the partnerTransId; never
	// Idempotency-Key or X-Idempotency-Key, which net/http takes as leave to re-send.
	IdempotencyHeader string `json:"idempotencyHeader,omitzero"`
}

// Rows says where the rows of an answer are. An object at Path is a list of one.
type Rows struct {
	Path   string            `json:"path"`   // as in Endpoint.Response; "" is the envelope's data itself, "$" the root
	Fields map[string]string `json:"fields"` // logical → dotted path inside the row
}

// Envelope says where an answer's frame is. Each list holds aliases, dotted paths from
// the root, the first present wins.
type Envelope struct {
	Code         []string `json:"code"`
	Message      []string `json:"message"`
	Data         []string `json:"data"` // empty: the root itself
	RequestID    []string `json:"requestId"`
	ResponseTime []string `json:"responseTime"`
	Success      []string `json:"success"` // optional flag; it must not contradict the code
	SuccessCodes []string `json:"successCodes"`
	// CodeAsNumber says that the partner writes whole-number codes as JSON numbers.
	// Only a server that plays the partner needs it; either form is always read.
	CodeAsNumber bool `json:"codeAsNumber,omitzero"`
}

// Class is what a code means for one operation. The zero value is Unknown.
type Class string

// The classes.
const (
	ClassUnknown  Class = "unknown"
	ClassSuccess  Class = "success"
	ClassRejected Class = "rejected"
)

// Resend says whether and when the same request may go out again.
type Resend string

// The ways to go on after a code.
const (
	ResendNever        Resend = "never"
	ResendReads        Resend = "reads"        // lookups and eligibility only
	ResendAfterRefresh Resend = "afterRefresh" // reads, once, after fresh credentials
)

// CodeRule is one row of the code table.
type CodeRule struct {
	Wire       []string                    `json:"wire"`                // the partner's strings
	HTTPStatus []int                       `json:"httpStatus,omitzero"` // statuses that mean the same without an envelope
	Name       partner.Code                `json:"name"`
	Class      map[partner.Operation]Class `json:"class"` // "*" for the operations not named; default unknown
	Text       partner.Text                `json:"text"`  // may hold [… {n} …], also {s} and {reason}: a bracket whose value is missing is left out
	Resend     Resend                      `json:"resend"`
	Then       partner.Then                `json:"then,omitzero"` // none: refund if the row refuses a registration
}

// TimeFormat says how times stand in bodies. Layout names: yyyyMMddHHmmss,
// "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", rfc3339, epochSeconds, epochMillis.
type TimeFormat struct {
	Layout string   `json:"layout"` // written
	Accept []string `json:"accept"` // also read
	Zone   string   `json:"zone"`   // "+07:00": fixed, no tzdata
}

// Scheme is a way to authenticate.
type Scheme string

// The ready schemes.
const (
	AuthNone       Scheme = "none"
	AuthAPIKey     Scheme = "api-key"
	AuthHMACSHA256 Scheme = "hmac-sha256"
	AuthHMACSHA512 Scheme = "hmac-sha512"
	AuthRSASHA256  Scheme = "rsa-sha256"
	AuthBearer     Scheme = "bearer"
)

// Auth says how a request proves who sends it.
type Auth struct {
	Scheme    Scheme            `json:"scheme"`
	Headers   AuthHeaders       `json:"headers"`
	Canonical string            `json:"canonical,omitzero"` // "parts" or "sortedPairs"
	Parts     []string          `json:"parts,omitzero"`     // of "parts": method, target, path, query, timestamp, nonce, requestId, apiKey, bodyHash, body
	Separator string            `json:"separator,omitzero"`
	Timestamp string            `json:"timestamp,omitzero"` // "ms" or "s" since the epoch
	Encoding  string            `json:"encoding,omitzero"`  // of the signature: "hex" (lower) or "base64"
	Login     *Login            `json:"login,omitzero"`     // of bearer
	Constants map[string]string `json:"constants,omitzero"` // headers sent with every request
}

// AuthHeaders names the headers; an empty name is not sent.
type AuthHeaders struct {
	APIKey    string `json:"apiKey,omitzero"`
	Timestamp string `json:"timestamp,omitzero"`
	Nonce     string `json:"nonce,omitzero"`
	RequestID string `json:"requestId,omitzero"`
	Signature string `json:"signature,omitzero"`
}

// Login is the call that yields a bearer token.
type Login struct {
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Encoding  Encoding `json:"encoding"` // json or form
	Username  string   `json:"username"` // wire names
	Password  string   `json:"password"`
	Token     string   `json:"token"`              // dotted path from the root
	ExpiresIn string   `json:"expiresIn,omitzero"` // dotted path to seconds
}

// Limits are the partner's own bounds.
type Limits struct {
	PageSizeDefault int      `json:"pageSizeDefault"`
	PageSizeMax     int      `json:"pageSizeMax"`
	RangeMax        Duration `json:"rangeMax"`      // of one list request, half-open
	ReplyBytesMax   int64    `json:"replyBytesMax"` // a longer reply is unreadable
}

// Clock says where the partner's own time is read.
type Clock string

// The clocks.
const (
	ClockDate         Clock = "date"         // the HTTP Date header
	ClockResponseTime Clock = "responseTime" // the envelope
	ClockNone         Clock = "none"         // the partner has none: local time, and no fence is known
)

// Semantics is what the partner promises beyond the shape of its messages. The
// defaults are pessimistic.
type Semantics struct {
	DedupeByPartnerTransID bool `json:"dedupeByPartnerTransID"` // for ever
	// RefusalIsFinal: a refusal of a registration speaks for every copy of it. None was
	// carried out before the refusal, and none is after it, inside MobiFone or on the way.
	RefusalIsFinal                  bool      `json:"refusalIsFinal"`
	OTPExpiryCheckedAtExecution     bool      `json:"otpExpiryCheckedAtExecution"`
	MaxExecutionDelay               *Duration `json:"maxExecutionDelay"` // null: unknown, so there is no fence
	LookupLagMax                    Duration  `json:"lookupLagMax"`
	ClockSkewMax                    Duration  `json:"clockSkewMax"`
	SettleMargin                    Duration  `json:"settleMargin"`
	PartnerTransIDAtOTP             bool      `json:"partnerTransIDAtOTP"`
	TooManyRequestsMeansNotExecuted bool      `json:"tooManyRequestsMeansNotExecuted"`
	OTPTTL                          Duration  `json:"otpTTL"` // for the countdown only, never for the fence
	HoldBeforeReview                Duration  `json:"holdBeforeReview"`
	ResendAfter                     Duration  `json:"resendAfter"`
	Clock                           Clock     `json:"clock"`
}
