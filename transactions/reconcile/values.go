package reconcile

// This file reads a line: its cells, and in them ids, numbers, amounts, times and states. A value that can be
// read in two ways is refused, with a text that says which option decides it. This runs for every line, so the
// usual forms have a short way; the long way must give the same values.
//
//	amount   120000; with GroupedAmounts also 120.000 and 120,000
//	time     yyyyMMddHHmmss, yyyy-MM-dd HH:mm:ss, RFC 3339; with DayFirst also dd/MM/yyyy HH:mm and HH:mm:ss
//	number   what telco.ParseMSISDN reads; empty and masked ones are no number
//	state    the canonical words and those of FileOptions.States, in small letters too
//	texts    as they are, up to 255 bytes, without spaces around them

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

// plainSplit cuts a line without quotes into cells, eight bytes at a time, and appends them to cells. They point
// into the line.
func plainSplit(line []byte, delimiter byte, cells [][]byte) [][]byte {
	const low = 0x7F7F7F7F7F7F7F7F
	pattern := uint64(delimiter) * 0x0101010101010101 // the delimiter eight times
	from, i := 0, 0
	for ; i+8 <= len(line); i += 8 {
		// A byte of x is zero where the line has the delimiter. Adding low carries into the highest bit of a byte
		// if any lower bit of it is set, so hits has the highest bit set of just the bytes that are zero.
		x := binary.LittleEndian.Uint64(line[i:]) ^ pattern
		for hits := ^((x&low + low) | x | low); hits != 0; hits &= hits - 1 {
			at := i + bits.TrailingZeros64(hits)>>3
			cells = append(cells, line[from:at])
			from = at + 1
		}
	}
	// What is left is shorter than eight bytes.
	for ; i < len(line); i++ {
		if line[i] == delimiter {
			cells = append(cells, line[from:i])
			from = i + 1
		}
	}
	return append(cells, line[from:])
}

// split cuts a line into cells and takes their quotes off. The cells point into the line, except those with
// doubled quotes. If there is a problem, the cells are incomplete.
func split(line []byte, delimiter byte, cells [][]byte) (_ [][]byte, problem string) {
	cells = cells[:0]
	if bytes.IndexByte(line, '"') < 0 {
		return plainSplit(line, delimiter, cells), ""
	}
	for {
		cell := line
		// A quoted cell begins with a quote. A quote anywhere else is a problem and not a part of the text: the
		// writer and we might disagree about where the cell ends.
		if len(line) > 0 && line[0] == '"' {
			var ok bool
			if cell, line, ok = unquote(line[1:]); !ok {
				return cells, "a quote is not closed on its line; close it, and take line ends out of the cells"
			}
			// Behind the closing quote comes a delimiter or the end of the line.
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

// unquote reads a cell up to its closing quote; rest is what follows the quote. ok is false if there is none. Only a
// cell with doubled quotes is copied.
func unquote(s []byte) (cell, rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(s, '"')
		if i < 0 {
			return nil, nil, false
		}
		doubled := i+1 < len(s) && s[i+1] == '"'
		// cell is what was copied so far, with one quote for two. It stays nil as long as none was doubled.
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
	// cells are those of the line that was read last; its array is used again.
	cells [][]byte
	// unquoted is true if the piece has no quotes, so that plainSplit is enough.
	unquoted bool
	// source is the number of the file in Run.sources, from 1; 0 if it cannot be read again.
	source byte
	// seed is that of the run, for checked.
	seed maphash.Seed
	// word is the state that was read last, with what it means: the rows of a file have few different ones.
	word                 string
	wordState, wordFlags byte
	// day is the yyyyMMdd that was read last, and dayAt its midnight at +07:00 in Unix seconds.
	day   [8]byte
	dayAt int64
}

// row reads a line into f. If it cannot, problem says why, and column which one; column is empty when the whole line
// is wrong. The fields point into the line.
func (p *parser) row(line []byte, f *fields) (column, problem string) {
	if p.unquoted {
		p.cells = plainSplit(line, p.delimiter, p.cells[:0])
	} else if p.cells, problem = split(line, p.delimiter, p.cells); problem != "" {
		p.cells = p.cells[:0] // half a line must not be taken for a footer
		return "", problem
	}
	// A cell too many is not ignored: it may be a delimiter inside a text, and then all cells behind it are wrong.
	if len(p.cells) != len(p.columns) {
		return "", fmt.Sprintf("%d cells; the header has %d", len(p.cells), len(p.columns))
	}
	// The fields of the line before must not show through where a cell is empty.
	*f = fields{side: p.side, updatedAt: noTime}
	for i, c := range p.columns {
		if c == colOther {
			continue
		}
		b := p.cells[i]
		// Most cells have no spaces around them and need no call.
		if len(b) > 0 && (b[0] == ' ' || b[len(b)-1] == ' ') {
			b = trim(b)
		}
		if problem := p.cell(c, b, f); problem != "" {
			return c.name(), problem
		}
	}
	return "", ""
}

// trim takes plain spaces off both ends. Any other blank stays: in an id it is a difference that must show.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// cell reads one cell into its field of f. A result code counts in MobiFone's files alone, order and sale id in ours
// alone: the other side's columns of that name are ignored.
func (p *parser) cell(c column, b []byte, f *fields) (problem string) {
	// Every cell that is not a text says its own problem; texts are kept as they are, and compared later.
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
		if len(b) > 0 { // a row that never changed may have none
			f.updatedAt, problem = p.time(b)
		}
	default: // the texts
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

// number reads a phone number as its nine digits; 0 if there is none or it is masked, which prove
// nothing either way.
func number(b []byte) (uint64, string) {
	// Digits alone have the short way. c-'0' is a byte: for what comes before '0' it wraps around and is above 9.
	plain := true
	for _, c := range b {
		plain = plain && c-'0' <= 9
	}
	if plain {
		if n, ok := text.ReadNumber(b, false); ok {
			return n, ""
		}
	}
	// One of these stands for a masked digit.
	if len(b) == 0 || bytes.ContainsAny(b, "*xX") {
		return 0, ""
	}
	// With separators, or no number at all. A spreadsheet that took it for a figure has lost its digits for good.
	m, err := telco.ParseMSISDN(string(b))
	if err != nil {
		return 0, "not a Vietnamese mobile number; if a spreadsheet changed it, export it as text"
	}
	return digits(m), ""
}

// amount reads whole dong: digits, at most 15 of them, without a sign.
func (p *parser) amount(b []byte) (int64, string) {
	if p.grouped {
		b = ungroup(b)
	}
	if len(b) == 0 || len(b) > 15 { // 15 digits do not overflow
		return 0, "no amount in whole dong: " + quoted(b)
	}
	var n int64
	for _, c := range b {
		if c-'0' > 9 {
			// In Vietnam 120.000 is 120 thousand, elsewhere it is 120.
			if c == '.' || c == ',' {
				return 0, "an amount with a dot or comma, " + quoted(b) + ": write whole dong such as 120000, or set FileOptions.GroupedAmounts"
			}
			return 0, "no amount in whole dong: " + quoted(b)
		}
		n = n*10 + int64(c-'0')
	}
	return n, ""
}

// ungroup takes the dots or commas out of an amount that is grouped by thousands. It returns anything else as it is,
// which amount then refuses: 1.20 and 0.120 are fractions.
func ungroup(b []byte) []byte {
	// A comma anywhere makes it the mark; an amount with both then has a group with a dot, and is left alone.
	mark := byte('.')
	if bytes.IndexByte(b, ',') != -1 {
		mark = ','
	}
	// Every group has three digits but the first, which has one to three.
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

// state reads a state, or in a file of ours an outcome. A word of MobiFone's that nobody knows is kept as a state
// that is not listed: the row is reported, and a person looks at it. An unknown word of ours is a problem.
func (p *parser) state(b []byte, f *fields) string {
	if len(b) > 0 && string(b) == p.word { // most lines have one word
		f.state, f.flags = p.wordState, f.flags|p.wordFlags
		return ""
	}
	// As it is written first: MobiFone writes capitals, and ToUpper would copy each word.
	s, ok := p.states[string(b)]
	if !ok {
		s, ok = p.states[strings.ToUpper(string(b))]
	}
	switch {
	case p.side == sideTheirs:
	case !ok:
		return "no state of ours: " + quoted(b) + "; REGISTERED, NOT_REGISTERED, REFUNDED and UNDECIDED are"
	case strings.EqualFold(string(b), refundedWord):
		f.flags |= flagRefunded
	}
	f.state = s
	// Remembered with its flag: the next line most likely has the same word.
	p.word, p.wordState, p.wordFlags = string(b), s, f.flags&flagRefunded
	return ""
}

// time reads a time as Unix seconds. Without a zone it is at +07:00. yyyyMMddHHmmss is MobiFone's own form and the
// fast one; a day before its month is read only if DayFirst says so.
func (p *parser) time(b []byte) (int64, string) {
	if len(b) == 14 {
		if at, ok := p.compact(b); ok {
			return at, ""
		}
	}
	// The year comes first in both, so they can be read in one way only.
	formats := []string{"2006-01-02 15:04:05", time.RFC3339}
	if p.first {
		formats = append(formats, "02/01/2006 15:04:05", "02/01/2006 15:04")
	}
	// ParseInLocation takes the zone of a time that has one, and +07:00 for others.
	for _, format := range formats {
		if t, err := time.ParseInLocation(format, string(b), vietnam); err == nil && plausible(t) {
			return t.Unix(), ""
		}
	}
	// With DayFirst it was tried above, and is not a time at all.
	if bytes.IndexByte(b, '/') != -1 && !p.first {
		return 0, "a time with slashes, " + quoted(b) + ": write yyyyMMddHHmmss, or set FileOptions.DayFirst"
	}
	return 0, "no time: " + quoted(b) + "; write yyyyMMddHHmmss"
}

// plausible refuses years outside 2000 to 2099: their digits are in another order than they were read.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2100 }

// compact reads yyyyMMddHHmmss as Unix seconds. It parses a day only once while the lines are of one day.
func (p *parser) compact(b []byte) (int64, bool) {
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
	}
	// A second 60 is refused, as time.Parse refuses it.
	two := func(i int) int64 { return int64(b[i]-'0')*10 + int64(b[i+1]-'0') }
	// The first eight bytes are the day. As integers they are compared at once.
	if binary.LittleEndian.Uint64(b) != binary.LittleEndian.Uint64(p.day[:]) {
		t, err := time.ParseInLocation("20060102", string(b[:8]), vietnam)
		if err != nil || !plausible(t) {
			return 0, false
		}
		copy(p.day[:], b)
		p.dayAt = t.Unix()
	}
	// +07:00 has no daylight saving time, so the time of day is added to midnight.
	h, m, s := two(8), two(10), two(12)
	if h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	return p.dayAt + h*3600 + m*60 + s, true
}
