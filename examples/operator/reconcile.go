package main

// This file is reconcile: it compares a day of the store with MobiFone's transactions. The comparing is the SDK's;
// here are its course, what is printed for a person, the verdict and the exit code.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
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
		return nil, nil, b.failed(b.t("giao thức này không liệt kê được giao dịch", "the contract has no listing of transactions"),
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
		b.note(b.t("Kết quả tạm, chạy lại khi hết ngày: danh sách của MobiFone mới đủ đến %s.",
			"Provisional, run it again when the day is over: MobiFone's list is complete until %s."), at(b.until))
	}
	if b.tooNew.Rows > 0 {
		b.note(b.t("Chạy lại sau: %d giao dịch còn quá mới, chưa so được.", "Run it again later: %d sale(s) are too new to compare."), b.tooNew.Rows)
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
			todo: b.t("chạy lại sau nửa đêm, khi danh sách của MobiFone đã đủ", "run it again after midnight, when MobiFone's list is complete"),
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

// sumLine is a line of the sums: a category, or what adds up.
type sumLine struct {
	name  string
	kind  reconcile.Kind
	sides reconcile.Sides
}

// sumLines are the sums as docs/reconciliation.md shows them: the lines down to the last but two
// add up to the last but one.
func (a *app) sumLines(sum reconcile.Summary) []sumLine {
	var all []sumLine
	for _, k := range reconcile.Kinds() {
		all = append(all, sumLine{a.kindWord(k), k, sum.Kinds[k]})
	}
	return append(all,
		sumLine{name: a.t("Dòng lặp lại", "Repeated"), sides: sum.Repeated},
		sumLine{name: a.t("Ngày khác", "Other days"), sides: sum.OtherDays},
		sumLine{name: a.t("Tổng số dòng", "All rows"), sides: sum.Read},
		sumLine{name: a.t("Đã đăng ký trong ngày", "Registered this day"), sides: sum.Sold})
}

// print prints the sums and the first findings.
func (b *balance) print(sum reconcile.Summary) {
	count := func(c reconcile.Count) string { return strconv.FormatInt(c.Rows, 10) }
	rows := [][]string{}
	for _, l := range b.sumLines(sum) {
		if s := l.sides; s != (reconcile.Sides{}) {
			rows = append(rows, []string{b.urgency(l.kind).on(l.name), count(s.Ours), s.Ours.VND.String(), count(s.Theirs), s.Theirs.VND.String()})
		}
	}
	b.say("%s %s", b.t("Đối soát ngày", "Reconciliation of"), b.q.date)
	if len(rows) == 0 {
		b.say("%s", b.t("Hai bên không có giao dịch nào.", "Neither side has a sale."))
	} else {
		b.table([]string{"", b.t("Đại lý", "Ours"), "₫", "MobiFone", "₫"}, rows)
	}
	if len(b.shown) > 0 {
		rows = rows[:0]
		for _, f := range b.shown {
			rows = append(rows, b.findingRow(f))
		}
		b.say("")
		b.table([]string{
			b.t("Loại", "Kind"), b.t("Mã", "Id"), b.t("Đơn", "Order"), b.t("Đại lý", "Ours"), "MobiFone", b.t("Khác nhau", "Differences"),
		}, rows, 2, 5, 3)
	}
	if b.found > len(b.shown) {
		b.say(b.t("… và %d mục nữa: --csv, --xlsx hay --json có đủ.", "… and %d more: --csv, --xlsx and --json have them all."), b.found-len(b.shown))
	}
	if b.verdict(sum) == nil {
		b.say("%s", b.green.on(b.t("Cân: khớp cả hai bên.", "Balanced: both sides agree.")))
	}
}

// findingRow is a finding as a row of the screen.
func (b *balance) findingRow(f reconcile.Finding) []string {
	ids := f.IDs()
	id := string(ids.PartnerTransID)
	if id == "" {
		id = string(ids.TransID)
	}
	var order, ours, theirs string
	if f.Ours != nil {
		order, ours = f.Ours.Shop+"/"+f.Ours.Order, f.Ours.Amount.String()
	}
	if f.Theirs != nil {
		theirs = f.Theirs.Amount.String()
	}
	return []string{b.urgency(f.Kind).on(b.kindWord(f.Kind)), id, order, ours, theirs, differences(f)}
}

// differences are the fields that do not agree, in one line.
func differences(f reconcile.Finding) string {
	all := make([]string, 0, len(f.Differences))
	for _, d := range f.Differences {
		all = append(all, fmt.Sprintf("%s: %s ≠ %s", d.Field, d.Ours, d.Theirs))
	}
	return strings.Join(all, "; ")
}

// kindWords are the categories in English; the Vietnamese ones are the SDK's.
var kindWords = map[reconcile.Kind]string{
	reconcile.Matched: "Matched", reconcile.Differs: "Differs", reconcile.TheirsOnly: "MobiFone's alone", reconcile.OursOnly: "Ours alone",
	reconcile.Duplicate: "Duplicate", reconcile.RefundedRegistered: "Refunded, registered", reconcile.Reversed: "Reversed",
	reconcile.NowKnown: "Now known", reconcile.StillOpen: "Still open", reconcile.Unsold: "Not sold",
	reconcile.Gone: "Carried id gone",
}

// kindWord is a category in the language chosen.
func (a *app) kindWord(k reconcile.Kind) string { return a.t(k.Vietnamese(), kindWords[k]) }

// urgency is the colour that says whether somebody has to act.
func (a *app) urgency(k reconcile.Kind) paint {
	switch k {
	case 0, reconcile.Unsold:
		return ""
	case reconcile.Matched:
		return a.green
	case reconcile.StillOpen, reconcile.NowKnown:
		return a.yellow
	default:
		return a.red
	}
}
