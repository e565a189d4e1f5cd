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
	date, carry          string
	statements           []string
	csv, xlsx, temp      string
	observe, manyReviews bool
	fileFlags
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
	f.StringArrayVar(&q.statements, "statement", nil, a.t("tệp đối soát CSV `FILE` của MobiFone, thay cho tra cứu; lặp lại được",
		"MobiFone's CSV `FILE`, in place of lookups; may be repeated"))
	a.addFileFlags(cmd, &q.fileFlags)
	f.StringVar(&q.carry, "carry", "", a.t("kết quả --json `FILE` của hôm trước: việc chưa xong", "the --json `FILE` of the day before: what was open"))
	f.StringVar(&q.csv, "csv", "", a.t("ghi chênh lệch vào `FILE`, mở được bằng Excel", "write the differences to `FILE`, for Excel"))
	f.StringVar(&q.xlsx, "xlsx", "", a.t("ghi tổng hợp và chênh lệch vào `FILE`", "write sums and differences to `FILE`"))
	f.StringVar(&q.temp, "temp", "", a.t("thư mục tạm `DIR` khi nhiều giao dịch", "temporary `DIR` for many transactions"))
	f.BoolVar(&q.observe, "observe", false, a.t("báo kết quả cho các giao dịch trong sổ", "give what is found to the sales"))
	f.BoolVar(&q.manyReviews, "many-reviews", false, a.t("với --observe: đã xem, nhiều giao dịch vào Chờ quyết định là đúng",
		"with --observe: many sales go to Review, and you looked: that is right"))
	a.changing(cmd)
	return cmd
}

// balance is one reconciliation under way.
type balance struct {
	*app
	q        reconciling
	file     reconcile.FileOptions
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
	if b.file, err = a.fileOptions(q); err != nil {
		return err
	}
	c, client, err := b.open(ctx)
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
	if err := b.add(ctx, c.store, client); err != nil {
		return err
	}
	if err := b.compare(ctx, c.store); err != nil {
		return err
	}
	return b.conclude(ctx, c)
}

// open opens what is needed: the store, with a desk if the sales are to be told; MobiFone, unless there
// is a statement.
func (b *balance) open(ctx context.Context) (c *counter, client *mobifone.Client, err error) {
	if b.q.observe {
		c, err = b.openDesk(ctx)
	} else {
		c = &counter{}
		c.store, err = b.openStore(ctx)
	}
	if err != nil || len(b.q.statements) > 0 {
		return c, nil, err
	}
	if client = c.client; client == nil {
		if client, err = b.connect(ctx); err != nil {
			return nil, nil, err
		}
	}
	if !client.Contract().Has(telco.OpList) {
		return nil, nil, b.failed(b.t("hợp đồng giao thức không liệt kê giao dịch được", "the contract has no listing of transactions"),
			b.t("dùng tệp của MobiFone: --statement FILE", "use MobiFone's file: --statement FILE"))
	}
	return c, client, nil
}

// compare takes the findings to where they are wanted.
func (b *balance) compare(ctx context.Context, store sale.Store) error {
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
		if err := b.toTell(ctx, store, f); err != nil {
			return err
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
func (b *balance) conclude(ctx context.Context, c *counter) error {
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
	if err := b.observe(ctx, c); err != nil {
		return err
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
