package sale

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// past is a store that holds one history.
type past struct {
	*Memory

	events []Event
	err    error
}

func (p *past) Events(context.Context, string) ([]Event, error) { return p.events, p.err }

// What a person has ruled on: the same row in every part that decides, before the last ruling, while the cash is here.
func TestWhatARulingCovers(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	row := func(change func(*Row)) *Row {
		r := Row{IDs: telco.IDs{TransID: "T1", PartnerTransID: "P1"}, State: telco.StateReversed, Differs: "amount", UpdatedAt: at}
		if change != nil {
			change(&r)
		}
		return &r
	}
	shown := Event{Kind: kindObserved, Row: row(nil)}
	twice := Event{Kind: kindObserved, Row: row(nil), Twice: true}
	found := Event{Kind: kindLookedUp, Lookup: &Lookup{Rows: []Row{*row(func(r *Row) { r.TransID = "T2" }), *row(nil)}}}
	decided := Event{Kind: kindDecided}
	ruled := Sale{State: Registered, Reason: reasonDecided}
	for name, tt := range map[string]struct {
		sale    Sale
		history []Event
		now     Event
		want    bool
	}{
		"observed, then ruled on":       {ruled, []Event{shown, decided}, shown, true},
		"looked up, then ruled on":      {ruled, []Event{found, decided}, shown, true},
		"ruled on twice":                {ruled, []Event{shown, decided, decided}, shown, true},
		"the cash is to go back":        {Sale{State: RefundDue, Reason: reasonDecided}, []Event{shown, decided}, shown, true},
		"the cash is out":               {Sale{State: Refunded, Reason: reasonDecided}, []Event{shown, decided}, shown, false},
		"nobody ruled":                  {Sale{State: Registered}, []Event{shown, decided}, shown, false},
		"observed after the ruling":     {ruled, []Event{decided, shown}, shown, false},
		"nothing was shown":             {ruled, []Event{decided}, shown, false},
		"another transId":               {ruled, []Event{shown, decided}, Event{Row: row(func(r *Row) { r.TransID = "T2" })}, false},
		"another state":                 {ruled, []Event{shown, decided}, Event{Row: row(func(r *Row) { r.State = telco.StateFailed })}, false},
		"another difference":            {ruled, []Event{shown, decided}, Event{Row: row(func(r *Row) { r.Differs = "package" })}, false},
		"changed since":                 {ruled, []Event{shown, decided}, Event{Row: row(func(r *Row) { r.UpdatedAt = at.Add(time.Second) })}, false},
		"twice now":                     {ruled, []Event{shown, decided}, twice, false},
		"twice before":                  {ruled, []Event{twice, decided}, shown, false},
		"twice now, and looked up once": {ruled, []Event{found, decided}, twice, false},
		"twice both times":              {ruled, []Event{twice, decided}, twice, true},
	} {
		got, err := (&Desk{cfg: Config{Store: &past{events: tt.history}}}).ruledOn(t.Context(), tt.sale, tt.now)
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, got, name)
	}
	gone := errors.New("the store is gone")
	got, err := (&Desk{cfg: Config{Store: &past{events: []Event{shown, decided}, err: gone}}}).ruledOn(t.Context(), ruled, shown)
	require.ErrorIs(t, err, gone)
	assert.False(t, got)
}
