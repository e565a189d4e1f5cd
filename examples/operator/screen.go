package main

// This file is the last step to the screen: what is printed passes here. A text from elsewhere,
// such as MobiFone's or a contract's, moves no cursor and sets no title; and an output that
// could not be written is no success.

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// paper is what the program prints on.
type paper struct {
	to io.Writer
	// coloured keeps the colours; without it they are left out.
	coloured bool
	// written says that something was printed; failed is why it could not be.
	written bool
	failed  error
}

// Write prints a text. Control characters in it are shown as JSON writes them, so that a line of
// JSON says the same as before.
func (p *paper) Write(text []byte) (int, error) {
	p.written = p.written || len(text) > 0
	if _, err := p.to.Write([]byte(p.plain(string(text)))); err != nil {
		p.failed = err
		return 0, err
	}
	return len(text), nil
}

// plain shows what a terminal would obey.
func (p *paper) plain(text string) string {
	var b strings.Builder
	for text != "" {
		at := colours.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		for _, r := range text[:at[0]] {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		if p.coloured {
			b.WriteString(text[at[0]:at[1]])
		}
		text = text[at[1]:]
	}
	return b.String()
}

// colours are the only sequences that reach a terminal.
var colours = regexp.MustCompile("\x1b\\[(?:0|2|31|32|33)m")

// oneLine keeps a text from elsewhere in its line.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\u000a`) }

// screen is the width of a terminal; 0: it is none.
func screen(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(width, 40)
}

// paint is the escape sequence of a colour; empty: colours are off.
type paint string

// on paints a text.
func (p paint) on(s string) string {
	if p == "" || s == "" {
		return s
	}
	return string(p) + s + "\x1b[0m"
}
