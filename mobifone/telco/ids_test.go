package telco_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var writtenID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$`)

// sampleIDs are derived, random, and one of each symbol value in each place.
func sampleIDs(t *testing.T) []string {
	t.Helper()
	maker := transid.New(telco.NewSecret("key"), "FPT")
	var ids []string
	for n := range 200 {
		id, err := maker.ID("S001", fmt.Sprintf("DH-%06d", n), 1+n%3)
		require.NoError(t, err)
		ids = append(ids, string(id), string(transid.Random()))
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
