package transid_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The vectors pin the format for ever. They were made with openssl and a few lines
// that share nothing with this package.
func TestVectors(t *testing.T) {
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
		id, err := transid.New(telco.NewSecret(v.Key), v.Partner).ID(v.Shop, v.Order, int(v.Attempt))
		require.NoError(t, err, v.ID)
		assert.Equal(t, v.ID, string(id))
		assert.False(t, seen[v.ID], "two vectors collide")
		seen[v.ID] = true
	}
}

func TestMakerIsTheSameForManyAndForOne(t *testing.T) {
	t.Parallel()
	key := telco.NewSecret("key")
	maker := transid.New(key, "FPT")
	want := make([]telco.PartnerTransID, 50)
	for n := range want {
		var err error
		want[n], err = transid.New(key, "FPT").ID("S001", fmt.Sprint("DH-", n), 1)
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

func TestMakerRefuses(t *testing.T) {
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
			id, err := transid.New(telco.NewSecret(key), c.partner).ID(c.shop, c.order, c.attempt)
			assert.Empty(t, id)
			assert.Equal(t, c.fields, faultyFields(t, err), "%+v", c)
		}
	}
	dst := []byte("kept")
	got, err := transid.New(telco.Secret{}, "P").Append(dst, "S", "0912345678", 1)
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
		_, err := transid.New(telco.Secret{}, "FPT").ID("S001", order, 1)
		if refused {
			assert.Equal(t, []string{"order"}, faultyFields(t, err), "%q", order)
			assert.NotContains(t, err.Error(), "345")
		} else {
			assert.NoError(t, err, "%q", order)
		}
		_, err = transid.New(telco.NewSecret("key"), "FPT").ID("S001", order, 1)
		assert.NoError(t, err, "%q with a key", order)
	}
}

func FuzzMaker(f *testing.F) {
	f.Add("", "FPT", "S001", "DH-000001", 1)
	f.Add("k", "FPT", "S001", "0912 345 678", 2)
	f.Add("", "\xff", " ", strings.Repeat("x", 129), 0)
	f.Add("", "p", "s", "(091) 234-5678", 1)
	f.Fuzz(func(t *testing.T, key, name, shop, order string, attempt int) {
		id, err := transid.New(telco.NewSecret(key), name).ID(shop, order, attempt)
		if err != nil {
			if id != "" {
				t.Fatal("an error and an id")
			}
			return
		}
		if !id.IsValid() || attempt < 1 || name == "" || shop == "" || order == "" {
			t.Fatalf("%q", id)
		}
		if key == "" {
			if _, err := telco.ParseMSISDN(order); err == nil && !strings.Contains(order, "  ") && utf8.RuneCountInString(order) <= 10 {
				t.Fatalf("the order id %q is a phone number", order)
			}
		}
		// The same bytes cut elsewhere are another sale.
		if len(shop) > 1 {
			other, err := transid.New(telco.NewSecret(key), name).ID(shop[:len(shop)-1], shop[len(shop)-1:]+order, attempt)
			if err == nil && other == id {
				t.Fatal("two sales collide by concatenation")
			}
		}
	})
}

func BenchmarkPartnerTransID(b *testing.B) {
	maker := transid.New(telco.NewSecret("a key of the length of a real one"), "FPT")
	b.Run("ID", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = maker.ID("SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 64)
		for b.Loop() {
			_, _ = maker.Append(buf, "SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = maker.ID("SHOP001", "DH-0000012345", 1)
			}
		})
	})
	b.Run("Derive", func(b *testing.B) {
		b.ReportAllocs()
		key := telco.NewSecret("a key of the length of a real one")
		for b.Loop() {
			_, _ = transid.New(key, "FPT").ID("SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		id := string(transid.Random())
		for b.Loop() {
			_, _ = telco.ParsePartnerTransID(id)
		}
	})
	b.Run("Random", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = transid.Random()
		}
	})
}

func TestMakerAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool drops items at random")
	}
	maker := transid.New(telco.NewSecret("key"), "FPT")
	buf := make([]byte, 0, 64)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.ID("S001", "DH-000001", 1) }), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.Append(buf, "S001", "DH-000001", 1) }), 0.0)
}
