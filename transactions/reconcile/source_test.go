package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
