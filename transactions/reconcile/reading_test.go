package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// without an end: a line again and again, until a reader has taken far more than it needs.
type without struct {
	line string
	at   int
	left int
}

var errReadOn = errors.New("read on and on")

func (w *without) Read(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errReadOn
	}
	for i := range p {
		p[i] = w.line[w.at]
		w.at = (w.at + 1) % len(w.line)
	}
	return len(p), nil
}

const shortHead = "transId,partnerTransId,isdn,packageCode,amount,status,createdAt\n"

// TestTheReadingStops where it is told to, or where a row cannot be taken: the rest of a file is not read.
func TestTheReadingStops(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	most := "1,,,,999999999999999,INIT,20261125000002\n"
	for name, tt := range map[string]struct {
		line string
		want error
	}{
		"by the caller": {"ragged\n", enough},
		"by a row":      {most, errWeight},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, err := Start(Config{})
			require.NoError(t, err)
			defer run.Close()
			from := io.MultiReader(strings.NewReader(shortHead), &without{line: tt.line, left: 100 * pieceSize})
			err = run.AddTheirsFile(t.Context(), from, FileOptions{OnBadRow: func(*RowError) error { return enough }})
			require.ErrorIs(t, err, tt.want)
			assert.NotErrorIs(t, err, errReadOn)
		})
	}
}

// TestARowThatCannotBeTaken is not forgotten over the rows behind it.
func TestARowThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	layout, err := readHeader([]byte(strings.TrimSpace(shortHead)), FileOptions{}, sideTheirs)
	require.NoError(t, err)
	const small = "2,,,,1,INIT,20261125000002\n"
	text := strings.Repeat("1,,,,999999999999999,INIT,20261125000002\n", 9224) + small
	work := make(chan *piece, 2)
	for _, data := range []string{text, small} {
		work <- &piece{data: []byte(data), done: make(chan struct{}, 1)}
	}
	close(work)
	require.ErrorIs(t, run.work(&parser{layout: layout}, work, func() {}), errWeight)
	assert.Equal(t, int64(9223), run.Summary().Read.Theirs.Rows)
}

// TestACallerThatPanics leaves nothing running that waits for it.
func TestACallerThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run, err := Start(Config{})
		require.NoError(t, err)
		defer run.Close()
		from := io.MultiReader(strings.NewReader(shortHead), &without{line: "ragged\n", left: 100 * pieceSize})
		assert.PanicsWithValue(t, "enough", func() {
			_ = run.AddTheirsFile(context.WithoutCancel(t.Context()), from, FileOptions{OnBadRow: func(*RowError) error { panic("enough") }})
		})
	})
}

// TestHalfALine is neither a row nor told as one that cannot be read: the disk failed in it.
func TestHalfALine(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	from := io.MultiReader(strings.NewReader(shortHead+"1,,,,120000,INIT,20261125000002\n2,,,,1"), &broken{})
	err = run.AddTheirsFile(t.Context(), from, FileOptions{OnBadRow: func(e *RowError) error {
		t.Error(e)
		return nil
	}})
	require.EqualError(t, err, "line 3: the disk failed")
	assert.Zero(t, run.Summary().Read)
}

// TestLinesOfOursThatCannotBeRead are counted on our side.
func TestLinesOfOursThatCannotBeRead(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddOursFile(t.Context(), strings.NewReader(shortHead+"ragged\n"), FileOptions{OnBadRow: func(*RowError) error { return nil }}))
	assert.Equal(t, struct{ Ours, Theirs int64 }{1, 0}, run.Summary().Unread)
}

// TestMoreFilesThanARunTellsApart: those after the first 255 are kept whole.
func TestMoreFilesThanARunTellsApart(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	layout, err := readHeader([]byte(strings.TrimSpace(head)), FileOptions{}, sideTheirs)
	require.NoError(t, err)
	for range sourcesMax - 2 { // as if they had been read
		run.sources = append(run.sources, &source{parser: parser{layout: layout}})
	}
	for n := range 5 {
		require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(head+good(n+1)), FileOptions{}))
	}
	assert.Len(t, run.sources, sourcesMax)
	var ids []telco.TransID
	for _, f := range found(t, run) {
		ids = append(ids, f.Theirs.TransID)
	}
	assert.ElementsMatch(t, []telco.TransID{"T1", "T2", "T3", "T4", "T5"}, ids)
}

// TestHeaders reads names to the letter.
func TestHeaders(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "09azazd", fold("/09:`az{@AZ[Đ\u0080"))
	_, err := readHeader([]byte("transId,x;amount"), FileOptions{}, sideTheirs)
	require.ErrorContains(t, err, "no column amount", "of two delimiters that find as much, the first")
	assert.NotContains(t, err.Error(), "no column transId")
	_, err = readHeader([]byte(strings.TrimSpace(shortHead)+`,x"y`), FileOptions{}, sideTheirs)
	require.ErrorContains(t, err, "no column transId", "a stray quote")
	for _, name := range []string{"transId", "saleId"} {
		_, err = readHeader([]byte(strings.TrimSpace(strings.Replace(shortHead, "transId", "no", 1))), FileOptions{Columns: map[string]string{"no": name}}, sideTheirs)
		assert.Equal(t, name == "transId", err == nil)
	}
}

// TestStates are MobiFone's in a statement, and what they say of a sale in a file of ours.
func TestStates(t *testing.T) {
	t.Parallel()
	o := FileOptions{States: map[string]telco.State{"bán": telco.StateSuccess, "lỗi": telco.StateFailed}}
	assert.Equal(t, map[string]byte{
		"INIT": 1, "PENDING": 2, "SUCCESS": 3, "FAILED": 4, "EXPIRED": 5, "CANCELLED": 6, "REVERSED": 7, "BÁN": 3, "LỖI": 4,
	}, statesOf(o, sideTheirs))
	assert.Equal(t, map[string]byte{
		"INIT": byte(telco.Unknown), "PENDING": byte(telco.Unknown), "SUCCESS": byte(telco.Succeeded), "BÁN": byte(telco.Succeeded), "LỖI": byte(telco.Rejected),
		"FAILED": byte(telco.Rejected), "EXPIRED": byte(telco.Rejected), "CANCELLED": byte(telco.Rejected), "REVERSED": byte(telco.Rejected),
		"UNDECIDED": byte(telco.Unknown), "REGISTERED": byte(telco.Succeeded), "NOT_REGISTERED": byte(telco.Rejected), "REFUNDED": byte(telco.Rejected),
	}, statesOf(o, sideOurs))
}

// TestNumbers: only digits are read the short way.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint64{
		"": 0, "900000001": 900_000_001, "0900000001": 900_000_001, "+84 900 000 001": 900_000_001, "0900*****1": 0, "x": 0, "X": 0,
		"008401201234567": 701_234_567,
	} {
		n, problem := number([]byte(text))
		assert.Empty(t, problem, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"9O0000001", "90000000/", "90000000:", "a00000001", "0", "0084012012345670"} {
		n, problem := number([]byte(text))
		assert.NotEmpty(t, problem, text)
		assert.Zero(t, n, text)
	}
}

// TestALineThatBeginsWithANUL is damaged, wherever it stands.
func TestALineThatBeginsWithANUL(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", good(2)} {
		_, bad := rowsOf(head+before+"\x00"+good(1), FileOptions{})
		require.Len(t, bad, 1)
		assert.Contains(t, bad[0], fmt.Sprintf("line %d: byte 1 is a NUL", 2+strings.Count(before, "\n")))
	}
}

// TestEveryLineIsCut as the plainest way cuts it: all lines of so many letters, quotes and commas, and long ones.
func TestEveryLineIsCut(t *testing.T) {
	t.Parallel()
	var lines []string
	for from, n := 0, 0; n <= 8; n++ {
		last := lines[from:]
		from = len(lines)
		if n == 0 {
			lines = append(lines, "")
			from = 0
			continue
		}
		for _, line := range last {
			lines = append(lines, line+"a", line+`"`, line+",")
		}
	}
	require.Len(t, lines, 9841)
	for n := range 40 {
		lines = append(lines, strings.Repeat("a", n)+","+strings.Repeat("\xac\x2d", n)+",,"+strings.Repeat("b", n))
	}
	for _, line := range lines {
		cells, problem := split([]byte(line), ',', nil)
		want, ok := slowSplit(line, ',')
		require.Equal(t, ok, problem == "", "%q %s", line, problem)
		if ok {
			require.Equal(t, want, textsOf(cells), "%q", line)
		}
	}
}

func textsOf(cells [][]byte) (texts []string) {
	for _, cell := range cells {
		texts = append(texts, string(cell))
	}
	return texts
}

// TestTheLongestCell is taken whole.
func TestTheLongestCell(t *testing.T) {
	t.Parallel()
	cell := strings.Repeat("x", textMax)
	rows, bad := rowsOf(head+strings.Replace(good(1), "C120", cell, 1), FileOptions{})
	assert.Empty(t, bad)
	require.Len(t, rows, 1)
	assert.Equal(t, telco.PackageCode(cell), rows[0].Package)
	o, _ := sold(1)
	o.SaleID, o.Shop, o.Order, o.TransID, o.PartnerTransID, o.Package = cell, cell, cell, telco.TransID(cell), telco.PartnerTransID(cell), telco.PackageCode(cell)
	all, _ := join(t, Config{}, []Ours{o}, nil)
	require.Len(t, all, 1)
	assert.Equal(t, o, *all[0].Ours)
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	o.Order += "x"
	require.ErrorContains(t, run.AddOurs(seq([]Ours{o})), "256 bytes; 255 are the most")
}

// TestTimes at their edges, in each form.
func TestTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20000101000000": "2000-01-01 00:00:00", "2099-12-31 23:59:59": "2099-12-31 23:59:59", "20260228235959": "2026-02-28 23:59:59",
		"19991231235959": "", "2100-01-01 00:00:00": "", "20260229000000": "", "20261125240000": "", "20261125006000": "", "20261125000060": "",
		"2026112500000/": "", "2026112500000:": "", "/": "", "25/11/2026 10:30": "2026-11-25 10:30:00", "32/11/2026 10:30": "",
		"25/11/1999 10:30": "",
	} {
		p := &parser{layout: &layout{first: true}}
		at, problem := p.time([]byte(text))
		if want == "" {
			assert.Contains(t, problem, "no time: ", text)
			continue
		}
		assert.Empty(t, problem, text)
		assert.Equal(t, want, clock(moment(at)), text)
		p.first = false
		_, problem = p.time([]byte(text))
		assert.Equal(t, strings.Contains(text, "/"), strings.Contains(problem, "a time with slashes"), text)
	}
	p := &parser{layout: &layout{}}
	_, problem := p.time([]byte("/"))
	assert.Contains(t, problem, "a time with slashes")
}

// TestNoStateOfOurs: an empty one is none, also in the first line.
func TestNoStateOfOurs(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	err = run.AddOursFile(t.Context(), strings.NewReader(shortHead+"1,,,,120000,,20261125000002\n"), FileOptions{})
	require.ErrorContains(t, err, `line 2, column status: no state of ours: ""`)
}
