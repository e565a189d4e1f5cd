package main

// This file is the sale: the four steps in their order, what to do when an answer does not come, and
// what the teller reads on the screen. A program of your own does the same, and stores the handle
// before it sends. What is printed decides nothing, so the words can be changed without touching
// the sale.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/packages/catalog"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// How long this program waits for an unknown registration. A shop keeps the handle and goes on for as
// long as it takes.
const (
	// resolveEvery is the pause between two lookups.
	resolveEvery = 2 * time.Second
	// resolveTimes bounds the lookups, so that this program ends.
	resolveTimes = 20
)

// sell walks the four steps. Its error is that of the registration: a lookup that fails
// afterwards changes nothing about what was sold.
func (c *counter) sell(ctx context.Context) error {
	c.step(1, "Kiểm tra gói cước cho "+c.number.String(), "what may this subscriber buy")
	eligible, err := c.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: c.number, Staff: c.staff})
	if err != nil {
		c.outcome(err, false)
		return notRegistered(err)
	}
	if eligible.Unchecked {
		c.say("MobiFone không có bước kiểm tra: gói và giá theo danh mục", "not checked: MobiFone has no such step, so these are the catalog's packages and prices")
	}
	c.offers(eligible.Offers)
	offer, ok := eligible.Offer(c.pkg)
	if !ok || !offer.Eligible {
		c.say("Không thu tiền. Tư vấn gói khác.", "take no money; advise another package")
		return notRegistered(errors.New("the subscriber may not register " + string(c.pkg)))
	}

	// The ids are made before anything is asked, so that every step of the sale carries them.
	c.step(2, fmt.Sprintf("Thu tiền %s, gửi OTP", offer.Price), "take the cash, request an OTP")
	id, err := c.client.NewPartnerTransID(c.staff.Shop, "QUICKSTART-"+strconv.FormatInt(time.Now().UnixNano(), 36), 1)
	if err != nil {
		return notRegistered(err)
	}
	ticket, err := c.client.OTP.Request(ctx, otp.Request{MSISDN: c.number, Package: offer.Code, PartnerTransID: id, Staff: c.staff})
	if err != nil {
		c.outcome(err, true)
		return notRegistered(err)
	}
	c.say(fmt.Sprintf("OTP đã gửi, còn hiệu lực %d giây", int(time.Until(ticket.ExpiresAt).Round(time.Second).Seconds())), "OTP sent to the customer's phone")

	c.step(3, "Đăng ký "+string(offer.Code), "register the package")
	receipt, err := c.register(ctx, registration.Request{
		MSISDN: c.number, Package: offer.Code, Amount: offer.Price, OfferPrice: offer.Price,
		TransID: ticket.TransID, PartnerTransID: id, OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: c.staff,
	})
	c.outcome(err, true)
	if err == nil {
		c.receipt(receipt, c.client.Packages.Describe(offer), time.Now())
	}

	c.step(4, "Tra cứu giao dịch", "look the transaction up")
	c.lookUp(ctx, ticket.TransID, err)
	if c.sandbox != nil {
		n := c.sandbox.Executed(c.number)
		c.say(fmt.Sprintf("MobiFone đã đăng ký %d lần", n), fmt.Sprintf("MobiFone registered it %d time(s)", n))
	}
	return err
}

// register sends the registration. When the outcome is unknown it looks the sale up by its handle
// and never sends again. The one exception is a mistyped code: where the SDK says that the code
// may be entered anew, exactly the same ids go again.
func (c *counter) register(ctx context.Context, req registration.Request) (*registration.Receipt, error) {
	for {
		code, err := c.code()
		if err != nil {
			return nil, notRegistered(err)
		}
		req.OTP = code
		// Prepare fixes everything and sends nothing.
		draft, err := c.client.Registration.Prepare(ctx, req)
		if err != nil {
			return nil, err
		}
		handle := draft.Handle() // a shop saves it here, before the send
		receipt, err := draft.Send(ctx)
		switch {
		case err == nil:
			return receipt, nil
		case telco.ActionFor(err, true).Step == telco.ReenterOTP:
			if c.otp != "" || c.sandbox != nil {
				return nil, err // nobody is there to type it again
			}
			c.outcome(err, true) // the same ids go again with the code typed anew
		case telco.OutcomeOf(err) == telco.Unknown:
			return c.resolve(ctx, handle, err)
		default:
			return nil, err
		}
	}
}

// resolve asks until MobiFone knows what became of the sale, or the patience of this program
// ends; then the outcome stays unknown and err says so.
func (c *counter) resolve(ctx context.Context, handle telco.Handle, err error) (*registration.Receipt, error) {
	c.outcome(err, true)
	if !c.looksUp() {
		c.say("MobiFone không có tra cứu: GIỮ giao dịch và tiền, KHÔNG đăng ký lại. Quản lý hỏi MobiFone theo mã giao dịch rồi quyết định.",
			"nothing can be looked up: HOLD the sale and the cash, do NOT register again; a supervisor asks MobiFone and decides")
		return nil, err
	}
	// Looking up is safe as often as it takes: it registers nothing.
	for range resolveTimes {
		c.say("Đang tra cứu…", "looking it up; nothing is sent again")
		var receipt *registration.Receipt
		receipt, err = c.client.Registration.Resolve(ctx, handle)
		if telco.OutcomeOf(err) != telco.Unknown {
			return receipt, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(resolveEvery):
		}
	}
	return nil, err
}

// looksUp reports whether MobiFone can be asked what became of a registration. Where it cannot,
// an unknown sale is held until a person has asked MobiFone.
func (c *counter) looksUp() bool { return c.wire.Has(telco.OpGet) || c.wire.Has(telco.OpSearch) }

// lookUp shows the sale as MobiFone's ledger has it, or says why nobody can look. told is what
// the registration returned.
func (c *counter) lookUp(ctx context.Context, id telco.TransID, told error) {
	switch {
	case c.looksUp():
	case telco.OutcomeOf(told) == telco.Unknown:
		c.say("MobiFone không có tra cứu; giao dịch vẫn được giữ", "MobiFone has no lookup; the sale stays held")
		return
	default:
		c.say("MobiFone không có tra cứu; câu trả lời ở bước 3 là kết quả", "MobiFone has no lookup; the answer of step 3 is the result")
		return
	}
	tx, err := c.find(ctx, id)
	if err != nil {
		c.say("Không tra cứu được", err.Error())
		return
	}
	c.say(fmt.Sprintf("%s  %s  %s  %s", tx.TransID, tx.Package, tx.Amount, tx.State), "as MobiFone's ledger says")
}

// find asks for the transaction by its id. Where MobiFone has no such lookup, it searches the
// last hour of the subscriber.
func (c *counter) find(ctx context.Context, id telco.TransID) (telco.Transaction, error) {
	if c.wire.Has(telco.OpGet) {
		found, err := c.client.Transactions.Get(ctx, transactions.GetRequest{TransID: id})
		if err != nil {
			return telco.Transaction{}, err
		}
		return found.Transaction, nil
	}
	// A minute into the future, because MobiFone's clock may be ahead of this machine's.
	now := time.Now()
	for page, err := range c.client.Transactions.Search(transactions.SearchQuery{
		MSISDN: c.number, Query: transactions.Query{From: now.Add(-time.Hour), To: now.Add(time.Minute)},
	}).Pages(ctx) {
		if err != nil {
			return telco.Transaction{}, err
		}
		for _, tx := range page.Rows {
			if tx.TransID == id {
				return tx, nil
			}
		}
	}
	return telco.Transaction{}, errors.New("MobiFone lists no such transaction of the subscriber")
}

// notRegistered turns a failure of an earlier step into one of the registration that was never
// sent, so that exitCode and the teller read one kind of error.
func notRegistered(err error) error {
	if e, ok := errors.AsType[*telco.Error](err); ok && e.Operation != telco.OpRegister {
		return &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: e.Code, Err: err}
	}
	return &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Err: err}
}

// teller prints what a teller sees: Vietnamese, with English beside it. It decides nothing.
type teller struct{ out io.Writer }

// step opens one of the four steps.
func (t teller) step(n int, vi, en string) { fmt.Fprintf(t.out, "\n%d. %s | %s\n", n, vi, en) }

// say prints one line in both languages.
func (t teller) say(vi, en string) { fmt.Fprintf(t.out, "   %s | %s\n", vi, en) }

// offers lists every package with its price, or with the reason why this subscriber may not have
// it. Prices are MobiFone's; where the catalog says otherwise, it is shown too.
func (t teller) offers(offers []packages.Offer) {
	for _, o := range offers {
		if o.Eligible {
			t.say(fmt.Sprintf("%-6s %12s  %3d ngày", o.Code, o.Price, o.CycleDays), "may be registered")
		} else {
			t.say(fmt.Sprintf("%-6s %12s  %s", o.Code, o.Price, o.Reason.Text.VI), "may not: "+o.Reason.Text.EN)
		}
		for _, d := range o.CatalogDiffers {
			t.say("khác danh mục: "+d.String(), "differs from the catalog; MobiFone prevails")
		}
	}
}

// outcome prints what is known of the registration and what the teller does next. cashTaken
// decides whether a failure means giving money back.
func (t teller) outcome(err error, cashTaken bool) {
	word := map[telco.Outcome]string{
		telco.Succeeded: "THÀNH CÔNG | SUCCEEDED", telco.Rejected: "BỊ TỪ CHỐI | REJECTED",
		telco.NotSent: "CHƯA GỬI | NOT SENT", telco.Unknown: "CHƯA RÕ | UNKNOWN",
	}[telco.OutcomeOf(err)]
	fmt.Fprintf(t.out, "   ► %s\n", word)
	action := telco.ActionFor(err, cashTaken)
	fmt.Fprintf(t.out, "     %s\n     %s\n", action.Text.VI, action.Text.EN)
	if e, ok := errors.AsType[*telco.Error](err); ok {
		fmt.Fprintf(t.out, "     (%v)\n", e)
	}
}

// receipt prints what the customer takes home: the ids, when the benefits count, when the package
// renews, and how to use it. Times that MobiFone left out are worked out and marked.
func (t teller) receipt(r *registration.Receipt, pkg catalog.Package, now time.Time) {
	// Without a time of MobiFone's the package counts from now.
	activated := r.EffectiveFrom
	if activated.IsZero() {
		activated = now
	}
	schedule := pkg.Schedule(activated).Confirm(r.EffectiveFrom, r.ExpiresAt)
	t.say("Mã giao dịch: "+string(r.PartnerTransID), "transaction; MobiFone's: "+string(r.TransID))
	for i, w := range schedule.Windows {
		t.say(fmt.Sprintf("Kỳ ưu đãi %d: %s – %s", i+1, day(w.From), day(w.To)), "benefits count once in it")
	}
	// Nobody may read a worked out day as a promise of MobiFone's.
	estimate := ""
	if schedule.Estimate {
		estimate = " (ước tính | estimate)"
	}
	t.say("Gia hạn: "+day(schedule.RenewsAt)+estimate, fmt.Sprintf("renews by itself when the main account holds %s", schedule.RenewalBalance))
	how := pkg.HowToUse()
	t.say(how.VI, how.EN)
}

// day returns a time as the customer's calendar in Vietnam shows it.
func day(t time.Time) string {
	return t.In(time.FixedZone("+07:00", 7*60*60)).Format("02/01/2006 15:04")
}
