package reconcile

// This file reads the first line of a file: which column is which, by its canonical name, by another
// common one in English or Vietnamese, or by one that the options tell.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// column is what a cell holds.
type column uint8

const (
	colOther column = iota // passed over
	colTransID
	colPartnerTransID
	colMSISDN
	colPackage
	colAmount
	colState
	colCode
	colShop
	colAt
	colUpdatedAt
	colOrder
	colSaleID
	columns
)

// columnNames holds each column's canonical name and then others, folded.
var columnNames = [columns][]string{
	colTransID:        {"transId", "transactionid", "magiaodich", "magd"},
	colPartnerTransID: {"partnerTransId", "magiaodichdoitac", "magiaodichdaily", "magddoitac"},
	colMSISDN:         {"isdn", "msisdn", "sothuebao", "thuebao", "sodienthoai", "phone", "phonenumber", "subscriber"},
	colPackage:        {"packageCode", "package", "goicuoc", "magoi", "magoicuoc", "tengoi", "goi"},
	colAmount:         {"amount", "sotien", "gia", "giagoi", "giatien", "price", "thanhtien"},
	colState:          {"status", "state", "trangthai", "standing"},
	colCode:           {"resultCode", "maketqua", "errorcode", "maloi"},
	colShop:           {"shopCode", "shop", "macuahang", "cuahang"},
	colAt:             {"createdAt", "createddate", "createdtime", "ngaytao", "thoigiantao", "ngaygiaodich", "thoigiangiaodich", "thoigian"},
	colUpdatedAt:      {"updatedAt", "updateddate", "updatedtime", "ngaycapnhat", "thoigiancapnhat"},
	colOrder:          {"orderId", "order", "madonhang", "donhang", "sodonhang"},
	colSaleID:         {"saleId", "mabanhang"},
}

// needed are the columns that a file must have.
var needed = []column{colTransID, colPartnerTransID, colMSISDN, colPackage, colAmount, colState, colAt}

// layout is what the header and the options say of a file.
type layout struct {
	side           byte
	delimiter      byte
	columns        []column
	grouped, first bool // GroupedAmounts, DayFirst
	states         map[string]byte
	footer         string // FileOptions.Footer, folded
}

// name is the canonical name of a column.
func (c column) name() string { return columnNames[c][0] }

// fold makes the names of columns comparable: small letters and digits without marks.
func fold(s string) string { return strings.Map(folded, s) }

// folded is one letter or digit without marks; -1 for anything else.
func folded(r rune) rune {
	r = unicode.ToLower(r)
	if i := strings.IndexRune(marked, r); i != -1 {
		r = rune(plain[len([]rune(marked[:i]))])
	}
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// marked are the letters of Vietnamese with marks, plain those without.
const (
	marked = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
	plain  = "aaaaaaaaaaaaaaaaadeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyy"
)

// readHeader finds the delimiter and the columns.
func readHeader(line []byte, o FileOptions, side byte) (*layout, error) {
	names := map[string]column{}
	for c, all := range columnNames {
		for _, name := range all {
			names[fold(name)] = column(c)
		}
	}
	for name, canonical := range o.Columns {
		c := slices.IndexFunc(columnNames[:], func(all []string) bool { return len(all) > 0 && all[0] == canonical })
		if c == -1 {
			return nil, optionError(fmt.Sprintf("FileOptions.Columns: %q is no column of ours; the names are transId, partnerTransId, isdn, …", canonical))
		}
		names[fold(name)] = column(c)
	}
	l := &layout{side: side, grouped: o.GroupedAmounts, first: o.DayFirst, states: statesOf(o, side), footer: fold(o.Footer)}
	if o.Footer != "" && l.footer == "" {
		return nil, optionError(fmt.Sprintf("FileOptions.Footer: %q has no letter and no digit; give the words that the footer begins with", o.Footer))
	}
	best := 0
	for _, d := range []byte{',', ';', '\t'} {
		cells, problem := split(line, d, nil)
		if problem != "" {
			continue
		}
		found, cols := 0, make([]column, len(cells))
		for i, cell := range cells {
			if cols[i] = names[fold(string(cell))]; cols[i] != colOther {
				found++
			}
		}
		if found > best {
			best, l.delimiter, l.columns = found, d, cols
		}
	}
	var errs []error
	for _, c := range needed {
		if !slices.Contains(l.columns, c) {
			errs = append(errs, fmt.Errorf("line 1: no column %s; name it so, or say its name in FileOptions.Columns", c.name()))
		}
	}
	for i, c := range l.columns {
		if c != colOther && slices.Contains(l.columns[:i], c) {
			errs = append(errs, fmt.Errorf("line 1: two columns are %s; rename one", c.name()))
		}
	}
	return l, errors.Join(errs...)
}

// statesOf maps the words of a file, in capitals, to states or outcomes.
func statesOf(o FileOptions, side byte) map[string]byte {
	words := map[string]byte{}
	all := map[string]telco.State{}
	for s := telco.StateInit; s <= telco.StateReversed; s++ {
		all[s.String()] = s
	}
	for word, s := range o.States {
		all[strings.ToUpper(word)] = s
	}
	for word, s := range all {
		if side == sideTheirs {
			words[word] = byte(s)
			continue
		}
		switch s {
		case telco.StateSuccess:
			words[word] = byte(telco.Succeeded)
		case telco.StateFailed, telco.StateExpired, telco.StateCancelled, telco.StateReversed:
			words[word] = byte(telco.Rejected)
		default:
			words[word] = byte(telco.Unknown)
		}
	}
	if side == sideOurs {
		words[registeredWord], words[undecidedWord] = byte(telco.Succeeded), byte(telco.Unknown)
		words[notRegisteredWord], words[refundedWord] = byte(telco.Rejected), byte(telco.Rejected)
	}
	return words
}
