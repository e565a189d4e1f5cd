package main

// This file asks MobiFone and changes nothing: one transaction by its id, the transactions of a day, and what a
// subscriber may buy, which is step 1 at the counter.

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/spf13/cobra"
)

// txLine is a transaction for other programs; the number prints masked.
type txLine struct {
	TransID        telco.TransID        `json:"transId"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId,omitempty"`
	Subscriber     string               `json:"subscriber"`
	Package        telco.PackageCode    `json:"package"`
	Amount         telco.VND            `json:"amount"`
	State          string               `json:"state"`
	ResultCode     telco.Code           `json:"resultCode,omitempty"`
	WireResultCode string               `json:"wireResultCode,omitempty"`
	Message        string               `json:"message,omitempty"`
	Shop           string               `json:"shop,omitempty"`
	CreatedAt      time.Time            `json:"createdAt,omitzero"`
	UpdatedAt      time.Time            `json:"updatedAt,omitzero"`
}

// lineOf is a transaction as a line, with its number as it is shown.
func lineOf(tx telco.Transaction, number string) txLine {
	return txLine{
		tx.TransID, tx.PartnerTransID, number, tx.Package, tx.Amount, tx.State.String(), tx.ResultCode, tx.WireResultCode, tx.ResultMessage,
		tx.Shop, tx.CreatedAt, tx.UpdatedAt,
	}
}

// txCommand is the command with its parts.
func (a *app) txCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "tx", Short: a.t("Giao dịch ở MobiFone: một mã, hay một ngày", "MobiFone's transactions: by id, or of a day")}
	get := &cobra.Command{
		Use: "get ID", Args: cobra.ExactArgs(1),
		Short: a.t("Một giao dịch, theo transId hay partnerTransId", "One transaction, by transId or partnerTransId"),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.txGet(cmd.Context(), args[0]) },
	}
	a.revealing(get)
	var q txQuery
	list := &cobra.Command{
		Use: "list", Args: cobra.NoArgs,
		Short: a.t("Giao dịch của một ngày, mới nhất trước", "The transactions of a day, the newest first"),
		Long: a.t(`Liệt kê giao dịch ở MobiFone trong một ngày (00:00–24:00 +07:00). Những phút vừa
qua chưa có: MobiFone tra cứu chậm, giao thức nói chậm bao lâu.`,
			`Lists MobiFone's transactions of a day (00:00–24:00 at +07:00). The last moments
are not in it: lookups lag as far as the contract says.`),
		Example: "  mobifonectl tx list --date 2026-11-25 --state SUCCESS --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.txList(cmd.Context(), q) },
	}
	f := list.Flags()
	f.StringVar(&q.date, "date", "", a.t("ngày `DATE`, yyyy-MM-dd (mặc định hôm nay)", "`DATE`, yyyy-MM-dd (default is today)"))
	f.StringVar(&q.state, "state", "", a.t("chỉ `STATE` này: ", "only this `STATE`: ")+stateList)
	f.StringVar(&q.pkg, "package", "", a.t("chỉ gói `CODE`", "only the package `CODE`"))
	f.StringVar(&q.msisdn, "msisdn", "", a.t("chỉ thuê bao `NUMBER`; “-” đọc từ bàn phím", "only the subscriber `NUMBER`; “-” reads the keyboard"))
	f.IntVar(&q.limit, "limit", 200, a.t("nhiều nhất `N` giao dịch", "`N` at most"))
	a.words(list, "state", strings.Split(stateList, ", "))
	cmd.AddCommand(get, list)
	return cmd
}

// txQuery is what tx list is asked for, as it was typed. Empty means any; an empty date is today.
type txQuery struct {
	date, state, pkg, msisdn string
	limit                    int
}

// txGet prints one transaction. The id may be MobiFone's or ours.
func (a *app) txGet(ctx context.Context, id string) error {
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	req := transactions.GetRequest{TransID: telco.TransID(id)}
	// The check character tells our own ids from MobiFone's.
	if ours, err := telco.ParsePartnerTransID(id); err == nil {
		req = transactions.GetRequest{PartnerTransID: ours}
	}
	found, err := client.Transactions.Get(ctx, req)
	if err != nil {
		return err
	}
	tx := found.Transaction
	number, err := a.shown(tx.MSISDN, "transaction "+string(tx.TransID))
	if err != nil {
		return err
	}
	if a.set.asJSON {
		return a.json(lineOf(tx, number))
	}
	for _, line := range [][2]string{
		{"transId", string(tx.TransID)},
		{"partnerTransId", string(tx.PartnerTransID)},
		{a.t("Trạng thái", "State"), strings.TrimSpace(tx.State.String() + " " + string(tx.ResultCode))},
		{a.t("MobiFone nói", "MobiFone says"), tx.ResultMessage},
		{a.t("Thuê bao", "Subscriber"), number},
		{a.t("Gói", "Package"), string(tx.Package) + " " + tx.Amount.String()},
		{a.t("Cửa hàng", "Shop"), tx.Shop},
		{a.t("Tạo lúc", "Created"), at(tx.CreatedAt)},
		{a.t("Đổi lúc", "Changed"), at(tx.UpdatedAt)},
	} {
		a.field(line[0], line[1])
	}
	return nil
}

// stateList is what --state takes: MobiFone's states.
const stateList = "INIT, PENDING, SUCCESS, FAILED, EXPIRED, CANCELLED, REVERSED"

// stateNamed is the state of MobiFone's with this name, whatever its capitals.
func stateNamed(name string) (s telco.State, ok bool) {
	for s = telco.StateInit; s <= telco.StateReversed; s++ {
		if strings.EqualFold(s.String(), name) {
			return s, true
		}
	}
	return 0, false
}

// query makes the query of what was asked for. It covers a whole business day at +07:00.
func (a *app) query(q txQuery) (transactions.Query, error) {
	if q.date == "" {
		q.date = a.now().In(vietnam).Format(time.DateOnly)
	}
	from, to, err := a.day(q.date)
	if err != nil {
		return transactions.Query{}, err
	}
	state, ok := stateNamed(q.state)
	if !ok && q.state != "" {
		return transactions.Query{}, a.misused("--state "+q.state, stateList)
	}
	return transactions.Query{From: from, To: to, Package: telco.PackageCode(q.pkg), State: state, Shop: a.set.Shop}, nil
}

// txList prints the transactions of a day. It asks in the background lane: tellers come first, however long the list.
func (a *app) txList(ctx context.Context, q txQuery) error {
	query, err := a.query(q)
	if err != nil {
		return err
	}
	if q.limit < 1 {
		return a.badLimit(q.limit)
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	service := client.Background().Transactions
	list := service.List(query)
	if q.msisdn != "" {
		number, err := a.number(ctx, q.msisdn)
		if err != nil {
			return err
		}
		list = service.Search(transactions.SearchQuery{MSISDN: number, Query: query})
	}
	bar := a.bar(-1, a.t("đọc giao dịch", "reading transactions"))
	lines := []txLine{}
	var open *transactions.WindowOpenError
	for tx, err := range list.All(ctx) {
		if errors.As(err, &open) {
			break // everything up to open.Until was there
		}
		if err != nil {
			return err
		}
		lines = append(lines, lineOf(tx, tx.MSISDN.String()))
		_ = bar.Add(1)
		if len(lines) == q.limit {
			break
		}
	}
	_ = bar.Finish()
	if err := a.printTx(lines); err != nil {
		return err
	}
	switch {
	case open == nil:
	case open.NoTotal:
		a.note("%s", a.uncounted())
	default:
		a.note(a.t("Đầy đủ đến %s.", "Complete until %s."), at(open.Until))
	}
	if len(lines) == q.limit {
		a.noteCut(q.limit)
	}
	return nil
}

// uncounted warns that a listing may lack rows and nobody would see it: MobiFone gives no total.
func (a *app) uncounted() string {
	return a.t("MobiFone không đếm giao dịch: không kiểm được là đã đủ.", "MobiFone counts no total: nothing says that the list is complete.")
}

// printTx prints transactions, each with its number masked: a list is no place to reveal one.
func (a *app) printTx(lines []txLine) error {
	if a.set.asJSON {
		return a.json(lines)
	}
	if len(lines) == 0 {
		a.say("%s", a.t("Không có giao dịch nào.", "No transaction."))
		return nil
	}
	rows := [][]string{}
	for _, l := range lines {
		rows = append(rows, []string{
			l.CreatedAt.In(vietnam).Format("15:04:05"), l.State, string(l.TransID), string(l.PartnerTransID), string(l.Package),
			l.Amount.String(), l.Subscriber,
		})
	}
	a.table([]string{
		a.t("Lúc", "Time"), a.t("Trạng thái", "State"), "transId", "partnerTransId", a.t("Gói", "Package"), a.t("Tiền", "Amount"),
		a.t("Số", "Number"),
	}, rows, 4, 6, 2) // the order of what is spared: package, number, transId
	return nil
}

// compact writes a value as one line of JSON.
func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// eligibleCommand is the command.
func (a *app) eligibleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "eligible MSISDN", Args: cobra.ExactArgs(1),
		Short: a.t("Thuê bao được mua gói nào", "Which packages a subscriber may buy"),
		Long: a.t(`Hỏi MobiFone thuê bao được mua gói nào. Không gửi OTP, không thu tiền.
Số “-” được đọc từ bàn phím, để không nằm lại trong lịch sử lệnh.`,
			`Asks MobiFone which packages a subscriber may buy. No OTP, no money.
The number "-" is read from the keyboard, so that no history keeps it.`),
		Example: "  mobifonectl eligible - --shop HN01 --by GDV07",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.eligible(cmd.Context(), args[0]) },
	}
}

// number reads a subscriber's number. "-" reads it from the keyboard, so that neither the shell's history nor the list
// of processes has it.
func (a *app) number(ctx context.Context, typed string) (telco.MSISDN, error) {
	if typed == "-" {
		a.note("%s", a.t("Số thuê bao:", "Number:"))
		var err error
		if typed, err = a.typed(ctx); err != nil {
			return telco.MSISDN{}, err
		}
	}
	return telco.ParseMSISDN(typed)
}

// staff is who asks. MobiFone wants shop and employee with every question about a subscriber.
func (a *app) staff() (telco.Staff, error) {
	if a.set.Shop == "" || a.set.Employee == "" {
		return telco.Staff{}, a.misused(a.t("chưa biết cửa hàng và nhân viên nào hỏi", "shop and employee are not known"),
			a.t("đặt --shop và --by ($MOBIFONE_SHOP, $MOBIFONE_EMPLOYEE)", "set --shop and --by ($MOBIFONE_SHOP, $MOBIFONE_EMPLOYEE)"))
	}
	return telco.Staff{Shop: a.set.Shop, Employee: a.set.Employee}, nil
}

// offerLine is an offer for other programs. Why is a sentence in the language that was chosen; Code stays the same.
type offerLine struct {
	Package  telco.PackageCode `json:"package"`
	Name     string            `json:"name"`
	Price    telco.VND         `json:"price"`
	Days     int               `json:"cycleDays"`
	Eligible bool              `json:"eligible"`
	Code     telco.Code        `json:"code,omitempty"`
	Why      string            `json:"why,omitempty"`
}

// eligible asks what a subscriber may buy, and prints it. A package that may not be bought is listed with the reason.
func (a *app) eligible(ctx context.Context, typed string) error {
	number, err := a.number(ctx, typed)
	if err != nil {
		return err
	}
	staff, err := a.staff()
	if err != nil {
		return err
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	said, err := client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: number, Staff: staff})
	if err != nil {
		return err
	}
	offers := []offerLine{}
	rows := [][]string{}
	for _, o := range said.Offers {
		why := o.Problem
		if why == "" {
			why = a.text(o.Reason.Text)
		}
		if why == "" {
			why = o.Reason.WireCode
		}
		offers = append(offers, offerLine{o.Code, o.Name, o.Price, o.CycleDays, o.Eligible, o.Reason.Code, why})
		may := a.green.on(a.t("được", "yes"))
		if !o.Eligible {
			may = a.red.on(a.t("không", "no"))
		}
		rows = append(rows, []string{string(o.Code), o.Price.String(), strconv.Itoa(o.CycleDays), may, why})
	}
	if a.set.asJSON {
		return a.json(map[string]any{"subscriber": number, "subscriberType": said.SubscriberType, "unchecked": said.Unchecked, "offers": offers})
	}
	a.say("%s %s", a.t("Thuê bao", "Subscriber"), number)
	if said.Unchecked {
		a.say("%s", a.yellow.on(a.t("Đây là bảng giá, chưa hỏi MobiFone: giao thức không có chức năng này.",
			"This is the price list, MobiFone was not asked: the contract has no such operation.")))
	}
	if len(rows) == 0 {
		a.say("%s", a.t("Không có gói nào.", "No package."))
		return nil
	}
	a.table([]string{a.t("Gói", "Package"), a.t("Giá", "Price"), a.t("Ngày", "Days"), a.t("Mua", "May buy"), a.t("Vì sao", "Why")}, rows)
	return nil
}
