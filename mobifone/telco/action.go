package telco

import (
	"errors"
	"strings"
	"time"
)

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
	Refuse                  // proven not registered and no money taken: take none, advise another package
	TakeCash                // take the package's price and record it; a desk says it, ActionFor never does
)

// String returns the step's name: "hold", "give service", "reenter OTP", "new OTP",
// "wait", "return cash", "support", "refuse" or "take cash".
func (s Step) String() string {
	switch s {
	case GiveService:
		return "give service"
	case ReenterOTP:
		return "reenter OTP"
	case NewOTP:
		return "new OTP"
	case WaitUntil:
		return "wait"
	case ReturnCash:
		return "return cash"
	case Support:
		return "support"
	case Refuse:
		return "refuse"
	case TakeCash:
		return "take cash"
	default:
		return "hold"
	}
}

// Action tells the teller what to do, in a sentence or two of each language.
type Action struct {
	Step Step
	Text Text
	Wait time.Duration // of WaitUntil and Hold: how long; 0 when not known
}

// ActionFor turns what a call returned into what the teller does. cashTaken says
// whether the customer's money is in the drawer. The text is the sentence the contract
// has for the error's code, then the instruction.
//
// A nil error of a registration or a resolve is GiveService. As long as it is not
// known what became of a registration (any foreign error, an [Unknown] outcome, every
// failed lookup, a second send) the action is Hold with the same sentence, whatever
// the code's own text says: a refusal may be the answer to a copy of a request that
// went through. Action.Wait says when to look it up, where the error knows.
//
// The one exception is an Unknown registration with [ThenSameIDs], which follows a wrong
// OTP: the very pair of ids may be sent again with another code, so the action is
// ReenterOTP.
//
// The two steps before a registration register nothing, so their failures never hold;
// an Unknown one says to try again. GiveService is not meant for their success.
//
// It judges this one error and knows no earlier one: money of a sale with an earlier
// send that is still unknown is not returned because a later call was refused. Who
// keeps more than one call per sale uses the sale package, which knows them all.
func ActionFor(err error, cashTaken bool) Action {
	if err == nil {
		return Action{Step: GiveService, Text: sayRegistered}
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e == nil:
		return hold(0)
	case e.Operation.Lookup() || e.Code == AlreadySent:
		return hold(e.RetryAfter)
	case e.Outcome == NotSent:
		return e.notSent(cashTaken)
	case e.Outcome != Unknown && e.Outcome != Rejected:
		return hold(e.RetryAfter) // an error that says it succeeded, or nothing we know
	case e.Operation == OpEligible || e.Operation == OpOTP:
		return e.beforeSale(cashTaken)
	case e.Outcome == Rejected:
		return e.rejected(cashTaken)
	case e.Operation == OpRegister && e.Then == ThenSameIDs:
		return e.act(ReenterOTP, sayReenter, cashTaken)
	default:
		return hold(e.RetryAfter)
	}
}

func hold(wait time.Duration) Action {
	return Action{Step: Hold, Text: sayHold, Wait: max(0, wait)}
}

// notSent: not one byte left, so the same ids may be sent again. The contract has
// sentences for what MobiFone says, and MobiFone said nothing.
func (e *Error) notSent(cashTaken bool) Action {
	e = e.unsaid()
	switch e.Code {
	case InvalidInput:
		return e.act(Support, sayCorrectInput, cashTaken)
	case CredentialsFailed, OperationAbsent, ClientClosed, RedirectRefused:
		return e.act(Support, saySupport, cashTaken)
	case OTPExpired:
		return e.act(NewOTP, sayRunOut, cashTaken)
	case PastSendBy:
		return e.act(WaitUntil, sayTooLate, cashTaken)
	default:
		return e.act(WaitUntil, sayNotSent, cashTaken)
	}
}

// beforeSale: eligibility and OTP. Nothing was registered by the call, known or not.
func (e *Error) beforeSale(cashTaken bool) Action {
	if e.Outcome == Unknown {
		return e.unknownBeforeSale(cashTaken)
	}
	switch e.Code {
	case OTPResendTooSoon:
		return e.act(WaitUntil, sayWaitForOTP, cashTaken)
	case OTPNotDelivered:
		return e.act(NewOTP, sayCheckPhone, cashTaken)
	case RateLimited, Maintenance:
		return e.act(WaitUntil, sayAskAgain, cashTaken)
	case OTPLimitExceeded:
		if !cashTaken {
			return e.act(WaitUntil, sayAskLater, cashTaken)
		}
	}
	return e.rejected(cashTaken)
}

// unknownBeforeSale says to try again, whatever the code is. Only the codes that speak
// of when to try again keep their own sentence: the others' speak of a refusal, and
// that none is known.
func (e *Error) unknownBeforeSale(cashTaken bool) Action {
	again := sayAskAgain
	if e.Operation == OpOTP {
		again = sayMayBeSent
	}
	switch e.Code {
	case OTPResendTooSoon:
		return e.act(WaitUntil, sayWaitForOTP, cashTaken)
	case RateLimited, Maintenance:
		return e.act(WaitUntil, again, cashTaken)
	case OTPLimitExceeded:
		return e.act(WaitUntil, sayAskLater, cashTaken)
	}
	return e.unsaid().act(WaitUntil, again, cashTaken)
}

// rejected: MobiFone said no, and whoever made the error made sure that the no is
// not the echo of an earlier success.
func (e *Error) rejected(cashTaken bool) Action {
	switch e.Code {
	case Success, Processing:
		return hold(e.RetryAfter) // contradicts the outcome
	case "", SystemError, DuplicateTransaction, TransactionNotFound:
		// Their sentences say that the result is not known yet, or that it was not found
		// so far; it is known. A rejected TransactionNotFound is absence past the fence.
		known := *e
		known.Text = sayNotRegistered
		e = &known
	}
	switch e.Then {
	case ThenSameIDs:
		return e.act(ReenterOTP, sayReenter, cashTaken)
	case ThenNewOTP:
		return e.act(NewOTP, sayNewOTP, cashTaken)
	case ThenNewAttempt:
		return e.act(NewOTP, sayNewTransaction, cashTaken)
	}
	if cashTaken {
		return e.act(ReturnCash, sayReturn, cashTaken)
	}
	switch e.Code {
	case AuthKey, AuthSignature, AuthTimestamp, AuthNonce, AuthIP,
		ShopOrEmployeeInvalid, CommandNotConfigured, PartnerLimit:
		return e.act(Support, saySupport, cashTaken)
	}
	return e.act(Refuse, sayRefuse, cashTaken)
}

// unsaid is the error without the contract's sentence.
func (e *Error) unsaid() *Error {
	bare := *e
	bare.Text = Text{}
	return &bare
}

// act puts the code's sentence before the instruction, and behind it what to do with
// money that stays in the drawer.
func (e *Error) act(step Step, say Text, cashTaken bool) Action {
	a := Action{Step: step, Text: join(e.Sentence(), say)}
	if cashTaken && step != ReturnCash {
		a.Text = join(a.Text, sayKeepCash)
	}
	if step == WaitUntil {
		a.Wait = max(0, e.RetryAfter)
	}
	return a
}

func join(a, b Text) Text {
	return Text{VI: strings.TrimSpace(a.VI + " " + b.VI), EN: strings.TrimSpace(a.EN + " " + b.EN)}
}
