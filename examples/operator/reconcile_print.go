package main

// This file prints a reconciliation for a person: the sums, the first findings, and the verdict.

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

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
