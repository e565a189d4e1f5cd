package reconcile

// This file turns bytes into lines: it takes encodings off and cuts the text at line ends into
// pieces of bounded size.

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

// pieceSize is how much text is read at once, and the longest line.
const pieceSize = 256 << 10

// piece is a part of a file that ends at a line's end.
type piece struct {
	data []byte
	line int64 // of the first line
	at   int64 // where it begins in the text
	done chan struct{}
	// What was found in it: lines that cannot be read, footers, the sum of the rows, and the last line
	// that is neither empty nor a footer; 0: there is none.
	bad     []*RowError
	footers []footer
	sum     int64
	last    int64
}

// lines cuts a text into pieces.
type lines struct {
	from io.Reader
	rest []byte // read, and not given out
	line int64  // of the first byte of rest
	at   int64  // where rest begins in the text
	eof  bool
}

// header reads the first line that is not empty and not Excel's "sep=;".
func (l *lines) header() ([]byte, error) {
	first := &piece{data: make([]byte, 0, pieceSize)}
	last, err := l.next(first)
	if err != nil {
		return nil, err
	}
	l.line = 1
	for rest := first.data; len(rest) > 0; {
		one, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		l.line++
		one = bytes.TrimSuffix(one, []byte("\r"))
		if len(one) == 0 || bytes.HasPrefix(bytes.ToLower(one), []byte("sep=")) {
			continue
		}
		problem := dirt(one)
		if bytes.IndexByte(one, '\r') >= 0 { // else the whole file would be the header, and no row of it would be missed
			problem = "a carriage return inside the line; save the file with line ends of LF or CR LF"
		}
		if problem != "" {
			return nil, &RowError{Line: l.line - 1, Problem: problem}
		}
		// What was cut off behind the piece follows what the piece has left.
		l.at = int64(len(first.data) - len(rest))
		l.rest = append(bytes.Clone(rest), l.rest...)
		return bytes.Clone(one), nil
	}
	if !last {
		return nil, fmt.Errorf("the first %d KiB are empty lines; the first line must name the columns", pieceSize>>10)
	}
	return nil, errors.New("the file is empty; its first line must name the columns")
}

// next fills a piece, and reports whether it is the last one.
func (l *lines) next(c *piece) (last bool, err error) {
	c.line, c.at = l.line, l.at
	c.data = append(c.data[:0], l.rest...)
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
	if l.eof {
		return true, nil
	}
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
// if the bytes of the text are not those of the file, whose lines cannot be read again then.
func decoded(from io.Reader, encoding string) (_ io.Reader, markSize int64, err error) {
	encoding = strings.ToLower(encoding)
	if !slices.Contains([]string{"", "utf-8", "utf-16le", "utf-16be", "windows-1258"}, encoding) {
		return nil, 0, optionError(fmt.Sprintf("FileOptions.Encoding: %q is not known; the names are utf-8, utf-16le, utf-16be and windows-1258", encoding))
	}
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

// wide reads UTF-16 as UTF-8.
type wide struct {
	from  *bufio.Reader
	order binary.ByteOrder
	out   []byte // decoded, and not given out
	err   error  // after out
	read  int64  // bytes of the file, for errors
}

// Read implements io.Reader.
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

// fill decodes some characters. It may return both characters and an error.
func (w *wide) fill() error {
	w.out = make([]byte, 0, 4096)
	for len(w.out) < 4000 {
		one, err := w.unit()
		if err != nil {
			return err
		}
		r := rune(one)
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

// unit reads two bytes.
func (w *wide) unit() (uint16, error) {
	var b [2]byte
	n, err := io.ReadFull(w.from, b[:])
	w.read += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("byte %d: half a character at the end; the file is no UTF-16, or is cut off", w.read)
	}
	return w.order.Uint16(b[:]), err
}

// codePage reads Windows-1258 as UTF-8.
type codePage struct {
	from *bufio.Reader
	out  []byte
}

// upper1258 are the characters of the bytes from 0x80; U+FFFD where there is none.
var upper1258 = [128]rune([]rune("€\uFFFD‚ƒ„…†‡ˆ‰\uFFFD‹Œ\uFFFD\uFFFD\uFFFD\uFFFD‘’“”•–—˜™\uFFFD›œ\uFFFD\uFFFDŸ" +
	"\u00A0¡¢£¤¥¦§¨©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿" +
	"ÀÁÂĂÄÅÆÇÈÉÊË\u0300ÍÎÏĐÑ\u0309ÓÔƠÖ×ØÙÚÛÜƯ\u0303ß" +
	"àáâăäåæçèéêë\u0301íîïđñ\u0323óôơö÷øùúûüư₫ÿ"))

// rune1258 is the character of a byte.
func rune1258(b byte) rune {
	if b < 0x80 {
		return rune(b)
	}
	return upper1258[b&0x7F]
}

// composed is a vowel with its tone as one letter; 0 if they are not that. The code page writes two, and
// people type one: a word of theirs must be the word of the file.
func composed(vowel, tone rune) rune {
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

// Read implements io.Reader.
func (c *codePage) Read(p []byte) (int, error) {
	if len(c.out) == 0 {
		var buf [1024]byte
		n, err := c.from.Read(buf[:])
		var last rune
		add := func(b byte) {
			r := rune1258(b)
			if one := composed(last, r); one != 0 {
				c.out, r = c.out[:len(c.out)-utf8.RuneLen(last)], one
			}
			c.out, last = utf8.AppendRune(c.out, r), r
		}
		for _, b := range buf[:n] {
			add(b)
		}
		if next, _ := c.from.Peek(1); len(next) > 0 && unicode.Is(unicode.Mn, rune1258(next[0])) {
			_, _ = c.from.Discard(1)
			add(next[0])
		}
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}
