package wire

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

var allLayouts = []string{"yyyyMMddHHmmss", "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", "rfc3339", "epochSeconds", "epochMillis"}

// clock reads and writes in the given layouts.
func clock(layout string, accept []string, zone *time.Location) times {
	return compileTimes(contract.TimeFormat{Layout: layout, Accept: accept}, zone)
}

func (k *times) format(t time.Time) (string, error) {
	b, err := k.appendTime(nil, k.layout, t)
	return string(b), err
}

func TestTimesBothWays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	first := time.Date(yearMin, 1, 1, 0, 0, 0, 0, saigon)
	last := time.Date(yearMax+1, 1, 1, 0, 0, 0, 0, saigon)
	moments := []time.Time{first, last.Add(-time.Second), time.Date(2024, 2, 29, 23, 59, 59, 0, saigon)}
	for range 2000 {
		moments = append(moments, time.UnixMilli(first.UnixMilli()+rng.Int64N(last.UnixMilli()-first.UnixMilli())))
	}
	for _, layout := range allLayouts {
		// Whichever layout is written, all are read, and none for another.
		k := clock(layout, allLayouts, saigon)
		precision := time.Second
		if layout == "epochMillis" {
			precision = time.Millisecond
		}
		for _, m := range moments {
			text, err := k.format(m)
			require.NoError(t, err)
			back, err := k.parse(text, "")
			require.NoError(t, err, "%s: %q", layout, text)
			require.True(t, back.Equal(m.Truncate(precision)), "%s: %q read as %s", layout, text, back)
			require.Equal(t, "+07:00", back.Location().String())
			again, err := k.format(back)
			require.NoError(t, err)
			require.Equal(t, text, again)
		}
		_, err := k.format(first.Add(-time.Nanosecond))
		require.Error(t, err)
		_, err = k.format(last)
		require.Error(t, err)
	}
}

func TestTimesParse(t *testing.T) {
	t.Parallel()
	k := clock("yyyyMMddHHmmss", allLayouts, saigon)
	noon := time.Date(2025, 3, 1, 12, 0, 0, 0, saigon)
	for _, text := range []string{
		"20250301120000", "2025-03-01 12:00:00", "01/03/2025 12:00:00", "2025-03-01T12:00:00+07:00", "2025-03-01T05:00:00Z",
		"2025-03-01T05:00:00.000Z", "1740805200", "1740805200000",
	} {
		got, err := k.parse(text, "")
		require.NoError(t, err, text)
		assert.True(t, got.Equal(noon), "%s: %s", text, got)
	}
	for _, text := range []string{
		" ", "0", "now", "20250301", "202503011200", "20250301120000 ", "202503011200000", "20250230120000", "20251301120000",
		"20250301240000", "20250301126000", "20250301120060", "20250301120000.5", "2025-03-01 12:00", "2025-03-01 2:00:00", "2025-03-01  2:00:00", "01/03/2025  2:00:00",
		"2025-03-01 12:00:00.5", "2025-3-01 12:00:00", "2025-03-01T12:00:00", "2025-03-01t12:00:00z", "2025-03-01T12:00:00,5Z", "2025-03-01T2:00:00Z", "2025-03-01T02:0:00+07:00",
		"1/3/2025 12:00:00", "03/13/2025 12:00:00", "01/03/25 12:00:00", "19991231235959", "21010101000000", "-1740805200",
		"01740805200", "1740805200.0", "1.7408052e9", "17408052", "99999999999999999999", "2025-03-01T12:00:60Z",
	} {
		_, err := k.parse(text, "")
		assert.Error(t, err, text)
	}
	only := clock("dd/MM/yyyy HH:mm:ss", nil, time.UTC)
	_, err := only.parse("2025-03-01 12:00:00", "")
	require.Error(t, err, "a layout the contract does not accept")
	got, err := only.parse("01/03/2025 05:00:00", "")
	require.NoError(t, err)
	assert.True(t, got.Equal(noon))
}

func FuzzTimes(f *testing.F) {
	k := clock("yyyyMMddHHmmss", allLayouts, saigon)
	for _, seed := range []string{
		"20250301120000", "2025-03-01 12:00:00", "01/03/2025 12:00:00", "2025-03-01T12:00:00+07:00", "1740805200", "1740805200000",
		"20000101000000", "2100-12-31T23:59:59.999999999Z", "", "-1", "0", "9223372036854775807",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := k.parse(text, "")
		if err != nil {
			require.True(t, got.IsZero())
			return
		}
		if text == "" {
			require.True(t, got.IsZero(), "no time")
			return
		}
		require.True(t, inRange(got))
		written, err := k.format(got)
		require.NoError(t, err)
		back, err := k.parse(written, "")
		require.NoError(t, err)
		require.True(t, back.Equal(got.Truncate(time.Second)))
	})
}

func TestWholeNumber(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]int64{
		"0": 0, "-0": 0, "0.0": 0, "0e400": 0, "120000": 120_000, "120000.0": 120_000, "120000.00": 120_000, "120000.0000": 120_000,
		"1.2E5": 120_000, "1.2e+5": 120_000, "12000000e-2": 120_000, "1.0E7": 10_000_000, "0.12e6": 120_000, "-5": -5, "1.000e3": 1_000,
		"9223372036854775807": 9223372036854775807, "9223372036854775807.0": 9223372036854775807,
	} {
		got, ok := wholeNumber(literal)
		assert.True(t, ok, literal)
		assert.Equal(t, want, got, literal)
	}
	for _, literal := range []string{
		"120.000", "120000.5", "1e400", "1e19", "9223372036854775808", "-9223372036854775809", "0.5", "1e-1", "1.25e1",
		"1e99999999999999999999", "1e-99999999999999999999", "1" + strings.Repeat("0", 400),
	} {
		_, ok := wholeNumber(literal)
		assert.False(t, ok, literal)
	}
	for _, text := range []string{"", "-", " 1", "1 ", "+1", "01", "1.0", "1,000", "120.000", "1e3", "０", "0x10", "1_000"} {
		_, ok := plainInteger(text)
		assert.False(t, ok, text)
	}
	n, ok := plainInteger("120000")
	assert.True(t, ok)
	assert.EqualValues(t, 120_000, n)
}
