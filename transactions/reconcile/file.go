package reconcile

// This file reads CSV files into a run: MobiFone's statement, and ours in the same layout. Lines go
// in chunks to two goroutines; what cannot be read is told in the order of the lines.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// FileOptions say what a file is like where it does not say so itself. Nothing is guessed: a value
// that can be read in two ways is refused until an option says which.
//
// The first line names the columns: transId, partnerTransId, isdn, packageCode, amount, status,
// createdAt; resultCode, shopCode, updatedAt, and in a file of ours orderId and saleId may be missing.
// Common English and Vietnamese names of them are known too, such as "Số thuê bao"; other columns are
// passed over. Commas, semicolons or tabs part the cells. A cell may be quoted, and ends on its line.
//
// In a file of ours status is REGISTERED, NOT_REGISTERED, REFUNDED or UNDECIDED; MobiFone's words
// are read as what they say. An empty isdn is a number that was erased.
type FileOptions struct {
	// Encoding is the IANA name of the text's encoding: "utf-8", "utf-16le", "utf-16be" or "windows-1258", the
	// Vietnamese code page of Windows. Empty is the same as "utf-8": UTF-8, or the UTF-16 that a byte order mark
	// names. Capitals do not matter. Any other name is an error that is [telco.InvalidInput].
	Encoding string
	// GroupedAmounts reads "120.000" and "120,000" as 120000. Without it such an amount is refused.
	GroupedAmounts bool
	// DayFirst reads "25/11/2026 10:30:00" as the 25th of November. Without it such a time is refused.
	DayFirst bool
	// Columns names further headers, and the columns that they are: {"Mã GD": "transId"}.
	Columns map[string]string
	// States are MobiFone's words for a state beside the canonical ones.
	States map[string]telco.State
	// Footer is how a line of sums begins, such as "Tổng cộng": in its first cell that is not empty, marks
	// and capitals aside. No line is taken for one without it. It is the end of the file: a footer with
	// more lines behind it, one whose amount is not the sum of the rows that were read, and a file
	// without one each count as a line that cannot be read.
	Footer string
	// OnBadRow is called for each line that cannot be read, in order. It returns nil to go on
	// without the line, which [Summary.Unread] counts. When it is nil itself, the first such line
	// ends the reading.
	OnBadRow func(*RowError) error
}

// RowError is a line that cannot be read. Nothing of it is in the run.
type RowError struct {
	// Line counts from 1; the header is line 1.
	Line int64
	// Column is the column's canonical name; empty when the whole line is wrong.
	Column string
	// Problem says what is wrong and what to do. It holds no phone number.
	Problem string
}

// Error says where and what.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
	}
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Problem)
}

// optionError says which of the FileOptions cannot be used, and why. errors.Is finds [telco.InvalidInput] in it.
type optionError string

func (e optionError) Error() string { return string(e) }

func (optionError) Unwrap() error { return telco.InvalidInput }

// AddTheirsFile adds the rows of a statement of MobiFone's, from where the reader stands.
//
// A UTF-8 file that can be read again, such as an [os.File], is the fast way: of its rows only hashes
// are kept, and the lines of those that do not match are read again for their findings. Leave it open and
// unchanged until Findings has ended; a file that changed ends Findings with an error.
func (r *Run) AddTheirsFile(ctx context.Context, from io.Reader, o FileOptions) error {
	return r.addFile(ctx, from, o, sideTheirs)
}

// AddOursFile adds rows of ours from a file of the same layout, as AddTheirsFile does.
func (r *Run) AddOursFile(ctx context.Context, from io.Reader, o FileOptions) error {
	return r.addFile(ctx, from, o, sideOurs)
}

// open reads the header, and says how the file can be read again: nil if it cannot.
func open(from io.Reader, o FileOptions, side byte) (*lines, *layout, *source, error) {
	again, begin := seekable(from)
	text, mark, err := decoded(from, o.Encoding)
	if err != nil {
		return nil, nil, nil, err
	}
	l := &lines{from: text, line: 1}
	header, err := l.header()
	if err != nil {
		return nil, nil, nil, err
	}
	layout, err := readHeader(header, o, side)
	if err != nil || again == nil || mark < 0 {
		return l, layout, nil, err
	}
	return l, layout, &source{from: again, begin: begin + mark, parser: parser{layout: layout}}, nil
}

// addFile reads a file with as many goroutines as help.
func (r *Run) addFile(ctx context.Context, from io.Reader, o FileOptions, side byte) error {
	if r.spent {
		return errSpent
	}
	in, layout, again, err := open(from, o, side)
	if err != nil {
		return err
	}
	number := byte(0)
	if again != nil && len(r.sources) < sourcesMax {
		again.parser.seed = r.veil.seed
		r.sources = append(r.sources, again)
		number = byte(len(r.sources))
	}
	workers := min(runtime.GOMAXPROCS(0), 2)
	caller := ctx
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	pieces := workers + 2
	// No send to these waits: each has room for all pieces.
	free, work := make(chan *piece, pieces), make(chan *piece, pieces)
	order := make(chan *piece, pieces) // those under way, in the order of the file
	for range pieces {
		free <- &piece{data: make([]byte, 0, pieceSize), done: make(chan struct{}, 1)}
	}
	var running sync.WaitGroup
	var failed error // of a worker, after running.Wait
	var once sync.Once
	for range workers {
		running.Go(func() {
			if err := r.work(&parser{layout: layout, source: number, seed: r.veil.seed}, work, cancel); err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	var readErr error
	running.Go(func() {
		defer close(work)
		defer close(order)
		for last := false; !last; {
			select {
			case <-ctx.Done():
				return
			case c := <-free:
				if last, readErr = in.next(c); readErr != nil {
					return
				}
				order <- c
				work <- c
			}
		}
	})
	end, told := r.collect(order, free, side, o.OnBadRow)
	cancel() // the caller may have ended it before the file did
	running.Wait()
	err = errors.Join(told, failed, readErr, caller.Err())
	if err == nil && layout.footer != "" {
		err = r.unread(end.judged(), side, o.OnBadRow)
	}
	return err
}

// collect tells of bad lines in order, and returns what is known of the file's end.
func (r *Run) collect(order <-chan *piece, free chan<- *piece, side byte, onBad func(*RowError) error) (end ending, err error) {
	for c := range order {
		<-c.done
		if err := r.unread(end.after(c), side, onBad); err != nil {
			return end, err
		}
		free <- c
	}
	return end, nil
}

// unread counts lines that cannot be read, and tells of them.
func (r *Run) unread(lines []*RowError, side byte, onBad func(*RowError) error) error {
	for _, bad := range lines {
		r.mu.Lock()
		if side == sideOurs {
			r.summary.Unread.Ours++
		} else {
			r.summary.Unread.Theirs++
		}
		r.mu.Unlock()
		if onBad == nil {
			return bad
		}
		if err := onBad(bad); err != nil {
			return err
		}
	}
	return nil
}

// work reads the lines of pieces into the heap until there are no more. It calls stop when a row cannot
// be taken: no more have to be read then.
func (r *Run) work(p *parser, work <-chan *piece, stop func()) error {
	in := r.intake()
	var failed error
	for c := range work {
		c.bad, c.footers, c.sum, c.last = c.bad[:0], nil, 0, 0
		if failed == nil {
			p.each(c, func(f *fields, bad *RowError) bool {
				if bad != nil {
					c.bad = append(c.bad, bad)
				} else if failed = in.add(f); failed != nil {
					stop()
				}
				return failed == nil
			})
		}
		c.done <- struct{}{} // after a failure too: the reader goes on until it has heard of it
	}
	return errors.Join(failed, in.end())
}

// each shows every line of a piece, as a row or as what is wrong with it.
func (p *parser) each(c *piece, show func(*fields, *RowError) bool) {
	p.unquoted = bytes.IndexByte(c.data, '"') < 0
	clean := bytes.IndexByte(c.data, 0) < 0 && utf8.Valid(c.data)
	var f fields
	line := c.line
	for rest := c.data; len(rest) > 0; line++ {
		one, at := rest, c.at+int64(len(c.data)-len(rest))
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			one, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if n := len(one); n > 0 && one[n-1] == '\r' {
			one = one[:n-1]
		}
		if len(one) == 0 {
			continue
		}
		column, problem := "", ""
		if !clean {
			problem = dirt(one)
		}
		if problem == "" {
			column, problem = p.row(one, &f)
			if p.footer != "" && p.isFooter() {
				if problem != "" {
					c.footers = append(c.footers, p.sums(line))
					continue
				}
				problem = "it begins as the footer does, and reads as a row; give more of the footer's words in FileOptions.Footer"
			}
			if f.source, f.offset = p.source, at; p.source != 0 {
				f.check = p.checked(one)
			}
		}
		var bad *RowError
		c.last = line
		if problem != "" {
			bad = &RowError{Line: line, Column: column, Problem: problem}
		} else {
			c.sum += f.amount
		}
		if !show(&f, bad) {
			return
		}
	}
}

// dirt says which byte of a line is no text.
func dirt(line []byte) string {
	if i := bytes.IndexByte(line, 0); i >= 0 {
		return fmt.Sprintf("byte %d is a NUL; the file is damaged, or is UTF-16: set FileOptions.Encoding", i+1)
	}
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("byte %d is not UTF-8; save the file as UTF-8, or set FileOptions.Encoding to windows-1258", i+1)
		}
		i += size
	}
	return ""
}

// quoted is a value for an error: short, without numbers of phones.
func quoted(value []byte) string {
	return fmt.Sprintf("%q", text.Scrub(string(value[:min(len(value), 40)])))
}
