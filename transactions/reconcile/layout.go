package reconcile

// This file finds out what a file looks like: its first line says which column is which, by its canonical name,
// by another common one in English or Vietnamese, or by one that the options give; and a footer, if the options
// name one, is checked against the rows above it. A column that could be two, or a file without a column that is
// needed, is refused before a row is read.
//
// A footer is the only sign that a file is whole: a statement that was cut off at a line's end looks like one of a
// day with fewer sales. So with FileOptions.Footer a file without one does not balance.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// column is the meaning of a cell.
type column uint8

const (
	colOther column = iota // its cells are ignored
	// colTransID is MobiFone's id, colPartnerTransID ours. Either cell may be empty; the column may not be missing.
	colTransID
	colPartnerTransID
	// colMSISDN may be masked or, in a file of ours, empty; then it is not compared.
	colMSISDN
	colPackage
	// colAmount is in whole dong; the footer's sum is in the same column.
	colAmount
	// colState is MobiFone's state, or in a file of ours the outcome and whether the cash went back.
	colState
	// colCode is MobiFone's result code.
	colCode
	colShop
	// colAt is when the transaction was made; it says to which day the row belongs.
	colAt
	// colUpdatedAt is when its state changed last; it says which of two rows of one transaction is the later one.
	colUpdatedAt
	// colOrder and colSaleID are in files of ours alone.
	colOrder
	colSaleID
	columns // how many there are
)

// columnNames has each column's canonical name, which errors and FileOptions.Columns use, and then other names as
// fold writes them. Two columns must not share a name.
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

// needed are the columns that a file must have: without one of them every row would differ or be nobody's.
var needed = []column{colTransID, colPartnerTransID, colMSISDN, colPackage, colAmount, colState, colAt}

// layout is what the header and the options say about a file. It does not change once it is made: the goroutines
// that parse share it.
type layout struct {
	// side is sideOurs or sideTheirs: the same word means a state in one and an outcome in the other.
	side      byte
	delimiter byte
	// columns are those of the cells of a line, in order. Every line must have as many cells.
	columns []column
	// grouped and first are FileOptions.GroupedAmounts and DayFirst.
	grouped, first bool
	// states gives for a word in capitals the telco.State or, in a file of ours, the telco.Outcome.
	states map[string]byte
	// footer is FileOptions.Footer, folded; empty if the file has none.
	footer string
}

// name is the canonical name of a column.
func (c column) name() string { return columnNames[c][0] }

// fold makes names comparable: only letters and digits are left, in lower case and without Vietnamese marks. So
// "Số thuê bao", "so_thue_bao" and "SOTHUEBAO" are the same.
func fold(s string) string { return strings.Map(folded, s) }

// folded is one letter or digit as fold writes it; -1 for anything else.
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

// marked are the letters of Vietnamese with marks; plain has in the same place the letter without.
const (
	// The letters of one vowel follow each other, so that a test can see that none is missing.
	marked = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
	plain  = "aaaaaaaaaaaaaaaaadeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyy"
)

// readHeader finds the delimiter and the columns. The delimiter is the one of comma, semicolon and tab by which
// most columns are known. It reports all missing and all double columns at once.
func readHeader(line []byte, o FileOptions, side byte) (*layout, error) {
	// The options come last, so that they can give a known name to another column.
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
	// Footer is folded once here; isFooter folds the begin of each line.
	l := &layout{side: side, grouped: o.GroupedAmounts, first: o.DayFirst, states: statesOf(o, side), footer: fold(o.Footer)}
	if o.Footer != "" && l.footer == "" {
		return nil, optionError(fmt.Sprintf("FileOptions.Footer: %q has no letter and no digit; give the words that the footer begins with", o.Footer))
	}
	// A delimiter that is in no cell leaves one cell, which is no column. So the one that is meant finds most.
	best := 0 // how many columns are known with the best delimiter so far
	for _, d := range []byte{',', ';', '\t'} {
		cells, problem := split(line, d, nil)
		if problem != "" { // quoted cells look wrong to the delimiters that are not meant
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
	// All of it at once, so that whoever names columns does it once.
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

// statesOf maps the words of a file, in capitals, to states, or in a file of ours to outcomes. There MobiFone's
// words say what is registered now: a reversed sale is not, and a pending one is not known.
func statesOf(o FileOptions, side byte) map[string]byte {
	words := map[string]byte{}
	// MobiFone's canonical words, and then those of the options, which may override them.
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
		// As in a lookup: what is not final is not known.
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

// footer is a line of sums at the end of a file.
type footer struct {
	// line is its number, from 1.
	line int64
	// amount is in dong. has is false if the footer has none: words alone prove nothing, and are no problem.
	amount int64
	has    bool
	// problem says why the amount cannot be read; empty if it can.
	problem string
}

// isFooter reports whether the line that p.cells has begins with the footer's words. Empty cells before them do not
// count: a spreadsheet may have merged them.
func (p *parser) isFooter() bool {
	for _, cell := range p.cells {
		if cell = trim(cell); len(cell) > 0 {
			return beginsFolded(cell, p.footer)
		}
	}
	return false
}

// beginsFolded reports whether a text begins with want, which is folded. It is asked for every line, so it
// stops at the first letter that differs and copies nothing.
func beginsFolded(text []byte, want string) bool {
	for want != "" {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch r = folded(r); {
		case size == 0: // the text is shorter than want
			return false
		case r == -1: // neither letter nor digit, as in "Tổng cộng:"
		case byte(r) == want[0]:
			want = want[1:]
		default:
			return false
		}
	}
	return true
}

// sums reads the footer that p.cells has. It may have fewer cells than a row; without an amount there is nothing to
// compare.
func (p *parser) sums(line int64) footer {
	f := footer{line: line}
	at := slices.Index(p.columns, colAmount) // there is one: readHeader needs it
	if at >= len(p.cells) {
		return f
	}
	if cell := trim(p.cells[at]); len(cell) > 0 {
		f.has = true
		f.amount, f.problem = p.amount(cell)
	}
	return f
}

// ending is what is known of a file's end after the pieces so far. Only collect uses it.
type ending struct {
	// footers are those behind the last row so far. One that a row follows is reported and taken out.
	footers []footer
	// sum adds up the amounts of the rows so far, in dong, as a footer should.
	sum int64
	// last is the number of the last line that is a row or cannot be read; 0 if there is none.
	last int64
}

// after takes the next piece, and returns the lines that cannot be read, in their order. A footer becomes one of
// them as soon as a row comes behind it: the file may be two files, one after the other.
func (e *ending) after(c *piece) []*RowError {
	e.sum += c.sum
	e.last = max(e.last, c.last)
	e.footers = append(e.footers, c.footers...)
	// The footers are in the order of their lines. Those before the last row are not at the end of the file.
	n := 0
	for n < len(e.footers) && e.footers[n].line < e.last {
		n++
	}
	if n == 0 {
		return c.bad
	}
	// c.bad is used again with the piece, so it must not be appended to.
	all := slices.Clone(c.bad)
	for _, f := range e.footers[:n] {
		all = append(all, &RowError{Line: f.line, Problem: "a footer with more lines behind it, which were read; see whether the file is two, and remove this line"})
	}
	e.footers = e.footers[n:]
	slices.SortFunc(all, func(a, b *RowError) int { return cmp.Compare(a.Line, b.Line) })
	return all
}

// judged says what is wrong with the end of the file, once all pieces are read without an error.
func (e *ending) judged() (all []*RowError) {
	if len(e.footers) == 0 {
		all = append(all, &RowError{Line: max(e.last, 1), Problem: "the file ends here without its footer; it may be cut off"})
	}
	// Several footers may end the file. Each is compared with the sum of all rows.
	name := colAmount.name()
	for _, f := range e.footers {
		switch {
		case f.problem != "":
			all = append(all, &RowError{Line: f.line, Column: name, Problem: f.problem})
		case f.has && f.amount != e.sum:
			all = append(all, &RowError{Line: f.line, Column: name, Problem: fmt.Sprintf(
				"the footer says %d, and the rows that were read add up to %d; a row is missing, was changed or could not be read", f.amount, e.sum)})
		}
	}
	return all
}
