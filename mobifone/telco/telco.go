// Package telco is the vocabulary of the SDK: the values a phone shop and MobiFone
// talk about, the four outcomes of a sale, and the words for the teller.
//
// It imports the standard library and internal/text, and every other package of the module may
// import it. All types are safe for concurrent use because none of them changes.
//
// Personal data and secrets are types of their own ([MSISDN], [OTP], [Secret]) that
// print masked under every fmt verb, in log/slog and in JSON; each has one method
// that reveals it, so that every place that does can be found.
package telco

// This file holds the words that both sides use: why a call ended (Code), which call it was (Operation),
// who waited for it (Lane), and one row of MobiFone's ledger with its state and money. The words are ours;
// the contract maps MobiFone's to them. Nothing here decides: internal/reading says what a row proves.

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
)

// Code is the canonical name of a reason. It is itself an error, so that
// errors.Is(err, telco.OTPInvalid) asks for it. The contract's document maps MobiFone's
// own strings to names; [Error.WireCode] keeps MobiFone's string. A document may give names
// that are no constants here; write them as they stand there: telco.Code("COMMITMENT_ACTIVE").
type Code string

// Error returns the code's name.
func (c Code) Error() string { return string(c) }

// The codes of MobiFone that the SDK acts on, or that say what is wrong at our end. The default
// document has more: see "codes" in mobifone/contract/default.json.
const (
	Success               Code = "SUCCESS"
	Processing            Code = "PROCESSING"
	DuplicateTransaction  Code = "DUPLICATE_TRANSACTION"
	TransactionNotFound   Code = "TRANSACTION_NOT_FOUND"
	OTPInvalid            Code = "OTP_INVALID"
	OTPExpired            Code = "OTP_EXPIRED"
	OTPResendTooSoon      Code = "OTP_RESEND_TOO_SOON"
	OTPLimitExceeded      Code = "OTP_LIMIT_EXCEEDED"
	OTPNotDelivered       Code = "OTP_NOT_DELIVERED"
	NotEligible           Code = "NOT_ELIGIBLE"
	ShopOrEmployeeInvalid Code = "SHOP_OR_EMPLOYEE_INVALID"
	PartnerLimit          Code = "PARTNER_LIMIT"
	AuthKey               Code = "AUTH_KEY"
	AuthSignature         Code = "AUTH_SIGNATURE"
	AuthTimestamp         Code = "AUTH_TIMESTAMP"
	AuthNonce             Code = "AUTH_NONCE"
	AuthIP                Code = "AUTH_IP"
	RateLimited           Code = "RATE_LIMITED"
	Maintenance           Code = "MAINTENANCE"
	SystemError           Code = "SYSTEM_ERROR"
	CommandNotConfigured  Code = "COMMAND_NOT_CONFIGURED"
)

// Codes the SDK says itself; no MobiFone reply carries them.
const (
	// InvalidInput means that what the caller passed is malformed; [Error.Fields] says which field
	// and why.
	InvalidInput Code = "local.INVALID_INPUT"
	// OperationAbsent means that the contract has no such operation.
	OperationAbsent Code = "local.OPERATION_ABSENT"
	// LimitReached means that our own limiter refused; [Error.RetryAfter] says when to come back.
	LimitReached Code = "local.LIMIT_REACHED"
	// CredentialsFailed means that there were no credentials, no login or no signature.
	CredentialsFailed Code = "local.CREDENTIALS_FAILED"
	// ConnectFailed means that DNS, dial or TLS failed.
	ConnectFailed Code = "local.CONNECT_FAILED"
	// ClientClosed means that the client was closed.
	ClientClosed Code = "local.CLIENT_CLOSED"
	// PastSendBy means that the send came too late to be fenced. Nothing left; prepare again.
	PastSendBy Code = "local.PAST_SEND_BY"
	// ClockUnreliable means that the two local clocks disagree, or that MobiFone's time is not
	// known.
	ClockUnreliable Code = "local.CLOCK_UNRELIABLE"
	// AlreadySent means that nothing was sent, because these ids were before: by this draft, by
	// another call of this client that is not resolved, or as MobiFone's row shows. Resolve the handle.
	AlreadySent Code = "local.ALREADY_SENT"
	// ReplyUnreadable means that the reply was cut, garbled, contradictory or not ours.
	ReplyUnreadable Code = "local.REPLY_UNREADABLE"
	// ReplyLost means that the request was sent and no reply came.
	ReplyLost Code = "local.REPLY_LOST"
	// LookupConflict means that MobiFone's row contradicts what was sent; a person must look.
	LookupConflict Code = "local.LOOKUP_CONFLICT"
	// Canceled means that the caller's context ended before the body left.
	Canceled Code = "local.CANCELED"
	// RedirectRefused means that MobiFone answered 3xx; redirects are never followed.
	RedirectRefused Code = "local.REDIRECT_REFUSED"
)

// Local reports whether the SDK itself says the code, not MobiFone.
func (c Code) Local() bool { return len(c) > 6 && c[:6] == "local." }

// Operation names one function of MobiFone's API, as the contract spells it.
type Operation string

// The six operations the SDK knows. A contract may leave some out.
const (
	OpEligible Operation = "packages.eligible"     // step 1: what may this subscriber buy
	OpOTP      Operation = "otp.request"           // step 2: send an OTP, get a transId
	OpRegister Operation = "registration.register" // step 3: register the package; moves money
	OpGet      Operation = "transactions.get"      // step 4: one transaction by its ids
	OpList     Operation = "transactions.list"     // step 4: transactions of a time window
	OpSearch   Operation = "transactions.search"   // step 4: as list, for one subscriber
)

// Lookup reports whether the operation only looks up what became of a transaction.
// A failed lookup says nothing about the registration: its outcome is always [Unknown].
func (o Operation) Lookup() bool { return o == OpGet || o == OpList || o == OpSearch }

// Lane says who waits for a call. A limiter serves the lanes in this order and starves none.
type Lane uint8

// The lanes, the most urgent first.
const (
	// Foreground is for a teller and a customer at the counter.
	Foreground Lane = iota
	// Resolving is for looking up what became of sales that are unknown: somebody has paid, and
	// may still be waiting there.
	Resolving
	// Background is for reconciliation and reports.
	Background
)

// Lanes is how many lanes there are.
const Lanes = 3

// String returns "foreground", "resolving" or "background".
func (l Lane) String() string {
	switch l {
	case Foreground:
		return "foreground"
	case Resolving:
		return "resolving"
	default:
		return "background"
	}
}

// Call is what a limiter is told before each HTTP request.
type Call struct {
	Operation Operation
	Lane      Lane
	// Try counts the requests of one call, from 1. An OTP request is tried again only when no byte
	// of the earlier try left, so a limit on OTPs counts the first try alone.
	Try int
	// Subscriber is whom the call is about; the zero value where it is about nobody or many.
	// It prints masked.
	Subscriber MSISDN
}

// State is MobiFone's state of a transaction, canonical. The zero value is a
// state the contract does not list.
type State uint8

// The states of a transaction.
const (
	// StateUnlisted is a state that the contract does not list: it decides nothing, and a person
	// must look.
	StateUnlisted State = iota
	// StateInit means that an OTP was sent and nothing is registered.
	StateInit
	// StatePending means that MobiFone took the registration and has not finished it.
	StatePending
	// StateSuccess means registered.
	StateSuccess
	// StateFailed means that MobiFone refused the registration; ResultCode says why.
	StateFailed
	// StateExpired means that no registration came while the OTP was valid.
	StateExpired
	// StateCancelled means that the transaction was given up before anything was registered.
	StateCancelled
	// StateReversed means that it succeeded and the operator took it back.
	StateReversed
)

// String returns the canonical wire name: "INIT", "PENDING", …, "UNLISTED".
func (s State) String() string {
	switch s {
	case StateInit:
		return "INIT"
	case StatePending:
		return "PENDING"
	case StateSuccess:
		return "SUCCESS"
	case StateFailed:
		return "FAILED"
	case StateExpired:
		return "EXPIRED"
	case StateCancelled:
		return "CANCELLED"
	case StateReversed:
		return "REVERSED"
	default:
		return "UNLISTED"
	}
}

// Final reports whether MobiFone may not change the state any more (SUCCESS may
// still be reversed by the operator). An unlisted state is not final.
func (s State) Final() bool {
	switch s {
	case StateSuccess, StateFailed, StateExpired, StateCancelled, StateReversed:
		return true
	default:
		return false
	}
}

// Transaction is one row of MobiFone's ledger. Times carry +07:00.
type Transaction struct {
	TransID TransID
	// PartnerTransID is our id as MobiFone recorded it. It is empty before the registration, and may
	// be another system's and malformed.
	PartnerTransID PartnerTransID
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	State          State
	// WireState is MobiFone's own string for the state.
	WireState string
	// ResultCode is the canonical code of the transaction itself, not of the lookup.
	ResultCode     Code
	WireResultCode string
	// ResultMessage is MobiFone's text, scrubbed.
	ResultMessage string
	Shop          string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// Extra holds the members of the row that the contract asks to keep; zero when MobiFone sends
	// none.
	Extra Extra
}

// Extra holds members of an answer that the SDK has no field for and the contract asks to
// keep, by the names the contract gives them. The texts are MobiFone's own, with anything
// that could be a phone number masked. The zero value holds none.
type Extra struct {
	// pairs is name, value, name, value, each ended by a zero byte. It is one string, so that values
	// of Extra, and of what holds one, compare with ==.
	pairs string
}

// NewExtra keeps the pairs; a zero byte in one is left out.
func NewExtra(pairs iter.Seq2[string, string]) Extra {
	var b strings.Builder
	for name, value := range pairs {
		for _, s := range []string{name, text.Scrub(value)} {
			b.WriteString(strings.ReplaceAll(s, "\x00", ""))
			b.WriteByte(0)
		}
	}
	return Extra{pairs: b.String()}
}

// Get returns the member of this name.
func (e Extra) Get(name string) (string, bool) {
	for n, v := range e.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All yields the members in the contract's order.
func (e Extra) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := e.pairs
		for rest != "" {
			name, after, _ := strings.Cut(rest, "\x00")
			value, next, _ := strings.Cut(after, "\x00")
			if !yield(name, value) {
				return
			}
			rest = next
		}
	}
}

// String lists the members.
func (e Extra) String() string {
	var b strings.Builder
	for name, value := range e.All() {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + "=" + value)
	}
	return b.String()
}

// VND is an amount in whole Vietnamese đồng, VAT included.
type VND int64

// String groups by thousands with dots and appends the sign, as amounts are written in
// Viet Nam: "120.000 ₫", "-1.000 ₫".
func (v VND) String() string {
	n := uint64(v)
	if v < 0 {
		n = -n // right for the smallest int64 too
	}
	digits := strconv.AppendUint(nil, n, 10)
	out := make([]byte, 0, 32)
	if v < 0 {
		out = append(out, '-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, '.')
		}
		out = append(out, d)
	}
	return string(append(out, " ₫"...))
}
