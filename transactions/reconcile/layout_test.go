package reconcile

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unreadOf reads a statement into a run, and returns what could not be read and how many rows could.
func unreadOf(t *testing.T, text string, o FileOptions) (bad []string, rows int64) {
	t.Helper()
	run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
	require.NoError(t, err)
	defer run.Close()
	last := int64(0)
	o.OnBadRow = func(e *RowError) error {
		assert.GreaterOrEqual(t, e.Line, last, "in order")
		last = e.Line
		bad = append(bad, e.Error())
		return nil
	}
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(text), o))
	found(t, run)
	assert.Equal(t, int64(len(bad)), run.Summary().Unread.Theirs)
	return bad, run.Summary().Read.Theirs.Rows
}

const footerLine = "Tổng cộng,,,,240000,,,,,\n"

func TestFooter(t *testing.T) {
	t.Parallel()
	rows := good(1) + good(2) // 240.000 ₫
	for name, tt := range map[string]struct {
		text, footer string
		o            FileOptions
		rows         int64
		bad          []string
	}{
		"not asked for":           {rows + footerLine, "", FileOptions{}, 2, []string{"line 4, column createdAt: "}},
		"as it is written":        {rows + footerLine, "Tổng cộng", FileOptions{}, 2, nil},
		"without marks":           {rows + strings.ToUpper(footerLine), "tong cong", FileOptions{}, 2, nil},
		"decomposed":              {rows + "To\u0302\u0309ng cộng,,,,240000,,,,,\n", "Tổng", FileOptions{}, 2, nil},
		"in a later cell":         {rows + ",  ,Tổng: 2 dòng,,240000,,,,,\n", "Tổng", FileOptions{}, 2, nil},
		"quoted":                  {rows + `"Tổng cộng, cả ngày",,,,"240000",,,,,` + "\r\n\r\n", "Tổng cộng", FileOptions{}, 2, nil},
		"grouped":                 {rows + "Tổng cộng,,,,240.000,,,,,\n", "Tổng", FileOptions{GroupedAmounts: true}, 2, nil},
		"no amount":               {rows + "Tổng cộng,2 dòng\n\n", "Tổng", FileOptions{}, 2, nil},
		"more cells":              {rows + "Tổng cộng,,,,240000,,,,,,,,\n", "Tổng", FileOptions{}, 2, nil},
		"more cells, another sum": {rows + "Tổng cộng,,,,1,,,,,,,,\n", "Tổng", FileOptions{}, 2, []string{"line 4, column amount: the footer says 1,"}},
		"fewer, another sum":      {rows + "Tổng cộng,,,,1\n", "Tổng", FileOptions{}, 2, []string{"line 4, column amount: the footer says 1,"}},
		"two":                     {rows + footerLine + "\n" + footerLine, "Tổng", FileOptions{}, 2, nil},
		"no rows":                 {"Tổng cộng,,,,0,,,,,\n", "Tổng", FileOptions{}, 0, nil},
		"another sum":             {rows + strings.Replace(footerLine, "240000", "360000", 1), "Tổng", FileOptions{}, 2, []string{"line 4, column amount: the footer says 360000, and the rows that were read add up to 240000"}},
		"a sum of no rows":        {footerLine, "Tổng", FileOptions{}, 0, []string{"line 2, column amount: the footer says 240000, and the rows that were read add up to 0"}},
		"a sum that says two":     {rows + "Tổng cộng,,,,240.000,,,,,\n", "Tổng", FileOptions{}, 2, []string{`line 4, column amount: an amount with a dot or comma, "240.000"`}},
		"a row was not read":      {good(1) + "ragged\n" + footerLine, "Tổng", FileOptions{}, 1, []string{"line 3: 1 cells", "line 4, column amount: the footer says 240000, and the rows that were read add up to 120000"}},
		"a row behind it":         {good(1) + strings.Replace(footerLine, "24", "12", 1) + good(2), "Tổng", FileOptions{}, 2, []string{"line 3: a footer with more lines behind it", "line 4: the file ends here without its footer"}},
		"a line behind it":        {rows + footerLine + "Ngày in: 26/11/2026,,,,,,,,,\n", "Tổng", FileOptions{}, 2, []string{"line 4: a footer with more lines behind it", "line 5, column amount: ", "line 5: the file ends here without its footer"}},
		"of each shop":            {good(1) + "Tổng cộng HN1,,,,120000,,,,,\n" + good(2) + footerLine, "Tổng", FileOptions{}, 2, []string{"line 3: a footer with more lines behind it"}},
		"none":                    {rows, "Tổng", FileOptions{}, 2, []string{"line 3: the file ends here without its footer"}},
		"nothing":                 {"", "Tổng", FileOptions{}, 0, []string{"line 1: the file ends here without its footer"}},
		"half a quote":            {rows + `Tổng cộng,,,,"240000` + "\n", "Tổng", FileOptions{}, 2, []string{"line 4: a quote is not closed", "line 4: the file ends here without its footer"}},
		"a NUL":                   {rows + "Tổng\x00\n", "Tổng", FileOptions{}, 2, []string{"line 4: byte 7 is a NUL", "line 4: the file ends"}},
		"a row that begins so":    {rows + footerLine, "T", FileOptions{}, 0, []string{"line 2: it begins as the footer does, and reads as a row", "line 3: it begins", "line 4, column amount: the footer says 240000, and the rows that were read add up to 0"}},
		"cells up to the amount":  {rows + "Tổng cộng,,,\n", "Tổng", FileOptions{}, 2, nil},
		"an empty amount":         {rows + "Tổng cộng,,,, ,,,,,\n", "Tổng", FileOptions{}, 2, nil},
		"a word less":             {rows + "Tổng,,,,240000,,,,,\n", "Tổng cộng", FileOptions{}, 2, []string{"line 4, column createdAt: ", "line 4: the file ends here without its footer"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := tt.o
			o.Footer = tt.footer
			bad, rows := unreadOf(t, head+tt.text, o)
			assert.Equal(t, tt.rows, rows)
			require.Len(t, bad, len(tt.bad), "%q", bad)
			for i, want := range tt.bad {
				assert.Contains(t, bad[i], want)
			}
		})
	}
}

// TestAFooterOfALongFile adds up what two goroutines read, piece by piece; footers in between are told in order.
func TestAFooterOfALongFile(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(head)
	sum := int64(0)
	for n := range 20_000 {
		line, tx := good(n+1), int64(120_000)
		if (n+1)%3 == 0 {
			tx = 360_000
		}
		switch n % 1000 {
		case 500:
			line = "Tổng cộng giữa,,,,1,,,,,\n"
		case 501:
			line = "ragged\n"
		default:
			sum += tx
		}
		b.WriteString(line)
	}
	bad, rows := unreadOf(t, b.String()+strings.Repeat("\n", pieceSize)+strings.Replace(footerLine, "240000", strconv.FormatInt(sum, 10), 1), FileOptions{Footer: "Tổng cộng"})
	assert.Equal(t, int64(20_000-40), rows)
	require.Len(t, bad, 40)
	for i, said := range bad {
		if i%2 == 0 {
			assert.Contains(t, said, "a footer with more lines behind it")
		} else {
			assert.Contains(t, said, "1 cells")
		}
	}
}

// TestAFooterEndsTheReadingToo where nobody takes bad lines; a file that could not be read has no such end.
func TestAFooterEndsTheReadingToo(t *testing.T) {
	t.Parallel()
	add := func(from io.Reader, footer string) error {
		run, err := Start(Config{})
		require.NoError(t, err)
		defer run.Close()
		return run.AddTheirsFile(t.Context(), from, FileOptions{Footer: footer})
	}
	bad, ok := errors.AsType[*RowError](add(strings.NewReader(head+good(1)+footerLine), "Tổng"))
	require.True(t, ok)
	assert.Equal(t, int64(3), bad.Line)
	assert.Equal(t, "amount", bad.Column)
	err := add(io.MultiReader(strings.NewReader(head+strings.Repeat(good(1), pieceSize/50)), &broken{}), "Tổng")
	require.ErrorContains(t, err, "the disk failed")
	assert.NotContains(t, err.Error(), "footer")
	assert.ErrorContains(t, add(strings.NewReader(head), "= - ="), "FileOptions.Footer")
}
