package reconcile

// This file adds up: rows and amounts of either side, by category.

import (
	"fmt"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Count is a number of rows and the sum of their amounts.
type Count struct {
	Rows int64     `json:"rows"`
	VND  telco.VND `json:"vnd"`
}

func (c *Count) add(amount telco.VND) {
	c.Rows++
	c.VND += amount
}

func (c *Count) plus(o Count) { c.Rows += o.Rows; c.VND += o.VND }

// Sides counts either side.
type Sides struct {
	Ours   Count `json:"ours"`
	Theirs Count `json:"theirs"`
}

func (s *Sides) plus(o Sides) { s.Ours.plus(o.Ours); s.Theirs.plus(o.Theirs) }

// Summary is a reconciliation in figures. Read is the sum of all categories, of Repeated and of
// OtherDays, on either side, in rows and in VND; [Run.Findings] ends with an error if it were not.
type Summary struct {
	// Read are all rows that were given.
	Read Sides
	// Kinds counts each category of the day. A missing one is zero.
	Kinds map[Kind]Sides
	// Sold are the registrations of the day: ours whose outcome is Succeeded and MobiFone's in
	// state SUCCESS.
	Sold Sides
	// Repeated are rows that were listed again, and earlier states of a transaction that is listed
	// in a later one. They were left out.
	Repeated Sides
	// OtherDays are rows that belong to another business day.
	OtherDays Sides
	// Unread are lines of files that could not be read. Nobody knows their amounts.
	Unread struct{ Ours, Theirs int64 }
	// CarriedGone counts the ids carried from an earlier day that neither side lists any more, each of
	// which is a finding of kind [Gone].
	CarriedGone int64
}

// Balanced reports whether the day closes: every row matched or unsold, no line unread, and nothing
// lost that was carried over. A row that is [NowKnown] or [StillOpen] needs no person, but the day
// does not close with it.
func (s Summary) Balanced() bool {
	for k, sides := range s.Kinds {
		if k != Matched && k != Unsold && sides.Ours.Rows+sides.Theirs.Rows > 0 {
			return false
		}
	}
	return s.Unread.Ours+s.Unread.Theirs == 0 && s.CarriedGone == 0
}

// Off is by how much MobiFone's registrations of the day exceed ours. Zero is no proof that the
// day balances: two mistakes may cancel out. See Balanced.
func (s Summary) Off() Count {
	return Count{Rows: s.Sold.Theirs.Rows - s.Sold.Ours.Rows, VND: s.Sold.Theirs.VND - s.Sold.Ours.VND}
}

// total adds up everything that was put somewhere.
func (s Summary) total() Sides {
	var all Sides
	for _, sides := range s.Kinds {
		all.plus(sides)
	}
	all.plus(s.Repeated)
	all.plus(s.OtherDays)
	return all
}

// String is a table of the categories that have rows, in Vietnamese, and whether the day balances.
func (s Summary) String() string {
	var b strings.Builder
	line := func(name string, sides Sides) {
		fmt.Fprintf(&b, "%-42s %10d %20s %10d %20s\n", name, sides.Ours.Rows, sides.Ours.VND, sides.Theirs.Rows, sides.Theirs.VND)
	}
	fmt.Fprintf(&b, "%-42s %31s %31s\n", "", "Đại lý", "MobiFone")
	for _, k := range Kinds() {
		if sides := s.Kinds[k]; sides != (Sides{}) {
			line(k.Vietnamese(), sides)
		}
	}
	line("Dòng lặp lại", s.Repeated)
	line("Ngày khác", s.OtherDays)
	line("Tổng số dòng", s.Read)
	line("Đã đăng ký trong ngày", s.Sold)
	if s.Balanced() {
		b.WriteString("Cân: khớp cả hai bên.\n")
		return b.String()
	}
	off := s.Off()
	fmt.Fprintf(&b, "Chưa cân: MobiFone − đại lý = %d giao dịch, %s; dòng không đọc được: %d; mã chờ không còn thấy: %d.\n",
		off.Rows, off.VND, s.Unread.Ours+s.Unread.Theirs, s.CarriedGone)
	return b.String()
}
