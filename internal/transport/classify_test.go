package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// classifying is a transport under a contract that is changed a little.
func classifying(t *testing.T, change func(*contract.Semantics)) *Transport {
	t.Helper()
	c := contract.Default()
	if change != nil {
		var err error
		c, err = c.WithSemantics(change)
		require.NoError(t, err)
	}
	return transportTo(t, c, wiretest.New(t, c).Server.URL, nil)
}

// replied is a reply of MobiFone's, made now.
func replied(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Date": {date(time.Now())}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// wrote is the first try of a call whose body left, if it is a guarded one.
func wrote(tr *Transport, op telco.Operation) *try {
	t := newTry(tr, &call{op: op, fields: field.Request{TransID: "T-1", PartnerTransID: "P-1"}, sent: wire.Request{Body: []byte("x")}})
	_, _ = t.begin("id", time.Now())
	if t.call.guarded() {
		t.shot.rest, t.shot.passed, t.shot.read = t.call.sent.Body, true, true
	}
	t.leave("id")
	t.sent(time.Now())
	return t
}

// newTry is the first try of a call, before anything came of it.
func newTry(tr *Transport, cl *call) *try {
	cl.Context, cl.core, cl.began = context.Background(), tr.core, time.Now()
	t := &cl.first
	cl.now, t.call, t.shot.owner = t, cl, t
	return t
}

var errGone = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// What kept a try from being answered, and what that says of a body that left or not.
func TestWhatAFailureProves(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	own := func(code telco.Code) *telco.Error {
		return &telco.Error{Outcome: telco.NotSent, Code: code, Err: errors.New("by the secret")}
	}
	stayed := func(r *try) { r.shot.read, r.call.sofar.Sends = false, 0 }
	bypassed := func(r *try) { r.shot.passed, r.shot.read, r.call.sofar.Sends = false, false, 0 }
	for name, tc := range map[string]struct {
		op      telco.Operation
		change  func(r *try)
		resp    *http.Response
		err     error
		outcome telco.Outcome
		code    telco.Code
		again   bool
	}{
		"neither reply nor error":    {telco.OpEligible, nil, nil, errNeither, telco.Unknown, telco.ReplyLost, true},
		"a reply beside an error":    {telco.OpEligible, nil, replied(200, `{"errorCode":"0000"}`), io.ErrUnexpectedEOF, telco.Unknown, telco.ReplyLost, true},
		"never on the wire":          {telco.OpEligible, func(r *try) { r.onWire, r.call.sofar.Sends = false, 0 }, nil, io.EOF, telco.NotSent, telco.ConnectFailed, true},
		"given up before the wire":   {telco.OpEligible, func(r *try) { r.onWire, r.call.sofar.Sends = false, 0 }, nil, context.Canceled, telco.NotSent, telco.Canceled, true},
		"never connected":            {telco.OpEligible, func(r *try) { r.call.sofar.Sends = 0 }, nil, errGone, telco.NotSent, telco.ConnectFailed, true},
		"refused by ourselves":       {telco.OpEligible, func(r *try) { r.refusal, r.call.sofar.Sends = own(telco.LimitReached), 0 }, nil, io.EOF, telco.NotSent, telco.LimitReached, false},
		"an earlier try left":        {telco.OpEligible, func(r *try) { r.refusal = own(telco.LimitReached) }, nil, io.EOF, telco.Unknown, telco.LimitReached, false},
		"money, left, no connection": {telco.OpRegister, nil, nil, errGone, telco.Unknown, telco.ReplyLost, true},
		"money, left, refused":       {telco.OpRegister, func(r *try) { r.refusal = own(telco.AuthKey) }, nil, io.EOF, telco.Unknown, telco.AuthKey, false},
		"money, stayed, lost":        {telco.OpRegister, stayed, nil, io.EOF, telco.NotSent, telco.ConnectFailed, true},
		"money, stayed, given up":    {telco.OpRegister, stayed, nil, context.Canceled, telco.NotSent, telco.Canceled, true},
		"money, stayed by the guard": {telco.OpRegister, func(r *try) {
			stayed(r)
			r.shot.refused = &telco.Error{Code: telco.PastSendBy, Err: errShotClosed}
		}, nil, io.EOF, telco.NotSent, telco.PastSendBy, false},
		"money, answered by somebody":   {telco.OpRegister, bypassed, replied(200, `{"errorCode":"8021"}`), nil, telco.Unknown, telco.ReplyUnreadable, false},
		"money, a redirect of somebody": {telco.OpRegister, bypassed, replied(302, ""), nil, telco.Unknown, telco.ReplyUnreadable, false},
	} {
		r := wrote(tr, tc.op)
		r.call.granted = &grant{credentials: telco.Credentials{Secret: telco.NewSecret("secret")}}
		if tc.change != nil {
			tc.change(r)
		}
		v := tr.classify(r, tc.resp, tc.err)
		require.NotNil(t, v.err, name)
		assert.Equal(t, tc.outcome, v.err.Outcome, name)
		assert.Equal(t, tc.code, v.err.Code, name)
		assert.Equal(t, tc.again, v.again, name)
		require.Error(t, v.err.Err, name)
		assert.NotContains(t, v.err.Err.Error(), "secret", name)
		if name == "money, a redirect of somebody" {
			assert.ErrorContains(t, v.err.Err, "redirect", "the first cause stays")
		}
	}
}

// What a reply proves by its status and its words.
func TestWhatAReplyProves(t *testing.T) {
	t.Parallel()
	success := `{"errorCode":"0000","data":{"transId":"T-1","partnerTransId":"P-1","status":"%"}}`
	state := func(s string) string { return strings.ReplaceAll(success, "%", s) }
	for name, tc := range map[string]struct {
		op             telco.Operation
		status         int
		body           string
		outcome        telco.Outcome
		code           telco.Code
		again, refresh bool
		says           string
	}{
		"300":                         {telco.OpEligible, 300, `{"errorCode":"0000"}`, telco.Unknown, telco.RedirectRefused, false, false, "redirect"},
		"299, no envelope":            {telco.OpEligible, 299, "x", telco.Unknown, telco.ReplyUnreadable, true, false, ""},
		"401, no envelope":            {telco.OpEligible, 401, "x", telco.Unknown, telco.SystemError, true, true, ""},
		"404, no envelope":            {telco.OpEligible, 404, "x", telco.Unknown, telco.SystemError, false, false, ""},
		"408, no envelope":            {telco.OpEligible, 408, "x", telco.Unknown, telco.SystemError, true, false, ""},
		"429, no envelope":            {telco.OpOTP, 429, "x", telco.Rejected, telco.RateLimited, true, false, ""},
		"429, no envelope, money":     {telco.OpRegister, 429, "x", telco.Unknown, telco.RateLimited, true, false, ""},
		"503, no envelope":            {telco.OpOTP, 503, "x", telco.Unknown, telco.Maintenance, true, false, ""},
		"limited":                     {telco.OpOTP, 200, `{"errorCode":"9001"}`, telco.Rejected, telco.RateLimited, true, false, ""},
		"limited, money":              {telco.OpRegister, 200, `{"errorCode":"9001"}`, telco.Unknown, telco.RateLimited, true, false, ""},
		"a refusal under 500":         {telco.OpEligible, 500, `{"errorCode":"8021"}`, telco.Unknown, telco.NotEligible, true, false, ""},
		"a refusal":                   {telco.OpEligible, 200, `{"errorCode":"8021"}`, telco.Rejected, telco.NotEligible, false, false, ""},
		"money, done":                 {telco.OpRegister, 299, state("SUCCESS"), telco.Succeeded, "", false, false, ""},
		"money, done, under 404":      {telco.OpRegister, 404, state("SUCCESS"), telco.Unknown, telco.ReplyUnreadable, true, false, "a success code under HTTP 404"},
		"money, pending":              {telco.OpRegister, 200, state("PENDING"), telco.Unknown, telco.Processing, true, false, "accepted, and not done yet"},
		"money, init":                 {telco.OpRegister, 200, state("INIT"), telco.Unknown, telco.Processing, true, false, "accepted, and not done yet"},
		"money, failed":               {telco.OpRegister, 200, state("FAILED"), telco.Unknown, telco.ReplyUnreadable, true, false, "a success code with a state that is no success"},
		"money, in an unlisted state": {telco.OpRegister, 200, state("ODD"), telco.Unknown, telco.ReplyUnreadable, true, false, "a success code with a state that is no success"},
		"money, without a state":      {telco.OpRegister, 200, `{"errorCode":"0000","data":{"transId":"T-1","partnerTransId":"P-1"}}`, telco.Succeeded, "", false, false, ""},
		"money, of another":           {telco.OpRegister, 200, strings.ReplaceAll(state("SUCCESS"), "T-1", "T-2"), telco.Unknown, telco.ReplyUnreadable, true, false, "another transId"},
		"a row and no success":        {telco.OpGet, 200, `{"errorCode":"8004","data":{"transaction":{"transId":"T-1"}}}`, telco.Unknown, telco.ReplyUnreadable, true, false, "a transaction comes with it"},
	} {
		tr := classifying(t, func(s *contract.Semantics) { s.TooManyRequestsMeansNotExecuted = true })
		r := wrote(tr, tc.op)
		v := tr.classify(r, replied(tc.status, tc.body), nil)
		if tc.outcome == telco.Succeeded {
			assert.Nil(t, v.err, name)
			continue
		}
		require.NotNil(t, v.err, name)
		assert.Equal(t, tc.outcome, v.err.Outcome, name)
		assert.Equal(t, tc.code, v.err.Code, name)
		assert.Equal(t, tc.again, v.again, name)
		assert.Equal(t, tc.refresh, v.refresh, name)
		if tc.says != "" {
			require.Error(t, v.err.Err, name)
			assert.ErrorContains(t, v.err.Err, tc.says, name)
		}
	}
}

// The evidence names the deadline that ended a try by how far the request came: before the
// wire, while its connection was made, or after it was let out.
func TestWhichDeadlineEndedATry(t *testing.T) {
	t.Parallel()
	late := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for name, tc := range map[string]struct {
		onWire, dialing, letOut bool
		err                     error
		deadline                string
	}{
		"in a middleware":           {false, false, false, late, deadlineWhole},
		"while it dialled":          {true, true, false, late, deadlineConnect},
		"it dialled and was sent":   {true, true, true, late, deadlineFirstByte},
		"it was sent":               {true, false, true, late, deadlineFirstByte},
		"on a connection, not sent": {true, false, false, late, deadlineFirstByte},
		"refused, no deadline":      {true, true, false, errGone, ""},
		"broken off, no deadline":   {true, true, true, io.ErrUnexpectedEOF, ""},
		"given up, no deadline":     {true, true, true, context.Canceled, ""},
	} {
		for _, op := range []telco.Operation{telco.OpEligible, telco.OpRegister} {
			tr := classifying(t, nil)
			r := wrote(tr, op)
			r.onWire, r.dialing, r.letOut = tc.onWire, tc.dialing, tc.letOut
			v := tr.classify(r, nil, tc.err)
			assert.Equal(t, tc.deadline, v.err.Evidence.Deadline, "%s: %s", op, name)
		}
	}
}

// A registration that a middleware repeats leaves once, and what is said of the second one
// is that the first had left.
func TestARegistrationThatIsRepeated(t *testing.T) {
	t.Parallel()
	sent := 0
	tr := over(t, func(req *http.Request) (*http.Response, error) {
		sent++
		_, _ = io.ReadAll(req.Body)
		return nil, io.ErrUnexpectedEOF
	}, func(cfg *Config) {
		cfg.Middleware = []Middleware{func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(req *http.Request) (*http.Response, error) {
				if resp, err := next.RoundTrip(req); err == nil {
					return resp, nil
				}
				return next.RoundTrip(req)
			})
		}}
	})
	require.True(t, tr.clock.observe(time.Now(), tr.local.read(), tr.local.read()))
	_, err := tr.Send(t.Context(), field.Request{TransID: "T-1", PartnerTransID: "P-1"}, time.Now().Add(time.Minute))
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, 1, sent)
	assert.Equal(t, telco.Unknown, e.Outcome)
	assert.Equal(t, telco.AlreadySent, e.Code)
	assert.Equal(t, 1, e.Evidence.Sends)
}

// Beside a reply that cannot be read stands none of what was read of it.
func TestAReplyThatIsHalfRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no envelope":     `x`,
		"a broken amount": `{"errorCode":"0000","requestId":"Q-1","message":"done","data":{"transaction":{"transId":"T-1","amount":"much"}}}`,
	} {
		tr := classifying(t, nil)
		tr.reads.wire = roundTrip(func(*http.Request) (*http.Response, error) { return replied(200, body), nil })
		reply, err := lookUp(t, tr)
		require.ErrorIs(t, err, telco.ReplyUnreadable, name)
		assert.Equal(t, Reply{}, reply, name)
	}
}

func register(t *testing.T, tr *Transport, n int) error {
	t.Helper()
	code, err := telco.ParseOTP("730194")
	require.NoError(t, err)
	_, latest, err := tr.MobiFoneNow()
	require.NoError(t, err)
	_, err = tr.Send(t.Context(), field.Request{
		Channel: "SHOP", MSISDN: telco.MustParseMSISDN("0908123477"), Package: "C120", Amount: 120_000,
		TransID: telco.TransID("T-" + string(rune('A'+n%26))), PartnerTransID: transid.Random(), OTP: code,
		Staff: telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"},
	}, latest.Add(20*time.Second))
	return err
}

// A well-formed refusal under 5xx or 408 may be a gateway's word about a request that was
// executed: whatever listed code it has, the registration is Unknown. Under 200 and other
// 4xx the same codes refuse.
func TestRefusalOfAFailedRequestIsUnknown(t *testing.T) {
	t.Parallel()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = true })
	require.NoError(t, err)
	doc := c.Document()
	p := wiretest.New(t, c)
	tr := transportTo(t, c, p.Server.URL, nil)
	_, err = lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	sent, refused := 0, 0
	for _, rule := range doc.Codes {
		for _, code := range rule.Wire {
			if slices.Contains(doc.Envelope.SuccessCodes, code) {
				continue
			}
			for _, status := range []int{200, 400, 409, 422, 408, 500, 501, 502, 503, 504, 507, 511, 599} {
				p.On(telco.OpRegister, p.Says(telco.OpRegister, status, wire.Answer{WireCode: code, Message: "x"}))
				err := register(t, tr, sent)
				sent++
				e, ok := errors.AsType[*telco.Error](err)
				require.True(t, ok)
				if status == 408 || status >= 500 {
					assert.Equal(t, telco.Unknown, e.Outcome, "%s under HTTP %d", code, status)
					assert.Equal(t, status, e.Evidence.HTTPStatus)
				} else if e.Outcome == telco.Rejected {
					refused++
				}
			}
		}
	}
	assert.Equal(t, sent, p.OnWire(telco.OpRegister))
	assert.Equal(t, 4*24, refused, "24 codes refuse, under each of four statuses")
}
