package contract

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Fields are the logical fields a request can carry. A zero field is not sent, nor is
// one that the operation's endpoint does not list. The logical names of the document
// stand behind each field.
type Fields struct {
	MSISDN         partner.MSISDN         // msisdn
	Channel        string                 // channel
	Shop           string                 // shop
	Employee       string                 // employee
	POS            string                 // pos
	Package        partner.PackageCode    // package
	TransID        partner.TransID        // transId
	PartnerTransID partner.PartnerTransID // partnerTransId
	OTP            partner.OTP            // otp
	Amount         partner.VND            // amount
	From, To       time.Time              // from, to
	State          partner.State          // status
	Page, Size     int                    // page, size
}

// Wire is an encoded request.
type Wire struct {
	Method      string
	Path        string // below the base URL
	RawQuery    string // sorted by name
	ContentType string // empty without a body
	Body        []byte
}

// Data is what an answer says, in logical fields. A field the partner did not send is
// zero; numbers that may be absent are pointers. Times are in the contract's zone.
type Data struct {
	SubscriberType string                 // subscriberType
	TransID        partner.TransID        // transId
	PartnerTransID partner.PartnerTransID // partnerTransId
	State          partner.State          // status
	WireState      string
	OTPExpiresAt   time.Time     // otpExpiresAt
	OTPTTL         time.Duration // otpTTL, seconds on the wire
	ResendAfter    time.Duration // resendAfter, seconds on the wire
	OTPLength      int           // otpLength
	AttemptsLeft   *int          // attemptsLeft
	RegisteredAt   time.Time     // registeredAt
	EffectiveFrom  time.Time     // effectiveFrom
	ExpiresAt      time.Time     // expiresAt
	Page, Size     int           // page, size
	Total          *int          // total
	Rows           []Row
	// HasRows says whether the answer carried the rows, be it none: a list, one object, a
	// null list of offers, or a null list beside a total of 0. Any other null is silence:
	// a transaction that is null was neither found nor said to be absent.
	HasRows bool
}

// Row is one row of an answer: a package offered (packages.eligible) or a transaction.
type Row struct {
	Package     partner.PackageCode // package
	Name        string              // name
	Price       partner.VND         // price
	CycleDays   int                 // cycleDays
	ResetDays   int                 // resetDays
	AutoRenew   *bool               // autoRenew
	Description string              // description
	Eligible    *bool               // eligible
	ReasonCode  string              // reasonCode, the partner's own string
	ReasonText  string              // reasonText
	// Fault says what of an offer cannot be read; nil when all can. The fields that can be
	// are filled in, the others zero. A transaction has none: it fails the whole answer.
	Fault *DecodeError

	TransID        partner.TransID        // transId
	PartnerTransID partner.PartnerTransID // partnerTransId, not validated
	MSISDN         partner.MSISDN         // msisdn; zero when it is absent or no number
	Amount         partner.VND            // amount
	State          partner.State          // status
	WireState      string
	ResultCode     string    // resultCode, the partner's own string
	ResultMessage  string    // resultMessage
	Shop           string    // shop
	CreatedAt      time.Time // createdAt
	UpdatedAt      time.Time // updatedAt
}

// Reply is a decoded, well-formed answer.
type Reply struct {
	WireCode  string
	Rule      CodeRule // the code table's row, shared with the contract: read only; zero (name "") for a code that is not listed
	Class     Class    // of Rule for the operation; unknown for a code that is not listed
	Message   string   // as the partner wrote it: may hold personal data
	RequestID string
	Time      time.Time // the envelope's responseTime; zero when absent
	Data      Data
}

// Answer is what a server says; the sandbox builds it.
type Answer struct {
	Code      partner.Code // canonical; the contract picks the wire string
	WireCode  string       // overrides Code
	Message   string
	RequestID string
	Time      time.Time
	Data      Data
	// Contradict flips the success flag where the contract has one; for fault tests.
	Contradict bool
}
