package reconcile

// This file holds the words of the result: a row of ours, a finding with its category and what differs, and the
// figures of a day. Callers read these values and print them; nothing here compares rows or does any I/O.
// Field names and words that JSON and CSV have are read by other programs and by the next day: keep them.

import (
	"fmt"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Ours is one row of ours: one pair of ids of a sale, and what we know of it. A sale has
// several rows when it had several OTPs or several attempts.
type Ours struct {
	// SaleID is the sale that the row belongs to; Shop and Order are the shop and its order. They are not
	// compared, and a finding has them for whoever acts on it.
	SaleID string
	Shop   string
	Order  string
	telco.IDs
	// MSISDN is the subscriber; zero when the number was erased, and then it is not compared.
	MSISDN  telco.MSISDN
	Package telco.PackageCode
	// Amount is the price, in whole dong; it is compared with MobiFone's to the dong.
	Amount telco.VND
	// Outcome is what we know of these ids: Succeeded, MobiFone said or showed that they are registered;
	// Rejected and NotSent, it is settled that nothing is registered under them, by a proof or a person;
	// Unknown, nobody knows yet. A run keeps NotSent as Rejected: for a ledger they are the same.
	Outcome telco.Outcome
	// Refunded says that the customer has the cash back.
	Refunded bool
	// At is when the registration was prepared. It says to which day the row belongs as long as
	// MobiFone shows no row for it; zero belongs to every day. Whole seconds count.
	At time.Time
}

// The words of [Ours.State], which files have as the status of a row of ours.
const (
	undecidedWord     = "UNDECIDED"
	registeredWord    = "REGISTERED"
	notRegisteredWord = "NOT_REGISTERED"
	refundedWord      = "REFUNDED" // the cash went back, so nothing should be registered
)

// State is the word that files have for Outcome and Refunded: "REGISTERED", "NOT_REGISTERED", "UNDECIDED",
// or "REFUNDED" whatever the outcome.
func (o *Ours) State() string {
	switch {
	case o.Refunded:
		return refundedWord
	case o.Outcome == telco.Succeeded:
		return registeredWord
	case o.Outcome == telco.Rejected, o.Outcome == telco.NotSent:
		return notRegisteredWord
	default:
		return undecidedWord
	}
}

// Difference is a field with its value on either side, as a person reads it. Phone numbers are masked.
type Difference struct {
	// Field is transId, partnerTransId, subscriber, package, amount or state; the state of ours is [Ours.State].
	Field  string `json:"field"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// Finding is one row of ours, one of MobiFone's, or both together, and their category. A finding of kind
// [Gone] has no row; its IDs say what was looked for.
type Finding struct {
	Kind Kind
	// SaleID is the sale that the finding is about, also where Ours is nil: another row of ours has the same
	// partnerTransId then. It is empty when no row of ours has it.
	SaleID string
	// Ours is our row; nil when there is none.
	Ours *Ours
	// Theirs is MobiFone's row; nil when there is none. It has the fields of a transaction that a
	// statement has too, and times in whole seconds at +07:00.
	Theirs *telco.Transaction
	// Differences are the fields that do not agree. Kinds other than Differs may have some too.
	Differences []Difference
	// Others are MobiFone's other rows with the same partnerTransId; Desk.Observe needs them to see that
	// two of them are registered.
	Others []telco.Transaction
	// Carried says that the finding was still open on an earlier day, see [Run.Carry].
	Carried bool
	// gone are the carried ids that no row has any more; set for kind Gone alone.
	gone telco.IDs
}

// differences lists the fields that do not agree. A missing package, amount or number of MobiFone's proves no
// agreement, so it is listed; a missing id is not, because the other one matched, nor is a number that was
// erased here.
func differences(o *Ours, tx *telco.Transaction) []Difference {
	var all []Difference
	// The order of the fields is that of the columns of a statement.
	differ := func(is bool, field, ours, theirs string) {
		if is {
			all = append(all, Difference{Field: field, Ours: ours, Theirs: theirs})
		}
	}
	differ(o.TransID != tx.TransID && o.TransID != "" && tx.TransID != "", "transId", string(o.TransID), string(tx.TransID))
	differ(o.PartnerTransID != tx.PartnerTransID && o.PartnerTransID != "" && tx.PartnerTransID != "",
		"partnerTransId", string(o.PartnerTransID), string(tx.PartnerTransID))
	differ(!tx.MSISDN.IsValid() || o.MSISDN.IsValid() && o.MSISDN != tx.MSISDN, "subscriber", o.MSISDN.String(), tx.MSISDN.String())
	differ(o.Package != tx.Package || tx.Package == "", "package", string(o.Package), string(tx.Package))
	differ(o.Amount != tx.Amount || tx.Amount == 0, "amount", o.Amount.String(), tx.Amount.String())
	theirs := tx.State == telco.StateSuccess
	// Unknown agrees with nothing: the kind says what is to be done about it.
	agree := o.Outcome == telco.Succeeded && !o.Refunded && theirs || o.Outcome == telco.Rejected && !says(&theirRow{tx: *tx})
	differ(!agree, "state", o.State(), tx.State.String())
	return all
}

// Kind is the category of a finding. The zero value is no category. docs/reconciliation.md says what an
// accountant does about each one.
type Kind uint8

// The categories. Every row of either side is in exactly one of those before Gone.
const (
	// Matched (Khớp): both sides have the registration, and every field agrees. It is yielded only with
	// Config.WithMatched, and always counted.
	Matched Kind = iota + 1
	// Differs (Lệch): both sides have the row, and they do not agree. Finding.Differences says where.
	Differs
	// TheirsOnly (MobiFone có – đại lý không có): a registration that we know nothing of. A row in a state
	// that is not listed in the contract counts as one, so that a person looks at it.
	TheirsOnly
	// OursOnly (Đại lý có – MobiFone không có): we sold it, and MobiFone does not list it. Look it up before
	// anything else: a statement may be incomplete.
	OursOnly
	// Duplicate (Trùng): MobiFone lists more than one registration for one partnerTransId, or
	// one transId with two contents; or our own rows give one pair of ids two contents. The row that fits best
	// has its own category, and only the others are duplicates.
	Duplicate
	// RefundedRegistered (Đã hoàn tiền nhưng MobiFone vẫn đăng ký): the cash went back to the
	// customer, and MobiFone has the package registered. The shop pays for it, so it comes before any
	// other difference of the pair.
	RefundedRegistered
	// Reversed (MobiFone đã hủy): registered, and taken back by MobiFone. It counts in Sold of our side if we
	// know it as registered, and never in Sold of MobiFone's.
	Reversed
	// NowKnown (Nay đã rõ): it was undecided here, and MobiFone shows it registered as it was sold. Tell the
	// sale, and the next run matches it.
	NowKnown
	// StillOpen (Chưa xong): pending at MobiFone, or undecided here and not shown as registered there. Give
	// its ids to the next day's run, see [Run.CarryFile].
	StillOpen
	// Unsold (Không thành): neither side has a registration. It includes refused rows of MobiFone's that no row of
	// ours goes with.
	Unsold
	// Gone (Mã chờ không còn thấy): ids given to [Run.Carry] that neither side lists any more. It is no
	// category of a row, so [Kinds] and [Summary.Kinds] lack it; [Summary.CarriedGone] counts it.
	Gone
)

// kindNames has for each kind its word in files and its Vietnamese name.
var kindNames = [...][2]string{
	{"", ""},
	{"MATCHED", "Khớp"},
	{"DIFFERS", "Lệch"},
	{"THEIRS_ONLY", "MobiFone có – đại lý không có"},
	{"OURS_ONLY", "Đại lý có – MobiFone không có"},
	{"DUPLICATE", "Trùng"},
	{"REFUNDED_REGISTERED", "Đã hoàn tiền nhưng MobiFone vẫn đăng ký"},
	{"REVERSED", "MobiFone đã hủy"},
	{"NOW_KNOWN", "Nay đã rõ"},
	{"STILL_OPEN", "Chưa xong"},
	{"UNSOLD", "Không thành"},
	{"GONE", "Mã chờ không còn thấy"},
}

// Kinds returns all categories of rows, in the order in which a report lists them. Their counts add up to
// all rows of the day; [Gone] is not among them.
func Kinds() []Kind {
	all := make([]Kind, 0, Unsold)
	for k := Matched; k <= Unsold; k++ {
		all = append(all, k)
	}
	return all
}

// String returns the word that files use, such as "MATCHED".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k][0]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Vietnamese returns the category's name as an accountant reads it, such as "Khớp".
func (k Kind) Vietnamese() string {
	if int(k) < len(kindNames) {
		return kindNames[k][1]
	}
	return k.String()
}

// MarshalText writes what String returns, so that a Kind can be a key of a JSON object too.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes, and refuses any other word.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, names := range kindNames {
		if i > 0 && names[0] == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("reconcile: no category %q", text)
}

// Count is a number of rows and the sum of their amounts. Sums never overflow: a run that could is an error.
type Count struct {
	Rows int64     `json:"rows"`
	VND  telco.VND `json:"vnd"`
}

// add counts one row.
func (c *Count) add(amount telco.VND) {
	c.Rows++
	c.VND += amount
}

// plus adds another count.
func (c *Count) plus(o Count) { c.Rows += o.Rows; c.VND += o.VND }

// Sides has the count of either side: our rows, and MobiFone's.
type Sides struct {
	Ours   Count `json:"ours"`
	Theirs Count `json:"theirs"`
}

// plus adds other counts, side by side.
func (s *Sides) plus(o Sides) { s.Ours.plus(o.Ours); s.Theirs.plus(o.Theirs) }

// Summary is a reconciliation in figures. On either side, in rows and in VND, Read is the sum of all
// categories, Repeated and OtherDays. [Run.Findings] checks that and ends with an error if it is not so.
type Summary struct {
	// Read are all rows that were given.
	Read Sides
	// Kinds counts each category of the day. A missing one is zero.
	Kinds map[Kind]Sides
	// Sold are the registrations of the day: ours whose outcome is Succeeded and whose cash was not
	// refunded, and MobiFone's in state SUCCESS.
	Sold Sides
	// Repeated are rows that were listed again, and rows with an earlier state of a transaction that
	// another row has in a later one. They were left out.
	Repeated Sides
	// OtherDays are rows that belong to another business day. That day's run reports them.
	OtherDays Sides
	// Unread counts the lines of files that could not be read. They are in no other figure, for nobody
	// knows their amounts.
	Unread struct{ Ours, Theirs int64 }
	// CarriedGone counts the findings of kind [Gone]: ids carried from an earlier day that neither side
	// lists any more.
	CarriedGone int64
}

// Balanced reports whether the day closes: every row is matched or unsold, every line was read, and no
// carried ids are gone. A row that is [NowKnown] or [StillOpen] needs no person, but the day
// does not close with it. It is about the day as it was found: tell the sales, run it again, and a row
// that was NowKnown is matched.
func (s Summary) Balanced() bool {
	for k, sides := range s.Kinds {
		if k != Matched && k != Unsold && sides.Ours.Rows+sides.Theirs.Rows > 0 {
			return false
		}
	}
	return s.Unread.Ours+s.Unread.Theirs == 0 && s.CarriedGone == 0
}

// Off is by how much MobiFone's registrations of the day exceed ours; below zero ours exceed theirs. Zero is
// no proof that the day balances, because two mistakes may cancel each other out. See Balanced.
func (s Summary) Off() Count {
	return Count{Rows: s.Sold.Theirs.Rows - s.Sold.Ours.Rows, VND: s.Sold.Theirs.VND - s.Sold.Ours.VND}
}

// total adds up every row that was classed or left out. At the end of a run it must be Read.
func (s Summary) total() Sides {
	var all Sides
	for _, sides := range s.Kinds {
		all.plus(sides)
	}
	all.plus(s.Repeated)
	all.plus(s.OtherDays)
	return all
}

// String is a table of the categories that have rows, in Vietnamese, and then whether the day balances. It is for
// people and may change; programs read the fields. Each line has a name, then rows and VND of ours, then those of
// MobiFone:
//
//	                                                    Đại lý                        MobiFone
//	Khớp                                 1205    240.840.000 ₫       1205        240.840.000 ₫
//	Lệch                                    1        120.000 ₫          1            120.001 ₫
//	…
//	Tổng số dòng                         1206    240.960.000 ₫       1206        240.960.001 ₫
//	Chưa cân: MobiFone − đại lý = 0 giao dịch, 1 ₫; dòng không đọc được: 0; mã chờ không còn thấy: 0.
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
	// Off alone would say nothing where mistakes cancel each other out, so the line begins with the verdict.
	off := s.Off()
	fmt.Fprintf(&b, "Chưa cân: MobiFone − đại lý = %d giao dịch, %s; dòng không đọc được: %d; mã chờ không còn thấy: %d.\n",
		off.Rows, off.VND, s.Unread.Ours+s.Unread.Theirs, s.CarriedGone)
	return b.String()
}
