package main

// This file changes sales: it looks up what became of an unknown one, and pays refunds out in
// the two steps of the desk. Every change is asked for, or said by --yes.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/spf13/cobra"
)

// saleResolveCommand is the command.
func (a *app) saleResolveCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "resolve [ID …]", Args: cobra.ArbitraryArgs, ValidArgsFunction: a.openSales,
		Short: a.t("Dò kết quả giao dịch chưa rõ ở MobiFone", "Look up what became of unknown sales"),
		Long: a.t(`Hỏi MobiFone giao dịch chưa rõ đã thành gì và ghi vào sổ. Chỉ tra cứu, không bao
giờ đăng ký; chạy bao nhiêu lần, ở máy nào cũng không hại.`,
			`Asks MobiFone what became of unknown sales, and writes it to the store. It only
looks up and never registers; run it as often and from wherever you like.`),
		Example: "  mobifonectl sale resolve FPT-7Q2K…\n  mobifonectl sale resolve --all --yes",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.saleResolve(cmd.Context(), args, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, a.t("mọi giao dịch chưa rõ trong sổ", "every sale of the store that is not settled"))
	a.changing(cmd)
	return cmd
}

// resolved is what became of one sale, for other programs.
type resolved struct {
	ID    string    `json:"id"`
	Was   string    `json:"was"`
	State string    `json:"state"`
	Next  time.Time `json:"next,omitzero"`
	Error string    `json:"error,omitempty"`
	// The words for a person.
	before, after sale.State
	todo          string
}

// saleResolve looks sales up: those named, or with all every one that is not settled. It never registers anything, so
// it may run beside the tills and as often as one likes.
func (a *app) saleResolve(ctx context.Context, names []string, all bool) error {
	if all == (len(names) > 0) {
		return a.misused(a.t("nêu mã giao dịch, hay --all", "name sales, or --all"), "mobifonectl sale resolve ID | --all")
	}
	c, err := a.openDesk(ctx)
	if err != nil {
		return err
	}
	ids, err := a.toResolve(ctx, c, names)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		a.note("%s", a.t("Không có giao dịch nào chưa rõ.", "No sale is unsettled."))
		if a.set.asJSON {
			return a.json([]resolved{})
		}
		return nil
	}
	what := fmt.Sprintf(a.t("tra cứu %d giao dịch và ghi kết quả", "look %d sale(s) up and write down what is found"), len(ids))
	return a.change(ctx, what, func() error { return a.resolveAll(ctx, c, ids) })
}

// toResolve are the ids of the sales that are named; without names those not settled, of one shop if one is set.
func (a *app) toResolve(ctx context.Context, c *counter, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		id, err := c.find(ctx, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(names) > 0 {
		return ids, nil
	}
	found, err := c.store.Find(ctx, sale.Filter{States: unsettled, Shop: a.set.Shop, Limit: unsettledMost})
	for _, s := range found {
		ids = append(ids, s.ID)
	}
	return ids, err
}

// resolveAll looks the sales up one after the other. One that fails holds up no other one. What was
// found is told, also when somebody stops it.
func (a *app) resolveAll(ctx context.Context, c *counter, ids []string) error {
	bar := a.bar(int64(len(ids)), a.t("tra cứu", "looking up"))
	results := []resolved{}
	failed := 0
	for _, id := range ids {
		r, err := a.resolveOne(ctx, c, id)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			r.Error = a.scrub(err.Error())
			failed++
		}
		results = append(results, r)
		_ = bar.Add(1)
	}
	_ = bar.Finish()
	if a.set.asJSON {
		if err := a.json(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			a.say("%s  %s → %s", r.ID, a.state(r.before), a.state(r.after))
			for _, more := range []string{r.todo, r.Error} {
				if more != "" {
					a.say("  %s", more)
				}
			}
			if !r.Next.IsZero() {
				a.say("  %s %s", a.t("dò lại lúc", "look again at"), at(r.Next))
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed > 0 {
		return a.failed(fmt.Sprintf(a.t("%d giao dịch chưa tra cứu được", "%d sale(s) could not be looked up"), failed),
			a.t("mobifonectl doctor, rồi chạy lại", "mobifonectl doctor, then run it again"))
	}
	return nil
}

// resolveOne looks one sale up. Its error is that of the lookup; what is known of the sale is returned beside it.
func (a *app) resolveOne(ctx context.Context, c *counter, id string) (resolved, error) {
	r := resolved{ID: id}
	before, err := c.desk.Look(ctx, id)
	if err != nil {
		return r, err
	}
	r.before, r.Was = before.Sale.State, before.Sale.State.String()
	next, failed := c.desk.Resolve(ctx, id)
	after, err := c.desk.Look(ctx, id)
	if err != nil {
		return r, err
	}
	if slices.Contains(unsettled, after.Sale.State) {
		r.Next = next
	}
	r.after, r.State, r.todo = after.Sale.State, after.Sale.State.String(), a.text(after.Action.Text)
	return r, failed
}

// saleRefundCommand is the command with its two steps.
func (a *app) saleRefundCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "refund",
		Short: a.t("Hoàn tiền, hai bước: claim, rồi confirm", "Pay a refund out in two steps: claim, then confirm"),
		Long: a.t(`Hoàn tiền mặt cho khách, hai bước do cùng một người:
  1. claim    trước khi mở két: hỏi MobiFone lần cuối, giữ quyền trả tiền;
  2. confirm  sau khi khách cầm tiền: ghi tiền đã ra.`,
			`Pays a refund out, in two steps of one person:
  1. claim    before the drawer opens: a last lookup, and the right to pay;
  2. confirm  once the customer has the cash: writes down that it is out.`),
	}
	step := func(use, short string, act func(context.Context, *sale.Desk, string, string) (sale.View, error), what func(sale.Sale) string) {
		sub := &cobra.Command{
			Use: use + " ID", Args: cobra.ExactArgs(1), Short: short, ValidArgsFunction: a.openSales,
			Example: "  mobifonectl sale refund " + use + " ID --by GDV07",
			RunE:    func(cmd *cobra.Command, args []string) error { return a.refund(cmd.Context(), args[0], act, what) },
		}
		a.changing(sub)
		cmd.AddCommand(sub)
	}
	step("claim", a.t("Bước 1: giữ quyền trả tiền", "Step 1: claim the refund"),
		func(ctx context.Context, d *sale.Desk, id, by string) (sale.View, error) {
			return d.ClaimRefund(ctx, id, by)
		},
		func(s sale.Sale) string {
			return fmt.Sprintf(a.t("hỏi MobiFone lần cuối về %s, rồi giữ quyền trả %s cho %s", "look %s up a last time, then claim its refund of %s for %s"),
				s.ID, s.CashIn-s.CashOut, a.set.Employee)
		})
	step("confirm", a.t("Bước 2: khách đã cầm tiền", "Step 2: the customer has the cash"),
		func(ctx context.Context, d *sale.Desk, id, by string) (sale.View, error) {
			return d.ConfirmRefund(ctx, id, by)
		},
		func(s sale.Sale) string {
			return fmt.Sprintf(a.t("ghi: %s đã trả khách %[2]s của giao dịch %[3]s", "write down that %s paid the customer %s of sale %s"),
				a.set.Employee, s.CashIn-s.CashOut, s.ID)
		})
	return cmd
}

// refund takes one of the two steps. The desk refuses a step that is not the next one, or another person's.
func (a *app) refund(ctx context.Context, name string,
	act func(context.Context, *sale.Desk, string, string) (sale.View, error), what func(sale.Sale) string,
) error {
	if a.set.Employee == "" {
		return a.misused(a.t("chưa biết ai trả tiền", "who pays is not known"), a.t("đặt --by hay $MOBIFONE_EMPLOYEE", "set --by or $MOBIFONE_EMPLOYEE"))
	}
	c, err := a.openDesk(ctx)
	if err != nil {
		return err
	}
	v, err := c.look(ctx, name)
	if err != nil {
		return err
	}
	id := v.Sale.ID
	if !a.set.asJSON {
		a.say("%s  %s (%s)", id, a.state(v.Sale.State), v.Sale.State)
	}
	if a.set.dryRun {
		if v, err := act(ctx, c.desk, id, a.set.Employee); err != nil {
			return a.refusedStep(v, err) // as the real one would be
		}
	}
	return a.change(ctx, what(v.Sale), func() error {
		v, err := act(ctx, c.desk, id, a.set.Employee)
		if err != nil {
			return a.refusedStep(v, err)
		}
		if a.set.asJSON {
			return a.json(map[string]any{"id": id, "state": v.Sale.State, "cashOut": v.Sale.CashOut, "refundBy": v.Sale.RefundBy})
		}
		a.say("%s  %s (%s)\n  %s", id, a.state(v.Sale.State), v.Sale.State, a.text(v.Action.Text))
		return nil
	})
}

// refusedStep is a step that the desk did not take, with what the desk says to do instead: it knows the sale, and
// the text of an error does not.
func (a *app) refusedStep(v sale.View, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	f := a.explain(err)
	if todo := a.text(v.Action.Text); todo != "" {
		f.todo = todo
	}
	return f
}

// rehearsal is a store that forgets what it is told. A desk over it judges a step as it would
// judge the real one, and changes nothing.
type rehearsal struct{ ledger }

// Apply changes nothing.
func (rehearsal) Apply(context.Context, sale.Change) error { return nil }

// Postpone changes nothing.
func (rehearsal) Postpone(context.Context, string, int64, time.Time) error { return nil }

// Erase changes nothing.
func (rehearsal) Erase(context.Context, time.Time, int) (int, error) { return 0, nil }
