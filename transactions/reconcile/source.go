package reconcile

// This file reads lines of a file again: a row that matches is never needed whole, so of a file that
// can be read again only hashes are kept, and the lines of the other rows are fetched when they are told.

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
)

// sourcesMax is how many files a run can tell apart; those after it are kept whole.
const sourcesMax = 255

var errChanged = errors.New("reconcile: a file is not what it was when it was read first; leave the files alone until Findings has ended")

// source is a file that can be read again.
type source struct {
	from   io.ReaderAt
	begin  int64 // where its text begins
	parser parser
	buf    []byte
}

// seekable is the reader as one that can be read again, and where it stands; nil if it cannot.
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

// checked is what tells that a line is what it was: a hash under the run's key, as the temporary file has
// it and must not tell a number.
func (p *parser) checked(line []byte) uint32 { return uint32(maphash.Bytes(p.seed, line)) }

// again reads the row whose line begins there in the text, if the line is what it was. The fields are
// good until the next call.
func (s *source) again(offset int64, check uint32) (fields, error) {
	for _, size := range []int{512, 8 << 10, pieceSize} { // no line is longer
		s.buf = slices.Grow(s.buf[:0], size)[:size]
		n, err := s.from.ReadAt(s.buf, s.begin+offset)
		line, _, whole := bytes.Cut(s.buf[:n], []byte("\n"))
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return fields{}, fmt.Errorf("reconcile: a file cannot be read again: %w", err)
		case !whole && err == nil:
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
