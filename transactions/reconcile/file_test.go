package reconcile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const head = "transId,partnerTransId,isdn,packageCode,amount,status,resultCode,shopCode,createdAt,updatedAt\n"

// good is a line of a statement.
func good(n int) string {
	_, tx := sold(n)
	return fmt.Sprintf("%s,%s,%s,%s,%d,%s,%s,%s,%s,%s\n", tx.TransID, tx.PartnerTransID, tx.MSISDN.Reveal("84"), tx.Package, int64(tx.Amount),
		tx.State, tx.WireResultCode, tx.Shop, tx.CreatedAt.Format("20060102150405"), tx.UpdatedAt.Format("20060102150405"))
}

// rowsOf reads a statement to its end, and what was wrong with it.
func rowsOf(text string, o FileOptions) (rows []telco.Transaction, bad []string) {
	for tx, err := range readTheirs(strings.NewReader(text), o) {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		rows = append(rows, tx)
	}
	return rows, bad
}

func TestEveryForm(t *testing.T) {
	t.Parallel()
	_, want := sold(1)
	line := good(1)
	vietnamese := "Mã giao dịch;Mã giao dịch đối tác;Số thuê bao;Gói cước;Số tiền;Trạng thái;Mã kết quả;Mã cửa hàng;Ngày tạo;Ngày cập nhật\r\n"
	wide := func(order binary.AppendByteOrder, mark bool, s string) string {
		var b []byte
		if mark {
			b = order.AppendUint16(b, 0xFEFF)
		}
		for _, u := range utf16.Encode([]rune(s)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	semicolons := vietnamese + strings.ReplaceAll(line, ",", ";")
	for name, tt := range map[string]struct {
		text string
		o    FileOptions
	}{
		"as MobiFone writes it":    {head + line, FileOptions{}},
		"without the last newline": {head + strings.TrimSpace(line), FileOptions{}},
		"CRLF and BOM":             {"\uFEFF" + strings.ReplaceAll(head+line, "\n", "\r\n"), FileOptions{}},
		"empty lines":              {"\n\n" + head + "\n" + line + "\r\n\n", FileOptions{}},
		"Vietnamese, semicolons":   {semicolons, FileOptions{}},
		"sep=":                     {"sep=;\n" + semicolons, FileOptions{}},
		"tabs":                     {strings.ReplaceAll(head+line, ",", "\t"), FileOptions{}},
		"quoted":                   {strings.ReplaceAll(head+`"`+strings.ReplaceAll(strings.TrimSpace(line), ",", `","`)+`"`, "\n", "\r\n"), FileOptions{}},
		"spaces":                   {head + strings.ReplaceAll(line, ",", " , "), FileOptions{}},
		"other columns":            {"note," + head + "\"a \"\"b\"\", c\"," + line, FileOptions{}},
		"columns by option":        {strings.Replace(head, "transId", "Mã GD của MBF", 1) + line, FileOptions{Columns: map[string]string{"mã gd của mbf": "transId"}}},
		"states by option":         {head + strings.Replace(line, "SUCCESS", "1", 1), FileOptions{States: map[string]telco.State{"1": telco.StateSuccess}}},
		"ISO times":                {head + strings.NewReplacer("20261125000002", "2026-11-25 00:00:02", "20261125000003", "2026-11-24T17:00:03Z").Replace(line), FileOptions{}},
		"grouped amounts":          {head + strings.Replace(line, "120000", "120.000", 1), FileOptions{GroupedAmounts: true}},
		"day first":                {head + strings.NewReplacer("20261125000002", "25/11/2026 00:00:02", "20261125000003", "25/11/2026 00:00:03").Replace(line), FileOptions{DayFirst: true}},
		"UTF-16LE":                 {wide(binary.LittleEndian, true, semicolons), FileOptions{}},
		"UTF-16BE":                 {wide(binary.BigEndian, true, semicolons), FileOptions{}},
		"UTF-16LE, sep=":           {wide(binary.LittleEndian, true, "sep=;\r\n"+semicolons), FileOptions{}},
		"UTF-16BE, sep=":           {wide(binary.BigEndian, true, "sep=;\r\n"+semicolons), FileOptions{}},
		"UTF-16LE without a mark":  {wide(binary.LittleEndian, false, head+line), FileOptions{Encoding: "utf-16le"}},
		"UTF-16BE without a mark":  {wide(binary.BigEndian, false, head+line), FileOptions{Encoding: "UTF-16BE"}},
		"UTF-8, said":              {"\uFEFF" + head + line, FileOptions{Encoding: "utf-8"}},
		"Windows-1258": {
			// "Số tiền" as the code page writes it: the vowel, then its tone.
			strings.NewReplacer("amount", "S\xf4\xec ti\xea\xccn", "status", "Tra\xf2ng tha\xeci").Replace(head) + line, FileOptions{Encoding: "windows-1258"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad := rowsOf(tt.text, tt.o)
			assert.Empty(t, bad)
			require.Len(t, rows, 1)
			assert.Equal(t, want, rows[0])
		})
	}
}

func TestHostileRows(t *testing.T) {
	t.Parallel()
	edit := func(from, to string) string { return head + strings.Replace(good(1), from, to, 1) + good(2) }
	for name, tt := range map[string]struct{ text, want string }{
		"too few cells":          {edit(",C120", ""), "line 2: 9 cells; the header has 10"},
		"too many cells":         {edit(",C120", ",,C120"), "line 2: 11 cells; the header has 10"},
		"an unclosed quote":      {edit("C120", `"C120`), "line 2: a quote is not closed on its line"},
		"text behind a quote":    {edit("C120", `"C1"20`), "line 2: text behind a closing quote"},
		"a quote inside":         {edit("C120", `C1"20`), "line 2: a quote inside a cell"},
		"120.000":                {edit("120000", "120.000"), `line 2, column amount: an amount with a dot or comma, "120.000"`},
		"120,000":                {edit("120000", `"120,000"`), `line 2, column amount: an amount with a dot or comma, "120,000"`},
		"a letter in an amount":  {edit("120000", "12O000"), `line 2, column amount: no amount in whole dong: "12O000"`},
		"a sign in a time":       {edit("20261125000002", "2026112500000:"), `line 2, column createdAt: no time: "2026112500000:"; write`},
		"the year 1999":          {edit("20261125000002", "1999-12-31 23:59:59"), "line 2, column createdAt: no time"},
		"the year 2100":          {edit("20261125000002", "21000101000000"), "line 2, column createdAt: no time"},
		"a fraction":             {edit("120000", "120000.00"), "line 2, column amount"},
		"a negative amount":      {edit("120000", "-120000"), "line 2, column amount"},
		"no amount":              {edit("120000", ""), "line 2, column amount"},
		"an amount without end":  {edit("120000", strings.Repeat("9", 40)), "line 2, column amount"},
		"dd/MM/yyyy":             {edit("20261125000002", "25/11/2026 00:00:02"), "line 2, column createdAt: a time with slashes"},
		"ddMMyyyyHHmmss":         {edit("20261125000002", "25112026000002"), "line 2, column createdAt"},
		"the year 1026":          {edit("20261125000002", "10261125000002"), "line 2, column createdAt"},
		"the 32nd":               {edit("20261125000002", "20261132000002"), "line 2, column createdAt"},
		"25 o'clock":             {edit("20261125000002", "20261125250002"), "line 2, column createdAt"},
		"what Excel makes of it": {edit("84900000001", "8.49E+10"), "line 2, column isdn"},
		"a NUL":                  {edit("C120", "C1\x0020"), "line 2: byte 48 is a NUL"},
		"no UTF-8":               {edit("C120", "C1\xff20"), "line 2: byte 48 is not UTF-8"},
		"a cell too long":        {edit("C120", strings.Repeat("x", 256)), "line 2, column packageCode: 256 bytes; 255 are the most"},
		"a long cell":            {edit("C120", strings.Repeat("x", 300)), "line 2, column packageCode: 300 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad := rowsOf(tt.text, FileOptions{})
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], tt.want)
			assert.NotContains(t, bad[0], "900000001", "no number in an error")
			require.Len(t, rows, 1, "the row after it is read")
			assert.Equal(t, telco.TransID("T2"), rows[0].TransID)

			// A run says the same, counts the line, and goes on only if it is told to.
			run, err := Start(Config{})
			require.NoError(t, err)
			var told []string
			err = run.AddTheirsFile(t.Context(), strings.NewReader(tt.text), FileOptions{OnBadRow: func(e *RowError) error {
				told = append(told, e.Error())
				return nil
			}})
			require.NoError(t, err)
			assert.Equal(t, bad, told)
			found(t, run)
			assert.Equal(t, int64(1), run.Summary().Unread.Theirs)
			assert.Equal(t, int64(1), run.Summary().Read.Theirs.Rows)
			assert.False(t, run.Summary().Balanced())
			require.NoError(t, run.Close())

			run, err = Start(Config{})
			require.NoError(t, err)
			err = run.AddTheirsFile(t.Context(), strings.NewReader(tt.text), FileOptions{})
			bad1, ok := errors.AsType[*RowError](err)
			require.True(t, ok)
			assert.Equal(t, int64(2), bad1.Line)
			require.NoError(t, run.Close())
		})
	}
}

// TestGroupedAmounts are read only where the groups can be nothing but thousands.
func TestGroupedAmounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]telco.VND{
		"120.000": 120_000, `"120,000"`: 120_000, "1.200.000": 1_200_000, "1.200": 1200, "0": 0, "120000": 120_000, "000120000": 120_000,
		"0.120": -1, "000.120": -1, "1.20": -1, "12.00": -1, "1200.000": -1, "120.0000": -1, ".120": -1, "120.": -1, "1..200": -1,
		`"1.200,000"`: -1, `"120,000.00"`: -1, "1.2E+05": -1, "1.2a0": -1, "999.999.999.999.999.999": -1, "": -1, "120 000": -1, "120\u00a0000": -1, "１２０.０００": -1,
	} {
		rows, bad := rowsOf(head+strings.Replace(good(1), "120000", text, 1), FileOptions{GroupedAmounts: true})
		if want < 0 {
			assert.Len(t, bad, 1, text)
			assert.Empty(t, rows, text)
		} else if assert.Len(t, rows, 1, text) {
			assert.Equal(t, want, rows[0].Amount, text)
		}
	}
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(head+good(1)), &forever{})
	cut := []byte{0xFF, 0xFE, 't', 0, 'r'}
	for name, tt := range map[string]struct {
		from io.Reader
		o    FileOptions
		want string
	}{
		"empty":               {strings.NewReader(""), FileOptions{}, "the file is empty"},
		"no header":           {strings.NewReader(good(1)), FileOptions{}, "line 1: no column transId"},
		"a column is missing": {strings.NewReader(strings.Replace(head, "isdn", "x", 1)), FileOptions{}, "line 1: no column isdn"},
		"a column twice":      {strings.NewReader("msisdn," + head), FileOptions{}, "line 1: two columns are isdn"},
		"a line of 10 GB":     {endless, FileOptions{}, "line 3: longer than 256 KiB"},
		"a header of 10 GB":   {&forever{}, FileOptions{}, "line 1: longer than 256 KiB"},
		"UTF-16 unmarked":     {strings.NewReader("t\x00r\x00"), FileOptions{}, "line 1: byte 2 is a NUL"},
		"UTF-16 cut off":      {bytes.NewReader(cut), FileOptions{}, "byte 5: half a character at the end"},
		"a lone surrogate":    {bytes.NewReader([]byte{0xFF, 0xFE, 0, 0xD8, 'a', 0}), FileOptions{}, "byte 5: half a character;"},
		"a surrogate at last": {bytes.NewReader([]byte{0xFE, 0xFF, 0xD8, 0}), FileOptions{}, "byte 3: half a character;"},
		"one and a half":      {bytes.NewReader([]byte{0, 0xD8, 'a'}), FileOptions{Encoding: "utf-16le"}, "byte 3: half a character at the end"},
		"a header of 1258":    {strings.NewReader(strings.Replace(head, "amount", "S\xf4\xec ti\xea\xccn", 1)), FileOptions{}, "line 1: byte 42 is not UTF-8; save the file as UTF-8, or set FileOptions.Encoding to windows-1258"},
		"a disk that fails":   {io.MultiReader(strings.NewReader(head), &broken{}), FileOptions{}, "line 2: the disk failed"},
		"an old Mac's lines":  {strings.NewReader(strings.ReplaceAll(head+good(1), "\n", "\r")), FileOptions{}, "line 1: a carriage return inside the line"},
		"a CR before it":      {strings.NewReader("\r" + head), FileOptions{}, "line 1: a carriage return inside the line"},
		"two CR and LF":       {strings.NewReader(strings.ReplaceAll(head+good(1), "\n", "\r\r\n")), FileOptions{}, "line 1: a carriage return inside the line"},
		"a late header":       {strings.NewReader(strings.Repeat("\n", 1<<20) + head), FileOptions{}, "the first 256 KiB are empty lines"},
		"an unknown column":   {strings.NewReader(head), FileOptions{Columns: map[string]string{"x": "y"}}, `"y" is no column of ours`},
		"a strange encoding":  {strings.NewReader(head), FileOptions{Encoding: "latin1"}, `FileOptions.Encoding: "latin1" is not known; the names are utf-8, `},
		"a footer of marks":   {strings.NewReader(head), FileOptions{Footer: "---"}, `FileOptions.Footer: "---" has no letter`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, err := Start(Config{})
			require.NoError(t, err)
			defer run.Close()
			err = run.AddTheirsFile(t.Context(), tt.from, tt.o)
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, strings.Contains(err.Error(), "FileOptions.") && !strings.Contains(err.Error(), "line"), errors.Is(err, telco.InvalidInput))
		})
	}
}

// TestACodePageComposesLetters as people type them, wherever a piece of the file ends.
func TestACodePageComposesLetters(t *testing.T) {
	t.Parallel()
	marks := []rune{0x300, 0x301, 0x309, 0x303, 0x323}
	plainRunes := []rune(plain)
	for i, letter := range []rune(marked) {
		if base := []rune("ăâđêôơư"); slices.Contains(base, letter) {
			assert.Zero(t, composed(letter, 'x'))
			continue
		}
		found := 0
		for _, vowel := range "aăâeêioôơuưy" {
			for _, mark := range marks {
				if composed(vowel, mark) == letter {
					assert.Equal(t, plainRunes[i], []rune(fold(string(vowel)))[0], string(letter))
					assert.Equal(t, unicode.ToUpper(letter), composed(unicode.ToUpper(vowel), mark))
					found++
				}
			}
		}
		assert.Equal(t, 1, found, string(letter))
	}
	assert.Zero(t, composed('b', 0x301))
	for before := range 6 { // the buffer ends before and behind a tone
		text := strings.Repeat("x", 1019+before)
		all, err := io.ReadAll(&codePage{from: bufio.NewReader(strings.NewReader(text + "HOA\xccN TA\xecT \xcc"))})
		require.NoError(t, err)
		assert.Equal(t, text+"HOÀN TÁT \u0300", string(all))
	}
	for b, want := range map[byte]rune{0: 0, 0x7F: 0x7F, 0x80: '€', 0xC3: 'Ă', 0xCC: 0x300, 0xFE: '₫', 0xFF: 'ÿ'} {
		assert.Equal(t, want, rune1258(b))
	}
	rows, bad := rowsOf(head+strings.Replace(good(1), "SUCCESS", "HOA\xccN TA\xecT", 1), FileOptions{
		Encoding: "windows-1258", States: map[string]telco.State{"Hoàn tát": telco.StateSuccess},
	})
	assert.Empty(t, bad)
	assert.Equal(t, telco.StateSuccess, rows[0].State)
}

// forever is a line without an end.
type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk failed") }

// TestBadRowsComeInOrder, from many pieces that two goroutines read, and a caller may stop.
func TestBadRowsComeInOrder(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(head)
	for n := range 20_000 {
		if n%10 == 3 {
			b.WriteString("ragged\n")
		} else {
			b.WriteString(good(n + 1))
		}
	}
	run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
	require.NoError(t, err)
	var at []int64
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(b.String()), FileOptions{OnBadRow: func(e *RowError) error {
		at = append(at, e.Line)
		return nil
	}}))
	require.Len(t, at, 2000)
	for i, line := range at {
		require.Equal(t, int64(i*10+3+2), line)
	}
	assert.Len(t, found(t, run), 18_000)
	assert.Equal(t, int64(2000), run.Summary().Unread.Theirs)
	require.NoError(t, run.Close())

	enough := errors.New("enough")
	run, err = Start(Config{Dir: t.TempDir()})
	require.NoError(t, err)
	require.ErrorIs(t, run.AddTheirsFile(t.Context(), strings.NewReader(b.String()), FileOptions{OnBadRow: func(*RowError) error { return enough }}), enough)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, run.AddTheirsFile(ctx, strings.NewReader(b.String()), FileOptions{OnBadRow: func(*RowError) error { return nil }}), context.Canceled)
	require.NoError(t, run.Close())
}

// TestFilesAreJoinedWithFiles: our side in the same layout.
func TestFilesAreJoinedWithFiles(t *testing.T) {
	t.Parallel()
	ours := strings.Replace(head, "resultCode", "orderId,saleId", 1)
	ourLine := func(n int, status string) string {
		line := strings.Replace(good(n), "SUCCESS,0000", status+",DH-1,S-1", 1)
		return strings.ReplaceAll(line, "849000", "09000")
	}
	run, err := Start(Config{WithMatched: true})
	require.NoError(t, err)
	defer run.Close()
	mine := ours + ourLine(1, "REGISTERED") + ourLine(2, "refunded") + ourLine(3, "undecided") + ourLine(4, "NOT_REGISTERED") + ourLine(5, "SUCCESS")
	theirs := head + good(1) + good(2) + good(3) + good(4) + good(5) + strings.Replace(good(6), "SUCCESS", "SOLD", 1)
	require.NoError(t, run.AddOursFile(t.Context(), strings.NewReader(mine), FileOptions{}))
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(theirs), FileOptions{}))
	kinds := map[telco.TransID]Kind{}
	for _, f := range found(t, run) {
		kinds[f.IDs().TransID] = f.Kind
		if f.Ours != nil {
			assert.Equal(t, "DH-1", f.Ours.Order)
			assert.Equal(t, "S-1", f.SaleID)
		}
	}
	assert.Equal(t, map[telco.TransID]Kind{"T1": Matched, "T2": RefundedRegistered, "T3": NowKnown, "T4": Differs, "T5": Matched, "T6": TheirsOnly}, kinds)
	run, err = Start(Config{})
	require.NoError(t, err)
	require.ErrorContains(t, run.AddOursFile(t.Context(), strings.NewReader(ours+ourLine(1, "gone")), FileOptions{}), "no state of ours")
	require.NoError(t, run.Close())
}

// files writes rows as the two files, with a mark, CRLF and quotes here and there.
func files(r *rand.Rand, ours []Ours, theirs []telco.Transaction) (mine, other string) {
	const form = "20060102150405"
	var a, b strings.Builder
	a.WriteString("\uFEFF" + strings.Replace(head, "resultCode", "orderId,saleId", 1))
	b.WriteString(head)
	for _, o := range ours {
		fmt.Fprintf(&a, "%s,%s,%s,\"%s\",%d,%s,%s,%s,%s,%s,", o.TransID, o.PartnerTransID, o.MSISDN.Reveal("0"), o.Package, int64(o.Amount), o.State(), o.Order, o.SaleID, o.Shop, o.At.Format(form))
		a.WriteString([]string{"\n", "\r\n"}[r.IntN(2)])
	}
	for _, tx := range theirs {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%s,%s,%s,%s,%s\n", tx.TransID, tx.PartnerTransID, tx.MSISDN.Reveal("84"), tx.Package, int64(tx.Amount), tx.State, tx.WireResultCode, tx.Shop, tx.CreatedAt.Format(form), tx.UpdatedAt.Format(form))
	}
	return a.String(), b.String()
}

// TestFilesThatAreReadAgain: a file of which only hashes are kept, one that is kept whole, and rows that
// never were in a file give the same findings in the same order.
func TestFilesThatAreReadAgain(t *testing.T) {
	t.Parallel()
	seeds := uint64(20)
	if raceEnabled {
		seeds = 4
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 3))
		ours, theirs, carried := world(r, 50+int(seed)*40)
		for i := range theirs { // a file has no row without a time
			if theirs[i].CreatedAt.IsZero() {
				theirs[i].CreatedAt = noon
			}
		}
		for _, cfg := range []Config{{WithMatched: true}, {Day: noon, Memory: 1}} {
			want, sum := join(t, cfg, ours, theirs, carried...)
			mine, other := files(r, ours, theirs)
			for _, again := range []bool{true, false} {
				cfg.Dir = t.TempDir()
				run, err := Start(cfg)
				require.NoError(t, err)
				hide := func(text string) io.Reader {
					if again {
						return strings.NewReader(text)
					}
					return io.MultiReader(strings.NewReader(text))
				}
				require.NoError(t, run.AddOursFile(t.Context(), hide(mine), FileOptions{}))
				require.NoError(t, run.AddTheirsFile(t.Context(), hide(other), FileOptions{}))
				require.NoError(t, run.Carry(seq(carried)))
				require.Equal(t, again, len(run.sources) == 2)
				alike(t, sayAll(want), sayAll(found(t, run)), "from files")
				require.Equal(t, sum, run.Summary())
				require.NoError(t, run.Close())
			}
		}
	}
}

// TestAFileInTheMiddle: what counts is where the reader stands, and lines may be long.
func TestAFileInTheMiddle(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "statement.csv")
	text := "note," + head + strings.Repeat("n", 5000) + "," + good(1) + "\n" + "x," + good(2)
	require.NoError(t, os.WriteFile(name, []byte("something before\n"+text), 0o600))
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Seek(int64(len("something before\n")), io.SeekStart)
	require.NoError(t, err)
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddTheirsFile(t.Context(), file, FileOptions{}))
	all := found(t, run)
	require.Len(t, all, 2)
	assert.ElementsMatch(t, []telco.TransID{"T1", "T2"}, []telco.TransID{all[0].Theirs.TransID, all[1].Theirs.TransID})
}

// TestAFileThatChanges ends the run: what was read first is not there any more.
func TestAFileThatChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"another amount": func(b []byte) []byte { return bytes.Replace(b, []byte("120000"), []byte("120001"), 1) },
		"another state":  func(b []byte) []byte { return bytes.Replace(b, []byte("SUCCESS"), []byte("PENDING"), 1) },
		"another shop":   func(b []byte) []byte { return bytes.Replace(b, []byte(",HN1,"), []byte(",HN2,"), 1) },
		"another code":   func(b []byte) []byte { return bytes.Replace(b, []byte(",0000,"), []byte(",0001,"), 1) },
		"changed later":  func(b []byte) []byte { return bytes.Replace(b, []byte("000003\n"), []byte("000004\n"), 1) },
		"a cell cut off": func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("20261125000003\n")) },
		"another line":   func(b []byte) []byte { return append([]byte("x"), b...) },
		"cut off":        func(b []byte) []byte { return b[:len(head)+5] },
		"gone":           func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "statement.csv")
			require.NoError(t, os.WriteFile(path, []byte(head+good(1)), 0o600))
			file, err := os.Open(path)
			require.NoError(t, err)
			defer file.Close()
			run, err := Start(Config{})
			require.NoError(t, err)
			defer run.Close()
			require.NoError(t, run.AddTheirsFile(t.Context(), file, FileOptions{}))
			require.NoError(t, os.WriteFile(path, change([]byte(head+good(1))), 0o600))
			var end error
			for _, err := range run.Findings(t.Context()) {
				end = err
			}
			require.ErrorIs(t, end, errChanged)
		})
	}
}

// TestAFileOfOursThatChanges: what was paid back counts too, which no hash of the two sides has.
func TestAFileOfOursThatChanges(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Replace(head, "resultCode", "saleId", 1) + strings.Replace(good(1), "SUCCESS,0000", "REFUNDED,S-1", 1))
	for _, change := range []string{"not_registered,S-1", "REFUNDED,S-2"} {
		path := filepath.Join(t.TempDir(), "ours.csv")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		run, err := Start(Config{})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddOursFile(t.Context(), file, FileOptions{}))
		require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("REFUNDED,S-1"), []byte(change), 1), 0o600))
		var end error
		for _, err := range run.Findings(t.Context()) {
			end = err
		}
		require.ErrorIs(t, end, errChanged)
	}
}

// TestTheTemporaryFileOfFiles holds no id of a file that is read again.
func TestTheTemporaryFileOfFiles(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(head)
	for n := range 8000 {
		b.WriteString(good(n + 1))
	}
	run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(b.String()), FileOptions{}))
	require.NotNil(t, run.file.file, "it spilled")
	content := make([]byte, run.file.end)
	_, err = run.file.file.ReadAt(content, 0)
	require.NoError(t, err)
	assert.NotContains(t, string(content), string(partnerID(1)))
	assert.NotContains(t, string(content), "C120")
	assert.Len(t, found(t, run), 8000)
}

// TestAReaderThatIsHalfAFile cannot be read again, and is read all the same.
func TestAReaderThatIsHalfAFile(t *testing.T) {
	t.Parallel()
	text := strings.NewReader(head + good(1))
	for _, from := range []io.Reader{
		struct {
			io.Reader
			io.ReaderAt
		}{text, text},
		struct{ io.ReadSeeker }{strings.NewReader(head + good(1))},
	} {
		run, err := Start(Config{})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddTheirsFile(t.Context(), from, FileOptions{}))
		assert.Empty(t, run.sources)
		assert.Len(t, found(t, run), 1)
	}
}

// TestTheLongestLine that is read is read again too, in the middle of a file and at its end without a line end.
func TestTheLongestLine(t *testing.T) {
	t.Parallel()
	long := func(size int) string { return strings.Repeat("n", size-len(good(1))-1) + "," + good(1) }
	for _, text := range []string{
		long(pieceSize) + strings.Repeat("x,"+good(2), 5000), "x," + good(2) + strings.TrimSuffix(long(pieceSize-1), "\n"),
		"x," + good(2) + "x," + strings.TrimSuffix(good(1), "\n"), long(8<<10) + long(8<<10+1) + long(511) + long(512) + long(513),
	} {
		run, err := Start(Config{})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader("note,"+head+text), FileOptions{}))
		require.Len(t, run.sources, 1)
		kinds := map[telco.TransID]int{}
		for _, f := range found(t, run) {
			kinds[f.Theirs.TransID]++
		}
		assert.Equal(t, 1, kinds["T1"])
		// What has grown in the meantime is another line.
		_, err = (&source{from: strings.NewReader(strings.Repeat("n", 3*pieceSize)), parser: run.sources[0].parser}).again(0, 0)
		require.ErrorIs(t, err, errChanged)
	}
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.ErrorContains(t, run.AddTheirsFile(t.Context(), strings.NewReader("note,"+head+long(pieceSize+1)), FileOptions{}), "line 2: longer than 256 KiB")
}
