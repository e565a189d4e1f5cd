package mobifone_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

// told keeps the events of calls.
type told struct {
	mu    sync.Mutex
	calls []telco.CallEvent
}

func (h *told) hooks() mobifone.Option {
	return mobifone.WithHooks(mobifone.Hooks{OnCall: func(_ context.Context, ev telco.CallEvent) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = append(h.calls, ev)
	}})
}

func (h *told) last(t *testing.T) telco.CallEvent {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.NotEmpty(t, h.calls)
	return h.calls[len(h.calls)-1]
}

// serving is a server on loopback that answers with f.
func serving(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// silent is an address where connections are taken and nothing is ever said.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// hung waits until whoever asks has gone.
func hung(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// The evidence names which deadline ended a call, to the caller and to the hook.
func TestWhichDeadlineEndedACall(t *testing.T) {
	t.Parallel()
	short := mobifone.WithTimeouts(mobifone.Timeouts{
		Read: 300 * time.Millisecond, Call: time.Second, OTP: 300 * time.Millisecond, Register: 300 * time.Millisecond,
	})
	begun := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "400")
		_, _ = io.WriteString(w, `{"errorCode":`)
		_ = http.NewResponseController(w).Flush()
		hung(w, r)
	}
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	never := func(ctx context.Context) (telco.Credentials, error) {
		<-ctx.Done()
		return telco.Credentials{}, ctx.Err()
	}
	for name, tc := range map[string]struct {
		url    func(t *testing.T) string
		opts   []mobifone.Option
		change func(*mobifone.Config)
		want   string
		code   telco.Code
	}{
		"a limiter that waits": {
			func(t *testing.T) string { return serving(t, hung) },
			[]mobifone.Option{mobifone.WithLimiter(waiting{})},
			nil, "limiter", telco.LimitReached,
		},
		"a limiter whose wait is too long": {
			func(t *testing.T) string { return serving(t, hung) },
			[]mobifone.Option{mobifone.WithLimiter(emptied(t))},
			nil, "limiter", telco.LimitReached,
		},
		"credentials that do not come": {
			func(t *testing.T) string { return serving(t, hung) }, nil,
			func(c *mobifone.Config) { c.Credentials = never }, "whole", telco.CredentialsFailed,
		},
		"a handshake": {
			func(t *testing.T) string { return "https://" + silent(t) }, nil, nil, "connect", telco.ConnectFailed,
		},
		"a handshake with a time of its own": {
			func(t *testing.T) string { return "https://" + silent(t) },
			[]mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: 50 * time.Millisecond}})},
			nil, "connect", telco.ConnectFailed,
		},
		"a proxy": {
			func(*testing.T) string { return "https://partner.test" },
			[]mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(mustParse(t, "http://"+silent(t)))}})},
			nil, "connect", telco.ConnectFailed,
		},
		"no reply": {
			func(t *testing.T) string { return serving(t, hung) }, nil, nil, "first byte", telco.ReplyLost,
		},
		"no reply, with a time of its own": {
			func(t *testing.T) string { return serving(t, hung) },
			[]mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond}})},
			nil, "first byte", telco.ReplyLost,
		},
		"half a reply": {
			func(t *testing.T) string { return serving(t, begun) }, nil, nil, "body", telco.ReplyUnreadable,
		},
		"no time for another try": {
			func(t *testing.T) string { return serving(t, busy) }, nil, nil, "whole", telco.Maintenance,
		},
		"none": {
			func(t *testing.T) string {
				return serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
			}, nil, nil, "", telco.SystemError,
		},
		"none, refused": {
			func(*testing.T) string { return "http://127.0.0.1:1" }, nil, nil, "", telco.ConnectFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(tc.url(t))
			if tc.change != nil {
				tc.change(&cfg)
			}
			var hook told
			client, err := mobifone.New(cfg, append([]mobifone.Option{short, mobifone.WithRetry(mobifone.Retry{Tries: 2, RetryAfterCap: time.Minute}), hook.hooks()}, tc.opts...)...)
			require.NoError(t, err)
			_, err = client.OTP.Request(t.Context(), otpRequest())
			if name == "no time for another try" { // an OTP request that was sent is not repeated anyway
				err = eligible(t.Context(), client)
			}
			require.ErrorIs(t, err, tc.code)
			assert.Equal(t, tc.want, evidenceOf(t, err).Deadline, "%v", err)
			assert.Equal(t, tc.want, hook.last(t).Evidence.Deadline)
			if tc.want != "" {
				assert.ErrorContains(t, err, "deadline "+tc.want)
			}
		})
	}
}

// waiting is a limiter that grants nothing.
type waiting struct{}

func (waiting) Wait(ctx context.Context, _ telco.Call) error {
	<-ctx.Done()
	return ctx.Err()
}

// emptied is a limiter that has nothing to grant for an hour.
func emptied(t *testing.T) mobifone.Limiter {
	t.Helper()
	l := rate.NewLimiter(rate.Every(time.Hour), 1)
	require.True(t, l.Allow())
	return mobifone.FromRate(l)
}

// mobifoneOf is a server that tells the time with each reply and answers a registration so.
func mobifoneOf(t *testing.T, register http.HandlerFunc) string {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or a registration that is answered was not sent
		if strings.HasSuffix(r.URL.Path, "/register") {
			register(w, r)
			return
		}
		_, _ = io.WriteString(w, answerPackages)
	})
}

func toRegister(t *testing.T, client *mobifone.Client) registration.Request {
	t.Helper()
	require.NoError(t, eligible(t.Context(), client))
	id, err := client.NewPartnerTransID("HN01", "ORDER-1", 1)
	require.NoError(t, err)
	code, err := telco.ParseOTP(canaryOTP)
	require.NoError(t, err)
	return registration.Request{
		MSISDN: telco.MustParseMSISDN(canaryMSISDN), Package: "MXH100", Amount: 100_000,
		TransID: "20261126035901000123", PartnerTransID: id, OTP: code, Staff: staff,
	}
}

// A registration that hangs names the deadline as well, and stays Unknown.
func TestWhichDeadlineEndedARegistration(t *testing.T) {
	t.Parallel()
	client, err := mobifone.New(config(mobifoneOf(t, hung)), mobifone.WithTimeouts(mobifone.Timeouts{
		Read: 5 * time.Second, Call: 5 * time.Second, OTP: 5 * time.Second, Register: 300 * time.Millisecond,
	}))
	require.NoError(t, err)
	_, err = client.Registration.Register(t.Context(), toRegister(t, client))
	require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
	assert.Equal(t, "first byte", evidenceOf(t, err).Deadline)
	note := telco.SupportNote(err)
	assert.Contains(t, note.VI, "Hết thời gian: khi chờ MobiFone trả lời\n")
	assert.Contains(t, note.EN, "Time ran out: waiting for MobiFone's reply to begin\n")
}

// Every request says who sends it, a login too; a middleware may say something else.
func TestRequestsNameTheSDK(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, r.UserAgent())
		_, _ = io.WriteString(w, answerPackages)
	})
	client, err := mobifone.New(config(url))
	require.NoError(t, err)
	require.NoError(t, eligible(t.Context(), client))
	client, err = mobifone.New(config(url), mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			req.Header.Set("User-Agent", "the shop's own/7")
			return next.RoundTrip(req)
		})
	}))
	require.NoError(t, err)
	require.NoError(t, eligible(t.Context(), client))
	assert.Equal(t, []string{"mobifone-go/" + telco.Version, "the shop's own/7"}, said)
}

// MobiFone's own id of an exchange is in the evidence of a success, of a refusal and of each
// earlier try, and shows neither the subscriber's number nor the OTP.
func TestMobiFonesRequestIDIsKept(t *testing.T) {
	t.Parallel()
	const success = `{"errorCode":"0000","requestId":"%","data":{"transId":"20261126035901000123","partnerTransId":"#","status":"SUCCESS"}}`
	for wire, want := range map[string]string{
		"MBF-77": "MBF-77", "20261126035901000123": "20261126035901000123", "": "",
		"MBF84908123477-1": "MBF84***-1", "1-" + canaryOTP: "1-***", strings.Repeat("x", 200): strings.Repeat("x", 128) + "…",
	} {
		var hook told
		var id telco.PartnerTransID
		client, err := mobifone.New(config(mobifoneOf(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.NewReplacer("%", wire, "#", string(id)).Replace(success))
		})), hook.hooks())
		require.NoError(t, err)
		req := toRegister(t, client)
		id = req.PartnerTransID
		receipt, err := client.Registration.Register(t.Context(), req)
		if len(wire) > 150 && err != nil { // the contract may bound it
			continue
		}
		require.NoError(t, err, wire)
		assert.Equal(t, want, receipt.Evidence.TelcoRequestID)
		assert.Equal(t, want, hook.last(t).Evidence.TelcoRequestID)
		assert.Nil(t, receipt.Evidence.Earlier)
	}

	n := 0
	var hook told
	client, err := mobifone.New(config(serving(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n++; n {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errorCode":"9999","requestId":"MBF-2"}`)
		default:
			_, _ = io.WriteString(w, `{"errorCode":"8021","requestId":"MBF-3"}`)
		}
	})), hook.hooks(), mobifone.WithRetry(mobifone.Retry{Tries: 3}))
	require.NoError(t, err)
	err = eligible(t.Context(), client)
	require.ErrorIs(t, err, telco.NotEligible)
	ev := evidenceOf(t, err)
	assert.Equal(t, ev, hook.last(t).Evidence)
	assert.Equal(t, "MBF-3", ev.TelcoRequestID)
	require.Len(t, ev.Earlier, 2)
	assert.Equal(t, http.StatusBadGateway, ev.Earlier[0].HTTPStatus)
	assert.Empty(t, ev.Earlier[0].TelcoRequestID)
	assert.Equal(t, http.StatusInternalServerError, ev.Earlier[1].HTTPStatus)
	assert.Equal(t, "MBF-2", ev.Earlier[1].TelcoRequestID)
	assert.Equal(t, "9999", ev.Earlier[1].WireCode)
	assert.True(t, ev.Earlier[0].Sent && ev.Earlier[1].Sent)
	assert.NotEqual(t, ev.Earlier[0].RequestID, ev.Earlier[1].RequestID)
	assert.NotEqual(t, ev.Earlier[1].RequestID, ev.RequestID)
	note := telco.SupportNote(err)
	for _, text := range []string{note.VI, note.EN} {
		for _, of := range append(ev.Earlier, telco.Try{RequestID: ev.RequestID, TelcoRequestID: "MBF-3"}) {
			assert.Contains(t, text, of.RequestID)
			assert.Contains(t, text, of.TelcoRequestID)
		}
		assert.Contains(t, text, "HTTP 502")
	}
}

// A note for MobiFone's desk has what it searches for, in both languages, and nothing that
// must not be told.
func TestSupportNote(t *testing.T) {
	t.Parallel()
	words := "Ma " + canaryOTP + " cua 0908.123.477 sai, key " + canaryKey + strings.Repeat(" x", 400)
	client, err := mobifone.New(config(mobifoneOf(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"errorCode":"7001","requestId":"MBF-84908123477-9","message":"`+words+`"}`)
	})))
	require.NoError(t, err)
	req := toRegister(t, client)
	_, err = client.Registration.Register(t.Context(), req)
	require.ErrorIs(t, err, telco.OTPInvalid)
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	note := telco.SupportNote(err)
	for language, text := range map[string]string{"vi": note.VI, "en": note.EN} {
		for _, want := range []string{
			string(req.TransID), string(req.PartnerTransID), e.Evidence.RequestID, "MBF-84***-9", "84*****477", "MXH100", "100", "OTP_INVALID", "7001",
			"+07:00", "mobifone-go/" + telco.Version, "registration.register",
		} {
			assert.Contains(t, text, want, language)
		}
		for _, secret := range []string{canaryOTP, canaryMSISDN, canaryMSISDN[1:], "908.123.477", canaryKey, canarySecret, canaryIDKey} {
			assert.NotContains(t, text, secret, language)
		}
		assert.Less(t, len([]rune(text)), 1500, language)
		for line := range strings.Lines(text) {
			assert.Less(t, len([]rune(line)), 350, language)
		}
	}
	assert.Contains(t, note.VI, "ĐỀ NGHỊ TRA SOÁT\n")
	assert.Contains(t, note.VI, "Kết quả phía đối tác: chưa xác định\n")
	assert.Contains(t, note.EN, "Outcome on our side: unknown\n")
	assert.Contains(t, note.EN, "Tries / sent: 1 / 1\n")

	ofHandle := e.Handle.SupportNote(e.Evidence)
	assert.Contains(t, ofHandle.EN, "MBF-84***-9")
	assert.Contains(t, ofHandle.VI, string(req.TransID))
	assert.NotContains(t, ofHandle.EN, "Outcome", "evidence alone proves none")
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

// What only informs and cannot be read never makes a success unreadable, and shows in the
// evidence and to the hook.
func TestDecorationsThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var told []string
	client := newClient(t, p, mobifone.WithHooks(mobifone.Hooks{OnCall: func(_ context.Context, ev telco.CallEvent) {
		if ev.Operation == telco.OpRegister {
			told = ev.Evidence.Unread
		}
	}}))
	req := toOTP(t, client)
	p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		wiretest.Raw(200, "application/json", `{"errorCode":"0000","message":{},"data":{"transId":"`+string(f.TransID)+
			`","partnerTransId":"`+string(f.PartnerTransID)+`","status":"SUCCESS","registeredAt":"hôm nay","expiredAt":""}}`)(w, r, f)
	})
	receipt, err := client.Registration.Register(t.Context(), req)
	require.NoError(t, err)
	assert.True(t, receipt.RegisteredAt.IsZero())
	assert.Equal(t, []string{"message", "data.registeredAt"}, receipt.Evidence.Unread)
	assert.Equal(t, receipt.Evidence.Unread, told)
}
