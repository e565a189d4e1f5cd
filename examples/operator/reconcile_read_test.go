package main

// What reconcile compares: the flags that say what MobiFone's files are like, how a file is read, and what was
// open the day before.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// statement is MobiFone's file of the trial's day.
func (s *shop) statement() string { return string(s.srv.Statement(s.srv.Ledger()[0].CreatedAt)) }

// file writes a file in the shop's directory and returns its path.
func (s *shop) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A file in the manner of another system is read as MobiFone's own is, once the flags say what it is like.
func TestAFileOfAnotherManner(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	kinds, plain, r := s.summed(t, "--statement", s.file(t, "plain.csv", s.statement()))
	require.Equal(t, exitDiffers, r.code, r.errs)
	require.Equal(t, int64(4), plain.Summary.Sold.Theirs.Rows)

	lines := strings.Split(strings.TrimSpace(s.statement()), "\n")
	for i, line := range lines {
		line = strings.Replace(line, ",120000,", ",120.000,", 1)
		lines[i] = strings.Replace(strings.Replace(line, ",360000,", ",360.000,", 1), ",SUCCESS,", ",HOÀN TẤT,", 1)
	}
	lines[0] = strings.NewReplacer("transId", "Mã số", "status", "Kết quả=").Replace(strings.Replace(lines[0], "partnerTransId", "Số của đại lý", 1))
	lines = append(lines, "Tổng cộng,,,,720.000,,,,,", "")
	text := strings.Join(lines, "\r\n")
	wide := func(order binary.AppendByteOrder) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	page := strings.NewReplacer("HOÀN TẤT", "HO\xc0N T\xc2\xecT", "Mã số", "Ma\xde s\xf4\xec", "Kết", "K\xea\xec"+"t", "quả", "qua\xd2", "Tổng cộng", "T\xf4\xd2ng c\xf4\xf2ng",
		"Số của đại lý", "S\xf4\xec cu\xd2a \xf0a\xf2i ly\xec")
	manner := []string{
		"--grouped-amounts", "--footer", "Tổng cộng", "--column", "Mã số=transId", "--column", "Số của đại lý=partnerTransId",
		"--column", "Kết quả= = status", "--state", "Hoàn tất=success",
	}
	for encoding, text := range map[string]string{"": text, "utf-16le": wide(binary.LittleEndian), "UTF-16BE": wide(binary.BigEndian), "windows-1258": page.Replace(text)} {
		args := append([]string{"--statement", s.file(t, "other"+encoding+".csv", text)}, manner...)
		if encoding != "" {
			args = append(args, "--encoding", encoding)
		}
		got, sum, r := s.summed(t, args...)
		assert.Equal(t, exitDiffers, r.code, "%s %s", encoding, r.errs)
		assert.Equal(t, kinds, got, encoding)
		assert.Equal(t, plain, sum, encoding)
	}
}

// Pairs over midnight, or what was open, may need the files of several days. A line that cannot be read is
// named with its file.
func TestReconcileSeveralStatements(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	lines := strings.SplitAfter(strings.TrimSpace(s.statement())+"\n", "\n")
	kinds, whole, _ := s.summed(t, "--statement", s.file(t, "whole.csv", s.statement()))
	first := s.file(t, "first.csv", lines[0]+lines[1]+lines[2])
	second := s.file(t, "second.csv", lines[0]+strings.Join(lines[3:], "")) // two of the rows are there
	got, sum, r := s.summed(t, "--statement", first, "--statement", second)
	assert.Equal(t, kinds, got, r.errs)
	assert.Equal(t, whole, sum)

	bad := s.file(t, "bad.csv", lines[0]+strings.Join(lines[3:], "")+"ragged\n"+strings.Repeat("more\n", 12))
	_, sum, r = s.summed(t, "--statement", first, "--statement", bad, "--statement", s.file(t, "worse.csv", lines[0]+"worse\n"))
	assert.Equal(t, int64(14), sum.Summary.Unread.Theirs)
	assert.Regexp(t, `không đọc được \S*bad\.csv: line 4: 1 cells`, r.errs)
	assert.Contains(t, r.errs, "bad.csv: … và 3 dòng nữa không đọc được")
	assert.Regexp(t, `không đọc được \S*worse\.csv: line 2: 1 cells`, r.errs)
	assert.NotContains(t, r.errs, "first.csv")
	r = s.run(t, "reconcile", "--date", s.day(), "--statement", first, "--statement", s.file(t, "empty.csv", ""))
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "empty.csv")
	// None of them is replaced by a result.
	for _, name := range []string{first, second} {
		r = s.run(t, "reconcile", "--date", s.day(), "--statement", first, "--statement", second, "--csv", name)
		assert.Equal(t, exitUsage, r.code)
		r = s.run(t, "reconcile", "--date", s.day(), "--statement", first, "--statement", second, "--xlsx", name)
		assert.Equal(t, exitUsage, r.code)
	}
}

// What is wrong with a file names the flag that helps, in either language.
func TestAFileThatIsWrongNamesTheFlag(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	good := s.statement()
	for flag, text := range map[string]string{
		"--grouped-amounts":               strings.Replace(good, ",120000,", ",120.000,", 1),
		"--day-first":                     strings.Replace(good, strings.Split(strings.Split(good, "\n")[1], ",")[8], "25/11/2026 10:30:00", 1),
		"--encoding utf-16le or utf-16be": strings.ReplaceAll(good, "a", "a\x00"),
		"--encoding windows-1258":         strings.Replace(good, "isdn", "S\xf4\xec thu\xea bao", 1),
		`--column "NAME=COLUMN"`:          strings.Replace(good, "isdn", "x", 1),
		"says 1, and the rows":            good + "SUM,,,,1,,,,,\n",
		"footer's words in --footer":      good + "SUM,,,,1,SUCCESS,,,20261125103000,\n",
		"ends here without its footer":    good,
	} {
		for _, lang := range []string{"vi", "en"} {
			r := s.run(t, "reconcile", "--lang", lang, "--date", s.day(), "--footer", "sum", "--statement", s.file(t, "wrong.csv", text))
			assert.NotZero(t, r.code, flag)
			assert.Contains(t, r.errs, flag)
			assert.NotContains(t, r.errs+r.out, "FileOptions")
		}
	}
}

// No text of the SDK about a file reaches the screen with the name of an option of Go's.
func TestNoTextNamesAnOptionOfGo(t *testing.T) {
	t.Parallel()
	a := &app{}
	files, err := filepath.Glob("../../transactions/reconcile/*.go")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				seen[text] = strings.Contains(text, "FileOptions")
				if text = a.scrub(text); !strings.Contains(text, "Config.Memory is below") { // the tool sets none
					assert.NotRegexp(t, `FileOptions|Config\.`, text)
				}
			}
			return true
		})
	}
	named := 0
	for _, is := range seen {
		if is {
			named++
		}
	}
	assert.Greater(t, named, 6, "the SDK names its options somewhere")
}

// A flag that says nothing is refused before anything is read.
func TestAFileFlagThatIsWrong(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	file := s.file(t, "statement.csv", s.statement())
	for _, args := range [][]string{
		{"--encoding", "latin1"},
		{"--column", "transId"},
		{"--column", "=transId"},
		{"--column", "Mã GD=saleId"},
		{"--state", "HOAN TAT"},
		{"--state", "HOAN TAT=DONE"},
		{"--footer", "---"},
	} {
		r := s.run(t, append([]string{"reconcile", "--date", s.day(), "--statement", file}, args...)...)
		assert.NotZero(t, r.code, fmt.Sprint(args))
		assert.Contains(t, r.errs, args[0])
		if args[0] != "--footer" {
			assert.Equal(t, exitUsage, r.code, fmt.Sprint(args))
		}
	}
	r := s.run(t, "reconcile", "--date", s.day(), "--footer", "Tổng cộng")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "--statement FILE")
	for _, column := range statementColumns {
		assert.NotEqual(t, exitUsage, s.run(t, "reconcile", "--date", s.day(), "--statement", file, "--column", "Tên khác="+column).code, column)
	}
}

// The statement is given to the SDK as a file that can be read again: then only hashes of its rows
// are kept, and a file that changes meanwhile is noticed.
func TestTheStatementIsReadTheFastWay(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	file := filepath.Join(s.dir, "statement.csv")
	statement := s.srv.Statement(s.srv.Ledger()[0].CreatedAt)
	require.NoError(t, os.WriteFile(file, statement, 0o600))
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	defer a.close()
	b := &balance{app: a, q: reconciling{statements: []string{file}}}
	b.from, b.to, err = a.day(s.day())
	require.NoError(t, err)
	b.run, err = reconcile.Start(reconcile.Config{Day: b.from})
	require.NoError(t, err)
	defer b.run.Close()
	require.NoError(t, b.addStatements(t.Context()))
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(statement, []byte("C120"), []byte("C999")), 0o600))
	var failed error
	for _, err := range b.run.Findings(t.Context()) {
		failed = err
	}
	assert.ErrorContains(t, failed, "not what it was")
}

// What was open ten days ago is looked for from then on: it is still open, and not gone.
func TestWhatIsOpenForLongIsNotGone(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	statement, result := filepath.Join(s.dir, "statement.csv"), filepath.Join(s.dir, "result.jsonl")
	lines := strings.SplitAfter(string(s.srv.Statement(s.srv.Ledger()[0].CreatedAt)), "\n")
	require.NoError(t, os.WriteFile(statement, []byte(lines[0]), 0o600)) // MobiFone shows nothing
	kinds, _, r := s.summed(t, "--statement", statement)
	require.Equal(t, 1, kinds["STILL_OPEN"], r.out)
	require.NoError(t, os.WriteFile(result, []byte(r.out), 0o600))

	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	defer a.close()
	b := &balance{app: a, q: reconciling{statements: []string{statement}, carry: result}}
	today, _, err := a.day(s.day())
	require.NoError(t, err)
	b.from, b.to = today.AddDate(0, 0, 10), today.AddDate(0, 0, 11)
	b.run, err = reconcile.Start(reconcile.Config{Day: b.from})
	require.NoError(t, err)
	defer b.run.Close()
	require.NoError(t, b.add(t.Context(), s.store(t), nil))
	var open []string
	for f, err := range b.run.Findings(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, reconcile.StillOpen, f.Kind)
		assert.True(t, f.Carried)
		open = append(open, f.Ours.Order)
	}
	assert.Equal(t, []string{"DH-1003"}, open)
	assert.Zero(t, b.run.Summary().CarriedGone)
}

// The earliest time of what was open is that of either side; what was not open does not count.
func TestSinceWhenSomethingIsOpen(t *testing.T) {
	t.Parallel()
	const sums = `{"summary":{}}`
	for text, want := range map[string]string{
		sums: "0001-01-01",
		`{"kind":"STILL_OPEN","ours":{"at":"2026-11-20T10:00:00+07:00"},"theirs":{"at":"2026-11-19T23:00:00+07:00"}}` + "\n" + sums: "2026-11-19",
		`{"kind":"STILL_OPEN","theirs":{"at":"2026-11-21T10:00:00+07:00"}}{"kind":"STILL_OPEN","ours":{}}` + sums:                   "2026-11-21",
		`{"kind":"OURS_ONLY","ours":{"at":"2026-11-01T10:00:00+07:00"}}` + sums:                                                     "0001-01-01",
	} {
		first, err := openSince(strings.NewReader(text))
		require.NoError(t, err)
		assert.Equal(t, want, first.Format("2006-01-02"), text)
	}
}
