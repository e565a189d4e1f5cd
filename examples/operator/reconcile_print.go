package main

// This file prints a reconciliation for a person: the sums, the first findings, and the verdict.

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// print prints the sums and the first findings.
func (b *balance) print(sum reconcile.Summary) {
	count := func(c reconcile.Count) string { return strconv.FormatInt(c.Rows, 10) }
	rows := [][]string{}
	add := func(name string, s reconcile.Sides) {
		if s != (reconcile.Sides{}) {
			rows = append(rows, []string{name, count(s.Ours), s.Ours.VND.String(), count(s.Theirs), s.Theirs.VND.String()})
		}
	}
	for _, k := range reconcile.Kinds() {
		add(b.kind(k), sum.Kinds[k])
	}
	add(b.t("Dòng lặp lại", "Repeated"), sum.Repeated)
	add(b.t("Đã đăng ký trong ngày", "Registered this day"), sum.Sold)
	b.say("%s %s", b.t("Đối soát ngày", "Reconciliation of"), b.q.date)
	if len(rows) == 0 {
		b.say("%s", b.t("Hai bên không có giao dịch nào.", "Neither side has a sale."))
	} else {
		b.table([]string{"", b.t("Đại lý", "Ours"), "₫", "MobiFone", "₫"}, rows)
	}
	if sum.Unread.Theirs > 0 {
		b.say("%s", b.red.on(fmt.Sprintf(b.t("Không đọc được %d dòng của MobiFone", "%d line(s) of MobiFone's could not be read"), sum.Unread.Theirs)))
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
	if sum.Balanced() {
		b.say("%s", b.green.on(b.t("CÂN: khớp cả hai bên.", "BALANCED: both sides agree.")))
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
	return []string{b.kind(f.Kind), id, order, ours, theirs, differences(f)}
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
}

// kind is a category in the language chosen, coloured by whether somebody has to act.
func (a *app) kind(k reconcile.Kind) string {
	word := a.text(telco.Text{VI: k.Vietnamese(), EN: kindWords[k]})
	switch k {
	case reconcile.Matched:
		return a.green.on(word)
	case reconcile.Unsold:
		return word
	case reconcile.StillOpen, reconcile.NowKnown:
		return a.yellow.on(word)
	default:
		return a.red.on(word)
	}
}
