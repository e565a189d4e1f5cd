package reading

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// A search asks from the first moment that an intent may have left to the last at which
// MobiFone may have carried it out.
func TestWindow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	early := partner.Intent{PreparedAt: at, SendBy: at.Add(time.Minute)}
	fenced := partner.Intent{PreparedAt: at.Add(time.Hour), SendBy: at.Add(61 * time.Minute), LastBy: at.Add(70 * time.Minute)}
	open := partner.Intent{PreparedAt: at.Add(2 * time.Hour), SendBy: at.Add(121 * time.Minute)}
	opened := at.Add(-time.Hour)
	for name, tt := range map[string]struct {
		intents      []partner.Intent
		since, until time.Time
	}{
		"no intent yet":   {nil, opened, time.Time{}},
		"one":             {[]partner.Intent{early}, at, at.Add(time.Minute)},
		"one with an end": {[]partner.Intent{fenced}, at.Add(time.Hour), at.Add(70 * time.Minute)},
		"in order":        {[]partner.Intent{early, fenced, open}, at, at.Add(121 * time.Minute)},
		"out of order":    {[]partner.Intent{open, early, fenced}, at, at.Add(121 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			since, until := Window(tt.intents, opened)
			assert.Equal(t, tt.since, since)
			assert.Equal(t, tt.until, until)
		})
	}
	customer := partner.MustParseMSISDN("0901234567")
	fenced.IDs = partner.IDs{TransID: "T-1"}
	assert.Equal(t, Question{IDs: []partner.IDs{{TransID: "T-1"}}, MSISDN: customer, Since: at.Add(time.Hour), Until: at.Add(70 * time.Minute)},
		Of(fenced, partner.Purchase{MSISDN: customer}))
}

// Either lookup is enough; without both nothing unknown could be resolved.
func TestCan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		without []partner.Operation
		want    bool
	}{
		"both":      {nil, true},
		"by search": {[]partner.Operation{partner.OpGet}, true},
		"by id":     {[]partner.Operation{partner.OpSearch}, true},
		"neither":   {[]partner.Operation{partner.OpGet, partner.OpSearch}, false},
	} {
		doc := contract.Default().Document()
		for _, op := range tt.without {
			delete(doc.Operations, op)
		}
		c, err := contract.New(doc)
		require.NoError(t, err)
		assert.Equal(t, tt.want, Can(c), name)
	}
}
