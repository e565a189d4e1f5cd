package main

// This file is reconcile: it compares a day of the store with MobiFone's transactions, and says
// what does not agree. The comparing is the SDK's; here are its course, the verdict and the exit code.

import (
	"context"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/spf13/cobra"
)

// shownFindings is how many findings fit on a screen; files have them all.
const shownFindings = 40

// reconciling is what reconcile is asked for.
type reconciling struct {
	date, statement, carry string
	csv, xlsx, temp        string
	observe                bool
	file                   reconcile.FileOptions
}

// reconcileCommand is the command.
func (a *app) reconcileCommand() *cobra.Command {
	var q reconciling
	cmd := &cobra.Command{
		Use: "reconcile", Args: cobra.NoArgs,
		Short: a.t("Đối soát một ngày với MobiFone", "Balance a day with MobiFone"),
		Long: a.t(`Đối soát sổ bán hàng với giao dịch ở MobiFone của một ngày (00:00–24:00 +07:00).
Mã thoát: 0 cân; 3 có chênh lệch; 1 không làm được. --json in mỗi chênh lệch một
dòng, dòng cuối là tổng; tệp đó là --carry của ngày hôm sau.`,
			`Compares the store's sales with MobiFone's transactions of a day (00:00–24:00 at
+07:00). Exit codes: 0 balanced; 3 differences; 1 it could not be done. --json
prints a line for each difference and the sums last: the next day's --carry.`),
		Example: "  mobifonectl reconcile --date 2026-11-25 --xlsx doisoat.xlsx\n" +
			"  mobifonectl reconcile --date 2026-11-25 --statement partner_20261125.csv",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.reconcile(cmd.Context(), q) },
	}
	f := cmd.Flags()
	f.StringVar(&q.date, "date", "", a.t("ngày `DATE`, yyyy-MM-dd (mặc định hôm qua)", "`DATE`, yyyy-MM-dd (default is yesterday)"))
	f.StringVar(&q.statement, "statement", "", a.t("tệp đối soát CSV `FILE` của MobiFone, thay cho tra cứu", "MobiFone's CSV `FILE`, in place of lookups"))
	f.BoolVar(&q.file.GroupedAmounts, "grouped-amounts", false, a.t("trong tệp đó, 120.000 là 120000", "in that file 120.000 is 120000"))
	f.BoolVar(&q.file.DayFirst, "day-first", false, a.t("trong tệp đó, ngày viết dd/MM/yyyy", "in that file dates are dd/MM/yyyy"))
	f.StringVar(&q.carry, "carry", "", a.t("kết quả --json `FILE` của hôm trước: việc chưa xong", "the --json `FILE` of the day before: what was open"))
	f.StringVar(&q.csv, "csv", "", a.t("ghi chênh lệch vào `FILE`, mở được bằng Excel", "write the differences to `FILE`, for Excel"))
	f.StringVar(&q.xlsx, "xlsx", "", a.t("ghi tổng hợp và chênh lệch vào `FILE`", "write sums and differences to `FILE`"))
	f.StringVar(&q.temp, "temp", "", a.t("thư mục tạm `DIR` khi nhiều giao dịch", "temporary `DIR` for many transactions"))
	f.BoolVar(&q.observe, "observe", false, a.t("báo kết quả cho các giao dịch trong sổ", "give what is found to the sales"))
	a.changing(cmd)
	return cmd
}

// balance is one reconciliation under way.
type balance struct {
	*app
	q        reconciling
	from, to time.Time // the day
	run      *reconcile.Run
	sink     *outputs
	// shown and told are the findings for the screen and for the sales.
	shown, told []reconcile.Finding
	found       int
	// until is how far MobiFone's rows are complete; zero: the whole day is.
	until time.Time
	// tooNew are sales that MobiFone's list cannot have yet.
	tooNew reconcile.Count
	// unread are the first lines of the statement that could not be read.
	unread []*reconcile.RowError
}

// reconcile reconciles a day.
func (a *app) reconcile(ctx context.Context, q reconciling) error {
	if q.date == "" {
		q.date = a.now().In(vietnam).AddDate(0, 0, -1).Format(time.DateOnly)
	}
	b := &balance{app: a, q: q}
	var err error
	if b.from, b.to, err = a.day(q.date); err != nil {
		return err
	}
	if b.from.After(b.now()) {
		return b.misused("--date "+q.date, b.t("ngày đó chưa tới", "that day has not begun"))
	}
	store, desk, client, err := b.open(ctx)
	if err != nil {
		return err
	}
	if b.run, err = reconcile.Start(reconcile.Config{Day: b.from, Dir: q.temp}); err != nil {
		return err
	}
	defer b.run.Close()
	// Before the long work, so that a wrong name is told at once.
	if b.sink, err = openOutputs(a, q); err != nil {
		return err
	}
	defer b.sink.drop()
	if err := b.add(ctx, store, client); err != nil {
		return err
	}
	if err := b.compare(ctx); err != nil {
		return err
	}
	return b.conclude(ctx, desk)
}

// open opens what is needed: the store; MobiFone, unless there is a statement; a desk, if the sales
// are to be told.
func (b *balance) open(ctx context.Context) (store sale.Store, desk *sale.Desk, client *mobifone.Client, err error) {
	if b.q.observe {
		c, err := b.openDesk(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		store, desk = c.store, c.desk
	} else if store, err = b.openStore(ctx); err != nil {
		return nil, nil, nil, err
	}
	if b.q.statement != "" {
		return store, desk, nil, nil
	}
	if client, err = b.connect(ctx); err != nil {
		return nil, nil, nil, err
	}
	if !client.Contract().Has(telco.OpList) {
		return nil, nil, nil, b.failed(b.t("hợp đồng giao thức không liệt kê giao dịch được", "the contract has no listing of transactions"),
			b.t("dùng tệp của MobiFone: --statement FILE", "use MobiFone's file: --statement FILE"))
	}
	return store, desk, client, nil
}

// compare takes the findings to where they are wanted.
func (b *balance) compare(ctx context.Context) error {
	bar := b.bar(-1, b.t("so sánh", "comparing"))
	for f, err := range b.run.Findings(ctx) {
		if err != nil {
			return err
		}
		_ = bar.Add(1)
		if b.isTooNew(f) {
			b.tooNew.Rows++
			b.tooNew.VND += f.Ours.Amount
			continue
		}
		if b.q.observe && f.Theirs != nil && f.SaleID != "" {
			b.told = append(b.told, f)
		}
		if err := b.sink.write(f); err != nil {
			return err
		}
		if f.Kind == reconcile.Unsold {
			continue // nobody has anything to do; the sums and the files have it
		}
		b.found++
		if len(b.shown) < shownFindings {
			b.shown = append(b.shown, f)
		}
	}
	return bar.Finish()
}

// clockRoom is how much later than MobiFone's our clock may have stamped a sale.
const clockRoom = time.Minute

// isTooNew says of a sale that MobiFone does not list whether it could: the list of a day that is
// not over ends a moment ago.
func (b *balance) isTooNew(f reconcile.Finding) bool {
	return !b.until.IsZero() && f.Kind == reconcile.OursOnly && !f.Ours.At.Before(b.until.Add(-clockRoom))
}

// sums are the figures without the sales that are too new; those are another run's.
func (b *balance) sums() reconcile.Summary {
	sum := b.run.Summary()
	less := func(s reconcile.Sides) reconcile.Sides {
		s.Ours.Rows -= b.tooNew.Rows
		s.Ours.VND -= b.tooNew.VND
		return s
	}
	if b.tooNew.Rows > 0 {
		sum.Kinds[reconcile.OursOnly], sum.Sold = less(sum.Kinds[reconcile.OursOnly]), less(sum.Sold)
		sum.OtherDays.Ours.Rows += b.tooNew.Rows
		sum.OtherDays.Ours.VND += b.tooNew.VND
	}
	return sum
}

// conclude prints the result, keeps the files, and tells the sales.
func (b *balance) conclude(ctx context.Context, desk *sale.Desk) error {
	sum := b.sums()
	if err := b.sink.keep(sum, b.until); err != nil {
		return err
	}
	if b.set.asJSON {
		if err := b.sink.sums(sum, b.q.date, b.until); err != nil {
			return err
		}
	} else {
		b.print(sum)
	}
	if !b.until.IsZero() {
		b.note(b.t("Ngày chưa khép: MobiFone mới đầy đủ đến %s; kết quả là tạm.",
			"The day is not closed: MobiFone's rows are complete until %s; the result is provisional."), at(b.until))
	}
	if b.tooNew.Rows > 0 {
		b.note(b.t("%d giao dịch mới quá, chưa so được: chạy lại sau.", "%d sale(s) are too new to compare: run it again later."), b.tooNew.Rows)
	}
	if desk != nil && len(b.told) > 0 {
		what := fmt.Sprintf(b.t("báo %d kết quả cho các giao dịch trong sổ", "give %d finding(s) to the sales"), len(b.told))
		if err := b.change(ctx, what, func() error { return b.tell(ctx, desk) }); err != nil {
			return err
		}
	}
	return b.verdict(sum)
}

// verdict is nil for a day that is closed and balanced.
func (b *balance) verdict(sum reconcile.Summary) error {
	switch {
	case !sum.Balanced():
		todo := b.t("xem từng mục: docs/reconciliation.md", "go through them: docs/reconciliation.md")
		if !b.q.observe {
			todo += b.t("; báo cho sổ: --observe", "; tell the sales: --observe")
		}
		return &failure{what: fmt.Sprintf(b.t("chưa cân: %d mục cần xem; ", "not balanced: %d to look at; "), b.found) + b.off(sum), todo: todo, code: exitDiffers}
	case !b.until.IsZero():
		return &failure{
			what: b.t("chưa có chênh lệch, nhưng ngày chưa khép", "no difference yet, but the day is not closed"),
			todo: b.t("chạy lại sau nửa đêm, khi MobiFone đã đầy đủ", "run it again after midnight, when MobiFone's rows are complete"),
			code: exitDiffers,
		}
	default:
		return nil
	}
}

// off says by how much a day does not balance.
func (b *balance) off(sum reconcile.Summary) string {
	off := sum.Off()
	return fmt.Sprintf(b.t("MobiFone − đại lý = %d giao dịch, %s; dòng không đọc được: %d; mã chờ không còn thấy: %d",
		"MobiFone − ours = %d sale(s), %s; lines not read: %d; carried ids gone: %d"),
		off.Rows, off.VND, sum.Unread.Ours+sum.Unread.Theirs, sum.CarriedGone)
}

// tell gives the findings to the sales. It may be done again: that changes nothing.
func (b *balance) tell(ctx context.Context, desk *sale.Desk) error {
	bar := b.bar(int64(len(b.told)), b.t("báo cho sổ", "telling the sales"))
	var lines []string
	failed := 0
	for _, f := range b.told {
		if ctx.Err() != nil {
			break // what was told is said all the same
		}
		before, err := desk.Look(ctx, f.SaleID)
		if err == nil {
			var after sale.View
			after, err = desk.ObserveFinding(ctx, f)
			if err == nil && after.Sale.State != before.Sale.State && after.Sale.ID != "" {
				lines = append(lines, fmt.Sprintf("%s  %s → %s", f.SaleID, b.state(before.Sale.State), b.state(after.Sale.State)))
			}
		}
		if err != nil {
			failed++
			lines = append(lines, fmt.Sprintf("%s  %s", f.SaleID, b.red.on(b.scrub(err.Error()))))
		}
		_ = bar.Add(1)
	}
	_ = bar.Finish()
	// Programs read the findings on standard output.
	for _, line := range lines {
		b.note("%s", line)
	}
	b.note(b.t("%d giao dịch đổi trạng thái.", "%d sale(s) changed."), len(lines)-failed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed > 0 {
		return b.failed(fmt.Sprintf(b.t("%d giao dịch chưa báo được", "%d sale(s) could not be told"), failed),
			b.t("chạy lại: không hại gì", "run it again: that does no harm"))
	}
	return nil
}
