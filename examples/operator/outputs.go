package main

// This file writes findings to files and to other programs: CSV, a workbook, JSON lines. A file
// appears whole, under its own name, or not at all.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/xuri/excelize/v2"
)

// outputs are the places that findings go to; each may be nil.
type outputs struct {
	app  *app
	json *json.Encoder
	csv  *reconcile.CSVWriter
	file *draft
	book *workbook
}

// openOutputs opens what was asked for. All files are opened before the first is written, and dropped if one cannot be.
func openOutputs(a *app, q reconciling) (*outputs, error) {
	o := &outputs{app: a}
	if a.set.asJSON {
		o.json = json.NewEncoder(a.out)
	}
	var err error
	if q.csv != "" {
		if o.file, err = a.draft("--csv", q.csv, append(q.statements, q.xlsx, q.carry)...); err != nil {
			return nil, err
		}
		o.csv = reconcile.NewCSVWriter(o.file)
	}
	if q.xlsx != "" {
		if o.book, err = newWorkbook(a, q); err != nil {
			o.drop()
			return nil, err
		}
	}
	return o, nil
}

// write writes one finding everywhere. One output that fails does not keep it from the others.
func (o *outputs) write(f reconcile.Finding) error {
	var errs []error
	if o.json != nil {
		errs = append(errs, o.json.Encode(f))
	}
	if o.csv != nil {
		errs = append(errs, o.csv.Write(f))
	}
	if o.book != nil {
		errs = append(errs, o.book.write(f))
	}
	return errors.Join(errs...)
}

// keep finishes the files, and gives them their names when all are whole.
func (o *outputs) keep(sum reconcile.Summary, until time.Time) error {
	var whole []*draft
	if o.csv != nil {
		if err := o.csv.Flush(); err != nil {
			return o.app.ofFile(o.file.name, err)
		}
		whole = append(whole, o.file)
	}
	if o.book != nil {
		if err := o.book.finish(sum, until); err != nil {
			return o.app.ofFile(o.book.file.name, err)
		}
		whole = append(whole, o.book.file)
	}
	for _, step := range []func(*draft) error{(*draft).end, (*draft).keep} {
		for _, d := range whole {
			if err := step(d); err != nil {
				return o.app.ofFile(d.name, err)
			}
		}
	}
	return nil
}

// drop removes what was not kept.
func (o *outputs) drop() {
	if o.file != nil {
		o.file.drop()
	}
	if o.book != nil {
		o.book.drop()
	}
}

// sums prints the sums as the last JSON line. Whoever carries the file over knows by it that the run came to its end.
func (o *outputs) sums(sum reconcile.Summary, date string, until time.Time) error {
	kinds := map[string]reconcile.Sides{}
	for _, k := range reconcile.Kinds() {
		kinds[k.String()] = sum.Kinds[k]
	}
	line := map[string]any{
		"date": date, "balanced": sum.Balanced() && until.IsZero(), "kinds": kinds, "sold": sum.Sold, "read": sum.Read, "repeated": sum.Repeated,
		"otherDays": sum.OtherDays, "unread": map[string]int64{"ours": sum.Unread.Ours, "theirs": sum.Unread.Theirs}, "off": sum.Off(),
		"carriedGone": sum.CarriedGone,
	}
	if !until.IsZero() {
		line["completeUntil"] = until
	}
	return o.json.Encode(map[string]any{"summary": line})
}

// draft is a file under a name of its own until it is whole.
type draft struct {
	*os.File
	name string
}

// draft begins a file, unless its name is that of a directory, of a device, or of a file that is
// in use: it would be replaced.
func (a *app) draft(flag, name string, inUse ...string) (*draft, error) {
	taken := false
	if there, err := os.Stat(name); err == nil {
		taken = !there.Mode().IsRegular()
		for _, other := range append(inUse, a.set.Store, a.set.Keys, a.set.Contract) {
			o, err := os.Stat(other)
			taken = taken || err == nil && os.SameFile(there, o)
		}
	}
	if taken || slices.Contains(inUse, name) {
		return nil, a.misused(flag+" "+name+a.t(" là thư mục, thiết bị, hay tệp đang dùng", " is a directory, a device, or a file in use"),
			a.t("nêu tên một tệp mới", "name a new file"))
	}
	// It has masked numbers, but amounts and orders too: for its owner alone.
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return nil, a.ofFile(flag, err)
	}
	return &draft{f, name}, nil
}

// end ends the file. A disk that is full may say so here.
func (d *draft) end() error { return errors.Join(d.Sync(), d.Close()) }

// keep gives the file its name.
func (d *draft) keep() error { return os.Rename(d.Name(), d.name) }

// drop removes a file that was not kept.
func (d *draft) drop() {
	_ = d.Close()
	_ = os.Remove(d.Name())
}

// workbook is the Excel file: a sheet with sums, and one with findings. Its texts are texts, so
// that none is taken for a formula.
type workbook struct {
	app   *app
	file  *draft
	book  *excelize.File
	sheet *excelize.StreamWriter
	row   int
	most  int // rows of a sheet; what is more goes to another one
	bold  int
	money int
}

// newWorkbook begins a workbook.
func newWorkbook(a *app, q reconciling) (*workbook, error) {
	file, err := a.draft("--xlsx", q.xlsx, append(q.statements, q.csv, q.carry)...)
	if err != nil {
		return nil, err
	}
	w := &workbook{app: a, file: file, book: excelize.NewFile(excelize.Options{TmpDir: q.temp}), most: excelize.TotalRows}
	if err := w.begin(); err != nil {
		w.drop()
		return nil, err
	}
	return w, nil
}

// begin makes the styles and the sheets.
func (w *workbook) begin() error {
	var err error
	if w.bold, err = w.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return err
	}
	format := "#,##0"
	if w.money, err = w.book.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return err
	}
	if err := w.book.SetSheetName("Sheet1", w.sumsName()); err != nil {
		return err
	}
	return w.another()
}

// another begins a sheet of findings: the first, or one after a full one.
func (w *workbook) another() error {
	name := w.app.t("Chênh lệch", "Differences")
	if n := w.book.SheetCount; n > 1 {
		name += fmt.Sprintf(" %d", n)
	}
	if _, err := w.book.NewSheet(name); err != nil {
		return err
	}
	var err error
	w.row = 1
	if w.sheet, err = w.book.NewStreamWriter(name); err != nil {
		return err
	}
	if err := errors.Join(w.sheet.SetColWidth(1, 1, 26), w.sheet.SetColWidth(2, 2, 32), w.sheet.SetColWidth(3, 16, 20),
		w.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})); err != nil {
		return err
	}
	t := w.app.t
	var head []any
	for _, name := range []string{
		t("Loại", "Kind"), t("Mã bán hàng", "Sale"), t("Cửa hàng", "Shop"), t("Đơn hàng", "Order"), "transId", "partnerTransId",
		t("Thuê bao", "Subscriber"), t("Gói (đại lý)", "Package (ours)"), t("Gói (MobiFone)", "Package (MobiFone)"),
		t("Số tiền (đại lý)", "Amount (ours)"), t("Số tiền (MobiFone)", "Amount (MobiFone)"),
		t("Trạng thái (đại lý)", "State (ours)"), t("Trạng thái (MobiFone)", "State (MobiFone)"),
		t("Thời gian (đại lý)", "Time (ours)"), t("Thời gian (MobiFone)", "Time (MobiFone)"), t("Khác nhau", "Differences"),
	} {
		head = append(head, excelize.Cell{StyleID: w.bold, Value: name})
	}
	return w.put(head)
}

// sumsName is the name of the sheet with sums.
func (w *workbook) sumsName() string { return w.app.t("Tổng hợp", "Summary") }

// put appends a row to the findings.
func (w *workbook) put(cells []any) error {
	if w.row > w.most {
		if err := errors.Join(w.sheet.Flush(), w.another()); err != nil {
			return err
		}
	}
	cell, err := excelize.CoordinatesToCellName(1, w.row)
	if err != nil {
		return err
	}
	w.row++
	return w.sheet.SetRow(cell, cells)
}

// write appends one finding, with what the CSV has of it.
func (w *workbook) write(f reconcile.Finding) error {
	ids := f.IDs()
	var shop, order, who, ours, theirs, oursAt, theirsAt, oursPackage, theirsPackage string
	var paid, charged any
	if t := f.Theirs; t != nil {
		shop, who, theirs, charged = t.Shop, t.MSISDN.String(), t.State.String(), w.amount(t.Amount)
		theirsPackage, theirsAt = string(t.Package), moment(t.CreatedAt)
	}
	if o := f.Ours; o != nil {
		shop, order, ours, paid = o.Shop, o.Order, o.State(), w.amount(o.Amount)
		oursPackage, oursAt = string(o.Package), moment(o.At)
		if !o.MSISDN.IsZero() { // it may be erased here
			who = o.MSISDN.String()
		}
	}
	return w.put([]any{
		w.app.kindWord(f.Kind), f.SaleID, shop, order, string(ids.TransID), string(ids.PartnerTransID), who,
		oursPackage, theirsPackage, paid, charged, ours, theirs, oursAt, theirsAt, differences(f),
	})
}

// moment is a time as the CSV writes it: a spreadsheet sorts it as it stands.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnam).Format(time.DateTime)
}

// amount is money as a number of Excel's.
func (w *workbook) amount(v telco.VND) excelize.Cell {
	return excelize.Cell{StyleID: w.money, Value: int64(v)}
}

// finish writes the sums and the verdict, which are known only now, and fills the file.
func (w *workbook) finish(sum reconcile.Summary, until time.Time) error {
	if err := w.sheet.Flush(); err != nil {
		return err
	}
	sheet, err := w.book.NewStreamWriter(w.sumsName())
	if err != nil {
		return err
	}
	t := w.app.t
	bold := func(text string) any { return excelize.Cell{StyleID: w.bold, Value: text} }
	rows := [][]any{{"", bold(t("Đại lý", "Ours")), bold("₫"), bold("MobiFone"), bold("₫")}}
	for _, l := range w.app.sumLines(sum) {
		s := l.sides
		rows = append(rows, []any{l.name, s.Ours.Rows, w.amount(s.Ours.VND), s.Theirs.Rows, w.amount(s.Theirs.VND)})
	}
	rows = append(rows, []any{t("Dòng không đọc được", "Lines not read"), sum.Unread.Ours, nil, sum.Unread.Theirs},
		[]any{t("Mã chờ không còn thấy", "Carried ids gone"), nil, nil, sum.CarriedGone})
	verdict := t("Chưa cân", "Not balanced")
	switch {
	case sum.Balanced() && until.IsZero():
		verdict = t("Cân", "Balanced")
	case sum.Balanced():
		verdict = t("Ngày chưa khép", "The day is not closed")
	}
	if !until.IsZero() {
		rows = append(rows, []any{t("Danh sách của MobiFone đủ đến", "MobiFone's list is complete until"), at(until)})
	}
	rows = append(rows, []any{bold(verdict)})
	errs := []error{sheet.SetColWidth(1, 1, 44), sheet.SetColWidth(2, 5, 16)}
	for i, r := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		errs = append(errs, err, sheet.SetRow(cell, r))
	}
	if err := errors.Join(append(errs, sheet.Flush())...); err != nil {
		return err
	}
	return w.book.Write(w.file)
}

// drop removes what was not kept.
func (w *workbook) drop() {
	_ = w.book.Close()
	w.file.drop()
}
