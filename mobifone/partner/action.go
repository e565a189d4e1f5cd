package partner

import "time"

// Step is what the teller does next. The zero value is Hold.
type Step uint8

// The steps.
const (
	Hold        Step = iota // cannot tell yet: take no more money, do not register again
	GiveService             // registered: show the customer how to use it
	ReenterOTP              // type the code again
	NewOTP                  // ask for a new code
	WaitUntil               // try again after Action.Wait
	ReturnCash              // proven not registered: give the money back
	Support                 // nothing the teller can do; call support
)

// Action tells the teller what to do, in one sentence of each language.
type Action struct {
	Step Step
	Text Text
	Wait time.Duration // of WaitUntil: how long; 0 when not known
}

// ActionFor turns what a call returned into what the teller does.
func ActionFor(err error, cashTaken bool) Action { panic("not implemented") }
