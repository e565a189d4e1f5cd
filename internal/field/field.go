// Package field is the vocabulary of the wire: one table of the fields that requests can
// carry and one of those that answers can. Encoding, decoding, the rules of a document, the
// canonical text of a fingerprint, the server's half and the JSON Schema all read these two
// tables, so that a new field is one row here (and one member of the struct behind it).
package field

import (
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Ops is a set of operations, one bit for each.
type Ops uint8

// The operations, each the one of [telco.Operation] that has the same name.
const (
	Eligible Ops = 1 << iota
	OTP
	Register
	Get
	List
	Search

	lists = List | Search
	rows  = Get | List | Search
	all   = Eligible | OTP | Register | rows
)

// Operations returns the six operations in the order of the business process.
func Operations() []telco.Operation {
	return []telco.Operation{
		telco.OpEligible, telco.OpOTP, telco.OpRegister, telco.OpGet, telco.OpList, telco.OpSearch,
	}
}

// Of returns an operation as a set. It is empty for an operation that the SDK does not know.
func Of(op telco.Operation) Ops {
	switch op {
	case telco.OpEligible:
		return Eligible
	case telco.OpOTP:
		return OTP
	case telco.OpRegister:
		return Register
	case telco.OpGet:
		return Get
	case telco.OpList:
		return List
	case telco.OpSearch:
		return Search
	}
	return 0
}

// Request holds the fields of a request. A zero field is not sent, and neither is a field that
// the operation's endpoint does not list. The phone number and the OTP have types that print
// masked; only internal/wire reveals them, when it writes the request.
type Request struct {
	// MSISDN is the subscriber's number.
	MSISDN telco.MSISDN
	// Channel is the sales channel that every request names.
	Channel string
	// Staff is who sells, and where.
	telco.Staff
	// Package is the package to buy, and Amount what was paid for it.
	Package telco.PackageCode
	// TransID is MobiFone's id, which its OTP reply brought; PartnerTransID is ours.
	TransID        telco.TransID
	PartnerTransID telco.PartnerTransID
	// OTP is the customer's code.
	OTP    telco.OTP
	Amount telco.VND
	// From and To bound the rows of a list or a search, and State and Package choose among them.
	From, To time.Time
	State    telco.State
	// Page counts from 1; Size is how many rows a page may have.
	Page, Size int
}

// Spec describes one field of T: its name in a document, the operations that can have it, and
// where it is kept. The type behind At decides how the field is written and read.
type Spec[T any] struct {
	// Name is the field's name in a document.
	Name string
	// Ops are the operations that can have it.
	Ops Ops
	// Need are the operations whose document must name it. Needs that depend on other fields are
	// rules of the contract.
	Need Ops
	// Decides says that an answer in which this field cannot be read is unreadable. Any other
	// field is then treated as absent.
	Decides bool
	// At points at the field in a value.
	At func(*T) any
}

// The names of fields that rules and code speak of; the tables have all names.
const (
	MSISDN         = "msisdn"
	Package        = "package"
	TransID        = "transId"
	PartnerTransID = "partnerTransId"
	OTPCode        = "otp"
	Amount         = "amount"
	Status         = "status"
	From           = "from"
	To             = "to"
	Page           = "page"
	Size           = "size"
)

// The codes that only MobiFone's side has to say by name: the ledger, the server's half, the sandbox.
// A document may call them otherwise; the client knows them from the document alone. The codes that
// the SDK itself says or acts on are in telco.
const (
	AmountMismatch           telco.Code = "AMOUNT_MISMATCH"
	CommitmentActive         telco.Code = "COMMITMENT_ACTIVE"
	InvalidISDN              telco.Code = "INVALID_ISDN"
	NotPrepaid               telco.Code = "NOT_PREPAID"
	OTPAttemptsExceeded      telco.Code = "OTP_ATTEMPTS_EXCEEDED"
	PackageAlreadyRegistered telco.Code = "PACKAGE_ALREADY_REGISTERED"
	PackageInvalid           telco.Code = "PACKAGE_INVALID"
	RegistrationFailed       telco.Code = "REGISTRATION_FAILED"
	SubscriberInactive       telco.Code = "SUBSCRIBER_INACTIVE"
	SubscriberNotFound       telco.Code = "SUBSCRIBER_NOT_FOUND"
	TransactionConflict      telco.Code = "TRANSACTION_CONFLICT"
	TransactionExpired       telco.Code = "TRANSACTION_EXPIRED"
)

// Requests is the table of request fields, in the order in which a body carries them.
var Requests = [...]Spec[Request]{
	{Name: MSISDN, Ops: Eligible | OTP | Register | Search, Need: Eligible | OTP | Search, At: func(r *Request) any { return &r.MSISDN }},
	{Name: "channel", Ops: all, At: func(r *Request) any { return &r.Channel }},
	{Name: "shop", Ops: Eligible | OTP | Register | lists, At: func(r *Request) any { return &r.Staff.Shop }},
	{Name: "employee", Ops: Eligible | OTP | Register, At: func(r *Request) any { return &r.Staff.Employee }},
	{Name: "employeeName", Ops: Eligible | OTP | Register, At: func(r *Request) any { return &r.Staff.Name }},
	{Name: "pos", Ops: Eligible | OTP | Register, At: func(r *Request) any { return &r.Staff.POS }},
	{Name: "system", Ops: Eligible | OTP | Register, At: func(r *Request) any { return &r.Staff.System }},
	{Name: Package, Ops: OTP | Register | lists, Need: OTP, At: func(r *Request) any { return &r.Package }},
	{Name: TransID, Ops: Register | Get, At: func(r *Request) any { return &r.TransID }},
	{Name: PartnerTransID, Ops: OTP | Register | Get, At: func(r *Request) any { return &r.PartnerTransID }},
	{Name: OTPCode, Ops: Register, Need: Register, At: func(r *Request) any { return &r.OTP }},
	{Name: Amount, Ops: Register, At: func(r *Request) any { return &r.Amount }},
	{Name: From, Ops: lists, Need: lists, At: func(r *Request) any { return &r.From }},
	{Name: To, Ops: lists, Need: lists, At: func(r *Request) any { return &r.To }},
	{Name: Status, Ops: lists, At: func(r *Request) any { return &r.State }},
	{Name: Page, Ops: lists, Need: lists, At: func(r *Request) any { return &r.Page }},
	{Name: Size, Ops: lists, At: func(r *Request) any { return &r.Size }},
}

// StateSaid is a transaction's state, and the string of MobiFone's that told it.
type StateSaid struct {
	State     telco.State
	WireState string
}

// Data holds the fields of an answer. A field that MobiFone did not send is zero; a number that
// may be 0 is a pointer. Times are in the contract's zone.
type Data struct {
	// SubscriberType is MobiFone's own word for the kind of subscriber.
	SubscriberType string
	TransID        telco.TransID
	PartnerTransID telco.PartnerTransID
	StateSaid
	MSISDN  telco.MSISDN
	Package telco.PackageCode
	Amount  telco.VND
	// OTPExpiresAt is when the OTP runs out by MobiFone's clock, and OTPTTL how long it lasts.
	OTPExpiresAt time.Time
	OTPTTL       time.Duration
	// ResendAfter is how long to wait before another OTP may be asked for.
	ResendAfter time.Duration
	OTPLength   int
	// AttemptsLeft is how many more wrong codes are allowed.
	AttemptsLeft *int
	// RegisteredAt, EffectiveFrom and ExpiresAt are the registration's.
	RegisteredAt  time.Time
	EffectiveFrom time.Time
	ExpiresAt     time.Time
	Page, Size    int
	// Total and Pages count all rows of a list, where MobiFone counts them.
	Total *int
	Pages *int
	// Extra holds the further fields that the contract names.
	Extra telco.Extra
	// Rows are the offers or the transactions.
	Rows []Row
	// HasRows reports whether the answer carried the rows, even if there are none: a list, one
	// object, a null list of offers, or a null list beside a total of 0. Any other null says
	// nothing: a transaction that is null was neither found nor said to be absent.
	HasRows bool
}

// Answers is the table of the fields of [Data].
var Answers = [...]Spec[Data]{
	{Name: "subscriberType", Ops: Eligible, At: func(d *Data) any { return &d.SubscriberType }},
	{Name: TransID, Ops: OTP | Register | Get, Need: OTP, Decides: true, At: func(d *Data) any { return &d.TransID }},
	{Name: PartnerTransID, Ops: OTP | Register | Get, Decides: true, At: func(d *Data) any { return &d.PartnerTransID }},
	{Name: Status, Ops: OTP | Register, Decides: true, At: func(d *Data) any { return &d.StateSaid }},
	{Name: MSISDN, Ops: OTP | Register, Decides: true, At: func(d *Data) any { return &d.MSISDN }},
	{Name: Package, Ops: OTP | Register, Decides: true, At: func(d *Data) any { return &d.Package }},
	{Name: Amount, Ops: OTP | Register, Decides: true, At: func(d *Data) any { return &d.Amount }},
	{Name: "otpExpiresAt", Ops: OTP, At: func(d *Data) any { return &d.OTPExpiresAt }},
	{Name: "otpTTL", Ops: OTP, At: func(d *Data) any { return &d.OTPTTL }},
	{Name: "resendAfter", Ops: OTP, At: func(d *Data) any { return &d.ResendAfter }},
	{Name: "otpLength", Ops: OTP, At: func(d *Data) any { return &d.OTPLength }},
	{Name: "attemptsLeft", Ops: OTP | Register, At: func(d *Data) any { return &d.AttemptsLeft }},
	{Name: "registeredAt", Ops: Register, At: func(d *Data) any { return &d.RegisteredAt }},
	{Name: "effectiveFrom", Ops: Register, At: func(d *Data) any { return &d.EffectiveFrom }},
	{Name: "expiresAt", Ops: Register, At: func(d *Data) any { return &d.ExpiresAt }},
	{Name: Page, Ops: lists, At: func(d *Data) any { return &d.Page }},
	{Name: Size, Ops: lists, At: func(d *Data) any { return &d.Size }},
	{Name: "total", Ops: lists, At: func(d *Data) any { return &d.Total }},
	{Name: "pages", Ops: lists, At: func(d *Data) any { return &d.Pages }},
}

// Row is one row of an answer: an offer of packages.eligible, or a transaction. The fields up to
// ReasonText are an offer's, those after it a transaction's; Package is of both.
type Row struct {
	Package     telco.PackageCode
	Name        string
	Price       telco.VND
	CycleDays   int
	ResetDays   int
	AutoRenew   *bool
	Description string
	Eligible    *bool
	// ReasonCode is MobiFone's own string for why the number is not eligible.
	ReasonCode string
	ReasonText string

	TransID telco.TransID
	// PartnerTransID is as it came; it is not checked.
	PartnerTransID telco.PartnerTransID
	// MSISDN is zero when it is absent, masked or malformed.
	MSISDN telco.MSISDN
	Amount telco.VND
	StateSaid
	// ResultCode is MobiFone's own string for how the registration ended.
	ResultCode    string
	ResultMessage string
	Shop          string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Extra         telco.Extra

	// Problem says what of an offer cannot be read; nil means nothing. The fields that can be read
	// are filled in. A transaction has none: it makes the whole answer unreadable.
	Problem error
}

// single keeps the memory of a single row that nobody reads any more. Most lookups have one row.
var single sync.Pool

// MakeRows makes n empty rows.
func MakeRows(n int) []Row {
	if room, ok := single.Get().(*[1]Row); ok && n == 1 {
		return room[:]
	}
	return make([]Row, n)
}

// FreeRows takes rows back once their last reader has copied what it needs. Nobody may read them
// after that.
func FreeRows(rows []Row) {
	if len(rows) == 1 {
		rows[0] = Row{}
		single.Put((*[1]Row)(rows))
	}
}

// Rows is the table of the fields of [Row].
var Rows = [...]Spec[Row]{
	{Name: Package, Ops: Eligible | rows, Need: Eligible, Decides: true, At: func(r *Row) any { return &r.Package }},
	{Name: "name", Ops: Eligible, At: func(r *Row) any { return &r.Name }},
	{Name: "price", Ops: Eligible, Decides: true, At: func(r *Row) any { return &r.Price }},
	{Name: "cycleDays", Ops: Eligible, At: func(r *Row) any { return &r.CycleDays }},
	{Name: "resetDays", Ops: Eligible, At: func(r *Row) any { return &r.ResetDays }},
	{Name: "autoRenew", Ops: Eligible, At: func(r *Row) any { return &r.AutoRenew }},
	{Name: "description", Ops: Eligible, At: func(r *Row) any { return &r.Description }},
	{Name: "eligible", Ops: Eligible, Decides: true, At: func(r *Row) any { return &r.Eligible }},
	{Name: "reasonCode", Ops: Eligible, Decides: true, At: func(r *Row) any { return &r.ReasonCode }},
	{Name: "reasonText", Ops: Eligible, At: func(r *Row) any { return &r.ReasonText }},
	{Name: TransID, Ops: rows, Decides: true, At: func(r *Row) any { return &r.TransID }},
	{Name: PartnerTransID, Ops: rows, Decides: true, At: func(r *Row) any { return &r.PartnerTransID }},
	{Name: MSISDN, Ops: rows, Decides: true, At: func(r *Row) any { return &r.MSISDN }},
	{Name: Amount, Ops: rows, Decides: true, At: func(r *Row) any { return &r.Amount }},
	{Name: Status, Ops: rows, Need: rows, Decides: true, At: func(r *Row) any { return &r.StateSaid }},
	{Name: "resultCode", Ops: rows, Decides: true, At: func(r *Row) any { return &r.ResultCode }},
	{Name: "resultMessage", Ops: rows, At: func(r *Row) any { return &r.ResultMessage }},
	{Name: "shop", Ops: rows, At: func(r *Row) any { return &r.Shop }},
	{Name: "createdAt", Ops: rows, At: func(r *Row) any { return &r.CreatedAt }},
	{Name: "updatedAt", Ops: rows, At: func(r *Row) any { return &r.UpdatedAt }},
}

// Index finds a field by its name; -1 when the table has none.
func Index[T any](table []Spec[T], name string) int {
	return slices.IndexFunc(table, func(s Spec[T]) bool { return s.Name == name })
}

// Names lists the fields that an operation can have, in the table's order.
func Names[T any](table []Spec[T], op Ops) []string {
	var names []string
	for _, s := range table {
		if s.Ops&op != 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

// Needed lists the fields that an operation's document must name.
func Needed[T any](table []Spec[T], op Ops) []string {
	var names []string
	for _, s := range table {
		if s.Need&op != 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

// Kind is what a field holds, for those who must know it without a value: the rules of a document
// and its JSON Schema.
type Kind string

// The kinds of fields that rules and formats tell apart.
const (
	Text     Kind = "text"
	Number   Kind = "number"
	Money    Kind = "money"
	Time     Kind = "time"
	Duration Kind = "duration"
	Flag     Kind = "flag"
)

// KindOf returns the kind of a field. A type that is none of the others is Text.
func KindOf[T any](s Spec[T]) Kind {
	switch s.At(new(T)).(type) {
	case *int, **int:
		return Number
	case *telco.VND:
		return Money
	case *time.Time:
		return Time
	case *time.Duration:
		return Duration
	case **bool:
		return Flag
	}
	return Text
}

// State returns the state with the canonical name; false, and telco.StateUnlisted, for any
// other string, "UNLISTED" included.
func State(name string) (telco.State, bool) {
	for s := telco.StateInit; s <= telco.StateReversed; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return telco.StateUnlisted, false
}

// IsDay reports whether a layout names a whole day: a window of such days includes the last.
func IsDay(layout string) bool {
	return layout == "yyyyMMdd" || layout == "yyyy-MM-dd" || layout == "dd/MM/yyyy"
}
