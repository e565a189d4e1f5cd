package reconcile

// This file reads a line: its cells, and in them ids, numbers, amounts, times and states. Nothing that
// can be read in two ways is guessed.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/fptshop/mobifone-go/internal/text"
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
}

// name is the canonical name of a column.
func (c column) name() string { return columnNames[c][0] }

// fold makes the names of columns comparable: small letters and digits without marks.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if i := strings.IndexRune(marked, r); r >= 0x80 && i >= 0 {
			r = rune(plain[len([]rune(marked[:i]))])
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
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
		if c < 0 {
			return nil, fmt.Errorf("FileOptions.Columns: %q is no column of ours; the names are transId, partnerTransId, isdn, …", canonical)
		}
		names[fold(name)] = column(c)
	}
	l := &layout{side: side, grouped: o.GroupedAmounts, first: o.DayFirst, states: statesOf(o, side)}
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

// statesOf maps the words of a file, in capitals, to states or standings.
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
			words[word] = byte(Registered)
		case telco.StateFailed, telco.StateExpired, telco.StateCancelled, telco.StateReversed:
			words[word] = byte(NotRegistered)
		default:
			words[word] = byte(Undecided)
		}
	}
	if side == sideOurs {
		for s := Undecided; s <= NotRegistered; s++ {
			words[s.String()] = byte(s)
		}
		words[refundedWord] = byte(NotRegistered)
	}
	return words
}

// refundedWord is the status of a row of ours whose cash went back.
const refundedWord = "REFUNDED"

// split cuts a line into cells. Quotes are taken off.
func split(line []byte, delimiter byte, cells [][]byte) (_ [][]byte, problem string) {
	cells = cells[:0]
	if bytes.IndexByte(line, '"') < 0 {
		for {
			i := bytes.IndexByte(line, delimiter)
			if i < 0 {
				return append(cells, line), ""
			}
			cells = append(cells, line[:i])
			line = line[i+1:]
		}
	}
	for {
		cell := line
		if len(line) > 0 && line[0] == '"' {
			var ok bool
			if cell, line, ok = unquote(line[1:]); !ok {
				return cells, "a quote is not closed on its line; close it, and take line ends out of the cells"
			}
			if len(line) > 0 && line[0] != delimiter {
				return cells, "text behind a closing quote; double the quotes inside a cell"
			}
		} else {
			if i := bytes.IndexByte(line, delimiter); i >= 0 {
				cell, line = line[:i], line[i:]
			} else {
				line = nil
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return cells, "a quote inside a cell that is not quoted; quote the cell and double the quote"
			}
		}
		cells = append(cells, cell)
		if len(line) == 0 {
			return cells, ""
		}
		line = line[1:]
	}
}

// unquote reads up to the closing quote. Only a cell with doubled quotes is copied.
func unquote(s []byte) (cell, rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(s, '"')
		if i < 0 {
			return nil, nil, false
		}
		doubled := i+1 < len(s) && s[i+1] == '"'
		switch {
		case !doubled && cell == nil:
			return s[:i], s[i+1:], true
		case !doubled:
			return append(cell, s[:i]...), s[i+1:], true
		}
		cell = append(cell, s[:i+1]...)
		s = s[i+2:]
	}
}

// parser reads the lines of one layout. Each goroutine has its own.
type parser struct {
	*layout
	cells [][]byte
	// the day that was read last, as it was written and in seconds
	day   [8]byte
	dayAt int64
}

// row reads a line; problem says what is wrong with it. The fields point into the line.
func (p *parser) row(line []byte, f *fields) (column, problem string) {
	if p.cells, problem = split(line, p.delimiter, p.cells); problem != "" {
		return "", problem
	}
	if len(p.cells) != len(p.columns) {
		return "", fmt.Sprintf("%d cells; the header has %d", len(p.cells), len(p.columns))
	}
	*f = fields{side: p.side, updatedAt: noTime}
	for i, c := range p.columns {
		if c == colOther {
			continue
		}
		if problem := p.cell(c, trim(p.cells[i]), f); problem != "" {
			return c.name(), problem
		}
	}
	return "", ""
}

// trim takes spaces off.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// cell reads one cell into its field.
func (p *parser) cell(c column, b []byte, f *fields) (problem string) {
	switch c {
	case colMSISDN:
		f.number, problem = number(b)
	case colAmount:
		f.amount, problem = p.amount(b)
	case colState:
		problem = p.state(b, f)
	case colAt:
		f.at, problem = p.time(b)
	case colUpdatedAt:
		if len(b) > 0 {
			f.updatedAt, problem = p.time(b)
		}
	default:
		if len(b) > textMax {
			return fmt.Sprintf("%d bytes; %d are the most", len(b), textMax)
		}
		switch c {
		case colTransID:
			f.transID = b
		case colPartnerTransID:
			f.partnerTransID = b
		case colPackage:
			f.pkg = b
		case colShop:
			f.shop = b
		case colCode:
			if p.side == sideTheirs {
				f.code = b
			}
		case colOrder:
			if p.side == sideOurs {
				f.code = b
			}
		case colSaleID:
			if p.side == sideOurs {
				f.saleID = b
			}
		}
	}
	return problem
}

// number reads a phone number; 0 is none, or one that is masked.
func number(b []byte) (uint64, string) {
	if len(b) == 0 || bytes.ContainsAny(b, "*xX") {
		return 0, ""
	}
	plain := len(b) <= text.LongestWritten
	for _, c := range b {
		plain = plain && c-'0' <= 9
	}
	if plain {
		if n, ok := text.ReadNumber(b, false); ok {
			return n, ""
		}
	}
	m, err := telco.ParseMSISDN(string(b))
	if err != nil {
		return 0, "not a Vietnamese mobile number; if a spreadsheet changed it, export it as text"
	}
	return digits(m), ""
}

// amount reads whole dong.
func (p *parser) amount(b []byte) (int64, string) {
	if p.grouped {
		b = ungroup(b)
	}
	if len(b) == 0 || len(b) > 15 {
		return 0, "no amount in whole dong: " + quoted(b)
	}
	var n int64
	for _, c := range b {
		if c-'0' > 9 {
			if c == '.' || c == ',' {
				return 0, "an amount with a dot or comma, " + quoted(b) + ": write whole dong such as 120000, or set FileOptions.GroupedAmounts"
			}
			return 0, "no amount in whole dong: " + quoted(b)
		}
		n = n*10 + int64(c-'0')
	}
	return n, ""
}

// ungroup takes the dots or commas out of an amount that is grouped by thousands; another one it
// leaves alone.
func ungroup(b []byte) []byte {
	mark := byte('.')
	if bytes.IndexByte(b, ',') >= 0 {
		mark = ','
	}
	groups := bytes.Split(b, []byte{mark})
	for i, g := range groups {
		if i > 0 && len(g) != 3 || len(g) == 0 || len(g) > 3 && len(groups) > 1 {
			return b
		}
	}
	return bytes.Join(groups, nil)
}

// state reads a state or a standing. MobiFone's word that nobody knows is kept as unlisted.
func (p *parser) state(b []byte, f *fields) string {
	s, ok := p.states[string(b)]
	if !ok {
		s, ok = p.states[strings.ToUpper(string(b))]
	}
	switch {
	case p.side == sideTheirs: // not known: unlisted, for a person to look at
	case !ok:
		return "no state of ours: " + quoted(b) + "; REGISTERED, NOT_REGISTERED, REFUNDED and UNDECIDED are"
	case strings.EqualFold(string(b), refundedWord):
		f.flags |= flagRefunded
	}
	f.state = s
	return ""
}

// time reads a time at +07:00 as seconds.
func (p *parser) time(b []byte) (int64, string) {
	if len(b) == 14 {
		if at, ok := p.compact(b); ok {
			return at, ""
		}
	}
	formats := []string{"2006-01-02 15:04:05", time.RFC3339}
	if p.first {
		formats = append(formats, "02/01/2006 15:04:05", "02/01/2006 15:04")
	}
	for _, format := range formats {
		if t, err := time.ParseInLocation(format, string(b), vietnam); err == nil && plausible(t) {
			return t.Unix(), ""
		}
	}
	if bytes.IndexByte(b, '/') >= 0 && !p.first {
		return 0, "a time with slashes, " + quoted(b) + ": write yyyyMMddHHmmss, or set FileOptions.DayFirst"
	}
	return 0, "no time: " + quoted(b) + "; write yyyyMMddHHmmss"
}

// plausible refuses years that come of digits in another order.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2100 }

// compact reads yyyyMMddHHmmss.
func (p *parser) compact(b []byte) (int64, bool) {
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
	}
	two := func(i int) int64 { return int64(b[i]-'0')*10 + int64(b[i+1]-'0') }
	if binary.LittleEndian.Uint64(b) != binary.LittleEndian.Uint64(p.day[:]) {
		t, err := time.ParseInLocation("20060102", string(b[:8]), vietnam)
		if err != nil || !plausible(t) {
			return 0, false
		}
		copy(p.day[:], b)
		p.dayAt = t.Unix()
	}
	h, m, s := two(8), two(10), two(12)
	if h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	return p.dayAt + h*3600 + m*60 + s, true
}
