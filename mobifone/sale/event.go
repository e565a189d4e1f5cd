package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Kind names what happened. An event is a fact: it is stored before anything is done
// about it, and folding the stored events gives the sale again.
type Kind string

// The kinds of events.
const (
	Opened       Kind = "opened"        // Order, PartnerTransID of attempt 1
	CashTaken    Kind = "cash-taken"    // Amount
	CancelAsked  Kind = "cancelled"     // before cash
	OTPAsked     Kind = "otp-asked"     // durable before the request
	OTPSentEvent Kind = "otp-sent"      // Ticket, Wait until a resend
	OTPRefused   Kind = "otp-refused"   // Outcome, Code, Wait
	SendPlanned  Kind = "send-planned"  // Intent; the lookup that has to go before it is an event of its own
	SendEnded    Kind = "send-ended"    // Index, Outcome, Code, Then, Final, Receipt
	LookedUp     Kind = "looked-up"     // Lookup, complete and well-formed
	Overdue      Kind = "overdue"       // the time of an act has come: no answer to a send, the end of a hold, an alarm
	AbandonAsked Kind = "abandoned"     // the customer wants the cash back
	RefundTaken  Kind = "refund-taken"  // By claims to pay out; a lookup goes before it
	RefundPaid   Kind = "refund-paid"   // the cash left the drawer: a fact, in whatever state
	RefundDenied Kind = "refund-denied" // By, another person than claimed it, says with Note that no cash left
	Observed     Kind = "observed"      // Row found elsewhere, by reconciliation; Twice
	Decided      Kind = "decided"       // Verdict of a person on a sale in Review
	Overridden   Kind = "overridden"    // a supervisor takes another slot for a busy subscriber
)

// Event is one fact. Which fields matter stands behind each [Kind].
type Event struct {
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`          // local clock of the process that recorded it, UTC
	By   string    `json:"by,omitzero"` // employee; empty for the machine

	Order          *Order                 `json:"order,omitzero"`
	PartnerTransID partner.PartnerTransID `json:"partnerTransId,omitzero"`
	Amount         partner.VND            `json:"amount,omitzero"`
	Ticket         *Ticket                `json:"ticket,omitzero"`
	Wait           time.Duration          `json:"wait,omitzero"`
	Intent         *Intent                `json:"intent,omitzero"`
	Index          int                    `json:"index,omitzero"` // in Sale.Intents
	Outcome        partner.Outcome        `json:"outcome,omitzero"`
	Code           partner.Code           `json:"code,omitzero"`
	Then           partner.Then           `json:"then,omitzero"`
	Final          bool                   `json:"final,omitzero"` // the contract promises that this refusal is final
	Receipt        *Receipt               `json:"receipt,omitzero"`
	Lookup         *Lookup                `json:"lookup,omitzero"`
	Row            *Row                   `json:"row,omitzero"`
	Twice          bool                   `json:"twice,omitzero"` // the statement has a second success of Row's partnerTransId
	Verdict        *Verdict               `json:"verdict,omitzero"`
	Slot           int                    `json:"slot,omitzero"`
	Note           string                 `json:"note,omitzero"`
	// NextID is the partnerTransId of the attempt after the present one, should the
	// event make one.
	NextID partner.PartnerTransID `json:"nextId,omitzero"`
}

// Lookup is a complete, well-formed lookup of every pair of ids of the sale.
type Lookup struct {
	// At is the earliest time, by MobiFone's clock, at which its ledger can have been read;
	// zero: not known, and then an absence proves nothing.
	At     time.Time `json:"at,omitzero"`
	Cached bool      `json:"cached,omitzero"` // a cache may have answered: only what is there counts
	Rows   []Row     `json:"rows,omitzero"`
}

// Row is a row of MobiFone's, compared with the order when it was read: the phone number
// is compared there and not kept.
type Row struct {
	partner.IDs
	State     partner.State `json:"state"`
	Differs   string        `json:"differs,omitzero"`   // in what it is not the order, in words
	Refusal   partner.Code  `json:"refusal,omitzero"`   // of FAILED: the listed code it failed with
	Then      partner.Then  `json:"then,omitzero"`      // where Refusal leads
	UpdatedAt time.Time     `json:"updatedAt,omitzero"` // as the row says
}

// Ruling is what a person decides on a sale in Review.
type Ruling string

// The rulings of [Desk.Decide].
const (
	RuleRegistered Ruling = "registered" // MobiFone's evidence shows our registration
	RuleRefundDue  Ruling = "refund-due" // evidence shows there is none; not while a claim on the refund is open, nor before a known fence
	RuleRefunded   Ruling = "refunded"   // the cash is proved to be out
	RuleClosed     Ruling = "closed"     // with a booked loss or surplus
)

// Verdict is a person's decision.
type Verdict struct {
	Ruling   Ruling      `json:"ruling"`
	Booked   partner.VND `json:"booked,omitzero"` // of closed: loss below 0, surplus above
	Evidence string      `json:"evidence"`        // where the proof is, for the auditor
}
