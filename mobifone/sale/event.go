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
	Opened       Kind = "opened"       // Order, PartnerTransID of attempt 1
	CashTaken    Kind = "cash-taken"   // Amount
	CancelAsked  Kind = "cancelled"    // before cash
	OTPAsked     Kind = "otp-asked"    // durable before the request
	OTPSentEvent Kind = "otp-sent"     // Ticket, Wait until a resend
	OTPRefused   Kind = "otp-refused"  // Outcome, Code, Wait
	SendPlanned  Kind = "send-planned" // Send; the lookup that has to go before it (R7, R8) is an event of its own
	SendEnded    Kind = "send-ended"   // SendIndex, Outcome, Code, Refusal, NotOurs, PartnerTime, Receipt
	LookedUp     Kind = "looked-up"    // Lookup, complete and well-formed
	Overdue      Kind = "overdue"      // the time of an act has come: no answer to a send, the end of a hold
	AbandonAsked Kind = "abandoned"    // the customer wants the cash back
	RefundTaken  Kind = "refund-taken" // By claims to pay out; a lookup goes before it (R11)
	RefundPaid   Kind = "refund-paid"  // the cash left the drawer
	Observed     Kind = "observed"     // Row found elsewhere, by reconciliation (R13)
	Decided      Kind = "decided"      // Verdict of a person on a sale in Review
	Overridden   Kind = "overridden"   // a supervisor takes another slot for a busy subscriber (R4)
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
	Send           *Send                  `json:"send,omitzero"`
	SendIndex      int                    `json:"sendIndex,omitzero"` // in Sale.Sends
	Outcome        partner.Outcome        `json:"outcome,omitzero"`
	Code           partner.Code           `json:"code,omitzero"`
	Refusal        bool                   `json:"refusal,omitzero"`
	NotOurs        bool                   `json:"notOurs,omitzero"`
	PartnerTime    time.Time              `json:"partnerTime,omitzero"`
	Receipt        *Receipt               `json:"receipt,omitzero"`
	Lookup         *Lookup                `json:"lookup,omitzero"`
	Row            *Row                   `json:"row,omitzero"`
	Verdict        *Verdict               `json:"verdict,omitzero"`
	Slot           int                    `json:"slot,omitzero"`
	Note           string                 `json:"note,omitzero"`
	// NextID is the partnerTransId of the attempt after the present one, should the
	// event make one.
	NextID partner.PartnerTransID `json:"nextId,omitzero"`
}

// Lookup is a complete, well-formed lookup of every (transId, partnerTransId) ever sent.
type Lookup struct {
	PartnerTime time.Time `json:"partnerTime"` // the earliest of its replies; zero: the partner has no clock
	Rows        []Row     `json:"rows,omitzero"`
}

// Row is a partner's row held against the sale's order when it was read: the subscriber
// is compared there and not kept.
type Row struct {
	TransID        partner.TransID        `json:"transId,omitzero"`
	PartnerTransID partner.PartnerTransID `json:"partnerTransId,omitzero"`
	State          partner.State          `json:"state"`
	Code           partner.Code           `json:"code,omitzero"`
	MayRetrySame   bool                   `json:"mayRetrySame,omitzero"`
	SameSubscriber bool                   `json:"sameSubscriber"`
	Package        partner.PackageCode    `json:"package,omitzero"`
	Amount         partner.VND            `json:"amount,omitzero"`
	UpdatedAt      time.Time              `json:"updatedAt,omitzero"`
	Twice          bool                   `json:"twice,omitzero"` // of Observed: the statement has a second success of the same id
}

// Ruling is what a person decides on a sale in Review.
type Ruling string

// The rulings of [Desk.Decide].
const (
	RuleRegistered Ruling = "registered" // MobiFone's evidence shows our registration
	RuleRefundDue  Ruling = "refund-due" // evidence shows there is none; only if Refunding was never entered
	RuleRefunded   Ruling = "refunded"   // the cash is proved to be out
	RuleClosed     Ruling = "closed"     // with a booked loss or surplus
)

// Verdict is a person's decision.
type Verdict struct {
	Ruling   Ruling      `json:"ruling"`
	Booked   partner.VND `json:"booked,omitzero"` // of closed: loss below 0, surplus above
	Evidence string      `json:"evidence"`        // where the proof is, for the auditor
}
