package reading

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A search asks from the first moment that an intent may have left to the last at which
// MobiFone may have carried it out.
func TestWindow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	early := telco.SendWindow{PreparedAt: at, SendBy: at.Add(time.Minute)}
	fenced := telco.SendWindow{PreparedAt: at.Add(time.Hour), SendBy: at.Add(61 * time.Minute), LastBy: at.Add(70 * time.Minute)}
	open := telco.SendWindow{PreparedAt: at.Add(2 * time.Hour), SendBy: at.Add(121 * time.Minute)}
	opened := at.Add(-time.Hour)
	for name, tt := range map[string]struct {
		intents      []telco.SendWindow
		since, until time.Time
	}{
		"no intent yet":   {nil, opened, time.Time{}},
		"one":             {[]telco.SendWindow{early}, at, at.Add(time.Minute)},
		"one with an end": {[]telco.SendWindow{fenced}, at.Add(time.Hour), at.Add(70 * time.Minute)},
		"in order":        {[]telco.SendWindow{early, fenced, open}, at, at.Add(121 * time.Minute)},
		"out of order":    {[]telco.SendWindow{open, early, fenced}, at, at.Add(121 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			since, until := Window(tt.intents, opened)
			assert.Equal(t, tt.since, since)
			assert.Equal(t, tt.until, until)
		})
	}
	customer := telco.MustParseMSISDN("0901234567")
	fenced.IDs = telco.IDs{TransID: "T-1"}
	assert.Equal(t, Question{IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: customer, Since: at.Add(time.Hour), Until: at.Add(70 * time.Minute)},
		Of(fenced, customer))
}

// Either lookup is enough; without both nothing unknown could be resolved.
func TestCan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		without []telco.Operation
		want    bool
	}{
		"both":      {nil, true},
		"by search": {[]telco.Operation{telco.OpGet}, true},
		"by id":     {[]telco.Operation{telco.OpSearch}, true},
		"neither":   {[]telco.Operation{telco.OpGet, telco.OpSearch}, false},
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
