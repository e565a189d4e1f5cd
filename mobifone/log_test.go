package mobifone_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// The log and the hooks are told of the same tries and calls, each with or without the
// other.
func TestLogAndHooksAreBothTold(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]struct{ log, hooks bool }{
		"neither": {}, "log": {log: true}, "hooks": {hooks: true}, "both": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				var e events
				var out bytes.Buffer
				opts := []mobifone.Option{quick(2)}
				if on.hooks {
					opts = append(opts, mobifone.WithHooks(e.hooks(t)))
				}
				if on.log {
					opts = append(opts, mobifone.WithLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				}
				client := w.client(t, opts...)
				w.say(first(func(int, arrival) (*http.Response, error) { return answer(503, "no"), nil }))
				require.NoError(t, eligible(context.WithValue(t.Context(), ctxKey{}, "the caller's"), client))

				tries, calls := e.take()
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				if !on.hooks {
					assert.Empty(t, tries)
					assert.Empty(t, calls)
				} else {
					assert.Len(t, tries, 2)
					assert.Len(t, calls, 1)
				}
				if !on.log {
					assert.Empty(t, out.String())
					return
				}
				require.Len(t, lines, 3)
				id := w.all()[1].req.Header.Get(requestIDHeader)
				for i, want := range []string{
					`level=DEBUG msg="mobifone try" operation=packages.eligible lane=foreground try=1 request_id=`,
					`level=DEBUG msg="mobifone try" operation=packages.eligible lane=foreground try=2 request_id=` + id + ` http_status=200 sent=true `,
					`level=DEBUG msg="mobifone call" operation=packages.eligible lane=foreground outcome=succeeded code=SUCCESS wire_code=0000 tries=2 sends=2 http_status=200 request_id=` + id + ` took=`,
				} {
					assert.Contains(t, lines[i], want)
				}
			})
		})
	}
}

// A call whose end is not known is a warning.
func TestUnknownIsLoggedAsAWarning(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var out bytes.Buffer
		client := w.client(t, quick(1), mobifone.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		req := toOTP(t, client)
		w.say(always(500))
		_, err := client.Registration.Register(t.Context(), req)
		require.Error(t, err)
		assert.Contains(t, out.String(), `level=WARN msg="mobifone call" operation=registration.register lane=foreground outcome=unknown`)
	})
}
