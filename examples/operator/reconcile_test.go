package main

// A day is balanced over a real store and the sandbox's ledger.

import (
	"encoding/csv"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// day is the trial's business day.
func (s *shop) day() string { return s.srv.Ledger()[0].CreatedAt.In(vietnam).Format(time.DateOnly) }

// sums is the last line of reconcile --json.
type sums struct {
	Summary struct {
		Balanced bool
		Kinds    map[string]reconcile.Sides
		Sold     reconcile.Sides
		Unread   struct{ Theirs int64 }
	}
}

// summed runs reconcile --json and returns its findings by kind, and the sums.
func (s *shop) summed(t *testing.T, args ...string) (map[string]int, sums, result) {
	t.Helper()
	r := s.run(t, append([]string{"reconcile", "--json", "--date", s.day()}, args...)...)
	kinds := map[string]int{}
	var all sums
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	for i, line := range lines {
		if i == len(lines)-1 {
			require.NoError(t, json.Unmarshal([]byte(line), &all), r.out+r.errs)
			break
		}
		var f struct{ Kind string }
		require.NoError(t, json.Unmarshal([]byte(line), &f), line)
		kinds[f.Kind]++
	}
	return kinds, all, r
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	book, list := filepath.Join(s.dir, "day.xlsx"), filepath.Join(s.dir, "day.csv")
	kinds, all, r := s.summed(t, "--xlsx", book, "--csv", list)
	assert.Equal(t, exitDiffers, r.code, r.errs)
	assert.Equal(t, map[string]int{"THEIRS_ONLY": 1, "NOW_KNOWN": 1, "UNSOLD": 1}, kinds)
	assert.False(t, all.Summary.Balanced)
	assert.Equal(t, reconcile.Count{Rows: 2, VND: 240_000}, all.Summary.Kinds["MATCHED"].Ours)
	assert.Equal(t, reconcile.Count{Rows: 4, VND: 720_000}, all.Summary.Sold.Theirs)
	assert.Contains(t, r.errs, "chưa cân: 2 mục")

	text, err := os.ReadFile(list)
	require.NoError(t, err)
	s.clean(t, string(text))
	assert.True(t, strings.HasPrefix(string(text), "\uFEFF"), "Excel asks for the mark")
	assert.Equal(t, 4, strings.Count(string(text), "\n"), "a head and three findings")
	assert.Contains(t, string(text), "HN01,DH-1003")

	x, err := excelize.OpenFile(book)
	require.NoError(t, err)
	defer x.Close()
	assert.Equal(t, []string{"Tổng hợp", "Chênh lệch"}, x.GetSheetList())
	rows, err := x.GetRows("Tổng hợp", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"Khớp", "2", "240000", "2", "240000"}, rows[1])
	assert.Equal(t, "Chưa cân", rows[len(rows)-1][0])
	rows, err = x.GetRows("Chênh lệch", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	require.Len(t, rows, 4)
	// The sheet says what the CSV says, cell by cell; only the machine's word for the category is not in it.
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\uFEFF"))).ReadAll()
	require.NoError(t, err)
	for i, row := range rows {
		s.clean(t, strings.Join(row, " "))
		want := slices.Delete(lines[i], 1, 2)
		assert.Equal(t, want, append(row, make([]string, len(want)-len(row))...))
	}
	kind, err := x.GetCellType("Chênh lệch", "K2")
	require.NoError(t, err)
	assert.NotEqual(t, excelize.CellTypeInlineString, kind, "money is a number")
	kind, err = x.GetCellType("Chênh lệch", "E2")
	require.NoError(t, err)
	assert.Equal(t, excelize.CellTypeInlineString, kind, "an id is a text")
	assert.Empty(t, leftovers(t, s.dir))

	said := s.run(t, "reconcile", "--date", s.day())
	assert.Equal(t, exitDiffers, said.code)
	for _, want := range []string{"Khớp", "Nay đã rõ", "360.000 ₫", "HN01/DH-1003"} {
		assert.Contains(t, said.out, want)
	}
	assert.Contains(t, s.run(t, "reconcile", "--date", s.day(), "--lang", "en").out, "MobiFone's alone")
}

// leftovers are drafts that were not removed.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	return all
}

// The findings reach the sales once somebody agreed, and a second pass changes nothing.
func TestReconcileObserve(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	before := s.sale(t, "DH-1003")
	_, _, r := s.summed(t, "--observe", "--dry-run")
	assert.Equal(t, exitDiffers, r.code)
	assert.Contains(t, r.errs, "báo 2 kết quả")
	_, _, r = s.summed(t, "--observe")
	assert.Equal(t, exitUsage, r.code, "nobody can answer")
	assert.Equal(t, before.Version, s.sale(t, "DH-1003").Version)

	_, _, r = s.summed(t, "--observe", "--yes")
	assert.Equal(t, exitDiffers, r.code)
	assert.Contains(t, r.errs, "1 giao dịch đổi trạng thái")
	known := s.sale(t, "DH-1003")
	assert.Equal(t, sale.Registered, known.State)
	assert.Equal(t, 1, s.srv.Executed(telco.MustParseMSISDN("0912347108")), "nothing was sent")

	kinds, all, r := s.summed(t, "--observe", "--yes")
	assert.NotContains(t, kinds, "NOW_KNOWN")
	assert.Equal(t, int64(3), all.Summary.Kinds["MATCHED"].Ours.Rows)
	assert.Contains(t, r.errs, "0 giao dịch đổi trạng thái")
	assert.Equal(t, known.Version, s.sale(t, "DH-1003").Version)
}

// From MobiFone's file: a day that balances, lines that cannot be read, and what was open before.
func TestReconcileStatement(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	file := filepath.Join(s.dir, "statement.csv")
	statement := string(s.srv.Statement(s.srv.Ledger()[0].CreatedAt))
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(statement)

	kinds, _, r := s.summed(t, "--statement", file)
	assert.Equal(t, exitDiffers, r.code, r.errs)
	assert.Equal(t, 1, kinds["NOW_KNOWN"])
	require.Equal(t, 0, s.run(t, "sale", "resolve", "--all", "--yes").code)
	var known []string
	for line := range strings.SplitSeq(strings.TrimSpace(statement), "\n") {
		if !strings.Contains(line, ",3C120,") { // what no store of the shop has
			known = append(known, line)
		}
	}
	write(strings.Join(known, "\n") + "\n")
	_, all, r := s.summed(t, "--statement", file)
	assert.Equal(t, 0, r.code, r.errs)
	assert.True(t, all.Summary.Balanced)
	assert.Contains(t, s.run(t, "reconcile", "--date", s.day(), "--statement", file).out, "Cân: khớp cả hai bên.")

	write(strings.Join(known, "\n") + "\nT1,P1,0912345100,C120,120.000,SUCCESS\n")
	_, all, r = s.summed(t, "--statement", file)
	assert.Equal(t, exitDiffers, r.code)
	assert.Equal(t, int64(1), all.Summary.Unread.Theirs)
	assert.Contains(t, r.errs, "line 5")

	// The result of one day is what the next one carries.
	write(strings.Join(known, "\n") + "\n")
	result := filepath.Join(s.dir, "yesterday.jsonl")
	require.NoError(t, os.WriteFile(result, []byte(r.out), 0o600))
	_, _, r = s.summed(t, "--statement", file, "--carry", result)
	assert.Equal(t, 0, r.code, r.errs)
	// Half of a result would forget what was open.
	for _, half := range []string{"", `{"kind":"UNSOLD"}` + "\n", "{\"kind\"", `{"error":{"code":1}}`} {
		require.NoError(t, os.WriteFile(result, []byte(half), 0o600))
		r = s.run(t, "reconcile", "--date", s.day(), "--statement", file, "--carry", result)
		assert.Equal(t, exitFailed, r.code, half)
		assert.Contains(t, r.errs, "--carry "+result)
	}

	assert.Equal(t, exitFailed, s.run(t, "reconcile", "--statement", "nowhere.csv").code)
	write("not,a,statement\n")
	assert.Equal(t, exitFailed, s.run(t, "reconcile", "--statement", file).code)
	assert.Equal(t, exitUsage, s.run(t, "reconcile", "--date", "hôm qua").code)
}

// Without MobiFone there is no result, and no half of a file.
func TestReconcileWithoutMobiFone(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	book := filepath.Join(s.dir, "day.xlsx")
	r := s.set("MOBIFONE_URL", "http://"+l.Addr().String()).run(t, "reconcile", "--xlsx", book)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "doctor")
	assert.NoFileExists(t, book)
	// One file that cannot be written takes the other with it.
	list := filepath.Join(s.dir, "day.csv")
	r = s.run(t, "reconcile", "--csv", list, "--xlsx", filepath.Join(s.dir, "nowhere", "day.xlsx"))
	assert.Equal(t, exitFailed, r.code)
	assert.NoFileExists(t, list)
	assert.Empty(t, leftovers(t, s.dir))
}

// What MobiFone's list cannot have yet is no difference.
func TestReconcileADayThatIsNotOver(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{LookupLag: time.Hour})
	kinds, all, r := s.summed(t)
	assert.NotContains(t, kinds, "OURS_ONLY")
	assert.Zero(t, all.Summary.Kinds["OURS_ONLY"].Ours.Rows)
	assert.Zero(t, all.Summary.Sold.Ours.Rows)
	assert.Contains(t, r.errs, "2 giao dịch còn quá mới")
	assert.Contains(t, r.errs, "Kết quả tạm")
	assert.Equal(t, exitDiffers, r.code, "the unknown one is still open")
}

// A day that is not over is not balanced, wherever it is said: nobody would compare its last sales.
func TestADayThatIsNotOverIsNotBalanced(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	fresh, err := sandbox.Start(sandbox.Config{Credentials: s.srv.Credentials()})
	require.NoError(t, err)
	defer fresh.Close()
	s = s.set("MOBIFONE_URL", fresh.URL, "MOBIFONE_STORE", filepath.Join(s.dir, "fresh.db"))
	s.store(t)
	book := filepath.Join(s.dir, "day.xlsx")
	_, all, r := s.summed(t, "--xlsx", book)
	assert.Equal(t, exitDiffers, r.code)
	assert.False(t, all.Summary.Balanced)
	assert.Contains(t, r.errs, "ngày chưa khép")
	said := s.run(t, "reconcile", "--date", s.day())
	assert.NotContains(t, said.out, "Cân")
	x, err := excelize.OpenFile(book)
	require.NoError(t, err)
	defer x.Close()
	rows, err := x.GetRows("Tổng hợp")
	require.NoError(t, err)
	assert.Equal(t, "Ngày chưa khép", rows[len(rows)-1][0])
	assert.Equal(t, 0, s.run(t, "reconcile").code, "yesterday is over")

	r = s.run(t, "reconcile", "--date", "2099-01-01")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "chưa tới")
}

// The sums of the workbook add up and are those of the screen, with all that keeps a day from balance.
func TestTheSumsAddUp(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	carried := filepath.Join(s.dir, "yesterday.jsonl")
	require.NoError(t, os.WriteFile(carried, []byte(`{"kind":"STILL_OPEN","ours":{"transId":"TGONE","partnerTransId":"PGONE"}}`+"\n"+`{"summary":{}}`), 0o600))
	for _, day := range []time.Time{s.srv.Ledger()[0].CreatedAt, s.srv.Ledger()[0].CreatedAt.AddDate(0, 0, -1)} {
		s.sumsAddUp(t, day.In(vietnam).Format(time.DateOnly), carried)
	}
}

func (s *shop) sumsAddUp(t *testing.T, day, carried string) {
	t.Helper()
	book := filepath.Join(s.dir, "day.xlsx")
	said := s.run(t, "reconcile", "--date", day, "--xlsx", book, "--carry", carried, "--lang", "vi")
	assert.Equal(t, exitDiffers, said.code)
	assert.Contains(t, said.errs, "mã chờ không còn thấy: 1")
	x, err := excelize.OpenFile(book)
	require.NoError(t, err)
	defer x.Close()
	rows, err := x.GetRows("Tổng hợp", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	var sums [4]int64
	seen := map[string][]string{}
	for _, row := range rows[1:] {
		seen[row[0]] = row
		if row[0] == "Tổng số dòng" {
			for i := range sums {
				assert.Equal(t, strconv.FormatInt(sums[i], 10), row[i+1])
			}
		}
		for i := range sums {
			if len(row) == 5 {
				n, err := strconv.ParseInt(row[i+1], 10, 64)
				require.NoError(t, err)
				sums[i] += n
			}
		}
		if len(row) == 5 && row[1]+row[3] != "00" {
			of := func(text string) string { n, _ := strconv.ParseInt(text, 10, 64); return telco.VND(n).String() }
			assert.Regexp(t, row[0]+` +`+row[1]+` +`+of(row[2])+` +`+row[3]+` +`+of(row[4])+"\n", said.out)
		}
	}
	assert.NotEqual(t, "0", seen["Tổng số dòng"][1])
	assert.Equal(t, "1", seen["Mã chờ không còn thấy"][3])
	assert.Equal(t, "0", seen["Dòng không đọc được"][3])
}

// A directory, a device, or a file that is in use is not replaced by a result.
func TestAResultReplacesNothingInUse(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	file := filepath.Join(s.dir, "statement.csv")
	require.NoError(t, os.WriteFile(file, s.srv.Statement(s.srv.Ledger()[0].CreatedAt), 0o600))
	device := filepath.Join(s.dir, "device") // a link is judged by what it leads to
	require.NoError(t, os.Symlink("/dev/null", device))
	for _, c := range [][]string{
		{"--csv", s.dir},
		{"--csv", device},
		{"--xlsx", file},
		{"--csv", s.env["MOBIFONE_STORE"]},
		{"--xlsx", s.env["MOBIFONE_KEYS"]},
		{"--csv", "day", "--xlsx", "day"},
	} {
		r := s.run(t, append([]string{"reconcile", "--date", s.day(), "--statement", file}, c...)...)
		assert.Equal(t, exitUsage, r.code, "%v", c)
		assert.Contains(t, r.errs, "→ ")
	}
	link, err := os.Lstat(device)
	require.NoError(t, err)
	assert.NotZero(t, link.Mode()&os.ModeSymlink)
	// A result of the day before is replaced.
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "day.csv"), []byte("old"), 0o600))
	require.Equal(t, exitDiffers, s.run(t, "reconcile", "--date", s.day(), "--statement", file, "--csv", "day.csv").code)
	text, err := os.ReadFile(filepath.Join(s.dir, "day.csv"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "NOW_KNOWN")
}

// An order that a spreadsheet would take for a formula is a text in both files.
func TestReconcileWritesNoFormula(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	const order = "=1+1"
	s.sellMore(t, order)

	book, list := filepath.Join(s.dir, "day.xlsx"), filepath.Join(s.dir, "day.csv")
	s.summed(t, "--xlsx", book, "--csv", list)
	text, err := os.ReadFile(list)
	require.NoError(t, err)
	assert.Contains(t, string(text), ",'=1+1,")
	x, err := excelize.OpenFile(book)
	require.NoError(t, err)
	defer x.Close()
	rows, err := x.GetRows("Chênh lệch")
	require.NoError(t, err)
	seen := false
	for i, row := range rows {
		if row[3] == order {
			seen = true
			cell, err := excelize.CoordinatesToCellName(4, i+1)
			require.NoError(t, err)
			formula, err := x.GetCellFormula("Chênh lệch", cell)
			require.NoError(t, err)
			assert.Empty(t, formula)
		}
	}
	assert.True(t, seen)
}

// The progress of long work is on the screen, and on the screen alone.
func TestReconcileShowsProgress(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	shown, code := s.screenOf(t, "", "reconcile", "--date", s.day())
	assert.Equal(t, exitDiffers, code, shown)
	for _, want := range []string{"đọc sổ", "đọc MobiFone", "so sánh", "\x1b[32mKhớp"} {
		assert.Contains(t, shown, want)
	}
	assert.NotContains(t, s.run(t, "reconcile", "--date", s.day()).errs, "đọc MobiFone")
}
