package sale

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file says what a sale is and what can happen to it. All are plain values, stored as JSON
// under the names in their tags, which never change. No OTP is in any of them, and the
// subscriber's number is stored apart, encrypted.

// State is where a sale is on its way. The zero value, None, is no sale.
type State uint8

// The states of a sale; docs/state-machine.md shows which leads where.
const (
	// None is the state of a sale that does not exist.
	None State = iota
	// Open: ordered, no cash yet.
	Open
	// Paid: the cash is in the drawer, and no OTP is in hand.
	Paid
	// OTPSent: an OTP is on the customer's phone.
	OTPSent
	// Registering: the intent of a registration is stored, and it may be on the wire.
	Registering
	// Resolving: nobody knows what became of a registration, and it is looked up. Neither a
	// second registration nor a refund is possible.
	Resolving
	// Registered: the customer has the package.
	Registered
	// RefundDue: proven not registered, so the cash goes back to the customer.
	RefundDue
	// Refunding: one teller has claimed to pay the refund out, and nobody else may.
	Refunding
	// Refunded: the cash is back with the customer.
	Refunded
	// Review: a person must decide, see [Desk.Decide]. The driver goes on looking it up.
	Review
	// Cancelled: given up before cash was taken.
	Cancelled
	// Closed: decided by a person, with a loss or a surplus booked.
	Closed
)

var stateNames = [...]string{
	"None", "Open", "Paid", "OTPSent", "Registering", "Resolving",
	"Registered", "RefundDue", "Refunding", "Refunded", "Review", "Cancelled", "Closed",
}

// String returns the state's name as docs/state-machine.md spells it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// States returns all states but None, in the order of the declaration.
func States() []State {
	all := make([]State, 0, len(stateNames)-1)
	for s := Open; int(s) < len(stateNames); s++ {
		all = append(all, s)
	}
	return all
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name, spelled exactly as String writes it.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("sale: no state %q; a newer version of the program may have written it", text)
}

// Resting reports whether nothing is left to do, neither by the machine nor by a person.
// A fact found later (an observed row) can still move a resting sale to Review.
func (s State) Resting() bool {
	return s == Registered || s == Refunded || s == Cancelled || s == Closed
}

// Order is what the customer buys.
type Order struct {
	// Shop is the shop that sells; it is also Staff.Shop.
	Shop string `json:"shop"`
	// ID is the shop's order id. It must be unique in the shop for ever: the same id is the
	// same sale.
	ID string `json:"order"`
	// MSISDN is the subscriber. A store keeps it apart, encrypted, and only until it is erased.
	MSISDN telco.MSISDN `json:"-"`
	// Package is the code of an offer that step 1 showed.
	Package telco.PackageCode `json:"package"`
	// Price is what the customer pays: the offer's price, in whole dong.
	Price telco.VND `json:"price"`
	// Staff is who sells, as MobiFone is told.
	Staff telco.Staff `json:"staff"`
}

// Sale is one sale as its events made it. It is a plain value: the decision core makes a
// new one from an old one and an event, and changes none. No OTP is ever in it.
type Sale struct {
	// ID is the sale's own id: the partnerTransId of its first attempt.
	ID string `json:"id"`
	// Version is how many events have been applied. A store accepts a change only for the
	// version it has.
	Version int64 `json:"version"`
	// State says where the sale is on its way.
	State State `json:"state"`
	// Order is what the customer buys.
	Order Order `json:"order"`

	// OpenedAt is when the sale was opened, by the local clock.
	OpenedAt time.Time `json:"openedAt"`
	// UpdatedAt is when the last event happened, by the local clock.
	UpdatedAt time.Time `json:"updatedAt"`
	// WakeAt is when the driver has something to do for the sale; zero: nothing.
	WakeAt time.Time `json:"wakeAt,omitzero"`

	// Attempt counts the partnerTransIds of the sale, from 1.
	Attempt int `json:"attempt"`
	// PartnerTransID is the partnerTransId of Attempt.
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`

	// CashIn is what the customer paid.
	CashIn telco.VND `json:"cashIn"`
	// CashOut is what was given back.
	CashOut telco.VND `json:"cashOut"`
	// Booked is what the accountant booked when the sale was closed: a loss below 0, a
	// surplus above.
	Booked telco.VND `json:"booked,omitzero"`

	// Ticket is the OTP in hand; nil without one.
	Ticket *HeldOTP `json:"ticket,omitzero"`
	// OTPAskedAt is when an OTP was requested that has not been answered yet; else zero.
	OTPAskedAt time.Time `json:"otpAskedAt,omitzero"`
	// ResendAt is when the next OTP may be requested, by the local clock.
	ResendAt time.Time `json:"resendAt,omitzero"`
	// Intents are the records of every send ever planned, in order.
	Intents []Intent `json:"intents,omitzero"`

	// Since is when the sale entered State, by the local clock.
	Since time.Time `json:"since"`
	// AlarmAt is when a person who lets the sale wait is alarmed; zero: never.
	AlarmAt time.Time `json:"alarmAt,omitzero"`
	// Abandoned says that the customer wants the cash back as soon as that is safe.
	Abandoned bool `json:"abandoned,omitzero"`
	// Slot is the slot of the sale's claim on its subscriber. Above 0 a supervisor let it go
	// beside another sale.
	Slot int `json:"slot,omitzero"`
	// RefundBy is who claimed to pay the refund out; empty: nobody.
	RefundBy string `json:"refundBy,omitzero"`
	// LookedRefund is when the last look before the refund showed no registration, by the
	// local clock. It counts for a minute.
	LookedRefund time.Time `json:"lookedRefund,omitzero"`
	// Reason is why the sale is in State, where that is not plain.
	Reason Reason `json:"reason,omitzero"`
	// Ruled is the reason that a person knew when ruling that the cash goes back. The ledger
	// showing it again changes nothing.
	Ruled Reason `json:"ruled,omitzero"`
	// Looked says that PartnerTransID was looked up and found unused.
	Looked bool `json:"looked,omitzero"`
	// Yes is the pair of ids under which MobiFone said or showed a registration; nil: none.
	Yes *telco.IDs `json:"yes,omitzero"`
	// Receipt is what MobiFone said about the registration; nil unless Registered.
	Receipt *Registration `json:"receipt,omitzero"`
}

// HeldOTP is an OTP in hand: what MobiFone said when it sent the code. The code itself is
// never here.
type HeldOTP struct {
	// TransID is MobiFone's id for this OTP; the registration names it.
	TransID telco.TransID `json:"transId"`
	// ExpiresAt is when the OTP runs out, by the local clock, for the countdown on the screen.
	ExpiresAt time.Time `json:"expiresAt"`
	// MobiFoneExpiresAt is when it runs out by MobiFone's clock, as its reply said; zero: it
	// did not say. The fence is counted from it.
	MobiFoneExpiresAt time.Time `json:"partnerExpiresAt,omitzero"`
	// RunOut says that MobiFone called the OTP run out, whatever the countdown shows. Request
	// another one.
	RunOut bool `json:"runOut,omitzero"`
}

// Intent is the durable record of one send and of what became of it. It is stored before
// the first byte leaves. It is open until something settles it; no event says "sent".
type Intent struct {
	telco.SendWindow
	// Attempt is the attempt that the send belongs to.
	Attempt int `json:"attempt"`
	// At is when the intent was made, by the local clock.
	At time.Time `json:"at"`
	// WakeAt is when an answer is no longer hoped for, by the local clock. The sale is then
	// looked up.
	WakeAt time.Time `json:"wakeAt"`
	// Fingerprint identifies the exact request that was prepared, without its OTP.
	Fingerprint []byte `json:"fingerprint,omitzero"`

	// Answered says that an outcome was recorded.
	Answered bool `json:"answered,omitzero"`
	// Outcome is what the answer proved; it counts only if Answered.
	Outcome telco.Outcome `json:"outcome,omitzero"`
	// Code is what MobiFone answered, or what its ledger showed later.
	Code telco.Code `json:"code,omitzero"`
	// WireCode is MobiFone's own string for Code, scrubbed, for its inquiry desk.
	WireCode string `json:"wireCode,omitzero"`
	// Then is where Code leads once it is settled that the send registered nothing.
	Then telco.Then `json:"then,omitzero"`
	// Settled is what is proven: "yes", it registered the package; "no", it registered
	// nothing and never will; empty, it is open: it may have registered, or still do so.
	Settled string `json:"settled,omitzero"`
	// Failed says that a FAILED row settled it. A success shown later would contradict that.
	Failed bool `json:"failed,omitzero"`
}

// What is proven of an intent; see Intent.Settled.
const (
	settledYes = "yes"
	settledNo  = "no"
)

// stayed reports whether it is proven that no byte of the send left.
func (i Intent) stayed() bool { return i.Answered && i.Outcome == telco.NotSent }

// open reports whether nothing is proven of the send yet.
func (i Intent) open() bool { return i.Settled == "" }

// Registration is what MobiFone said about a registration that succeeded.
type Registration struct {
	// TransID and PartnerTransID are the ids it is registered under.
	TransID        telco.TransID        `json:"transId"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`
	// RegisteredAt is when MobiFone registered it, by its own clock; zero: it did not say.
	RegisteredAt time.Time `json:"registeredAt,omitzero"`
	// EffectiveFrom and ExpiresAt are the package's term, by MobiFone's clock; zero: not said.
	EffectiveFrom time.Time `json:"effectiveFrom,omitzero"`
	ExpiresAt     time.Time `json:"expiresAt,omitzero"`
	// ByLookup says that a lookup showed it; the reply to the send was lost or late.
	ByLookup bool `json:"byLookup,omitzero"`
	// WireCode is MobiFone's own code of the success, where its reply told it: a MobiFone may
	// have several, for registered free and for registered and charged.
	WireCode string `json:"wireCode,omitzero"`
}

// Reason says why a sale is where it is, in English, for the screens and the accountant.
// It is for people: no program should compare it.
type Reason string

// open returns the sends of which nothing is proven yet.
func (s Sale) open() []telco.SendWindow {
	var open []telco.SendWindow
	for _, i := range s.Intents {
		if i.open() {
			open = append(open, i.SendWindow)
		}
	}
	return open
}

// anyOpen reports whether any send may have registered the package, or may still do so.
func (s Sale) anyOpen() bool { return slices.ContainsFunc(s.Intents, Intent.open) }

// anyLeft reports whether a byte of any send may have left.
func (s Sale) anyLeft() bool {
	return slices.ContainsFunc(s.Intents, func(i Intent) bool { return !i.stayed() })
}

// HoldsSubscriber reports whether the sale keeps its subscriber busy: while any intent is
// open, and in Review.
func (s Sale) HoldsSubscriber() bool {
	switch s.State {
	case Registering, Resolving, Review:
		return true
	default:
		return s.anyOpen()
	}
}

// claimed reports whether somebody claimed to pay the refund out and nobody has said yet whether the
// cash left.
func (s Sale) claimed() bool { return s.RefundBy != "" && s.CashOut == 0 }

// Pairs returns every pair of ids that a complete lookup has to ask for: those of all
// intents and of the OTP in hand, each once.
func (s Sale) Pairs() []telco.IDs {
	var pairs []telco.IDs
	add := func(p telco.IDs) {
		if !slices.Contains(pairs, p) {
			pairs = append(pairs, p)
		}
	}
	for _, i := range s.Intents {
		add(i.IDs)
	}
	if s.Ticket != nil {
		add(telco.IDs{TransID: s.Ticket.TransID, PartnerTransID: s.PartnerTransID})
	}
	return pairs
}

// sold is what the customer pays for, to compare MobiFone's rows with.
func (o Order) sold() reading.Sold {
	return reading.Sold{MSISDN: o.MSISDN, Package: o.Package, Amount: o.Price}
}

// Kind names what happened. An event is a fact: it is stored before anything is done
// about it, and folding the stored events gives the sale again. A store keeps the word as
// it is; only the desk makes events. The words, and the fields of [Event] that each one
// carries beside At and By:
//
//	opened         Order, PartnerTransID of attempt 1
//	cash-taken     Amount
//	cancelled      given up before cash
//	otp-asked      stored before the request for an OTP
//	otp-sent       Ticket, Wait until another one may be requested
//	otp-refused    Outcome, Code, Wait: no OTP came, or nobody knows
//	send-planned   Intent, stored before the first byte of the registration
//	send-ended     Index, Outcome, Code, WireCode, Then, Final, Receipt
//	looked-up      Lookup, complete and well-formed
//	overdue        the time has come: no answer to a send, the end of a hold, an alarm
//	abandoned      the customer wants the cash back
//	refund-taken   By claims to pay the refund out; a lookup goes before it
//	refund-paid    the cash left the drawer: taken in whatever state the sale is
//	refund-denied  By, not the one who claimed, says with Note that no cash left
//	observed       Row, found by reconciliation; Twice
//	decided        Verdict of a person
//	overridden     Slot that a supervisor gave the sale beside a busy subscriber's other one
type Kind string

const (
	kindOpened       Kind = "opened"
	kindCashTaken    Kind = "cash-taken"
	kindCancelAsked  Kind = "cancelled"
	kindOTPAsked     Kind = "otp-asked"
	kindOTPSent      Kind = "otp-sent"
	kindOTPRefused   Kind = "otp-refused"
	kindSendPlanned  Kind = "send-planned"
	kindSendEnded    Kind = "send-ended"
	kindLookedUp     Kind = "looked-up"
	kindOverdue      Kind = "overdue"
	kindAbandonAsked Kind = "abandoned"
	kindRefundTaken  Kind = "refund-taken"
	kindRefundPaid   Kind = "refund-paid"
	kindRefundDenied Kind = "refund-denied"
	kindObserved     Kind = "observed"
	kindDecided      Kind = "decided"
	kindOverridden   Kind = "overridden"
)

// Event is one fact about a sale. [Kind] lists which fields each kind carries; the others
// are zero.
type Event struct {
	// Kind is what happened.
	Kind Kind `json:"kind"`
	// At is when, by the local clock of the process that recorded it, UTC.
	At time.Time `json:"at"`
	// By is the employee who did it; empty for the machine.
	By string `json:"by,omitzero"`

	// What the event carries, by its kind.
	Order          *Order               `json:"order,omitzero"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId,omitzero"`
	Amount         telco.VND            `json:"amount,omitzero"`
	Ticket         *HeldOTP             `json:"ticket,omitzero"`
	// Wait is how long no OTP may be requested after the event.
	Wait   time.Duration `json:"wait,omitzero"`
	Intent *Intent       `json:"intent,omitzero"`
	// Index is which one of Sale.Intents has ended.
	Index    int           `json:"index,omitzero"`
	Outcome  telco.Outcome `json:"outcome,omitzero"`
	Code     telco.Code    `json:"code,omitzero"`
	WireCode string        `json:"wireCode,omitzero"`
	Then     telco.Then    `json:"then,omitzero"`
	// Final says that the contract promises that this refusal is final.
	Final   bool          `json:"final,omitzero"`
	Receipt *Registration `json:"receipt,omitzero"`
	Lookup  *Lookup       `json:"lookup,omitzero"`
	Row     *Row          `json:"row,omitzero"`
	// Twice says that the statement shows a second success of Row's partnerTransId.
	Twice   bool      `json:"twice,omitzero"`
	Verdict *Decision `json:"verdict,omitzero"`
	Slot    int       `json:"slot,omitzero"`
	// Note is where the evidence is, for the auditor.
	Note string `json:"note,omitzero"`
	// NextID is the partnerTransId of the attempt after the present one, should the event
	// lead to one.
	NextID telco.PartnerTransID `json:"nextId,omitzero"`
}
