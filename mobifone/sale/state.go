package sale

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// State is where a sale stands. The zero value is no sale.
type State uint8

// The states of a sale; docs/state-machine.md shows the edges.
const (
	None        State = iota
	Open              // ordered, no cash yet
	Paid              // cash in the drawer, no OTP in hand
	OTPSent           // an OTP is on the customer's phone
	Registering       // a send is durable and may be on the wire
	Resolving         // not known what became of a send: it is looked up
	Registered        // the customer has the package
	RefundDue         // proven not registered: the cash is to be given back
	Refunding         // one teller has claimed to pay it out
	Refunded          // the cash is back with the customer
	Review            // a person must decide; looking up goes on
	Cancelled         // given up before cash
	Closed            // decided by a person, with a booked loss or surplus
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

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("sale: no state %q", text)
}

// Resting reports whether nothing is left to do, neither by the machine nor by a person.
// A fact found later (an observed row) can still move a resting sale to Review.
func (s State) Resting() bool {
	return s == Registered || s == Refunded || s == Cancelled || s == Closed
}

// Order is what the customer buys. The shop's order id is unique for ever in the shop.
type Order struct {
	Shop    string            `json:"shop"`
	ID      string            `json:"order"`
	MSISDN  telco.MSISDN      `json:"-"` // stored apart and encrypted
	Package telco.PackageCode `json:"package"`
	Price   telco.VND         `json:"price"`
	Staff   telco.Staff       `json:"staff"`
}

// Sale is one sale as its events have made it. It is a plain value: the decision core
// makes a new one of an old one and an event. No OTP ever enters it.
type Sale struct {
	ID      string `json:"id"`
	Version int64  `json:"version"` // events applied so far
	State   State  `json:"state"`
	Order   Order  `json:"order"`

	OpenedAt  time.Time `json:"openedAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	WakeAt    time.Time `json:"wakeAt,omitzero"` // when the machine has something to do; zero: nothing

	Attempt        int                  `json:"attempt"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"` // of Attempt

	CashIn  telco.VND `json:"cashIn"`
	CashOut telco.VND `json:"cashOut"`
	Booked  telco.VND `json:"booked,omitzero"` // of Closed: loss below 0, surplus above

	Ticket     *HeldOTP  `json:"ticket,omitzero"`     // the OTP in hand; nil without one
	OTPAskedAt time.Time `json:"otpAskedAt,omitzero"` // of an OTP request that is not answered yet
	ResendAt   time.Time `json:"resendAt,omitzero"`   // no OTP request before it
	Intents    []Intent  `json:"intents,omitzero"`    // of every send ever made, in order

	Since        time.Time     `json:"since"`                 // when the state was entered, local clock
	AlarmAt      time.Time     `json:"alarmAt,omitzero"`      // when a person who waits too long is alarmed; zero: never
	Abandoned    bool          `json:"abandoned,omitzero"`    // the customer wants the cash back as soon as that is safe
	Slot         int           `json:"slot,omitzero"`         // of the busy claim; above 0 a supervisor overrode
	RefundBy     string        `json:"refundBy,omitzero"`     // who claimed to pay the refund out
	LookedRefund time.Time     `json:"lookedRefund,omitzero"` // when the last look before cash leaves was clean, local clock
	Reason       Reason        `json:"reason,omitzero"`       // why Review or RefundDue
	Ruled        Reason        `json:"ruled,omitzero"`        // what a person knew when ruling that the cash goes back
	Looked       bool          `json:"looked,omitzero"`       // the present partnerTransId was looked up and found unused
	Yes          *telco.IDs    `json:"yes,omitzero"`          // the ids under which MobiFone said or showed a registration
	Receipt      *Registration `json:"receipt,omitzero"`      // of Registered
}

// HeldOTP is an OTP in hand: what MobiFone said when it was sent. The code itself is never
// here.
type HeldOTP struct {
	TransID           telco.TransID `json:"transId"`
	ExpiresAt         time.Time     `json:"expiresAt"`                 // local clock, for the countdown
	MobiFoneExpiresAt time.Time     `json:"partnerExpiresAt,omitzero"` // as MobiFone's reply said, for the fence
	RunOut            bool          `json:"runOut,omitzero"`           // MobiFone says that it has run out: another one is needed
}

// Intent is the durable record of one send and what became of it. It is open until
// something settles it; there is no "sent" record.
type Intent struct {
	telco.SendWindow
	Attempt     int       `json:"attempt"`
	At          time.Time `json:"at"`     // local clock, when it was made
	WakeAt      time.Time `json:"wakeAt"` // local clock, when an answer is not to be hoped for any more
	Fingerprint []byte    `json:"fingerprint,omitzero"`

	Answered bool          `json:"answered,omitzero"` // an outcome was recorded
	Outcome  telco.Outcome `json:"outcome,omitzero"`
	Code     telco.Code    `json:"code,omitzero"`     // what MobiFone answered, or its ledger showed
	WireCode string        `json:"wireCode,omitzero"` // MobiFone's own string for it, scrubbed: for its inquiry desk
	Then     telco.Then    `json:"then,omitzero"`     // where Code leads once the intent is settled no
	// Settled is what is proven: "yes", it registered the package; "no", it registered
	// nothing and never will; empty, it is open: it may have registered, or still do so.
	Settled string `json:"settled,omitzero"`
	Failed  bool   `json:"failed,omitzero"` // settled by a FAILED row: a success would contradict it
}

// What is proven of an intent.
const (
	settledYes = "yes" // it registered the package
	settledNo  = "no"  // it registered nothing and never will
)

// stayed reports that it is proven that no byte left.
func (i Intent) stayed() bool { return i.Answered && i.Outcome == telco.NotSent }

func (i Intent) open() bool { return i.Settled == "" }

// Registration is what MobiFone said of a registration.
type Registration struct {
	TransID        telco.TransID        `json:"transId"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`
	RegisteredAt   time.Time            `json:"registeredAt,omitzero"`
	EffectiveFrom  time.Time            `json:"effectiveFrom,omitzero"`
	ExpiresAt      time.Time            `json:"expiresAt,omitzero"`
	ByLookup       bool                 `json:"byLookup,omitzero"`
	// WireCode is MobiFone's own code of the success, where its reply told it: a MobiFone may
	// have several, for registered free and for registered and charged.
	WireCode string `json:"wireCode,omitzero"`
}

// Reason says why a sale is where it is, for the screens and the accountant.
type Reason string

// lastAct is when the last intent was made, or else when the sale last changed.
func (s Sale) lastAct() time.Time {
	if n := len(s.Intents); n > 0 {
		return s.Intents[n-1].At
	}
	return s.UpdatedAt
}

// open returns the intents that nothing has settled.
func (s Sale) open() []telco.SendWindow {
	var open []telco.SendWindow
	for _, i := range s.Intents {
		if i.open() {
			open = append(open, i.SendWindow)
		}
	}
	return open
}

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

// claimed reports that somebody claimed to pay the refund out, and nobody has said yet
// whether the cash left.
func (s Sale) claimed() bool { return s.RefundBy != "" && s.CashOut == 0 }

// Pairs returns every pair of ids that a complete lookup has to ask for: those of all
// intents, and of the OTP in hand.
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

// Purchase is what the customer pays for.
func (o Order) Purchase() telco.Purchase {
	return telco.Purchase{MSISDN: o.MSISDN, Package: o.Package, Amount: o.Price}
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

// Event is one fact. Which fields matter stands behind each [Kind].
type Event struct {
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`          // local clock of the process that recorded it, UTC
	By   string    `json:"by,omitzero"` // employee; empty for the machine

	Order          *Order               `json:"order,omitzero"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId,omitzero"`
	Amount         telco.VND            `json:"amount,omitzero"`
	Ticket         *HeldOTP             `json:"ticket,omitzero"`
	Wait           time.Duration        `json:"wait,omitzero"`
	Intent         *Intent              `json:"intent,omitzero"`
	Index          int                  `json:"index,omitzero"` // in Sale.Intents
	Outcome        telco.Outcome        `json:"outcome,omitzero"`
	Code           telco.Code           `json:"code,omitzero"`
	WireCode       string               `json:"wireCode,omitzero"`
	Then           telco.Then           `json:"then,omitzero"`
	Final          bool                 `json:"final,omitzero"` // the contract promises that this refusal is final
	Receipt        *Registration        `json:"receipt,omitzero"`
	Lookup         *Lookup              `json:"lookup,omitzero"`
	Row            *Row                 `json:"row,omitzero"`
	Twice          bool                 `json:"twice,omitzero"` // the statement has a second success of Row's partnerTransId
	Verdict        *Decision            `json:"verdict,omitzero"`
	Slot           int                  `json:"slot,omitzero"`
	Note           string               `json:"note,omitzero"`
	// NextID is the partnerTransId of the attempt after the present one, should the
	// event make one.
	NextID telco.PartnerTransID `json:"nextId,omitzero"`
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
	telco.IDs
	State     telco.State `json:"state"`
	Differs   string      `json:"differs,omitzero"`   // in what it is not the order, in words
	Refusal   telco.Code  `json:"refusal,omitzero"`   // of FAILED: the listed code it failed with
	Then      telco.Then  `json:"then,omitzero"`      // where Refusal leads
	UpdatedAt time.Time   `json:"updatedAt,omitzero"` // as the row says
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

// Decision is a person's decision.
type Decision struct {
	Ruling   Ruling    `json:"ruling"`
	Booked   telco.VND `json:"booked,omitzero"` // of closed: loss below 0, surplus above
	Evidence string    `json:"evidence"`        // where the proof is, for the auditor
}
