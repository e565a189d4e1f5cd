package reconcile

// This file turns bytes into lines: it decodes UTF-16 and Windows-1258 and cuts the text at line ends into
// pieces of bounded size, whatever the file is. It knows where in the text each piece begins, so that a line can
// be found again. What a line means is not its business.
//
// UTF-16 comes from Excel ("Unicode text"), Windows-1258 from older Vietnamese programs. Both are decoded while
// they are read, and their files are not read again: what is kept of their rows is the whole record.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// pieceSize is how many bytes of text are read at once. It is also the longest line that is taken: without a
// limit a file of one line would be held in memory whole.
const pieceSize = 256 << 10

// piece is a part of a text that ends at a line's end. Pieces are used again: the reader fills one, a worker
// parses it, and collect takes what was found and hands it back to the reader.
type piece struct {
	data []byte
	// line is the number of its first line; the first line of a file has the number 1.
	line int64
	// at is where it begins in the decoded text, in bytes.
	at int64
	// done gets one value when the piece is parsed.
	done chan struct{}
	// What was found in it: lines that cannot be read, footers, the sum of the rows' amounts, and the number of
	// the last line that is neither empty nor a footer; 0 if there is none.
	bad     []*RowError
	footers []footer
	sum     int64
	last    int64
}

// lines cuts a text into pieces. One goroutine uses it.
type lines struct {
	from io.Reader
	// rest is what was read and is in no piece yet.
	rest []byte
	// line is the number of the line in which rest begins.
	line int64
	// at is where rest begins in the decoded text, in bytes.
	at  int64
	eof bool
}

// header reads the first line that is not empty and not Excel's "sep=;". What follows it stays in rest, for next.
func (l *lines) header() ([]byte, error) {
	// The header is in the first piece, however many empty lines are before it; it is given no second one.
	first := &piece{data: make([]byte, 0, pieceSize)}
	last, err := l.next(first)
	if err != nil {
		return nil, err
	}
	l.line = 1 // next has counted the lines of the whole piece; they are counted again, one by one
	for rest := first.data; len(rest) > 0; {
		one, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		l.line++
		one = bytes.TrimSuffix(one, []byte("\r"))
		if len(one) == 0 || bytes.HasPrefix(bytes.ToLower(one), []byte("sep=")) {
			continue
		}
		problem := dirt(one)
		if bytes.IndexByte(one, '\r') >= 0 { // a file with line ends of CR alone would be all header, and nobody would miss its rows
			problem = "a carriage return inside the line; save the file with line ends of LF or CR LF"
		}
		if problem != "" {
			return nil, &RowError{Line: l.line - 1, Problem: problem}
		}
		// The rest of the piece goes before what next has kept of the line behind it.
		l.at = int64(len(first.data) - len(rest))
		l.rest = append(bytes.Clone(rest), l.rest...)
		return bytes.Clone(one), nil
	}
	// Blanks without end are no file to wait for.
	if !last {
		return nil, fmt.Errorf("the first %d KiB are empty lines; the first line must name the columns", pieceSize>>10)
	}
	return nil, errors.New("the file is empty; its first line must name the columns")
}

// next fills a piece and reports whether it is the last one, which may be empty. An error of the reader names the
// line at which it came. A line longer than pieceSize ends the reading, since nothing tells where it ends.
func (l *lines) next(c *piece) (last bool, err error) {
	c.line, c.at = l.line, l.at
	c.data = append(c.data[:0], l.rest...)
	// A reader may return less than is asked for, and data together with io.EOF.
	for !l.eof && len(c.data) < pieceSize {
		n, err := l.from.Read(c.data[len(c.data):pieceSize])
		c.data = c.data[:len(c.data)+n]
		if errors.Is(err, io.EOF) {
			l.eof = true
		} else if err != nil {
			at := l.line + int64(bytes.Count(c.data, []byte("\n")))
			return false, fmt.Errorf("line %d: %w", at, err)
		}
	}
	if l.eof { // its last line may have no line end
		return true, nil
	}
	// The piece ends at its last line end. What follows is the begin of a line, and goes to the next piece.
	end := bytes.LastIndexByte(c.data, '\n') + 1
	if end == 0 {
		return false, &RowError{
			Line: l.line, Problem: fmt.Sprintf("longer than %d KiB, or the file has no line ends; nothing after it was read", pieceSize>>10),
		}
	}
	l.rest = append(l.rest[:0], c.data[end:]...)
	c.data = c.data[:end]
	l.line += int64(bytes.Count(c.data, []byte("\n")))
	l.at += int64(end)
	return false, nil
}

// decoded is the text as UTF-8, without its byte order mark. markSize is the length of the mark in bytes, or -1
// if the text was decoded: its bytes are not those of the file then, and its lines cannot be read again. A mark
// wins over the encoding that was given, except over Windows-1258, where its bytes are letters.
func decoded(from io.Reader, encoding string) (_ io.Reader, markSize int64, err error) {
	encoding = strings.ToLower(encoding)
	if !slices.Contains([]string{"", "utf-8", "utf-16le", "utf-16be", "windows-1258"}, encoding) {
		return nil, 0, optionError(fmt.Sprintf("FileOptions.Encoding: %q is not known; the names are utf-8, utf-16le, utf-16be and windows-1258", encoding))
	}
	// The mark has to be read to be seen, so everything is read through a buffer from here on.
	b := bufio.NewReaderSize(from, 64<<10)
	mark, _ := b.Peek(3) // an error comes again with the first Read
	skip := func(n int) { _, _ = b.Discard(n) }
	switch {
	case encoding == "windows-1258":
		return &codePage{from: b}, -1, nil
	case bytes.HasPrefix(mark, []byte{0xEF, 0xBB, 0xBF}):
		skip(3)
		return b, 3, nil
	case bytes.HasPrefix(mark, []byte{0xFF, 0xFE}):
		skip(2)
		return &wide{from: b, order: binary.LittleEndian, read: 2}, -1, nil
	case bytes.HasPrefix(mark, []byte{0xFE, 0xFF}):
		skip(2)
		return &wide{from: b, order: binary.BigEndian, read: 2}, -1, nil
	case encoding == "utf-16le":
		return &wide{from: b, order: binary.LittleEndian}, -1, nil
	case encoding == "utf-16be":
		return &wide{from: b, order: binary.BigEndian}, -1, nil
	}
	return b, 0, nil
}

// wide reads UTF-16 as UTF-8. Half a character is an error and not a replacement character, which could stand in
// an id.
type wide struct {
	from  *bufio.Reader
	order binary.ByteOrder
	// out is decoded and not returned yet; err is to be returned behind it.
	out []byte
	err error
	// read is how many bytes of the file were read. Errors name them: there are no lines in broken UTF-16.
	read int64
}

// Read implements io.Reader. It returns what is decoded before it returns an error.
func (w *wide) Read(p []byte) (int, error) {
	if len(w.out) == 0 {
		if w.err == nil {
			w.err = w.fill()
		}
		if len(w.out) == 0 {
			return 0, w.err
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// fill decodes about 4,000 bytes into out. It may both leave characters there and return an error.
func (w *wide) fill() error {
	w.out = make([]byte, 0, 4096)
	// A character is at most four bytes of UTF-8, and as many of UTF-16, so out does not grow beyond its 4,096.
	for len(w.out) < 4000 {
		one, err := w.unit()
		if err != nil {
			return err
		}
		r := rune(one)
		// A character beyond U+FFFF is two units. One of them alone is damage.
		if utf16.IsSurrogate(r) {
			two, err := w.unit()
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if r = utf16.DecodeRune(r, rune(two)); r == utf8.RuneError {
				return fmt.Errorf("byte %d: half a character; the file is no UTF-16, or is damaged", w.read-1)
			}
		}
		w.out = utf8.AppendRune(w.out, r)
	}
	return nil
}

// unit reads one UTF-16 code unit: two bytes, which may be half a character.
func (w *wide) unit() (uint16, error) {
	var b [2]byte
	n, err := io.ReadFull(w.from, b[:])
	w.read += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("byte %d: half a character at the end; the file is no UTF-16, or is cut off", w.read)
	}
	return w.order.Uint16(b[:]), err
}

// codePage reads Windows-1258 as UTF-8. The code page writes the tone of a vowel as a byte of its own behind it; the
// two become one letter, because FileOptions and headers are typed that way.
type codePage struct {
	from *bufio.Reader
	out  []byte // decoded, and not returned yet
}

// upper1258 are the characters of the bytes from 0x80 on; U+FFFD where a byte is none.
var upper1258 = [128]rune([]rune("€\uFFFD‚ƒ„…†‡ˆ‰\uFFFD‹Œ\uFFFD\uFFFD\uFFFD\uFFFD‘’“”•–—˜™\uFFFD›œ\uFFFD\uFFFDŸ" +
	"\u00A0¡¢£¤¥¦§¨©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿" +
	"ÀÁÂĂÄÅÆÇÈÉÊË\u0300ÍÎÏĐÑ\u0309ÓÔƠÖ×ØÙÚÛÜƯ\u0303ß" +
	"àáâăäåæçèéêë\u0301íîïđñ\u0323óôơö÷øùúûüư₫ÿ"))

// rune1258 is the character of a byte of the code page; below 0x80 it is ASCII.
func rune1258(b byte) rune {
	if b < 0x80 {
		return rune(b)
	}
	return upper1258[b&0x7F]
}

// composed is a vowel and its tone as one letter; 0 if they are not a vowel and a tone.
func composed(vowel, tone rune) rune {
	// The letters are in the order of the vowels, and for each in the order of the tones.
	const vowels, tones = "aăâeêioôơuưy", "\u0300\u0301\u0309\u0303\u0323"
	const letters = "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
	t := strings.IndexRune(tones, tone)
	v := strings.IndexRune(vowels, unicode.ToLower(vowel))
	if t < 0 || v < 0 {
		return 0
	}
	at := utf8.RuneCountInString(vowels[:v])*5 + utf8.RuneCountInString(tones[:t])
	letter := []rune(letters)[at]
	if unicode.IsUpper(vowel) {
		return unicode.ToUpper(letter)
	}
	return letter
}

// Read implements io.Reader. It decodes at most 1,025 bytes at once, and never between a vowel and its tone.
func (c *codePage) Read(p []byte) (int, error) {
	if len(c.out) == 0 {
		var buf [1024]byte
		n, err := c.from.Read(buf[:])
		var last rune // the character before, if it is still at the end of out
		add := func(b byte) {
			r := rune1258(b)
			// A tone takes the place of the vowel before it, as one letter with it.
			if one := composed(last, r); one != 0 {
				c.out, r = c.out[:len(c.out)-utf8.RuneLen(last)], one
			}
			c.out, last = utf8.AppendRune(c.out, r), r
		}
		for _, b := range buf[:n] {
			add(b)
		}
		// A tone behind the last byte of buf belongs to the letter before it.
		if next, _ := c.from.Peek(1); len(next) > 0 && unicode.Is(unicode.Mn, rune1258(next[0])) {
			_, _ = c.from.Discard(1)
			add(next[0])
		}
		// An error beside some bytes comes again with the next call.
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}
