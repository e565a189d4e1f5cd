package mobifone

// This file holds what may be told to a client: the options, the hooks, and the log, which is a pair of
// hooks. Each option checks its value; New lists every problem at once. The log writes from an allow-list: no
// number, no OTP, no body.

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Option sets something optional. What is wrong with one is reported by [New], together with
// everything else that is wrong.
type Option func(*settings) []telco.FieldError

// settings are what the options set, over the defaults. New reads them once; a client keeps none.
type settings struct {
	contract *contract.Contract
	catalog  *catalog.Catalog
	http     http.RoundTripper
	limiter  Limiter
	hooks    Hooks
	// log is what WithLogger sets.
	log        Hooks
	middleware []transport.Middleware
	timeouts   Timeouts
	retry      Retry
	dialAhead  bool
	// seam is where time and chance come from. Its zero value means the machine's, unless the
	// transport of WithHTTPClient brings its own, as the simulator's does.
	seam seam.Seam
}

func defaults() settings {
	return settings{
		timeouts: Timeouts{Read: 10 * time.Second, Call: 45 * time.Second, OTP: 20 * time.Second, Register: 30 * time.Second},
		retry:    Retry{Tries: 4, BackoffBase: 200 * time.Millisecond, BackoffMax: 5 * time.Second, RetryAfterCap: 20 * time.Second},
	}
}

func fault(field, problem string) []telco.FieldError {
	return []telco.FieldError{{Field: field, Problem: problem}}
}

// WithContract replaces the assumed wire by MobiFone's real one; see docs/contract.md.
func WithContract(c *contract.Contract) Option {
	return func(s *settings) []telco.FieldError {
		if c == nil {
			return fault("WithContract", "is nil; load one with contract.Load")
		}
		s.contract = c
		return nil
	}
}

// WithCatalog replaces the embedded catalog, which only informs and never decides.
func WithCatalog(c *catalog.Catalog) Option {
	return func(s *settings) []telco.FieldError {
		if c == nil {
			return fault("WithCatalog", "is nil; make one with catalog.New")
		}
		s.catalog = c
		return nil
	}
}

// WithHTTPClient sends through the client's Transport. An *http.Transport is cloned,
// once for reads and once for money calls; the clones get TLS ≥ 1.2, no compression and
// bounded headers, and the one for money dials anew for each registration and speaks
// HTTP/1.1 only. Bytes that arrive while no request is under way end the connection of
// such a clone, and are not printed to the process's log. A transport that does not check
// MobiFone's certificate is refused, except for loopback addresses.
//
// The clones use the Proxy of what is given. Without this option, or with a client whose
// Transport is nil, the client's own transport uses the environment's (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY); to use none, give a transport without:
//
//	&http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 256}}
//
// Through a proxy each call dials anew. A DialTLSContext has to agree on http/1.1 (NextProtos
// of its TLS configuration): on a connection that agreed on another protocol no registration
// is sent, outcome NotSent.
//
// Any other RoundTripper is used for both as it is and must not retry by itself: it lies
// below the guard, and a retry in it is a second registration. That of go-retryablehttp is
// refused. The client itself is never changed; its Timeout bounds each try, its Jar and
// CheckRedirect are not used: redirects are never followed.
func WithHTTPClient(h *http.Client) Option {
	return func(s *settings) []telco.FieldError {
		if h == nil {
			return fault("WithHTTPClient", "is nil")
		}
		if own, ok := h.Transport.(*http.Transport); ok && own == nil {
			return fault("WithHTTPClient", "has a nil *http.Transport; leave the field out for the client's own")
		}
		if transport.Retries(h.Transport) {
			return fault("WithHTTPClient", "retries by itself, below the guard: a registration would leave again on every 5xx; "+
				"pass the plain transport, the client repeats what may be repeated")
		}
		s.http = h.Transport
		if d := h.Timeout; d > 0 {
			s.timeouts.Read, s.timeouts.OTP, s.timeouts.Register = min(d, s.timeouts.Read), min(d, s.timeouts.OTP), min(d, s.timeouts.Register)
		}
		return nil
	}
}

// WithDialAhead opens one connection (TCP and TLS) after each OTP request that succeeded,
// so that the coming registration need not wait for it. It saves that registration the
// round trips of the dial, two or three, and DNS; it saves no work. Without it, which is
// the default, each registration dials when it is sent.
//
// The connection is for any registration of this client, is used once, and carries no byte
// of a request before that. There is one at a time; it is closed unused when it is 10 s
// old, and by Close. So it helps where the OTP is entered within 10 s, or where one client
// serves so many tills that OTPs are requested every few seconds; elsewhere MobiFone
// only sees connections that nobody uses, and no limiter counts them.
//
// Before it is used it is looked at: one that has ended, or on which anything waits, is
// thrown away, and the registration dials as ever. No registration waits for a dial that
// was begun ahead; outside Linux the look takes 1 ms. What no look can see is a path that
// died in silence, as when a NAT or a load balancer forgot the connection: the registration
// then leaves, gets no answer and ends Unknown, where a dial would have ended NotSent. Ask
// MobiFone how long it keeps a connection without a request, and how many, before you use it.
//
// Nothing is opened ahead through a proxy, or by a RoundTripper that is no *http.Transport
// (see [WithHTTPClient]). A MaxConnsPerHost does not count the connection.
func WithDialAhead() Option {
	return func(s *settings) []telco.FieldError {
		s.dialAhead = true
		return nil
	}
}

// WithMiddleware wraps each try, before limiter and signature; the first given is the
// outermost. A middleware sees requests in clear, phone number and OTP included, so what
// it logs is its author's responsibility. It must keep the request's context. It cannot
// make a registration leave twice: a second request of the same send is refused.
func WithMiddleware(m ...func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings) []telco.FieldError {
		for _, f := range m {
			if f == nil {
				return fault("WithMiddleware", "is nil")
			}
		}
		s.middleware = append(s.middleware, m...)
		return nil
	}
}

// WithLimiter makes every HTTP request, retries and logins included, wait for l.
func WithLimiter(l Limiter) Option {
	return func(s *settings) []telco.FieldError {
		if l == nil {
			return fault("WithLimiter", "is nil")
		}
		s.limiter = l
		return nil
	}
}

// WithHooks tells h of tries and calls. Given more than once, all hooks are told, in the
// order of the options.
func WithHooks(h Hooks) Option {
	return func(s *settings) []telco.FieldError {
		s.hooks = s.hooks.then(h)
		return nil
	}
}

// WithLogger logs one line per try (debug) and per call (debug; warn when the outcome is
// unknown). Lines are made from an allow-list: no body, no URL, no number, no error text.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) []telco.FieldError {
		if l == nil {
			return fault("WithLogger", "is nil; leave the option out to log nothing")
		}
		s.log = logTo(l)
		return nil
	}
}

// Timeouts bound calls, each with everything in it: waiting for the limiter, a login,
// the last byte of the reply. The caller's context may end a call earlier.
type Timeouts struct {
	// Read bounds one try of eligibility or a lookup; default 10 s.
	Read time.Duration
	// Call bounds all tries of one call together, but not a registration; default 45 s.
	Call time.Duration
	// OTP bounds one try of an OTP request; default 20 s.
	OTP time.Duration
	// Register bounds the one try of a registration; default 30 s.
	Register time.Duration
}

// WithTimeouts sets those that are not zero; none may be negative or above 5 minutes.
func WithTimeouts(t Timeouts) Option {
	return func(s *settings) []telco.FieldError {
		for _, p := range []struct {
			from time.Duration
			to   *time.Duration
		}{{t.Read, &s.timeouts.Read}, {t.Call, &s.timeouts.Call}, {t.OTP, &s.timeouts.OTP}, {t.Register, &s.timeouts.Register}} {
			if p.from < 0 || p.from > 5*time.Minute {
				return fault("WithTimeouts", "each must be from 0 (the default) to 5 minutes")
			}
			if p.from > 0 {
				*p.to = p.from
			}
		}
		return nil
	}
}

// Retry bounds the repetition of eligibility and lookups, and of OTP requests that were
// proven not sent. A registration is never repeated, whatever is set here.
type Retry struct {
	// Tries is the most that one call makes, the first included: 1 to 10, default 4.
	Tries int
	// BackoffBase bounds the first wait, which is a random part of it. It doubles for each
	// further wait; default 200 ms.
	BackoffBase time.Duration
	// BackoffMax bounds every wait of our own; default 5 s.
	BackoffMax time.Duration
	// RetryAfterCap bounds the waits MobiFone asks for. A longer Retry-After ends the call, with
	// the wait in the error; default 20 s.
	RetryAfterCap time.Duration
}

// WithRetry sets those that are not zero.
func WithRetry(r Retry) Option {
	return func(s *settings) []telco.FieldError {
		if r.Tries < 0 || r.Tries > 10 || min(r.BackoffBase, r.BackoffMax, r.RetryAfterCap) < 0 {
			return fault("WithRetry", "tries must be 0 (the default) to 10 and no wait negative")
		}
		if r.Tries > 0 {
			s.retry.Tries = r.Tries
		}
		if r.BackoffBase > 0 {
			s.retry.BackoffBase = r.BackoffBase
		}
		if r.BackoffMax > 0 {
			s.retry.BackoffMax = r.BackoffMax
		}
		if r.RetryAfterCap > 0 {
			s.retry.RetryAfterCap = r.RetryAfterCap
		}
		return nil
	}
}

// Hooks are told what happens, in the goroutine of the call; nil ones are not called.
// They must return fast and must not panic. Their events hold no personal data.
type Hooks struct {
	// OnBegin is called when a call begins; of its event only Operation and Lane are set. The call
	// goes on with the context that OnBegin returns, which must be derived from the given one:
	// limiter, credentials, middleware and the other hooks see it. OnCall is told of each call that
	// began.
	OnBegin func(context.Context, telco.CallEvent) context.Context
	// OnTry is called after each HTTP request.
	OnTry func(context.Context, telco.TryEvent)
	// OnCall is called after each call.
	OnCall func(context.Context, telco.CallEvent)
}

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
