package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/packages/catalog"
	"github.com/fptshop/mobifone-go/registration"
)

// This file is what the teller reads on the screen. It asks MobiFone nothing, so that the words
// can be changed without touching the sale.

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

// day is a time as the customer's calendar shows it, in Vietnam, wherever it comes from.
func day(t time.Time) string {
	return t.In(time.FixedZone("+07:00", 7*60*60)).Format("02/01/2006 15:04")
}
