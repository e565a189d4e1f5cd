package main

// This file lists the sales of the store and shows one of them. Both only read.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/spf13/cobra"
)

// unsettled are the states in which nobody knows yet what MobiFone did.
var unsettled = []sale.State{sale.Registering, sale.Resolving}

// unsettledMost is how many of them are looked at, at most. After an outage there may be many.
const unsettledMost = 100_000

// saleCommand is the command with its parts.
func (a *app) saleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "sale", Short: a.t("Giao dịch trong sổ: xem, dò kết quả, hoàn tiền", "Sales in the store: list, show, resolve, refund")}
	cmd.AddCommand(a.saleListCommand(), a.saleShowCommand(), a.saleResolveCommand(), a.saleRefundCommand())
	return cmd
}

// listing is what sale list is asked for. Without states and without all it is the sales that are not at rest.
type listing struct {
	states       []string
	date         string
	all, waiting bool
	limit        int
}

// saleListCommand is the command.
func (a *app) saleListCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use: "list", Args: cobra.NoArgs,
		Short: a.t("Giao dịch chưa xong; --all: tất cả", "Sales that are not at rest; --all: all of them"),
		Long: a.t(`Liệt kê giao dịch chưa xong, cũ nhất trước. Sổ giữ ba số cuối của thuê bao.
Trạng thái: `, `Lists the sales that are not at rest, the oldest first. Of a number the list
has the last three digits. States: `) + "\n  " + stateNames(),
		Example: "  mobifonectl sale list --waiting\n  mobifonectl sale list --all --date 2026-11-25 --json\n" +
			"  mobifonectl sale list --state Resolving,Review --shop HN01",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.saleList(cmd.Context(), l) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&l.states, "state", nil, a.t("chỉ các trạng thái `STATE,…`", "only these `STATE,…`"))
	f.StringVar(&l.date, "date", "", a.t("chỉ giao dịch mở trong ngày `DATE` (yyyy-MM-dd)", "only those opened on `DATE` (yyyy-MM-dd)"))
	f.BoolVar(&l.all, "all", false, a.t("cả giao dịch đã xong", "those at rest too"))
	f.BoolVar(&l.waiting, "waiting", false, a.t("chỉ giao dịch chờ người, chờ lâu nhất trước", "only those that wait for a person, the longest first"))
	f.IntVar(&l.limit, "limit", 200, a.t("nhiều nhất `N` giao dịch", "`N` at most"))
	names := make([]string, 0, len(sale.States()))
	for _, s := range sale.States() {
		names = append(names, s.String())
	}
	a.words(cmd, "state", names)
	return cmd
}

// openSales completes the id of a sale: those that are not at rest.
func (a *app) openSales(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	defer a.close()
	q, err := a.filter(listing{limit: 50})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := a.openStore(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, _ := store.Find(cmd.Context(), q) // who completes sees no error
	ids := make([]string, 0, len(found))
	for _, s := range found {
		ids = append(ids, s.ID+"\t"+a.text(stateWords[s.State])+" "+oneLine(s.Shop+"/"+s.Order))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// stateNames are all states, in two lines.
func stateNames() string {
	var names []string
	for _, s := range sale.States() {
		names = append(names, s.String())
	}
	return strings.Join(names[:6], ", ") + ",\n  " + strings.Join(names[6:], ", ")
}

// saleLine is a sale of a list for other programs. The store's list has no whole number: LastThree is all there is.
type saleLine struct {
	ID        string            `json:"id"`
	Shop      string            `json:"shop"`
	Order     string            `json:"order"`
	State     sale.State        `json:"state"`
	Package   telco.PackageCode `json:"package"`
	Price     telco.VND         `json:"price"`
	CashIn    telco.VND         `json:"cashIn"`
	CashOut   telco.VND         `json:"cashOut"`
	LastThree string            `json:"lastThree"`
	Reason    sale.Reason       `json:"reason,omitempty"`
	OpenedAt  time.Time         `json:"openedAt"`
	UpdatedAt time.Time         `json:"updatedAt"`
}

// filter makes the store's filter of what was asked for.
func (a *app) filter(l listing) (sale.Filter, error) {
	q := sale.Filter{Shop: a.set.Shop, Limit: l.limit}
	for _, name := range l.states {
		var s sale.State
		if err := s.UnmarshalText([]byte(name)); err != nil {
			return q, a.misused("--state "+name, strings.ReplaceAll(stateNames(), "\n ", ""))
		}
		q.States = append(q.States, s)
	}
	if len(q.States) == 0 && !l.all {
		for _, s := range sale.States() {
			if !s.Resting() {
				q.States = append(q.States, s)
			}
		}
	}
	if l.date != "" {
		var err error
		if q.From, q.To, err = a.day(l.date); err != nil {
			return q, err
		}
	}
	return q, nil
}

// day is a business day as [from, to), from midnight to midnight at +07:00.
func (a *app) day(date string) (from, to time.Time, err error) {
	from, err = time.ParseInLocation(time.DateOnly, date, vietnam)
	if err != nil {
		return from, to, a.misused("--date "+date, a.t("viết yyyy-MM-dd, ví dụ ", "write yyyy-MM-dd, as in ")+a.now().In(vietnam).Format(time.DateOnly))
	}
	return from, from.AddDate(0, 0, 1), nil
}

// saleList prints the list. It needs MobiFone's address only with --waiting, where a desk judges.
func (a *app) saleList(ctx context.Context, l listing) error {
	q, err := a.filter(l)
	if err != nil {
		return err
	}
	if l.limit < 1 {
		return a.badLimit(l.limit)
	}
	if l.waiting && (l.all || len(l.states) > 0 || l.date != "") {
		return a.misused(a.t("--waiting không đi với --all, --state hay --date", "--waiting goes without --all, --state and --date"),
			a.t("bỏ một bên", "leave one of them out"))
	}
	var found []sale.Summary
	if l.waiting {
		// What waits for a person is the desk's to say.
		c, err := a.openDesk(ctx)
		if err != nil {
			return err
		}
		if found, err = c.desk.Waiting(ctx, a.set.Shop); err != nil {
			return err
		}
		found = found[:min(len(found), l.limit)]
	} else {
		store, err := a.openStore(ctx)
		if err != nil {
			return err
		}
		if found, err = store.Find(ctx, q); err != nil {
			return err
		}
	}
	return a.printSales(found, l.limit)
}

// printSales prints a list of sales.
func (a *app) printSales(found []sale.Summary, limit int) error {
	lines := []saleLine{}
	rows := [][]string{}
	for _, s := range found {
		lines = append(lines, saleLine{
			s.ID, s.Shop, s.Order, s.State, s.Package, s.Price, s.CashIn, s.CashOut, s.LastThree, s.Reason,
			s.OpenedAt, s.UpdatedAt,
		})
		held := s.CashIn - s.CashOut
		rows = append(rows, []string{
			s.OpenedAt.In(vietnam).Format("02/01 15:04"), a.state(s.State), s.ID, s.Shop + "/" + s.Order, string(s.Package),
			held.String(), "***" + s.LastThree,
		})
	}
	if len(rows) == limit {
		defer a.noteCut(limit)
	}
	if a.set.asJSON {
		return a.json(lines)
	}
	if len(rows) == 0 {
		a.say("%s", a.t("Không có giao dịch nào như vậy.", "No such sale."))
		return nil
	}
	a.table([]string{
		a.t("Mở lúc", "Opened"), a.t("Trạng thái", "State"), a.t("Mã", "Id"), a.t("Cửa hàng/Đơn", "Shop/Order"), a.t("Gói", "Package"),
		a.t("Tiền giữ", "Cash held"), a.t("Số", "Number"),
	}, rows, 3, 4, 6) // the order of what is spared: order, package, number
	return nil
}

// noteCut says that a list was cut at its limit.
func (a *app) noteCut(limit int) {
	a.note(a.t("Thêm --limit để xem nữa: đây là %d giao dịch đầu.", "See more with --limit: these are the first %d."), limit)
}

// badLimit refuses a --limit that shows nothing.
func (a *app) badLimit(limit int) *failure {
	return a.misused(fmt.Sprintf("--limit %d", limit), a.t("ít nhất 1", "1 at least"))
}

// saleShowCommand is the command.
func (a *app) saleShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Args: cobra.ExactArgs(1), ValidArgsFunction: a.openSales,
		Short: a.t("Một giao dịch: việc cần làm và lịch sử", "One sale: what to do, and its history"),
		Long: a.t(`Cho xem một giao dịch: trạng thái, việc giao dịch viên làm tiếp, các lần gửi và
lịch sử. ID là mã giao dịch, partnerTransId của một lần, hay SHOP/ORDER.`,
			`Shows a sale: its state, what the teller does next, its sends and its history.
ID is the sale's id, the partnerTransId of any attempt, or SHOP/ORDER.`),
		RunE: func(cmd *cobra.Command, args []string) error { return a.saleShow(cmd.Context(), args[0]) },
	}
	a.revealing(cmd)
	return cmd
}

// saleShow prints a sale: what it is, what to do next, and its history. It asks MobiFone nothing.
func (a *app) saleShow(ctx context.Context, name string) error {
	c, err := a.openDesk(ctx)
	if err != nil {
		return err
	}
	v, err := c.look(ctx, name)
	if err != nil {
		return err
	}
	id := v.Sale.ID
	events, err := c.store.Events(ctx, id)
	if err != nil {
		return err
	}
	number, err := a.shown(v.Sale.Order.MSISDN, "sale "+id)
	if err != nil {
		return err
	}
	if a.set.asJSON {
		return a.json(map[string]any{
			"sale": v.Sale, "subscriber": number, "action": map[string]any{"step": v.Action.Step.String(), "text": v.Action.Text},
			"waitUntil": v.WaitUntil, "events": events,
		})
	}
	a.printSale(v, number)
	a.say("\n%s", a.t("Lịch sử", "History"))
	for _, e := range events {
		a.say("  %s  %-13s %s", at(e.At), e.Kind, oneLine(eventWords(e)))
	}
	return nil
}

// printSale prints what a sale is, and what to do.
func (a *app) printSale(v sale.View, number string) {
	s := v.Sale
	line := func(vi, en, value string) { a.field(a.t(vi, en), value) }
	line("Mã", "Id", s.ID)
	line("Trạng thái", "State", a.state(s.State)+" ("+s.State.String()+")")
	line("Vì sao", "Why", string(s.Reason))
	line("Đơn hàng", "Order", s.Order.Shop+"/"+s.Order.ID)
	line("Thuê bao", "Subscriber", number)
	line("Gói", "Package", fmt.Sprintf("%s %s", s.Order.Package, s.Order.Price))
	line("Thu / trả", "Cash in/out", fmt.Sprintf("%s / %s", s.CashIn, s.CashOut))
	line("Mở lúc", "Opened", at(s.OpenedAt))
	line("Giữ hoàn", "Refund by", s.RefundBy)
	for i, in := range s.Intents {
		settled := a.t("chưa rõ", "open")
		switch in.Settled {
		case "yes":
			settled = a.t("đã đăng ký", "registered")
		case "no":
			settled = a.t("không đăng ký", "not registered")
		}
		line(fmt.Sprintf("Gửi %d", i+1), fmt.Sprintf("Send %d", i+1), fmt.Sprintf("%s, transId %s, %s %s", at(in.At), in.TransID, settled, in.Code))
	}
	line("Làm gì", "What to do", a.text(v.Action.Text))
	line("Chờ đến", "Wait until", at(v.WaitUntil))
}

// eventWords is what an event says, in short. Who did it comes first.
func eventWords(e sale.Event) string {
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+value)
		}
	}
	add("", e.By)
	if e.Amount != 0 {
		add("", e.Amount.String())
	}
	if e.Kind == "send-ended" {
		add("", e.Outcome.String())
	}
	add("", string(e.Code))
	if e.Lookup != nil {
		add("rows=", strconv.Itoa(len(e.Lookup.Rows)))
	}
	if e.Row != nil {
		add("row=", e.Row.State.String())
		add("", e.Row.Differs)
	}
	if e.Verdict != nil {
		add("", e.Verdict.Ruling)
		add("", e.Verdict.Evidence)
	}
	add("", e.Note)
	return strings.Join(words, " ")
}
