package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// slowSplit cuts a line into cells, a byte at a time; ok is false for a stray quote.
func slowSplit(line string, delimiter byte) (cells []string, ok bool) {
	cell, quoted, was := "", false, false // was: the cell was quoted, and is closed
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			cell, i = cell+`"`, i+1
		case quoted && c == '"':
			quoted, was = false, true
		case quoted:
			cell += string([]byte{c})
		case c == delimiter:
			cells, cell, was = append(cells, cell), "", false
		case was:
			return nil, false
		case c == '"' && cell == "" && (i == 0 || line[i-1] == delimiter):
			quoted = true
		case c == '"':
			return nil, false
		default:
			cell += string([]byte{c})
		}
	}
	return append(cells, cell), !quoted
}

var (
	slowGroups = regexp.MustCompile(`^[1-9][0-9]{0,2}(\.[0-9]{3}|,[0-9]{3})+$`)
	slowDigits = regexp.MustCompile(`^[0-9]{1,15}$`)
	slowMark   = regexp.MustCompile(`[*xX]`)
)

// slowTime reads a time, format by format.
func slowTime(s string, dayFirst bool) (time.Time, bool) {
	formats := []string{"20060102150405", "2006-01-02 15:04:05", time.RFC3339}
	if dayFirst {
		formats = append(formats, "02/01/2006 15:04:05", "02/01/2006 15:04")
	}
	for _, format := range formats {
		if t, err := time.ParseInLocation(format, s, vietnam); err == nil && t.Year()/100 == 20 && (format[4] != '0' || len(s) == 14) {
			return time.Unix(t.Unix(), 0).In(vietnam), true
		}
	}
	return time.Time{}, false
}

// slowRow reads a line of the default layout in the plainest way: it shares nothing with the parser but the
// phone numbers of package telco.
func slowRow(line string, o FileOptions) (tx telco.Transaction, ok bool) {
	if strings.Contains(line, "\x00") || !utf8.ValidString(line) {
		return tx, false
	}
	cells, ok := slowSplit(line, ',')
	if !ok || len(cells) != 10 {
		return tx, false
	}
	for i, cell := range cells {
		cells[i] = strings.Trim(cell, " ")
		if slices.Contains([]int{0, 1, 3, 6, 7}, i) && len(cells[i]) > 255 {
			return tx, false
		}
	}
	amount := cells[4]
	// A group of marks of both kinds is no thousands.
	if o.GroupedAmounts && slowGroups.MatchString(amount) && (!strings.Contains(amount, ".") || !strings.Contains(amount, ",")) {
		amount = strings.NewReplacer(".", "", ",", "").Replace(amount)
	}
	vnd, err := strconv.ParseInt(amount, 10, 64)
	if !slowDigits.MatchString(amount) || err != nil {
		return tx, false
	}
	who, err := telco.ParseMSISDN(cells[2])
	if err != nil {
		who = telco.MSISDN{}
		if cells[2] != "" && !slowMark.MatchString(cells[2]) {
			return tx, false
		}
	}
	state := telco.StateUnlisted
	for s := telco.StateInit; s <= telco.StateReversed; s++ {
		if strings.ToUpper(cells[5]) == s.String() {
			state = s
		}
	}
	at, ok := slowTime(cells[8], o.DayFirst)
	later, also := time.Time{}, true
	if cells[9] != "" {
		later, also = slowTime(cells[9], o.DayFirst)
	}
	return telco.Transaction{
		TransID: telco.TransID(cells[0]), PartnerTransID: telco.PartnerTransID(cells[1]), MSISDN: who, Package: telco.PackageCode(cells[3]),
		Amount: telco.VND(vnd), State: state, WireState: state.String(), WireResultCode: cells[6], Shop: cells[7], CreatedAt: at, UpdatedAt: later,
	}, ok && also
}

// slowFile reads a statement behind its header: the rows, and the numbers of the lines that are none.
func slowFile(text string, o FileOptions) (rows []telco.Transaction, bad []int64) {
	for n, line := range strings.Split(text, "\n")[1:] {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		if tx, ok := slowRow(line, o); ok {
			rows = append(rows, tx)
		} else {
			bad = append(bad, int64(n)+2)
		}
	}
	return rows, bad
}

// FuzzFile: whatever the bytes, reading ends, says what is wrong in words without a number, and gives the rows
// and the bad lines that the plainest reader gives. Read as a file, from one that can be read again and from
// one that cannot, it is the same day as the rows alone. where says where a piece of the file ends and
// which options are set.
func FuzzFile(f *testing.F) {
	f.Add([]byte(good(1)), uint16(0))
	f.Add([]byte(good(1)+"\x00\n\"a\nx,\"\"\",\n"+good(2)), uint16(40))
	f.Add([]byte(strings.ReplaceAll(good(3), "\n", "\r\n")+good(3)), uint16(125))
	f.Add([]byte(strings.ReplaceAll(`"`+strings.ReplaceAll(strings.TrimSpace(good(4)), ",", `" , "`)+`"`, "HN", `H""N`)), uint16(7))
	f.Add([]byte(strings.NewReplacer("120000", "120.000", "20261125000002", "25/11/2026 00:00:02", "84900000001", "+84 (900) 000-001", "SUCCESS", "success").Replace(good(1))), uint16(1))
	f.Add([]byte(strings.NewReplacer("20261125000002", "2026-11-24T17:00:02.5Z", "20261125000003", "", "84900000001", "84*****001").Replace(good(1))), uint16(1))
	f.Add([]byte{0xFF, 0xFE, 't', 0, '\n', 0}, uint16(2))
	f.Fuzz(func(t *testing.T, data []byte, where uint16) {
		if where == 0 { // any bytes, also as a header
			for _, e := range []string{"", "utf-16le", "windows-1258"} {
				_, _ = rowsOf(string(data), FileOptions{Encoding: e})
			}
		}
		// Empty lines before the rows let a piece end anywhere in them.
		pad := ""
		if int(where) <= len(data) && where > 0 {
			pad = strings.Repeat("\n", pieceSize-len(head)-int(where))
		}
		text := head + pad + string(data)
		o := FileOptions{GroupedAmounts: where%2 > 0, DayFirst: where%2 > 0}
		want, lines := slowFile(text, o)
		rows, bad := rowsOf(text, o)
		require.Equal(t, want, rows)
		require.Len(t, bad, len(lines))
		for i, n := range lines {
			require.True(t, strings.HasPrefix(bad[i], fmt.Sprintf("line %d", n)) && strings.Contains(bad[i], ": "), bad[i])
		}
		var told [3][]string
		var sums [3]Summary
		for i, from := range []io.Reader{nil, bytes.NewReader([]byte(text)), io.MultiReader(strings.NewReader(text))} {
			run, err := Start(Config{})
			require.NoError(t, err)
			if from == nil {
				require.NoError(t, run.AddTheirs(seq(rows)))
			} else {
				o.OnBadRow = func(*RowError) error { return nil }
				require.NoError(t, run.AddTheirsFile(t.Context(), from, o))
			}
			told[i], sums[i] = sayAll(found(t, run)), run.Summary()
			sums[i].Unread.Theirs = 0
			require.NoError(t, run.Close())
		}
		require.True(t, slices.Equal(told[0], told[1]) && slices.Equal(told[0], told[2]))
		require.Equal(t, sums[0], sums[1])
		require.Equal(t, sums[0], sums[2])
	})
}
