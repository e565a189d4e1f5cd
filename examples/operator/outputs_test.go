package main

// Results that are too large for a sheet, or for the disk.

import (
	"archive/zip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// What a sheet cannot hold goes to another one, under the same head.
func TestAFullSheetHasAnotherOne(t *testing.T) {
	t.Parallel()
	for findings, want := range map[int][]int{0: {1}, 2: {3}, 3: {3, 2}, 4: {3, 3}, 5: {3, 3, 2}} {
		a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "day.xlsx")
		w, err := newWorkbook(a, reconciling{xlsx: file})
		require.NoError(t, err)
		assert.Equal(t, 1_048_576, w.most)
		w.most = 3
		for n := range findings {
			require.NoError(t, w.write(reconcile.Finding{Kind: reconcile.TheirsOnly, Theirs: &telco.Transaction{TransID: telco.TransID(fmt.Sprint("T", n))}}))
		}
		o := &outputs{app: a, book: w}
		require.NoError(t, o.keep(reconcile.Summary{}, a.now()))
		o.drop()
		x, err := excelize.OpenFile(file)
		require.NoError(t, err)
		defer x.Close()
		sheets := x.GetSheetList()[1:]
		require.Len(t, sheets, len(want))
		n := 0
		for i, sheet := range sheets {
			assert.Equal(t, strings.TrimSuffix(fmt.Sprint("Chênh lệch ", i+1), " 1"), sheet)
			rows, err := x.GetRows(sheet)
			require.NoError(t, err)
			require.Len(t, rows, want[i])
			assert.Equal(t, "Loại", rows[0][0])
			for _, row := range rows[1:] {
				assert.Equal(t, fmt.Sprint("T", n), row[4])
				n++
			}
		}
		assert.Equal(t, findings, n)
		wellFormed(t, file)
		assert.Empty(t, leftovers(t, filepath.Dir(file)))
	}
}

// wellFormed reads each part of a workbook to its end: Excel takes no half of one, though others do.
func wellFormed(t *testing.T, file string) {
	t.Helper()
	z, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer z.Close()
	for _, part := range z.File {
		r, err := part.Open()
		require.NoError(t, err)
		for d := xml.NewDecoder(r); ; {
			if _, err := d.Token(); err != nil {
				require.ErrorIs(t, err, io.EOF, part.Name)
				break
			}
		}
		require.NoError(t, r.Close())
	}
}

// A result whose last bytes cannot be written gets no name, nor does the one beside it.
func TestAResultThatCannotEnd(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"csv", "xlsx", "xlsx on the disk"} {
		a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
		require.NoError(t, err)
		dir := t.TempDir()
		o, err := openOutputs(a, reconciling{csv: filepath.Join(dir, "day.csv"), xlsx: filepath.Join(dir, "day.xlsx")})
		require.NoError(t, err)
		d := o.file
		if broken != "csv" {
			d = o.book.file
		}
		require.NoError(t, o.write(reconcile.Finding{Kind: reconcile.OursOnly, Ours: &reconcile.Ours{Order: "DH-1"}}))
		require.NoError(t, d.Close())
		if name := d.Name(); broken == "xlsx on the disk" {
			require.NoError(t, os.Remove(name))
			var read *os.File
			read, d.File, err = os.Pipe() // it takes all, and cannot be synced
			require.NoError(t, err)
			defer read.Close()
			go func() { _, _ = io.Copy(io.Discard, read) }()
		} else {
			d.File, err = os.Open(name) // nothing of it can be written
			require.NoError(t, err)
		}
		require.Error(t, o.keep(reconcile.Summary{}, a.now()), broken)
		o.drop()
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left, broken)
	}
}

// What is carried and gone is told wherever findings are.
func TestWhatIsGoneIsNamed(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	carried := s.file(t, "yesterday.jsonl", `{"kind":"STILL_OPEN","theirs":{"transId":"TGONE","partnerTransId":"PGONE"}}`+"\n"+`{"summary":{}}`)
	book, list := filepath.Join(s.dir, "day.xlsx"), filepath.Join(s.dir, "day.csv")
	kinds, _, r := s.summed(t, "--carry", carried, "--csv", list, "--xlsx", book)
	assert.Equal(t, 1, kinds["GONE"])
	var line struct{ Gone telco.IDs }
	for text := range strings.SplitSeq(r.out, "\n") {
		if strings.Contains(text, `"GONE"`) {
			require.NoError(t, json.Unmarshal([]byte(text), &line))
		}
	}
	assert.Equal(t, telco.IDs{TransID: "TGONE", PartnerTransID: "PGONE"}, line.Gone)
	text, err := os.ReadFile(list)
	require.NoError(t, err)
	assert.Contains(t, string(text), "Mã chờ không còn thấy,GONE,,,,TGONE,PGONE,,")
	x, err := excelize.OpenFile(book)
	require.NoError(t, err)
	defer x.Close()
	rows, err := x.GetRows("Chênh lệch")
	require.NoError(t, err)
	assert.Contains(t, rows, []string{"Mã chờ không còn thấy", "", "", "", "TGONE", "PGONE"})
	assert.Regexp(t, `Mã chờ không còn thấy +PGONE\n`, s.run(t, "reconcile", "--date", s.day(), "--carry", carried).out)
	assert.Regexp(t, `Carried id gone +PGONE\n`, s.run(t, "reconcile", "--date", s.day(), "--carry", carried, "--lang", "en").out)
	// Tomorrow waits for it no more.
	_, _, r = s.summed(t, "--carry", s.file(t, "today.jsonl", r.out))
	assert.NotContains(t, r.out, "GONE")
}

// Where there is no room the exit code says so, and no half of a file is left, nor an old one touched.
func TestNoRoomForAResult(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	var b strings.Builder
	b.WriteString(strings.SplitAfter(s.statement(), "\n")[0])
	r := rand.New(rand.NewPCG(1, 2))
	now := s.srv.Ledger()[0].CreatedAt.In(vietnam).Format("20060102150405")
	for range 12_000 {
		fmt.Fprintf(&b, "T%016X,P%016X,,C120,120000,SUCCESS,0000,HN01,%s,%s\n", r.Uint64(), r.Uint64(), now, now)
	}
	file := s.file(t, "statement.csv", b.String())
	for _, flag := range []string{"--csv", "--xlsx"} {
		result := s.file(t, "day"+strings.TrimLeft(flag, "-"), "of yesterday")
		cmd := s.command(t.Context(), []string{"reconcile", "--date", s.day(), "--statement", file, flag, result})
		// A file may have 256 KiB: enough for the store's, and for half of the result.
		limited := exec.CommandContext(t.Context(), "bash", append([]string{"-c", `ulimit -f 256 && exec "$0" "$@"`, program}, cmd.Args[1:]...)...) //nolint:gosec // what was just built
		limited.Dir, limited.Env = cmd.Dir, cmd.Env
		out, err := limited.CombinedOutput()
		assert.Equal(t, exitFailed, exitCode(t, err), "%s", out)
		assert.Contains(t, string(out), "file too large")
		assert.Contains(t, string(out), "→ ")
		text, err := os.ReadFile(result)
		require.NoError(t, err)
		assert.Equal(t, "of yesterday", string(text))
		assert.Empty(t, leftovers(t, s.dir))
		require.Equal(t, exitDiffers, s.run(t, cmd.Args[1:]...).code, "with room it is written")
	}
	// A list that is cut off has no sums, and is nobody's --carry.
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("the rest was not run: there is no /dev/full here")
	}
	defer full.Close()
	cmd := s.command(t.Context(), []string{"reconcile", "--json", "--date", s.day(), "--statement", file, "--csv", "json.csv"})
	cmd.Stdout = full
	var errs strings.Builder
	cmd.Stderr = &errs
	assert.Equal(t, exitFailed, exitCode(t, cmd.Run()))
	assert.Contains(t, errs.String(), "no space left")
	assert.NoFileExists(t, filepath.Join(s.dir, "json.csv"))
	assert.Empty(t, leftovers(t, s.dir))
}
