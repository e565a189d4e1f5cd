package main

// This file is what every command shares to speak with a person or a program: lines, tables, JSON, progress, colours,
// and the question before something is changed. All output passes here. A text from elsewhere, such as MobiFone's,
// moves no cursor and sets no title; and an output that could not be written is no success.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// app is the program with one command line. It is used by one goroutine.
type app struct {
	set                settings
	args               []string
	in                 *os.File
	keyboard           *bufio.Reader
	out, errs          *paper
	english            bool
	env                map[string]string
	red, yellow, green paint
	faint              paint
	width              int // of the screen; 0: the output is no terminal
	progress           io.Writer
	closers            []func()
	now                func() time.Time
}

// vietnam is the zone of the shops; it needs no table of zones.
var vietnam = time.FixedZone("+07", 7*60*60)

// newApp reads language, environment and screen. It returns a usable app beside an error.
func newApp(w world) (*app, error) {
	a := &app{
		args: w.args, in: w.in, keyboard: bufio.NewReader(w.in), out: &paper{to: w.out}, errs: &paper{to: w.errs}, progress: io.Discard,
		env: environ(w.env), now: time.Now,
	}
	var err error
	if a.english, err = english(w.args, a.env); err != nil {
		return a, err
	}
	a.width = screen(w.out)
	if screen(w.errs) > 0 && a.env["TERM"] != "dumb" {
		a.progress, a.errs.coloured = w.errs, true
	}
	// no-color.org: any value that is not empty.
	if a.width > 0 && a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb" {
		a.out.coloured = true
		a.red, a.yellow, a.green, a.faint = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"
	}
	if a.set, err = readEnv(a.env); err != nil {
		return a, a.misused(a.t("biến môi trường không đọc được: ", "the environment cannot be read: ")+err.Error(),
			a.t("sửa biến được nêu", "correct the variable that is named"))
	}
	return a, nil
}

// say prints a line of the result. With --json nothing but JSON may go there.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// note prints a line beside the result, where a program that reads the result does not see it.
func (a *app) note(format string, args ...any) { fmt.Fprintf(a.errs, format+"\n", args...) }

// field prints a named value of one thing; an empty one is left out.
func (a *app) field(name, value string) {
	if value != "" {
		a.say("%-15s %s", name, oneLine(value))
	}
}

// json prints a value for other programs. The SDK's types print masked.
func (a *app) json(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns. On a screen that is too narrow the spare columns are left out, in
// their order, until the rest fits; --json has them all.
func (a *app) table(header []string, rows [][]string, spare ...int) {
	all := make([]int, len(header))
	for i := range all {
		all[i] = i
	}
	for {
		drawn := a.draw(header, rows, all)
		if a.width == 0 || len(spare) == 0 || text.LongestLineLen(drawn) <= a.width {
			a.say("%s", drawn)
			return
		}
		all = slices.DeleteFunc(all, func(i int) bool { return i == spare[0] })
		spare = spare[1:]
	}
}

// draw draws some columns of rows, with a line below the heads on a terminal.
func (a *app) draw(header []string, rows [][]string, columns []int) string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = a.width > 0
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	t.SetColumnConfigs(numeric(rows, columns))
	t.AppendHeader(row(header, columns))
	for _, r := range rows {
		t.AppendRow(row(r, columns))
	}
	return t.Render()
}

// figures is how an amount or a count is written.
var figures = regexp.MustCompile(`^[-−0-9.]*( ₫)?$`)

// numeric puts columns of numbers to the right, so that their digits stand below each other.
func numeric(rows [][]string, columns []int) []table.ColumnConfig {
	var all []table.ColumnConfig
	for n, i := range columns {
		if !slices.ContainsFunc(rows, func(r []string) bool { return !figures.MatchString(r[i]) }) {
			all = append(all, table.ColumnConfig{Number: n + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	return all
}

// row is some columns of a row as the table's library takes it.
func row(cells []string, columns []int) table.Row {
	r := make(table.Row, 0, len(columns))
	for _, i := range columns {
		r = append(r, oneLine(cells[i]))
	}
	return r
}

// bar shows the progress of long work on stderr; total −1: nobody knows how long it is. It is
// silent where stderr is no terminal.
func (a *app) bar(total int64, what string) *progressbar.ProgressBar {
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(a.progress),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(20),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionEnableColorCodes(a.green != ""),
		progressbar.OptionClearOnFinish(),
	)
	_ = bar.RenderBlank()                // the first step may take long
	a.later(func() { _ = bar.Finish() }) // also when the work fails: what it says has a line of its own
	return bar
}

// change does something after it was agreed to: by --yes, or by whoever is at the keyboard. With
// --dry-run it only says what.
func (a *app) change(ctx context.Context, what string, do func() error) error {
	if a.set.dryRun {
		a.note("%s", a.t("Chạy thử, không làm gì. Sẽ: ", "Dry run, nothing is done. Would: ")+what)
		if a.set.asJSON && !a.out.written {
			return a.json(map[string]any{"dryRun": true, "would": what})
		}
		return nil
	}
	if !a.set.yes {
		if err := a.agree(ctx, what); err != nil {
			return err
		}
	}
	return do()
}

// agree asks whether to do it. Anything but a yes is a no.
func (a *app) agree(ctx context.Context, what string) error {
	if screen(a.in) == 0 {
		return a.misused(
			a.t("cần trả lời mà không có bàn phím: ", "a question, and nobody at a keyboard: ")+what,
			a.t("thêm --yes nếu chắc chắn, hay --dry-run để xem trước", "add --yes if you are sure, or --dry-run to see first"))
	}
	fmt.Fprint(a.errs, what+a.t("? [có/không]: ", "? [yes/no]: "))
	answer, err := a.typed(ctx)
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "yes", "y", "có", "co", "c":
		return nil
	default:
		return &failure{what: a.t("chưa làm gì", "nothing was done"), code: exitFailed}
	}
}

// typed is the next line from the keyboard. Ctrl-C ends the wait for it.
func (a *app) typed(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // it outlives a Ctrl-C, and the program ends with it
		text, err := a.keyboard.ReadString('\n')
		if text != "" {
			err = nil
		}
		read <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.errs)
		return "", ctx.Err()
	case l := <-read:
		if errors.Is(l.err, io.EOF) {
			return "", a.misused(a.t("chưa gõ gì nên chưa làm gì", "nothing was typed, and nothing was done"),
				a.t("chạy lại, gõ rồi nhấn Enter", "run it again, type, and press Enter"))
		}
		return l.text, l.err
	}
}

// at is a time at +07:00 as people in the shops read it; empty for none. JSON has times as Go writes them.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnam).Format("02/01/2006 15:04:05")
}

// later keeps what has to be closed when the command ends, however it ends.
func (a *app) later(f func()) { a.closers = append(a.closers, f) }

// close closes what the command opened, the last first.
func (a *app) close() {
	for len(a.closers) > 0 {
		last := len(a.closers) - 1
		f := a.closers[last]
		a.closers = a.closers[:last]
		f()
	}
}

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
