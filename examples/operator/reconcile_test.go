package main

// A day is balanced over a real store and the sandbox's ledger.

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
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
	assert.Equal(t, "CHƯA CÂN", rows[len(rows)-1][0])
	rows, err = x.GetRows("Chênh lệch")
	require.NoError(t, err)
	require.Len(t, rows, 4)
	for _, row := range rows {
		s.clean(t, strings.Join(row, " "))
	}
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
	assert.Contains(t, s.run(t, "reconcile", "--date", s.day(), "--statement", file).out, "CÂN")

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
	assert.Contains(t, r.errs, "2 giao dịch mới quá")
	assert.Contains(t, r.errs, "Ngày chưa khép")
	assert.Equal(t, exitDiffers, r.code, "the unknown one is still open")
}

// An order that a spreadsheet would take for a formula is a text in both files.
func TestReconcileWritesNoFormula(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	k, err := readKeys(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	client, err := mobifone.New(mobifone.Config{
		BaseURL: s.srv.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(s.srv.Credentials()),
		IDKey: telco.NewSecret(string(k.ID)),
	}, mobifone.WithContract(s.srv.Contract()))
	require.NoError(t, err)
	desk, err := sale.NewDesk(sale.Config{Client: client, Store: s.store(t)})
	require.NoError(t, err)
	const order = "=1+1"
	require.NoError(t, trialShop{s.srv, client, desk}.sell(t.Context(), order, telco.MustParseMSISDN("0912345777"), "abandon"))

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
