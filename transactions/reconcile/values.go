package reconcile

// This file reads a line: its cells, and in them ids, numbers, amounts, times and states. Nothing that
// can be read in two ways is guessed.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/bits"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// plainSplit cuts a line without quotes into cells, eight bytes at a time.
func plainSplit(line []byte, delimiter byte, cells [][]byte) [][]byte {
	const low = 0x7F7F7F7F7F7F7F7F
	pattern := uint64(delimiter) * 0x0101010101010101
	from, i := 0, 0
	for ; i+8 <= len(line); i += 8 {
		// A byte of x is zero where the delimiter stands; hits has its highest bit there.
		x := binary.LittleEndian.Uint64(line[i:]) ^ pattern
		for hits := ^((x&low + low) | x | low); hits != 0; hits &= hits - 1 {
			at := i + bits.TrailingZeros64(hits)>>3
			cells = append(cells, line[from:at])
			from = at + 1
		}
	}
	for ; i < len(line); i++ {
		if line[i] == delimiter {
			cells = append(cells, line[from:i])
			from = i + 1
		}
	}
	return append(cells, line[from:])
}

// split cuts a line into cells. Quotes are taken off.
func split(line []byte, delimiter byte, cells [][]byte) (_ [][]byte, problem string) {
	cells = cells[:0]
	if bytes.IndexByte(line, '"') < 0 {
		return plainSplit(line, delimiter, cells), ""
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
			if bytes.IndexByte(cell, '"') != -1 {
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
	cells    [][]byte
	unquoted bool         // the piece has no quotes
	source   byte         // the file, if it can be read again
	seed     maphash.Seed // of checked, if it can
	// the state that was read last
	word                 string
	wordState, wordFlags byte
	// the day that was read last, as it was written and in seconds
	day   [8]byte
	dayAt int64
}

// row reads a line; problem says what is wrong with it. The fields point into the line.
func (p *parser) row(line []byte, f *fields) (column, problem string) {
	if p.unquoted {
		p.cells = plainSplit(line, p.delimiter, p.cells[:0])
	} else if p.cells, problem = split(line, p.delimiter, p.cells); problem != "" {
		p.cells = p.cells[:0] // half a line is no footer
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
		b := p.cells[i]
		if len(b) > 0 && (b[0] == ' ' || b[len(b)-1] == ' ') {
			b = trim(b)
		}
		if problem := p.cell(c, b, f); problem != "" {
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
	plain := true
	for _, c := range b {
		plain = plain && c-'0' <= 9
	}
	if plain {
		if n, ok := text.ReadNumber(b, false); ok {
			return n, ""
		}
	}
	if len(b) == 0 || bytes.ContainsAny(b, "*xX") {
		return 0, ""
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
	if bytes.IndexByte(b, ',') != -1 {
		mark = ','
	}
	groups := bytes.Split(b, []byte{mark})
	for i, g := range groups {
		wrong := len(g) != 3
		if i == 0 { // no group of zeros leads: 0.120 is a fraction
			wrong = len(g) == 0 || len(g) > 3 || g[0] == '0'
		}
		if wrong {
			return b
		}
	}
	return bytes.Join(groups, nil)
}

// state reads a state or an outcome. MobiFone's word that nobody knows is kept as unlisted.
func (p *parser) state(b []byte, f *fields) string {
	if len(b) > 0 && string(b) == p.word { // most lines have one word
		f.state, f.flags = p.wordState, f.flags|p.wordFlags
		return ""
	}
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
	p.word, p.wordState, p.wordFlags = string(b), s, f.flags&flagRefunded
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
	if bytes.IndexByte(b, '/') != -1 && !p.first {
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
