package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

func TestDefaultIsTheAgreement(t *testing.T) {
	t.Parallel()
	want := []struct {
		code  telco.PackageCode
		price telco.VND
		days  int
	}{{"C120", 120_000, 30}, {"3C120", 360_000, 90}, {"6C120", 720_000, 180}}
	all := catalog.Default().All()
	require.Len(t, all, len(want))
	for i, w := range want {
		pkg := all[i]
		assert.Empty(t, pkg.Validate(), w.code)
		assert.Equal(t, w.code, pkg.Code)
		assert.Equal(t, w.price, pkg.Price)
		assert.Equal(t, w.days, pkg.CycleDays)
		assert.Equal(t, 30, pkg.ResetDays)
		assert.True(t, pkg.AutoRenew)
		assert.Equal(t, 4096, pkg.DataMBPerDay)
		assert.Equal(t, 20*time.Minute, pkg.OnNetFreeUnder)
		assert.Equal(t, 50*time.Minute, pkg.OffNetFree)
	}
}

func TestNotesAreAdviceWithSourceAndBothLanguages(t *testing.T) {
	t.Parallel()
	for _, pkg := range catalog.Default().All() {
		for _, n := range pkg.Notes {
			assert.NotEmpty(t, n.Topic)
			assert.NotEmpty(t, n.Source)
			assert.NotEmpty(t, n.Text.VI)
			assert.NotEmpty(t, n.Text.EN)
			assert.Equal(t, n.Source != "partner agreement", n.Advice, "what is not of the agreement is advice: %s", n.Topic)
		}
		for topic, words := range map[string][]string{
			"commitment": {"720"},
			"cancel":     {"HUY " + string(pkg.Code) + " ", "789", "999"},
			"check":      {"KT " + string(pkg.Code) + " ", "KT ALL", "999"},
		} {
			n, ok := pkg.Note(topic)
			require.True(t, ok, topic)
			for _, w := range words {
				assert.Contains(t, n.Text.VI, w)
				assert.Contains(t, n.Text.EN, w)
			}
		}
		closed, ok := pkg.Note("closed")
		require.True(t, ok)
		assert.Contains(t, closed.Text.EN, "only MobiFone's eligibility answer decides")
	}
}

func TestCatalogCannotBeChangedFromOutside(t *testing.T) {
	t.Parallel()
	mine := catalog.Default().All()
	c, err := catalog.New(mine...)
	require.NoError(t, err)
	mine[0].Notes[0].Text.EN = "mine"
	got, ok := c.Lookup("C120")
	require.True(t, ok)
	got.Notes[0].Text.EN = "mine"
	c.All()[0].Notes[0].Text.EN = "mine"
	again, _ := c.Lookup("C120")
	assert.NotEqual(t, "mine", again.Notes[0].Text.EN)
}

func TestNewReportsEveryFault(t *testing.T) {
	t.Parallel()
	good := catalog.Package{Code: "A1", Price: 1, CycleDays: 30, ResetDays: 30}
	_, err := catalog.New(
		good,
		catalog.Package{Code: "a 1", Price: 0, CycleDays: 0, ResetDays: 0, DataMBPerDay: -1, OffNetFree: -1},
		catalog.Package{Code: "B1", Price: 1, CycleDays: 40, ResetDays: 30},
		catalog.Package{Code: "C1", Price: 1, CycleDays: 3653 + 1, ResetDays: 1},
		good,
	)
	require.Error(t, err)
	var got []string
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok, "%T", err)
	require.ErrorIs(t, err, telco.InvalidInput)
	for _, f := range e.Fields {
		got = append(got, f.Field)
		assert.Contains(t, e.Error(), f.Problem)
	}
	assert.Equal(t, []string{
		"Package[1].Code", "Package[1].Price", "Package[1].CycleDays", "Package[1].ResetDays", "Package[1].DataMBPerDay",
		"Package[1].OffNetFree", "Package[2].ResetDays", "Package[3].CycleDays", "Package[4].Code",
	}, got)
}

func TestWithReplacesAndAdds(t *testing.T) {
	t.Parallel()
	base := catalog.Default()
	pkg, _ := base.Lookup("3C120")
	pkg.Price = 350_000
	other := catalog.Package{Code: "NEW1", Price: 1, CycleDays: 1, ResetDays: 1}
	c, err := base.With(other, pkg)
	require.NoError(t, err)
	var codes []string
	for _, p := range c.All() {
		codes = append(codes, string(p.Code))
	}
	assert.Equal(t, "C120 3C120 6C120 NEW1", strings.Join(codes, " "))
	now, _ := c.Lookup("3C120")
	assert.Equal(t, telco.VND(350_000), now.Price)
	before, _ := base.Lookup("3C120")
	assert.Equal(t, telco.VND(360_000), before.Price)
	_, err = base.With(catalog.Package{})
	assert.Error(t, err)
}

func TestLookupTakesTheCodeAsItIs(t *testing.T) {
	t.Parallel()
	for _, code := range []telco.PackageCode{"", "c120", "C12", "C1200"} {
		_, ok := catalog.Default().Lookup(code)
		assert.False(t, ok, code)
	}
	var none *catalog.Catalog
	_, ok := none.Lookup("C120")
	assert.False(t, ok)
	assert.Empty(t, none.All())
}

func TestHowToUseSaysOnlyWhatThePackageHas(t *testing.T) {
	t.Parallel()
	bare := catalog.Package{Code: "D1", Price: 5000, CycleDays: 1, ResetDays: 1, DataMBPerDay: 500}
	assert.Equal(t, telco.Text{
		VI: "Gói D1: chu kỳ 1 ngày. Data 500 MB mỗi ngày.",
		EN: "Package D1: a cycle of 1 days. 500 MB of data each day.",
	}, bare.HowToUse())
}
