package mobifone

// This file writes the hooks' events to a log. It logs no number, no OTP and no body.

import (
	"context"
	"log/slog"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// logTo is a pair of hooks that writes the lines of [WithLogger]. Only that option
// mentions it: log/slog's handlers, and encoding/json behind them, stay out of a program
// that does not log.
func logTo(l *slog.Logger) Hooks {
	return Hooks{
		OnTry: func(ctx context.Context, ev telco.TryEvent) {
			l.LogAttrs(ctx, slog.LevelDebug, "mobifone try",
				slog.String("operation", string(ev.Operation)), slog.String("lane", ev.Lane.String()),
				slog.Int("try", ev.Try), slog.String("request_id", ev.RequestID),
				slog.Int("http_status", ev.HTTPStatus), slog.Bool("sent", ev.Sent),
				slog.Duration("limit_wait", ev.LimitWait), slog.Duration("took", ev.Duration))
		},
		OnCall: func(ctx context.Context, ev telco.CallEvent) {
			level := slog.LevelDebug
			if ev.Outcome == telco.Unknown {
				level = slog.LevelWarn
			}
			l.LogAttrs(ctx, level, "mobifone call",
				slog.String("operation", string(ev.Operation)), slog.String("lane", ev.Lane.String()),
				slog.String("outcome", ev.Outcome.String()), slog.String("code", string(ev.Code)),
				slog.String("wire_code", ev.WireCode), slog.Int("tries", ev.Evidence.Tries),
				slog.Int("sends", ev.Evidence.Sends), slog.Int("http_status", ev.Evidence.HTTPStatus),
				slog.String("request_id", ev.Evidence.RequestID), slog.Duration("took", ev.Duration),
				slog.String("telco_request_id", text.Scrub(ev.Evidence.TelcoRequestID)),
				slog.String("deadline", ev.Evidence.Deadline))
		},
	}
}

// then tells h, then next.
func (h Hooks) then(next Hooks) Hooks {
	return Hooks{OnBegin: nested(h.OnBegin, next.OnBegin), OnTry: inTurn(h.OnTry, next.OnTry), OnCall: inTurn(h.OnCall, next.OnCall)}
}

// nested gives the context of the first to the second. It returns the one that is there;
// nil when neither is.
func nested[E any](first, second func(context.Context, E) context.Context) func(context.Context, E) context.Context {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(ctx context.Context, ev E) context.Context { return second(first(ctx, ev), ev) }
}

// inTurn tells both, or the one that is there; nil when neither is.
func inTurn[E any](first, second func(context.Context, E)) func(context.Context, E) {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(ctx context.Context, ev E) {
		first(ctx, ev)
		second(ctx, ev)
	}
}
