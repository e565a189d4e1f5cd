package reconcile

// This file reads CSV files into a run: MobiFone's statement, and ours in the same layout. One goroutine cuts
// the text into pieces, two read their lines, and what cannot be read is reported in the order of the lines.
// It also reads single lines again: a row that matches is never needed whole, so of a file that can be read
// again only hashes are kept, and the lines of the other rows are fetched for their findings.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// FileOptions say what a file is like where it does not say so itself. Nothing is guessed: a value
// that can be read in two ways is refused until an option says which. The zero value reads MobiFone's own
// statement.
//
// The first line names the columns. These must be there: transId, partnerTransId, isdn, packageCode,
// amount, status and createdAt. These may be missing: resultCode, shopCode, updatedAt, and in a file of
// ours orderId and saleId. Common English and Vietnamese names are known too, such as "Số thuê bao"; other
// columns are ignored. Commas, semicolons or tabs separate the cells. A cell may be quoted, and ends on its
// line. Times without a zone are at +07:00.
//
// In a file of ours status is REGISTERED, NOT_REGISTERED, REFUNDED or UNDECIDED; MobiFone's words
// are understood there too. An empty isdn is a number that was erased.
type FileOptions struct {
	// Encoding is the IANA name of the text's encoding: "utf-8", "utf-16le", "utf-16be" or "windows-1258", the
	// Vietnamese code page of Windows. Empty is the same as "utf-8": UTF-8, or the UTF-16 that a byte order mark
	// names. Capitals do not matter. Any other name is an error that is [telco.InvalidInput].
	Encoding string
	// GroupedAmounts reads "120.000" and "120,000" as 120000. Without it such an amount is refused.
	GroupedAmounts bool
	// DayFirst reads "25/11/2026 10:30:00" as the 25th of November. Without it such a time is refused.
	DayFirst bool
	// Columns gives the column of further headers: {"Mã GD": "transId"}. Capitals and marks in a header do
	// not matter.
	Columns map[string]string
	// States gives the state of MobiFone's words beside the canonical ones, whatever their capitals.
	States map[string]telco.State
	// Footer is how a line of sums begins, such as "Tổng cộng": in its first cell that is not empty, marks
	// and capitals aside. Without it no line is taken for a footer. With it the file must end with one. A
	// footer with more lines behind it, a footer whose amount is not the sum of the rows that were read, and
	// a file without a footer each count as one line that cannot be read.
	Footer string
	// OnBadRow is called for each line that cannot be read, in order, by the goroutine that called
	// AddTheirsFile or AddOursFile. It returns nil to go on without the line, which [Summary.Unread]
	// counts. If OnBadRow is nil, the first such line ends the reading.
	OnBadRow func(*RowError) error
}

// RowError is a line that cannot be read. No part of it is in the run.
type RowError struct {
	// Line counts from 1; the header is line 1.
	Line int64
	// Column is the column's canonical name; empty when the whole line is wrong.
	Column string
	// Problem says what is wrong and what to do. It holds no phone number.
	Problem string
}

// Error says line, column and problem; the name of the file is the caller's to add.
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

// AddTheirsFile adds the rows of a statement of MobiFone's, from the reader's position to its end. After an error
// some of the rows may have been added: close the run and start another one.
//
// A UTF-8 file that can be read again, such as an [os.File], is the fast way: of its rows only hashes
// are kept, and the lines of those that do not match are read again for their findings. Leave it open and
// unchanged until Findings has ended; a file that changed ends Findings with an error.
func (r *Run) AddTheirsFile(ctx context.Context, from io.Reader, o FileOptions) error {
	return r.addFile(ctx, from, o, sideTheirs)
}

// AddOursFile adds rows of ours from a file of the same layout, as [Run.AddTheirsFile] does with a statement.
func (r *Run) AddOursFile(ctx context.Context, from io.Reader, o FileOptions) error {
	return r.addFile(ctx, from, o, sideOurs)
}

// open reads the header. The source is how single lines are read again; nil if they cannot be: the reader
// cannot seek, or the text is decoded, so that an offset in it says nothing about the file.
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

// addFile reads a file: one goroutine cuts pieces, up to two parse them, and the caller's collects what they
// found.
//
//	reader ──► order ────────────► collect     waits for each piece in turn, reports its bad lines
//	   │                            │  ▲
//	   ├──► work ──► two workers ───┼──┘       parse a piece, put its rows into the heaps
//	   ▲                            │
//	   └─────────── free ◄──────────┘          pieces to fill again: four at most
//
// All goroutines have ended when it returns, also when ctx ends or a row cannot be added.
func (r *Run) addFile(ctx context.Context, from io.Reader, o FileOptions, side byte) error {
	if r.spent {
		return errSpent
	}
	in, layout, again, err := open(from, o, side)
	if err != nil {
		return err
	}
	number := byte(0) // 0: rows get full records
	if again != nil && len(r.sources) < sourcesMax {
		again.parser.seed = r.veil.seed
		r.sources = append(r.sources, again)
		number = byte(len(r.sources))
	}
	workers := min(runtime.GOMAXPROCS(0), 2)
	// The inner context also ends the reader when a worker or the caller's OnBadRow wants no more. An error of the
	// caller's context is the caller's to see, and not one of the inner.
	caller := ctx
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	pieces := workers + 2
	// No send to these channels blocks, because each has room for all pieces. A piece goes round: the reader
	// takes it from free and sends it to order and work, and collect puts it back.
	free, work := make(chan *piece, pieces), make(chan *piece, pieces)
	order := make(chan *piece, pieces) // those under way, in the order of the file
	for range pieces {
		free <- &piece{data: make([]byte, 0, pieceSize), done: make(chan struct{}, 1)}
	}
	var running sync.WaitGroup
	var failed error // of the first worker that failed; read it after running.Wait
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
		// Closing both ends the workers and collect, whatever ended the reader.
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
	// A file that was not read to its end has no end to judge.
	if err == nil && layout.footer != "" {
		err = r.unread(end.judged(), side, o.OnBadRow)
	}
	return err
}

// collect reports bad lines in the order of the file, and returns what is known of the file's end. It waits for
// each piece in turn, so a later piece that is parsed first is held back.
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

// unread counts lines that cannot be read, and reports them. Its error ends the reading.
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

// work reads the lines of pieces into the heap until there are no more pieces. It calls stop when a row cannot
// be added, so that the reader ends too.
func (r *Run) work(p *parser, work <-chan *piece, stop func()) error {
	in := r.intake()
	var failed error
	for c := range work {
		// What the piece had found before is taken over by now: collect handed it back.
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
		c.done <- struct{}{} // after a failure too: collect waits for every piece that the reader sent
	}
	return errors.Join(failed, in.end())
}

// each calls show for every line of a piece, with the row or with what is wrong; footers it keeps in the piece
// instead. The fields are valid until show returns. It stops when show returns false.
func (p *parser) each(c *piece, show func(*fields, *RowError) bool) {
	p.unquoted = bytes.IndexByte(c.data, '"') < 0
	// Both are asked once for the whole piece, which is faster than for each line.
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
			// A footer is a line that is no row. One that reads as a row might hide a sale.
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

// dirt says which byte of a line is not text; empty if all are. The number of the byte counts from 1.
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

// quoted is a value for an error text: at most 40 bytes, and without phone numbers.
func quoted(value []byte) string {
	return fmt.Sprintf("%q", text.Scrub(string(value[:min(len(value), 40)])))
}

// sourcesMax is how many files a run can read again: a record has one byte for their number. The rows of
// further files are kept whole.
const sourcesMax = 255

var errChanged = errors.New("reconcile: a file is not what it was when it was read first; leave the files alone until Findings has ended")

// source is a file that can be read again. One goroutine uses it: the one that ranges over Findings.
type source struct {
	from io.ReaderAt
	// begin is where its text begins in the file: behind a byte order mark, or where the reader was.
	begin  int64
	parser parser
	// buf has the line that was read last; the fields of again point into it.
	buf []byte
}

// seekable is the reader as one that can be read again, and its position; nil if it cannot.
func seekable(from io.Reader) (io.ReaderAt, int64) {
	at, ok := from.(io.ReaderAt)
	seeker, also := from.(io.Seeker)
	if !ok || !also {
		return nil, 0
	}
	begin, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe
		return nil, 0
	}
	return at, begin
}

// checked is a hash by which a line is known to be unchanged. It is keyed by the run: the temporary file has
// it, and whoever finds the file must not be able to try numbers until one fits.
func (p *parser) checked(line []byte) uint32 { return uint32(maphash.Bytes(p.seed, line)) }

// again reads the row whose line begins at offset in the text; errChanged if the line is not what it was. The
// fields point into a buffer and are valid until the next call.
func (s *source) again(offset int64, check uint32) (fields, error) {
	// Most lines are short, so little is read first; no line is longer than the last size.
	for _, size := range []int{512, 8 << 10, pieceSize} {
		s.buf = slices.Grow(s.buf[:0], size)[:size]
		n, err := s.from.ReadAt(s.buf, s.begin+offset)
		line, _, whole := bytes.Cut(s.buf[:n], []byte("\n"))
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return fields{}, fmt.Errorf("reconcile: a file cannot be read again: %w", err)
		case !whole && err == nil: // the line is longer; at the end of the file its newline may be missing
			continue
		}
		var f fields
		line = bytes.TrimSuffix(line, []byte("\r"))
		if s.parser.checked(line) != check {
			return fields{}, errChanged
		}
		if _, problem := s.parser.row(line, &f); problem != "" {
			return fields{}, errChanged
		}
		return f, nil
	}
	return fields{}, errChanged
}
