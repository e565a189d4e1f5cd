package telco_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var writtenID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$`)

// sampleIDs are derived, random, and one of each symbol value in each place.
func sampleIDs(t *testing.T) []string {
	t.Helper()
	maker := telco.NewIDMaker(telco.NewSecret("key"), "FPT")
	var ids []string
	for n := range 200 {
		id, err := maker.ID("S001", fmt.Sprintf("DH-%06d", n), 1+n%3)
		require.NoError(t, err)
		ids = append(ids, string(id), string(telco.RandomPartnerTransID()))
	}
	return ids
}

func TestPartnerTransIDForm(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, id := range sampleIDs(t) {
		assert.Regexp(t, writtenID, id)
		assert.Len(t, id, 29)
		got, err := telco.ParsePartnerTransID(id)
		require.NoError(t, err)
		assert.Equal(t, telco.PartnerTransID(id), got)
		assert.True(t, got.IsValid())
		assert.False(t, seen[id], "twice: %s", id)
		seen[id] = true
	}
}

// Every single wrong character, and every swap of two neighbours, of every sample.
func TestPartnerTransIDCatchesEveryTypo(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	valid := func(b []byte) bool { return telco.PartnerTransID(b).IsValid() }
	for _, id := range sampleIDs(t) {
		b := []byte(id)
		for i := range b {
			was := b[i]
			for j := range len(alphabet) {
				if b[i] = alphabet[j]; b[i] != was && valid(b) {
					t.Fatalf("%s is accepted for %s", b, id)
				}
			}
			b[i] = was
		}
		swapped := func(i, j int) {
			if b[i] == b[j] {
				return
			}
			b[i], b[j] = b[j], b[i]
			if valid(b) {
				t.Fatalf("%s is accepted for %s", b, id)
			}
			b[i], b[j] = b[j], b[i]
		}
		for i := range len(b) - 1 {
			swapped(i, i+1)
			if b[i+1] == '-' { // the neighbours of who leaves the dash out
				swapped(i, i+2)
			}
		}
		assert.Equal(t, id, string(b))
	}
}

func TestParsePartnerTransIDIsStrict(t *testing.T) {
	t.Parallel()
	id := sampleIDs(t)[0]
	for _, s := range []string{
		"", " ", "-", id + " ", " " + id, id + "\n", strings.ToLower(id), strings.ReplaceAll(id, "-", ""),
		strings.ReplaceAll(id, "-", " "), strings.ReplaceAll(id, "-", "_"), id[:28], id + "0", id + id, id[:23],
		"00000-00000-00000-00000-0000", strings.Repeat("-", 29), strings.Repeat("0", 29), strings.Repeat("\xff", 29), "0912345678",
	} {
		got, err := telco.ParsePartnerTransID(s)
		require.ErrorIs(t, err, telco.InvalidInput, "%q", s)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Empty(t, got)
		assert.False(t, telco.PartnerTransID(s).IsValid())
	}
	// The check cannot see an id of nothing but zeros; no hash of a sale is one.
	assert.True(t, telco.PartnerTransID("00000-00000-00000-00000-00000").IsValid())
}

// The vectors pin the format for ever. They were made with openssl and a few lines
// that share nothing with this package.
func TestPartnerTransIDVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/partnertransid.json")
	require.NoError(t, err)
	var file struct {
		Vectors []struct {
			Key, Partner, Shop, Order string
			Attempt                   int64
			ID                        string
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.GreaterOrEqual(t, len(file.Vectors), 15)
	seen := map[string]bool{}
	for _, v := range file.Vectors {
		if v.Attempt > math.MaxInt { // on 32 bits there is no such attempt
			continue
		}
		id, err := telco.DerivePartnerTransID(telco.NewSecret(v.Key), v.Partner, v.Shop, v.Order, int(v.Attempt))
		require.NoError(t, err, v.ID)
		assert.Equal(t, v.ID, string(id))
		assert.False(t, seen[v.ID], "two vectors collide")
		seen[v.ID] = true
	}
}

func TestIDMakerIsTheSameForManyAndForOne(t *testing.T) {
	t.Parallel()
	key := telco.NewSecret("key")
	maker := telco.NewIDMaker(key, "FPT")
	want := make([]telco.PartnerTransID, 50)
	for n := range want {
		var err error
		want[n], err = telco.DerivePartnerTransID(key, "FPT", "S001", fmt.Sprint("DH-", n), 1)
		require.NoError(t, err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range want {
				id, err := maker.ID("S001", fmt.Sprint("DH-", n), 1)
				assert.NoError(t, err)
				assert.Equal(t, want[n], id)
				b, err := maker.Append([]byte("id="), "S001", fmt.Sprint("DH-", n), 1)
				assert.NoError(t, err)
				assert.Equal(t, "id="+string(want[n]), string(b))
			}
		})
	}
	wg.Wait()
}

func TestDerivePartnerTransIDRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for _, c := range []struct {
		partner, shop, order string
		attempt              int
		fields               []string
	}{
		{"", "S", "O", 1, []string{"partner"}},
		{"P", "", "O", 1, []string{"shop"}},
		{"P", "S", "", 1, []string{"order"}},
		{"P", "S", "O", 0, []string{"attempt"}},
		{"P", "S", "O", -1, []string{"attempt"}},
		{"P", "S", "O", math.MinInt, []string{"attempt"}},
		{long, "S", "O", 1, []string{"partner"}},
		{"P", long, "O", 1, []string{"shop"}},
		{"P", "S", long, 1, []string{"order"}},
		{"P", "S", "\xff", 1, []string{"order"}},
		{"P", "S", "a\x00b", 1, []string{"order"}},
		{"P", "S", "a\n", 1, []string{"order"}},
		{"P", "S", " a", 1, []string{"order"}},
		{"P", "S ", "a", 1, []string{"shop"}},
		{"P\u00a0", "S", "a", 1, []string{"partner"}},
		{"", "", "", 0, []string{"partner", "shop", "order", "attempt"}},
	} {
		for _, key := range []string{"", "key"} {
			id, err := telco.DerivePartnerTransID(telco.NewSecret(key), c.partner, c.shop, c.order, c.attempt)
			assert.Empty(t, id)
			assert.Equal(t, c.fields, faultyFields(t, err), "%+v", c)
		}
	}
	dst := []byte("kept")
	got, err := telco.NewIDMaker(telco.Secret{}, "P").Append(dst, "S", "0912345678", 1)
	require.Error(t, err)
	assert.Equal(t, "kept", string(got))
}

func faultyFields(t *testing.T, err error) []string {
	t.Helper()
	var e *telco.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, telco.NotSent, e.Outcome)
	assert.Equal(t, telco.InvalidInput, e.Code)
	var fields []string
	for _, f := range e.Fields {
		assert.NotEmpty(t, f.Problem)
		fields = append(fields, f.Field)
	}
	return fields
}

func TestUnkeyedIDsHoldNoPhoneNumber(t *testing.T) {
	t.Parallel()
	for order, refused := range map[string]bool{
		"0912345678":              true,
		"84912345678":             true,
		"DH+84912345678":          true,
		"DH0912345678":            true,
		"DH-0912345678-1x":        true,
		"1x-0912345678":           true,
		"912345678":               true,
		"01201234567":             true,
		"DH 0912 345 678":         true,
		"DH-0912-345-678":         true,
		"DH-091.234.5678":         true,
		"(091) 234-5678":          true,
		"0912/345/678":            true,
		"091 - 2345678":           false, // three separators: two numbers
		"x0912345678y":            true,
		"2026-0912345678":         true,
		"0912345678-2026":         true,
		"DH_0912345678":           true,
		"DH-000123":               false,
		"20260815000123":          false, // date and counter in one run
		"2026-08-15-000123":       false,
		"HN.012/2026/08/15-00001": false,
		"0212345678":              false,
		"DH-0912a345b678":         false,
		"091234567":               false,
		"09123456789":             false,
		"Đơn 7":                   false,
	} {
		_, err := telco.DerivePartnerTransID(telco.Secret{}, "FPT", "S001", order, 1)
		if refused {
			assert.Equal(t, []string{"order"}, faultyFields(t, err), "%q", order)
			assert.NotContains(t, err.Error(), "345")
		} else {
			assert.NoError(t, err, "%q", order)
		}
		_, err = telco.DerivePartnerTransID(telco.NewSecret("key"), "FPT", "S001", order, 1)
		assert.NoError(t, err, "%q with a key", order)
	}
}
