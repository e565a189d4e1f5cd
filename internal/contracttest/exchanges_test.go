package contracttest

import (
	"net/http"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryExchangeIsAsDocumented judges every exchange, and fails when an operation of
// the document was not exercised.
func TestEveryExchangeIsAsDocumented(t *testing.T) {
	t.Parallel()
	j, err := newJudge(readDocument(t), apiKey, secret)
	require.NoError(t, err)
	exchanges := record(t)
	succeeded, refused, statuses := map[string]int{}, map[string]int{}, map[int]int{}
	for _, e := range exchanges {
		for _, fault := range j.faults(e) {
			t.Errorf("%s: %s %s answered %d %s\n   sent %s\n   %s", e.scene, e.method, e.url.Path, e.status, e.answer, e.body, fault)
		}
		id := j.operation(e)
		statuses[e.status]++
		switch {
		case e.unlawful:
		case e.success():
			succeeded[id]++
		default:
			refused[id]++
		}
	}
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			assert.Positive(t, succeeded[op.OperationId], "no success of %s %s", method, path)
			assert.Positive(t, refused[op.OperationId], "no refusal of %s %s", method, path)
		}
	}
	for _, status := range []int{200, 400, 401, 403, 413, 429, 500, 502, 503, 504} {
		assert.Positive(t, statuses[status], "no answer with HTTP %d", status)
	}
	t.Logf("%d exchanges; successes %v; refusals %v; statuses %v", len(exchanges), succeeded, refused, statuses)
}

// TestARealSocketIsAsDocumented is the same over TCP: what net/http adds or takes away
// on both sides must be as documented too.
func TestARealSocketIsAsDocumented(t *testing.T) {
	t.Parallel()
	srv, err := sandbox.Start(sandbox.Config{
		Credentials: telco.Credentials{APIKey: telco.NewSecret(apiKey), Secret: telco.NewSecret(secret)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	road := &http.Transport{}
	t.Cleanup(road.CloseIdleConnections)
	s := onStage(t, "real socket", srv.Sandbox, srv.URL, road)
	wholeSale(s)
	refusedAtRegister(s)
	authentication(s)

	j, err := newJudge(readDocument(t), apiKey, secret)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, e := range s.wire.all() {
		assert.Empty(t, j.faults(e), "%s %s", e.method, e.url.Path)
		id := j.operation(e)
		seen[id] = true
	}
	assert.Len(t, seen, len(operations()))
}
