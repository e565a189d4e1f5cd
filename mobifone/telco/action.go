package telco

// This file tells the teller what to do after a call: the steps, the rule that chooses one, and the
// sentences in Vietnamese and English. The rule must never say that money can be returned, or a sale
// begun again, while a registration may still have happened.

import (
	"errors"
	"strings"
	"time"
)

// Step is what the teller does next. The zero value is Hold.
type Step uint8

// The steps.
const (
	// Hold means that nobody can tell yet: take no more money and do not register again.
	Hold Step = iota
	// GiveService means registered: show the customer how to use the package.
	GiveService
	// ReenterOTP means that the code was wrong: type it again, for the same ids.
	ReenterOTP
	// NewOTP means to ask for a new code.
	NewOTP
	// WaitUntil means to try again after Action.Wait.
	WaitUntil
	// ReturnCash means proven not registered: give the money back.
	ReturnCash
	// Support means that the teller can do nothing more; call support.
	Support
	// Refuse means proven not registered and no money taken: take none, advise another package.
	Refuse
	// TakeCash means to take the package's price and to record it. Only a desk says it,
	// [ActionFor] never does.
	TakeCash
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
	// Wait is how long to wait, for WaitUntil and Hold; 0 when that is not known.
	Wait time.Duration
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
// NewOTP goes on with the same sale. If [Error.Then] is [ThenNewAttempt], the next registration
// needs another partnerTransId too: Client.NewPartnerTransID with the attempt plus one.
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

// notSent is for a request of which no byte left, so that the same ids may be sent again. The
// contract's sentence is dropped: it speaks of what MobiFone said, and MobiFone said nothing.
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

// beforeSale is for eligibility and OTP. Such a call registers nothing, whatever became of it.
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

// unknownBeforeSale says to try again, whatever the code is. Only the codes about when to try again
// keep their own sentence: the others' sentences speak of a refusal, and no refusal is known.
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

// rejected is for a settled refusal: whoever made the error made sure that it is not the echo of an
// earlier success.
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

// act writes the code's sentence, then the instruction, then what to do with money that stays in the
// drawer.
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

// Then says where a registration goes on once it is settled that a refusal registered
// nothing. It says nothing about when that is settled.
type Then string

// The ways to go on after a settled refusal.
const (
	// ThenRefund gives the customer the cash back.
	ThenRefund Then = "refund"
	// ThenNewOTP goes on with the same sale and another OTP.
	ThenNewOTP Then = "newOTP"
	// ThenNewAttempt goes on with another OTP and another partnerTransId.
	ThenNewAttempt Then = "newAttempt"
	// ThenSameIDs follows a wrong OTP: the same ids may be sent again at once.
	ThenSameIDs Then = "sameIds"
)

// What the teller is told. Vars because Go has no struct constants; nothing changes
// them.
var (
	sayHold = Text{
		VI: "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.",
		EN: "The result is not known yet. Take NO more money and do NOT register again; look it up later.",
	}
	sayRegistered = Text{
		VI: "Đăng ký gói cước thành công. Hướng dẫn khách hàng cách sử dụng.",
		EN: "The package is registered. Show the customer how to use it.",
	}
	sayReenter = Text{
		VI: "Hỏi lại khách mã trong tin nhắn và nhập lại.",
		EN: "Ask the customer for the code in the message again and type it again.",
	}
	sayNewOTP = Text{
		VI: "Yêu cầu mã OTP mới, rồi nhập mã mới.",
		EN: "Ask for a new OTP, then type the new code.",
	}
	sayRunOut = Text{
		VI: "Mã OTP đã hết hạn nên yêu cầu chưa được gửi đi. Yêu cầu mã OTP mới, rồi nhập mã mới.",
		EN: "The OTP has run out, so nothing was sent. Ask for a new OTP, then type the new code.",
	}
	sayNewTransaction = Text{
		VI: "Tạo giao dịch mới và yêu cầu mã OTP mới.",
		EN: "Begin a new transaction and ask for a new OTP.",
	}
	sayCheckPhone = Text{
		VI: "Kiểm tra máy của khách (bật máy, có sóng, còn chỗ nhận tin nhắn), rồi yêu cầu mã OTP mới.",
		EN: "Check the customer's phone (on, with signal, able to receive messages), then ask for a new OTP.",
	}
	sayWaitForOTP = Text{
		VI: "Chờ hết thời gian rồi yêu cầu mã OTP mới; mã đã nhận trước đó có thể vẫn dùng được.",
		EN: "Wait, then ask for a new OTP; a code received before may still be good.",
	}
	sayMayBeSent = Text{
		VI: "Chưa rõ mã OTP đã được gửi hay chưa; bước này không đăng ký gói nào. KHÔNG thu thêm tiền. Chờ giây lát rồi yêu cầu mã OTP mới và chỉ dùng mã mới nhất.",
		EN: "It is not known whether the OTP was sent; this step registers nothing. Take NO more money. " +
			"Wait a moment, then ask for a new OTP and use only the newest code.",
	}
	sayAskAgain = Text{
		VI: "Bước này không đăng ký gói nào. KHÔNG thu thêm tiền; thử lại sau giây lát.",
		EN: "This step registered nothing. Take NO more money; try again in a moment.",
	}
	sayAskLater = Text{
		VI: "KHÔNG thu thêm tiền; hẹn khách thử lại sau.",
		EN: "Take NO more money; ask the customer to try again later.",
	}
	sayNotSent = Text{
		VI: "Yêu cầu chưa được gửi đi; thử lại sau giây lát.",
		EN: "The request was not sent; try again in a moment.",
	}
	sayTooLate = Text{
		VI: "Yêu cầu chưa được gửi đi vì đã quá thời gian; thử lại ngay.",
		EN: "The request was not sent because it came too late; try again now.",
	}
	sayCorrectInput = Text{
		VI: "Yêu cầu chưa được gửi đi vì thông tin nhập chưa đúng. Sửa lại rồi thử lại; nếu vẫn lỗi, liên hệ hỗ trợ.",
		EN: "The request was not sent because what was entered is not right. Correct it and try again; if it still fails, call support.",
	}
	saySupport = Text{
		VI: "Chưa có gói nào được đăng ký ở bước này. Liên hệ bộ phận hỗ trợ.",
		EN: "This step registered nothing. Call support.",
	}
	sayNotRegistered = Text{
		VI: "Gói cước chưa được đăng ký.",
		EN: "The package was not registered.",
	}
	sayReturn = Text{
		VI: "Trả lại tiền cho khách.",
		EN: "Give the customer the money back.",
	}
	sayRefuse = Text{
		VI: "KHÔNG thu tiền; tư vấn cho khách gói khác nếu phù hợp.",
		EN: "Take NO money; advise another package if one fits.",
	}
	sayKeepCash = Text{
		VI: "Giữ nguyên số tiền đã thu cho đến khi đăng ký xong hoặc trả lại khách.",
		EN: "The money taken stays where it is until the registration is done or it is given back.",
	}
)
