package sale

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
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

// HoldsSubscriber reports whether a sale in this state keeps its subscriber busy (R4).
func (s State) HoldsSubscriber() bool {
	return s == Registering || s == Resolving || s == Review
}

// Order is what the customer buys. The shop's order id is unique for ever in the shop.
type Order struct {
	Shop    string              `json:"shop"`
	ID      string              `json:"order"`
	MSISDN  partner.MSISDN      `json:"-"` // stored apart and encrypted
	Package partner.PackageCode `json:"package"`
	Price   partner.VND         `json:"price"`
	Staff   partner.Staff       `json:"staff"`
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

	Attempt        int                    `json:"attempt"`
	PartnerTransID partner.PartnerTransID `json:"partnerTransId"` // of Attempt

	CashIn  partner.VND `json:"cashIn"`
	CashOut partner.VND `json:"cashOut"`
	Booked  partner.VND `json:"booked,omitzero"` // of Closed: loss below 0, surplus above

	Ticket     *Ticket   `json:"ticket,omitzero"`     // the OTP in hand; nil without one
	OTPAskedAt time.Time `json:"otpAskedAt,omitzero"` // of an OTP request that is not answered yet
	ResendAt   time.Time `json:"resendAt,omitzero"`   // no OTP request before it
	Sends      []Send    `json:"sends,omitzero"`      // every send ever made, in order

	Abandoned    bool            `json:"abandoned,omitzero"`    // the customer wants the cash back as soon as that is safe
	Slot         int             `json:"slot,omitzero"`         // of the busy claim; above 0 a supervisor overrode
	RefundBy     string          `json:"refundBy,omitzero"`     // the employee who claimed to pay out
	RefundEver   bool            `json:"refundEver,omitzero"`   // Refunding was entered once
	Released     bool            `json:"released,omitzero"`     // of RefundDue: a person ruled, with evidence, that it may be paid out (R12)
	LookedRefund time.Time       `json:"lookedRefund,omitzero"` // when the last look before cash leaves was clean, local clock (R11)
	Reason       Reason          `json:"reason,omitzero"`       // why Review or RefundDue
	Looked       partner.TransID `json:"looked,omitzero"`       // the ticket whose ids were looked up and found unused (R8)
	Final        partner.State   `json:"final,omitzero"`        // the final state the partner last showed for our send
	Receipt      *Receipt        `json:"receipt,omitzero"`      // of Registered
}

// Ticket is an OTP in hand: what the partner said when it was sent. The code itself is
// never here.
type Ticket struct {
	TransID          partner.TransID `json:"transId"`
	ExpiresAt        time.Time       `json:"expiresAt"`                 // local clock, for the countdown
	PartnerExpiresAt time.Time       `json:"partnerExpiresAt,omitzero"` // as the partner's reply said, for the fence
}

// Send is one durable intent to register and what became of it. Until an answer is
// recorded it is unknown: there is no "sent" record.
type Send struct {
	Attempt        int                    `json:"attempt"`
	TransID        partner.TransID        `json:"transId"`
	PartnerTransID partner.PartnerTransID `json:"partnerTransId"`
	At             time.Time              `json:"at"`              // local clock
	PreparedAt     time.Time              `json:"preparedAt"`      // partner's time, the earliest it can have left
	SendBy         time.Time              `json:"sendBy"`          // partner's time, the latest
	LastBy         time.Time              `json:"lastBy,omitzero"` // partner's time, the latest it can be executed; zero: not known
	OTPBy          time.Time              `json:"otpBy,omitzero"`  // partner's time, when the OTP ran out as the partner said; zero: it did not
	WakeAt         time.Time              `json:"wakeAt"`          // local clock: an answer is not to be hoped for any more
	Fingerprint    []byte                 `json:"fingerprint"`

	Answered bool            `json:"answered,omitzero"` // an outcome was recorded
	Outcome  partner.Outcome `json:"outcome,omitzero"`
	Code     partner.Code    `json:"code,omitzero"`
	ReplyAt  time.Time       `json:"replyAt,omitzero"` // partner's time in the reply that carried Code
	Refusal  bool            `json:"refusal,omitzero"` // the partner said no, in a well-formed reply
	NotOurs  bool            `json:"notOurs,omitzero"` // Code cannot be the echo of our own success (R5)
	Cleared  bool            `json:"cleared,omitzero"` // a lookup proved that the send registered nothing (R6, R9, R10)
}

// Receipt is what the partner said of a registration.
type Receipt struct {
	TransID        partner.TransID        `json:"transId"`
	PartnerTransID partner.PartnerTransID `json:"partnerTransId"`
	RegisteredAt   time.Time              `json:"registeredAt,omitzero"`
	EffectiveFrom  time.Time              `json:"effectiveFrom,omitzero"`
	ExpiresAt      time.Time              `json:"expiresAt,omitzero"`
	ByLookup       bool                   `json:"byLookup,omitzero"`
}

// Reason says why a sale is where it is, for the screens and the accountant.
type Reason string

// lastAct is when the last send was planned, or else when the sale last changed.
func (s Sale) lastAct() time.Time {
	if n := len(s.Sends); n > 0 {
		return s.Sends[n-1].At
	}
	return s.UpdatedAt
}
