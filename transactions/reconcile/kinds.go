package reconcile

// This file holds the categories of a reconciliation.

import "fmt"

// Kind is the category of a finding. The zero value is no category.
type Kind uint8

// The categories. Every row of either side is in exactly one of those before Gone.
const (
	// Matched (Khớp): both sides have the registration, and every field agrees.
	Matched Kind = iota + 1
	// Differs (Lệch): both sides have the row, and they do not agree. Finding.Differences says in what.
	Differs
	// TheirsOnly (MobiFone có – đại lý không có): a registration that we know nothing of.
	TheirsOnly
	// OursOnly (Đại lý có – MobiFone không có): we sold it, and MobiFone does not list it.
	OursOnly
	// Duplicate (Trùng): MobiFone lists more than one registration for one partnerTransId, or
	// one transId with two contents; or our own rows give one pair of ids two contents.
	Duplicate
	// RefundedRegistered (Đã hoàn tiền nhưng MobiFone vẫn đăng ký): the cash went back to the
	// customer, and MobiFone has the package registered.
	RefundedRegistered
	// Reversed (MobiFone đã hủy): registered, and taken back by MobiFone.
	Reversed
	// NowKnown (Nay đã rõ): it was undecided here, and MobiFone shows it registered as it was sold.
	NowKnown
	// StillOpen (Chưa xong): pending at MobiFone, or undecided here and not shown there. Give it
	// again with the next day, see [Run.Carry].
	StillOpen
	// Unsold (Không thành): neither side has a registration.
	Unsold
	// Gone (Mã chờ không còn thấy): ids given to [Run.Carry] that neither side lists any more. It is no
	// category of a row, so [Kinds] and [Summary.Kinds] lack it; [Summary.CarriedGone] counts it.
	Gone
)

// kindNames holds for each kind its word in files and its Vietnamese name.
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

// Kinds returns all categories of rows, in the order in which a report lists them.
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

// MarshalText writes what String returns.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, names := range kindNames {
		if i > 0 && names[0] == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("reconcile: no category %q", text)
}
