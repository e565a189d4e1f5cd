package main

// This file reads what reconcile compares: the store, MobiFone's listing or its files, and what was open the day
// before. It also has the flags that say what such a file is like.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// beside is how far beyond the day rows are read on both sides, to find the partners of rows near
// its ends. A sale may have been opened days before it was registered.
const (
	beside     = 24 * time.Hour
	openedLong = 3 * 24 * time.Hour
)

// add reads both sides. What was open is looked for from when it was sold: it would be called gone else.
func (b *balance) add(ctx context.Context, store sale.Store, client *mobifone.Client) error {
	since := b.from
	if b.q.carry != "" {
		first, err := b.carry()
		if err != nil {
			return b.ofInput("--carry", b.q.carry, err, b.t("nêu kết quả --json của hôm trước", "name the --json result of the day before"))
		}
		if !first.IsZero() && first.Before(since) {
			since = first
		}
	}
	bar := b.bar(-1, b.t("đọc sổ", "reading the store"))
	if err := b.run.AddOurs(counted(sale.Reconcilable(ctx, store, since.Add(-openedLong), b.to.Add(beside)), bar)); err != nil {
		return err
	}
	_ = bar.Finish()
	return b.addTheirs(ctx, client, since)
}

// carry gives the run what was open the day before, and returns the earliest time of it.
func (b *balance) carry() (first time.Time, err error) {
	file, err := os.Open(b.q.carry)
	if err != nil {
		return first, err
	}
	defer file.Close()
	if first, err = openSince(file); err != nil {
		return first, err
	}
	return first, b.run.CarryFile(file)
}

// openSince returns the earliest time of a row that was open. It refuses a result without its sums, which
// stand last: a run that failed half-way did not get to all that was open. It leaves the file at its begin.
func openSince(file io.ReadSeeker) (first time.Time, err error) {
	whole := false
	for d := json.NewDecoder(file); d.More(); {
		type row struct {
			At time.Time `json:"at"`
		}
		var line struct {
			Kind    string           `json:"kind"`
			Ours    row              `json:"ours"`
			Theirs  row              `json:"theirs"`
			Summary *json.RawMessage `json:"summary"`
		}
		if err := d.Decode(&line); err != nil {
			return first, err
		}
		whole = line.Summary != nil
		for _, at := range []time.Time{line.Ours.At, line.Theirs.At} {
			if line.Kind == reconcile.StillOpen.String() && !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	if !whole {
		return first, errors.New("its last line has no sums: the run did not come to its end")
	}
	_, err = file.Seek(0, io.SeekStart)
	return first, err
}

// ofInput names the file that an error is of.
func (b *balance) ofInput(flag, file string, err error, todo string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	f := b.ofFile(flag+" "+file, err)
	if _, ofSystem := errors.AsType[*fs.PathError](err); !ofSystem {
		f.todo = todo
	}
	return f
}

// addTheirs reads MobiFone's side, a listing from a day before since.
func (b *balance) addTheirs(ctx context.Context, client *mobifone.Client, since time.Time) error {
	if len(b.q.statements) > 0 {
		return b.addStatements(ctx)
	}
	to := b.to.Add(beside)
	if now := b.now(); to.After(now) {
		to = time.Time{} // until now
	}
	list := client.Background().Transactions.List(transactions.Query{From: since.Add(-beside), To: to})
	total := int64(-1)
	if page, err := list.Page(ctx, 1); err == nil && page.Total != nil {
		total = int64(*page.Total)
	}
	bar := b.bar(total, b.t("đọc MobiFone", "reading MobiFone"))
	err := b.run.AddTheirs(counted(list.All(ctx), bar))
	_ = bar.Finish()
	open, ok := errors.AsType[*transactions.WindowOpenError](err)
	if !ok {
		return err
	}
	if open.NoTotal {
		b.note("%s", b.yellow.on(b.uncounted()))
	} else if open.Until.Before(b.to) {
		b.until = open.Until
	}
	return nil
}

// watched is a file of which the progress is shown. It stays a file that can be read again, which
// is the fast way to compare it.
type watched struct {
	*os.File
	bar *progressbar.ProgressBar
}

// Read reads on.
func (w watched) Read(into []byte) (int, error) {
	n, err := w.File.Read(into)
	_ = w.bar.Add(n)
	return n, err
}

// unreadShown is how many lines of a file are named that cannot be read; all are counted.
const unreadShown = 10

// addStatements reads MobiFone's files.
func (b *balance) addStatements(ctx context.Context) error {
	for _, name := range b.q.statements {
		if err := b.addStatement(ctx, name); err != nil {
			return b.ofInput("--statement", name, err, b.t("sửa tệp hay xin lại MobiFone; docs/reconciliation.md#files nói tệp phải thế nào",
				"correct the file or ask MobiFone for it again; docs/reconciliation.md#files says what it has to be"))
		}
	}
	return nil
}

// addStatement reads one of them. Lines that cannot be read are counted, and the first are named.
func (b *balance) addStatement(ctx context.Context, name string) error {
	file, err := os.Open(name) //nolint:gosec // whoever runs the tool names it
	if err != nil {
		return err
	}
	b.later(func() { _ = file.Close() }) // its lines are read again when they are told
	size := int64(-1)
	if info, err := file.Stat(); err == nil && info.Size() > 0 {
		size = info.Size()
	}
	bar := b.bar(size, b.t("đọc tệp", "reading the file"))
	var unread []*reconcile.RowError
	more, o := 0, b.file
	o.OnBadRow = func(e *reconcile.RowError) error {
		if len(unread) < unreadShown {
			unread = append(unread, e)
		} else {
			more++
		}
		return nil
	}
	err = b.run.AddTheirsFile(ctx, watched{file, bar}, o)
	_ = bar.Finish()
	for _, e := range unread {
		b.note("%s %s: %s", b.red.on(b.t("không đọc được", "unread")), name, b.scrub(e.Error()))
	}
	if more > 0 {
		b.note(b.t("%s: … và %d dòng nữa không đọc được", "%s: … and %d more lines not read"), name, more)
	}
	return err
}

// counted shows the progress of a sequence.
func counted[T any](rows iter.Seq2[T, error], bar *progressbar.ProgressBar) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			_ = bar.Add(1)
			if !yield(row, err) {
				return
			}
		}
	}
}

// fileFlags are the flags as they were given.
type fileFlags struct {
	encoding, footer  string
	grouped, dayFirst bool
	columns, states   []string
}

// encodings are the values of --encoding. The SDK would refuse another one too, but only once the store is read.
var encodings = []string{"", "utf-8", "utf-16le", "utf-16be", "windows-1258"}

// statementColumns are the columns of a statement of MobiFone's.
var statementColumns = []string{
	"transId", "partnerTransId", "isdn", "packageCode", "amount", "status", "resultCode", "shopCode", "createdAt", "updatedAt",
}

// addFileFlags adds the flags to a command.
func (a *app) addFileFlags(cmd *cobra.Command, q *fileFlags) {
	f := cmd.Flags()
	f.BoolVar(&q.grouped, "grouped-amounts", false, a.t("trong tệp đó, 120.000 là 120000", "in that file 120.000 is 120000"))
	f.BoolVar(&q.dayFirst, "day-first", false, a.t("trong tệp đó, ngày viết dd/MM/yyyy", "in that file dates are dd/MM/yyyy"))
	f.StringVar(&q.encoding, "encoding", "", a.t("bảng mã `NAME` của tệp đó nếu không phải UTF-8: utf-16le, utf-16be, windows-1258",
		"encoding `NAME` of that file if not UTF-8: utf-16le, utf-16be, windows-1258"))
	f.StringArrayVar(&q.columns, "column", nil, a.t("tên cột trong tệp đó, `NAME=COLUMN` như \"Mã GD=transId\"; lặp lại được",
		"name of a column in that file, `NAME=COLUMN` as in \"Mã GD=transId\"; may be repeated"))
	f.StringArrayVar(&q.states, "state", nil, a.t("từ chỉ trạng thái trong tệp đó, `WORD=STATE` như \"HOAN TAT=SUCCESS\"; lặp lại được",
		"word for a state in that file, `WORD=STATE` as in \"HOAN TAT=SUCCESS\"; may be repeated"))
	f.StringVar(&q.footer, "footer", "", a.t("tệp đó kết thúc bằng dòng bắt đầu bằng `WORDS`, như \"Tổng cộng\"",
		"that file ends with a line that begins with `WORDS`, such as \"Tổng cộng\""))
}

// fileOptions are the flags as the SDK takes them.
func (a *app) fileOptions(q reconciling) (reconcile.FileOptions, error) {
	o := reconcile.FileOptions{
		GroupedAmounts: q.grouped, DayFirst: q.dayFirst, Footer: q.footer, Encoding: q.encoding, Columns: map[string]string{}, States: map[string]telco.State{},
	}
	given := q.grouped || q.dayFirst || q.footer != "" || q.encoding != "" || len(q.columns)+len(q.states) > 0
	if given && len(q.statements) == 0 {
		return o, a.misused(a.t("cờ nói về tệp của MobiFone, mà không có tệp nào", "a flag speaks of MobiFone's file, and there is none"), "--statement FILE")
	}
	if !slices.Contains(encodings, strings.ToLower(q.encoding)) {
		return o, a.misused("--encoding "+q.encoding, "--encoding utf-8 | utf-16le | utf-16be | windows-1258")
	}
	for _, one := range q.columns {
		name, column, ok := named(one)
		if !ok || !slices.Contains(statementColumns, column) {
			return o, a.misused("--column "+one, `--column "Mã GD=transId": `+strings.Join(statementColumns, " | "))
		}
		o.Columns[name] = column
	}
	for _, one := range q.states {
		word, state, ok := named(one)
		s, known := stateNamed(state)
		if !ok || !known {
			return o, a.misused("--state "+one, `--state "HOAN TAT=SUCCESS": `+strings.ReplaceAll(stateList, ", ", " | "))
		}
		o.States[word] = s
	}
	return o, nil
}

// named parts NAME=VALUE at the last sign: a name of MobiFone's may have one too.
func named(s string) (name, value string, ok bool) {
	at := strings.LastIndexByte(s, '=')
	if at < 0 {
		return "", "", false
	}
	name, value = strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+1:])
	return name, value, name != ""
}

// flagNames turns what the SDK says of its options into what to type here.
var flagNames = strings.NewReplacer(
	"set FileOptions.Encoding to windows-1258", "add --encoding windows-1258",
	"set FileOptions.Encoding", "add --encoding utf-16le or utf-16be",
	"FileOptions.Encoding", "--encoding",
	"set FileOptions.GroupedAmounts", "add --grouped-amounts",
	"set FileOptions.DayFirst", "add --day-first",
	"in FileOptions.Columns", `with --column "NAME=COLUMN"`,
	"FileOptions.Columns", "--column",
	"in FileOptions.Footer", "in --footer",
	"FileOptions.Footer", "--footer",
	", or raise Config.Memory", "",
	"Config.Dir", "--temp",
)
