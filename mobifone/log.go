package mobifone

import (
	"context"
	"log/slog"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// logTo is a pair of hooks that writes the lines of [WithLogger]. Only that option
// mentions it: log/slog's handlers, and encoding/json behind them, stay out of a program
// that does not log.
func logTo(l *slog.Logger) Hooks {
	return Hooks{
		OnTry: func(ctx context.Context, ev partner.TryEvent) {
			l.LogAttrs(ctx, slog.LevelDebug, "partner try",
				slog.String("operation", string(ev.Operation)), slog.String("lane", ev.Lane.String()),
				slog.Int("try", ev.Try), slog.String("request_id", ev.RequestID),
				slog.Int("http_status", ev.HTTPStatus), slog.Bool("sent", ev.Sent),
				slog.Duration("limit_wait", ev.LimitWait), slog.Duration("took", ev.Duration))
		},
		OnCall: func(ctx context.Context, ev partner.CallEvent) {
			level := slog.LevelDebug
			if ev.Outcome == partner.Unknown {
				level = slog.LevelWarn
			}
			l.LogAttrs(ctx, level, "partner call",
				slog.String("operation", string(ev.Operation)), slog.String("lane", ev.Lane.String()),
				slog.String("outcome", ev.Outcome.String()), slog.String("code", string(ev.Code)),
				slog.String("wire_code", ev.WireCode), slog.Int("tries", ev.Evidence.Tries),
				slog.Int("sends", ev.Evidence.Sends), slog.Int("http_status", ev.Evidence.HTTPStatus),
				slog.String("request_id", ev.Evidence.RequestID), slog.Duration("took", ev.Duration))
		},
	}
}

// then tells h, then next.
func (h Hooks) then(next Hooks) Hooks {
	all := h
	if h.OnTry == nil {
		all.OnTry = next.OnTry
	} else if next.OnTry != nil {
		all.OnTry = func(ctx context.Context, ev partner.TryEvent) {
			h.OnTry(ctx, ev)
			next.OnTry(ctx, ev)
		}
	}
	if h.OnCall == nil {
		all.OnCall = next.OnCall
	} else if next.OnCall != nil {
		all.OnCall = func(ctx context.Context, ev partner.CallEvent) {
			h.OnCall(ctx, ev)
			next.OnCall(ctx, ev)
		}
	}
	return all
}
