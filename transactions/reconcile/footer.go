package reconcile

// This file knows the footer of a file, which adds up the rows above it: a line that is no row, and that can
// be checked.

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// footer is a line of sums.
type footer struct {
	line    int64
	amount  int64
	has     bool   // it has an amount
	problem string // of the amount
}

// isFooter reports whether the line that was split begins as a footer does.
func (p *parser) isFooter() bool {
	for _, cell := range p.cells {
		if cell = trim(cell); len(cell) > 0 {
			return beginsFolded(cell, p.footer)
		}
	}
	return false
}

// beginsFolded reports whether a text begins with a folded one. It looks no further than where they part.
func beginsFolded(text []byte, want string) bool {
	for want != "" {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch r = folded(r); {
		case size == 0: // the text is over
			return false
		case r == -1:
		case byte(r) == want[0]:
			want = want[1:]
		default:
			return false
		}
	}
	return true
}

// sums reads the footer that was split. It may have fewer cells than a row.
func (p *parser) sums(line int64) footer {
	f := footer{line: line}
	at := slices.Index(p.columns, colAmount)
	if at >= len(p.cells) {
		return f
	}
	if cell := trim(p.cells[at]); len(cell) > 0 {
		f.has = true
		f.amount, f.problem = p.amount(cell)
	}
	return f
}

// ending is what is known of the end of a file while its pieces come.
type ending struct {
	footers []footer // behind the last row so far
	sum     int64    // of the rows so far
	last    int64    // the last line of a row or of what cannot be read
}

// after takes the next piece, and returns what cannot be read, in the order of the lines. A footer is one of
// them as soon as another line comes behind it.
func (e *ending) after(c *piece) []*RowError {
	e.sum += c.sum
	e.last = max(e.last, c.last)
	e.footers = append(e.footers, c.footers...)
	n := 0
	for n < len(e.footers) && e.footers[n].line < e.last {
		n++
	}
	if n == 0 {
		return c.bad
	}
	all := slices.Clone(c.bad)
	for _, f := range e.footers[:n] {
		all = append(all, &RowError{Line: f.line, Problem: "a footer with more lines behind it, which were read; see whether the file is two, and remove this line"})
	}
	e.footers = e.footers[n:]
	slices.SortFunc(all, func(a, b *RowError) int { return cmp.Compare(a.Line, b.Line) })
	return all
}

// judged says what is wrong with the end of the file.
func (e *ending) judged() (all []*RowError) {
	if len(e.footers) == 0 {
		all = append(all, &RowError{Line: max(e.last, 1), Problem: "the file ends here without its footer; it may be cut off"})
	}
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
