package contract

// This file holds the document as a person writes it: one Go field per member. What a member means is
// in docs/contract-reference.md; what is refused is in the validate files. The comments of the fields
// are the descriptions in docs/contract.schema.json: they are for whoever writes JSON.

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Document is the JSON form of a contract. docs/contract-reference.md explains each member. A member
// without omitzero must be written, even when it says nothing ([], {}, null, false); the
// tag oneof lists the texts a member may be.
//
// It is plain data. To change a contract in Go, change a copy from [Contract.Document] and pass it to
// [New]. encoding/json writes one as [Load] reads it; to read one, use Load, which tells more than
// encoding/json does.
type Document struct {
	// Version is that of this format: 1.
	Version int `json:"version"`
	// Name names the contract for people.
	Name string `json:"name"`
	// Operations are what MobiFone offers. Calling any other operation is a typed error.
	Operations map[telco.Operation]*Endpoint `json:"operations"`
	// Envelope is the frame of every answer.
	Envelope Envelope `json:"envelope"`
	// Codes is the code table. A code that is not listed leaves the outcome unknown.
	Codes []CodeRule `json:"codes"`
	// States maps MobiFone's string for a transaction's state to INIT, PENDING, SUCCESS, FAILED,
	// EXPIRED, CANCELLED or REVERSED.
	States map[string]string `json:"states"`
	// Time says how times are written in bodies.
	Time TimeFormat `json:"time"`
	// MSISDN is the form of a phone number that is sent: 84912345678, 0912345678 or 912345678.
	// All of them are read.
	MSISDN string `json:"msisdn" oneof:"84|0|9"`
	// Auth says how requests prove who sends them.
	Auth Auth `json:"auth"`
	// Limits are MobiFone's own bounds.
	Limits Limits `json:"limits"`
	// Semantics is what MobiFone promises beyond the shape of its messages.
	Semantics Semantics `json:"semantics"`
	// AllowSubscriberInURL lets a phone number be part of a query; an OTP never may.
	AllowSubscriberInURL bool `json:"allowSubscriberInURL,omitzero"`
}

// Endpoint is one operation on the wire. Its maps have the SDK's name of a field on the left and
// MobiFone's on the right; docs/contract-reference.md lists the fields of each operation. What is not
// listed is neither sent nor read.
type Endpoint struct {
	// Method is the HTTP method; otp.request and registration.register are never GET.
	Method string `json:"method" oneof:"GET|POST|PUT"`
	// Path begins with a slash and is put behind the client's base URL.
	Path string `json:"path"`
	// Encoding says how the request's fields travel.
	Encoding string `json:"encoding" oneof:"json|form|query"`
	// Request maps a field to its name on the wire, in JSON a dotted path. A field that is not
	// listed is not sent.
	Request map[string]string `json:"request"`
	// AsText lists those of amount, page and size that a JSON body writes as strings.
	AsText []string `json:"asText,omitzero"`
	// Formats says how a field is written or read: a layout of time, "0.00" for an amount, "ms",
	// "s", "min" or "h" for a duration, "1/0" or "Y/N" for a flag, though every form of a flag is
	// read.
	Formats map[string]string `json:"formats,omitzero"`
	// Constants maps a name on the wire to a string, bool or number that every request carries.
	Constants map[string]any `json:"constants,omitzero"`
	// Response maps a field to a dotted path below the envelope's data; "$." starts at the root.
	Response map[string]string `json:"response"`
	// Rows says where the rows are, in an answer with a list.
	Rows *Rows `json:"rows,omitzero"`
	// Echo lists the response fields that a success must carry and that must equal ours.
	Echo []string `json:"echo,omitzero"`
	// Extra lists paths of further members to keep for the caller, written as in Response.
	Extra []string `json:"extra,omitzero"`
	// IdempotencyHeader names a header that carries the partnerTransId; never
	// Idempotency-Key or X-Idempotency-Key, which net/http takes as leave to send again.
	IdempotencyHeader string `json:"idempotencyHeader,omitzero"`
}

// Rows says where the rows of an answer are. An object at Path is a list of one. A null list of
// transactions says nothing, unless a total of 0 is beside it.
type Rows struct {
	// Path is written as in Endpoint.Response; "" is the envelope's data itself, "$" the root.
	Path string `json:"path"`
	// Fields maps a field to its dotted path inside the row.
	Fields map[string]string `json:"fields"`
	// Extra lists paths of further members of a row to keep for the caller.
	Extra []string `json:"extra,omitzero"`
}

// Envelope says where an answer's frame is. Each list holds dotted paths from the root;
// the first that is present counts. Several help where MobiFone and a gateway in front of it write
// different frames. An answer without a readable code proves nothing, so a registration that gets
// one is unknown.
type Envelope struct {
	// Code is the result code.
	Code []string `json:"code"`
	// Message is a text for people.
	Message []string `json:"message"`
	// Data is the payload; an empty list means the root itself.
	Data []string `json:"data"`
	// RequestID is MobiFone's own id of the request.
	RequestID []string `json:"requestId"`
	// ResponseTime is MobiFone's clock.
	ResponseTime []string `json:"responseTime"`
	// Success is a flag that must not contradict the code.
	Success []string `json:"success"`
	// SuccessCodes are the codes that mean success, all of them in the row named SUCCESS.
	SuccessCodes []string `json:"successCodes"`
	// InnerCode is a second code that must confirm a success, where it is present.
	InnerCode []string `json:"innerCode,omitzero"`
	// InnerSuccess are the inner codes that confirm one.
	InnerSuccess []string `json:"innerSuccess,omitzero"`
	// CodeAsNumber says that a server writes its codes as numbers; both forms are always read.
	CodeAsNumber bool `json:"codeAsNumber,omitzero"`
}

// CodeRule is one row of the code table. It is found by MobiFone's string and the operation: a row that
// names the operation goes before one that names none. "rejected" for a registration is proof only
// where [Semantics.RefusalIsFinal] is promised; without it such a refusal is unknown until the fence.
type CodeRule struct {
	// Wire are MobiFone's strings for the code.
	Wire []string `json:"wire"`
	// Operations limits the row to these operations. Without it the row holds for every operation
	// that no other row names.
	Operations []telco.Operation `json:"operations,omitzero"`
	// HTTPStatus lists statuses that mean the same when an answer has no envelope.
	HTTPStatus []int `json:"httpStatus,omitzero"`
	// Name is the canonical code, which errors.Is asks for.
	Name telco.Code `json:"name"`
	// Class says what the code means for an operation; "*" is for those not named, and the
	// default is unknown.
	Class map[telco.Operation]string `json:"class" oneof:"success|rejected|unknown"`
	// Text is for the teller. It may hold [… {n} …], also {s} and {reason}: a bracket without its
	// value is left out.
	Text telco.Text `json:"text"`
	// Resend says what may be repeated: "reads" means lookups and eligibility, "afterRefresh"
	// means once, with fresh credentials.
	Resend string `json:"resend" oneof:"never|reads|afterRefresh"`
	// Then says where a sale goes on once it is settled that nothing was registered.
	Then telco.Then `json:"then,omitzero" oneof:"refund|newOTP|newAttempt|sameIds"`
}

// TimeFormat says how times are written in bodies. Reading tries a field's own format, then Layout, then
// Accept in its order. A time outside the years 2000 to 2100 is unreadable: the bound tells seconds,
// milliseconds and yyyyMMddHHmmss apart.
type TimeFormat struct {
	// Layout is the one that is written.
	Layout string `json:"layout" oneof:"LAYOUT"`
	// Accept lists the layouts that are read as well.
	Accept []string `json:"accept" oneof:"LAYOUT"`
	// Zone, such as "+07:00", is fixed; it holds for times that carry none.
	Zone string `json:"zone"`
	// None lists texts that mean "no time"; "" always does.
	None []string `json:"none,omitzero"`
}

// Auth says how a request proves who sends it. It names schemes and places and holds no secret: those are
// in [telco.Credentials], which the client fetches.
type Auth struct {
	// Scheme is how a request proves who sends it; the other members depend on it.
	Scheme string `json:"scheme" oneof:"none|api-key|password|hmac-sha256|hmac-sha512|rsa-sha256|bearer|legacy-md5|legacy-sha1|legacy-rsa-sha1"`
	// Headers names the parts that a header carries.
	Headers AuthNames `json:"headers"`
	// Members names the parts that a member of the request carries, among its fields.
	Members AuthNames `json:"members,omitzero"`
	// Canonical says what is signed.
	Canonical string `json:"canonical,omitzero" oneof:"parts|sortedPairs|members"`
	// Parts are, for canonical "parts", some of method, target, path, query, timestamp, nonce,
	// requestId, apiKey, username, bodyHash and body; for "members", names on the wire.
	Parts []string `json:"parts,omitzero"`
	// Separator is put between the signed parts or pairs.
	Separator string `json:"separator,omitzero"`
	// Values says that pairs and members are signed without their names.
	Values bool `json:"values,omitzero"`
	// Secret says where legacy-md5 and legacy-sha1 put the secret.
	Secret string `json:"secret,omitzero" oneof:"first|last"`
	// Timestamp is a layout, or "ms" or "s" since the epoch.
	Timestamp string `json:"timestamp,omitzero" oneof:"ms|s|LAYOUT"`
	// Encoding is that of the signature; hex is lower case.
	Encoding string `json:"encoding,omitzero" oneof:"hex|base64"`
	// Reply is there when MobiFone signs its answers.
	Reply *ReplySignature `json:"reply,omitzero"`
	// Login is the call that the scheme bearer needs.
	Login *Login `json:"login,omitzero"`
	// Constants are headers sent with every request.
	Constants map[string]string `json:"constants,omitzero"`
}

// AuthNames names the place of each part of the authentication: names of headers, or dotted paths in the
// request, see [Auth.Headers] and [Auth.Members]. A part without a name is not sent.
type AuthNames struct {
	// APIKey carries [telco.Credentials.APIKey].
	APIKey string `json:"apiKey,omitzero"`
	// Username and Password carry those of the credentials.
	Username string `json:"username,omitzero"`
	Password string `json:"password,omitzero"`
	// Token is for the scheme bearer; without a name the token goes into Authorization.
	Token string `json:"token,omitzero"`
	// Timestamp carries when the request was signed, Nonce a text that is new for every try,
	// RequestID the try's id.
	Timestamp string `json:"timestamp,omitzero"`
	Nonce     string `json:"nonce,omitzero"`
	RequestID string `json:"requestId,omitzero"`
	// Signature carries the signature, for schemes that sign.
	Signature string `json:"signature,omitzero"`
}

// ReplySignature says how MobiFone signs its answers, by the scheme and the encoding of the
// requests. An answer with a wrong signature, or none, is unreadable. For RSA the client verifies with
// [telco.Credentials.VerifyKey], for the other schemes with the same secret.
type ReplySignature struct {
	// Header is the one that carries the signature.
	Header string `json:"header,omitzero"`
	// Member is the dotted path from the root, where no header carries the signature.
	Member string `json:"member,omitzero"`
	// Canonical says what is signed.
	Canonical string `json:"canonical" oneof:"body|sortedPairs|members"`
	// Parts are, for canonical "members", dotted paths from the root.
	Parts []string `json:"parts,omitzero"`
}

// Login is the call that yields a bearer token. The client makes it once for all callers who wait, before
// the first request and again before the token ends or after MobiFone refused it. It is not signed.
type Login struct {
	// Method, Path and Encoding are those of the login request.
	Method   string `json:"method"   oneof:"POST"`
	Path     string `json:"path"`
	Encoding string `json:"encoding" oneof:"json|form"`
	// Username and Password are the names on the wire.
	Username string `json:"username"`
	Password string `json:"password"`
	// Token is the dotted path from the root to the token.
	Token string `json:"token"`
	// ExpiresIn is the dotted path to a lifetime in seconds.
	ExpiresIn string `json:"expiresIn,omitzero"`
}

// Limits are MobiFone's own bounds. How fast a client may send is not among them: that is the client's
// limiter.
type Limits struct {
	// PageSizeDefault is how many rows a page holds when a request names no size.
	PageSizeDefault int `json:"pageSizeDefault"`
	// PageSizeMax is the largest size that a request may name.
	PageSizeMax int `json:"pageSizeMax"`
	// PagesFromZero says that the first page is 0.
	PagesFromZero bool `json:"pagesFromZero,omitzero"`
	// RangeMax is the longest window of one list request, half-open.
	RangeMax Duration `json:"rangeMax"`
	// ReplyBytesMax is the longest answer; a longer one is unreadable.
	ReplyBytesMax int64 `json:"replyBytesMax"`
}

// Semantics is what MobiFone promises beyond the shape of its messages. The defaults are
// pessimistic: each can only cost time. A promise that MobiFone does not keep can cost a customer a
// second charge, so write only what MobiFone has confirmed.
//
// The fence, from which on "not found" proves that a registration will never happen, is the last moment
// at which the request may be carried out, and then ClockSkewMax, LookupLagMax and SettleMargin.
type Semantics struct {
	// DedupeByPartnerTransID promises that a second register with the same partnerTransId is
	// refused, for ever.
	DedupeByPartnerTransID bool `json:"dedupeByPartnerTransID"`
	// RefusalIsFinal promises that a refusal of a registration speaks for every copy of it: none
	// was carried out before the refusal, and none is after it, inside MobiFone or on the way.
	RefusalIsFinal bool `json:"refusalIsFinal"`
	// OTPExpiryCheckedAtExecution promises that an OTP's expiry is checked when the request is
	// carried out, not only when it arrives.
	OTPExpiryCheckedAtExecution bool `json:"otpExpiryCheckedAtExecution"`
	// MaxExecutionDelay is how long after leaving a request may still be carried out; null means
	// that it is unknown, and then there is no fence.
	MaxExecutionDelay *Duration `json:"maxExecutionDelay"`
	// LookupLagMax is how late a lookup may show what was registered.
	LookupLagMax Duration `json:"lookupLagMax"`
	// ClockSkewMax is how far MobiFone's clocks may differ from each other.
	ClockSkewMax Duration `json:"clockSkewMax"`
	// SettleMargin is added to the fence, for safety.
	SettleMargin Duration `json:"settleMargin"`
	// PartnerTransIDAtOTP says that otp.request carries the partnerTransId.
	PartnerTransIDAtOTP bool `json:"partnerTransIDAtOTP"`
	// TooManyRequestsMeansNotExecuted promises that RATE_LIMITED refuses a request unexecuted.
	TooManyRequestsMeansNotExecuted bool `json:"tooManyRequestsMeansNotExecuted"`
	// OTPTTL is for the countdown on the screen only, never for the fence.
	OTPTTL Duration `json:"otpTTL"`
	// HoldBeforeReview is how long an unknown sale waits before a person must look.
	HoldBeforeReview Duration `json:"holdBeforeReview"`
	// ResendAfter is how long to wait before another OTP is asked for, when MobiFone does not
	// say.
	ResendAfter Duration `json:"resendAfter"`
	// Clock says where MobiFone's time is read: in the header Date, in the envelope, or nowhere,
	// and then no fence is known.
	Clock string `json:"clock" oneof:"date|responseTime|none"`
}

// Duration is a time.Duration that reads and writes as "60s" or "15m" in JSON, where a bare number would
// not say its unit.
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
