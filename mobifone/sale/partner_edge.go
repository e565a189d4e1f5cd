package sale

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Partner is the edge of a desk towards the partner. [ClientPartner] is the real one; a
// simulator has its own.
type Partner interface {
	// AskOTP requests an OTP. wait is how long not to ask again.
	AskOTP(ctx context.Context, o Order, id partner.PartnerTransID) (ticket Ticket, wait time.Duration, err error)
	// Prepare fixes a registration with the OTP in hand. It sends nothing; the error of one
	// that cannot be prepared is NotSent.
	Prepare(ctx context.Context, s Sale, otp partner.OTP) (Prepared, error)
	// LookUp asks for every pair. It is complete and well-formed, or an error.
	LookUp(ctx context.Context, o Order, pairs []Pair) (Lookup, error)
}

// Prepared is a registration that is ready to be sent.
type Prepared interface {
	// Plan is what to store before the send.
	Plan() Send
	// Send sends it, at most once, and tells what is known of it afterwards.
	Send(ctx context.Context) SendResult
}

// SendResult is what is known of a send: the fields of the event [SendEnded].
type SendResult struct {
	Outcome     partner.Outcome
	Code        partner.Code
	Refusal     bool
	NotOurs     bool
	PartnerTime time.Time
	Receipt     *Receipt
	Err         error // for the teller's text; not stored
}
