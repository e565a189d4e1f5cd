package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
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

// replied is a reply of the partner's, made now.
func replied(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Date": {date(time.Now())}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// wrote is the first try of a call whose body left, if it is a guarded one.
func wrote(tr *Transport, op partner.Operation) *try {
	t := newTry(tr, &call{op: op, fields: field.Request{TransID: "T-1", PartnerTransID: "P-1"}, sent: wire.Request{Body: []byte("x")}})
	_ = t.begin("id", time.Now())
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
	own := func(code partner.Code) *partner.Error {
		return &partner.Error{Outcome: partner.NotSent, Code: code, Err: errors.New("by the secret")}
	}
	stayed := func(r *try) { r.shot.read, r.call.sofar.Sends = false, 0 }
	bypassed := func(r *try) { r.shot.passed, r.shot.read, r.call.sofar.Sends = false, false, 0 }
	for name, tc := range map[string]struct {
		op      partner.Operation
		change  func(r *try)
		resp    *http.Response
		err     error
		outcome partner.Outcome
		code    partner.Code
		again   bool
	}{
		"neither reply nor error":    {partner.OpEligible, nil, nil, errNeither, partner.Unknown, partner.ReplyLost, true},
		"a reply beside an error":    {partner.OpEligible, nil, replied(200, `{"errorCode":"0000"}`), io.ErrUnexpectedEOF, partner.Unknown, partner.ReplyLost, true},
		"never on the wire":          {partner.OpEligible, func(r *try) { r.onWire, r.call.sofar.Sends = false, 0 }, nil, io.EOF, partner.NotSent, partner.ConnectFailed, true},
		"given up before the wire":   {partner.OpEligible, func(r *try) { r.onWire, r.call.sofar.Sends = false, 0 }, nil, context.Canceled, partner.NotSent, partner.Canceled, true},
		"never connected":            {partner.OpEligible, func(r *try) { r.call.sofar.Sends = 0 }, nil, errGone, partner.NotSent, partner.ConnectFailed, true},
		"refused by ourselves":       {partner.OpEligible, func(r *try) { r.refusal, r.call.sofar.Sends = own(partner.LimitReached), 0 }, nil, io.EOF, partner.NotSent, partner.LimitReached, false},
		"an earlier try left":        {partner.OpEligible, func(r *try) { r.refusal = own(partner.LimitReached) }, nil, io.EOF, partner.Unknown, partner.LimitReached, false},
		"money, left, no connection": {partner.OpRegister, nil, nil, errGone, partner.Unknown, partner.ReplyLost, true},
		"money, left, refused":       {partner.OpRegister, func(r *try) { r.refusal = own(partner.AuthKey) }, nil, io.EOF, partner.Unknown, partner.AuthKey, false},
		"money, stayed, lost":        {partner.OpRegister, stayed, nil, io.EOF, partner.NotSent, partner.ConnectFailed, true},
		"money, stayed, given up":    {partner.OpRegister, stayed, nil, context.Canceled, partner.NotSent, partner.Canceled, true},
		"money, stayed by the guard": {partner.OpRegister, func(r *try) {
			stayed(r)
			r.shot.refused = &partner.Error{Code: partner.PastSendBy, Err: errShotClosed}
		}, nil, io.EOF, partner.NotSent, partner.PastSendBy, false},
		"money, answered by somebody":   {partner.OpRegister, bypassed, replied(200, `{"errorCode":"8021"}`), nil, partner.Unknown, partner.ReplyUnreadable, false},
		"money, a redirect of somebody": {partner.OpRegister, bypassed, replied(302, ""), nil, partner.Unknown, partner.ReplyUnreadable, false},
	} {
		r := wrote(tr, tc.op)
		r.call.granted = &grant{credentials: partner.Credentials{Secret: partner.NewSecret("secret")}}
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
		op             partner.Operation
		status         int
		body           string
		outcome        partner.Outcome
		code           partner.Code
		again, refresh bool
		says           string
	}{
		"300":                         {partner.OpEligible, 300, `{"errorCode":"0000"}`, partner.Unknown, partner.RedirectRefused, false, false, "redirect"},
		"299, no envelope":            {partner.OpEligible, 299, "x", partner.Unknown, partner.ReplyUnreadable, true, false, ""},
		"401, no envelope":            {partner.OpEligible, 401, "x", partner.Unknown, partner.SystemError, true, true, ""},
		"404, no envelope":            {partner.OpEligible, 404, "x", partner.Unknown, partner.SystemError, false, false, ""},
		"408, no envelope":            {partner.OpEligible, 408, "x", partner.Unknown, partner.SystemError, true, false, ""},
		"429, no envelope":            {partner.OpOTP, 429, "x", partner.Rejected, partner.RateLimited, true, false, ""},
		"429, no envelope, money":     {partner.OpRegister, 429, "x", partner.Unknown, partner.RateLimited, true, false, ""},
		"503, no envelope":            {partner.OpOTP, 503, "x", partner.Unknown, partner.Maintenance, true, false, ""},
		"limited":                     {partner.OpOTP, 200, `{"errorCode":"9001"}`, partner.Rejected, partner.RateLimited, true, false, ""},
		"limited, money":              {partner.OpRegister, 200, `{"errorCode":"9001"}`, partner.Unknown, partner.RateLimited, true, false, ""},
		"a refusal under 500":         {partner.OpEligible, 500, `{"errorCode":"8021"}`, partner.Unknown, partner.NotEligible, true, false, ""},
		"a refusal":                   {partner.OpEligible, 200, `{"errorCode":"8021"}`, partner.Rejected, partner.NotEligible, false, false, ""},
		"money, done":                 {partner.OpRegister, 299, state("SUCCESS"), partner.Succeeded, "", false, false, ""},
		"money, done, under 404":      {partner.OpRegister, 404, state("SUCCESS"), partner.Unknown, partner.ReplyUnreadable, true, false, "a success code under HTTP 404"},
		"money, pending":              {partner.OpRegister, 200, state("PENDING"), partner.Unknown, partner.Processing, true, false, "accepted, and not done yet"},
		"money, init":                 {partner.OpRegister, 200, state("INIT"), partner.Unknown, partner.Processing, true, false, "accepted, and not done yet"},
		"money, failed":               {partner.OpRegister, 200, state("FAILED"), partner.Unknown, partner.ReplyUnreadable, true, false, "a success code with a state that is no success"},
		"money, in an unlisted state": {partner.OpRegister, 200, state("ODD"), partner.Unknown, partner.ReplyUnreadable, true, false, "a success code with a state that is no success"},
		"money, without a state":      {partner.OpRegister, 200, `{"errorCode":"0000","data":{"transId":"T-1","partnerTransId":"P-1"}}`, partner.Succeeded, "", false, false, ""},
		"money, of another":           {partner.OpRegister, 200, strings.ReplaceAll(state("SUCCESS"), "T-1", "T-2"), partner.Unknown, partner.ReplyUnreadable, true, false, "another transId"},
		"a row and no success":        {partner.OpGet, 200, `{"errorCode":"8004","data":{"transaction":{"transId":"T-1"}}}`, partner.Unknown, partner.ReplyUnreadable, true, false, "a transaction comes with it"},
	} {
		tr := classifying(t, func(s *contract.Semantics) { s.TooManyRequestsMeansNotExecuted = true })
		r := wrote(tr, tc.op)
		v := tr.classify(r, replied(tc.status, tc.body), nil)
		if tc.outcome == partner.Succeeded {
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

// A deadline has passed whatever kind of error says so, also beside one that is none.
func TestTimedOut(t *testing.T) {
	t.Parallel()
	for err, late := range map[error]bool{
		context.DeadlineExceeded:                              true,
		os.ErrDeadlineExceeded:                                true,
		&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}: true,
		errors.Join(errGone, context.DeadlineExceeded):        true,
		errHandshakeTimeout:                                   true,
		errGone:                                               false,
		context.Canceled:                                      false,
		io.EOF:                                                false,
		nil:                                                   false,
	} {
		assert.Equal(t, late, timedOut(err), "%v", err)
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
		deadline                partner.Deadline
	}{
		"in a middleware":           {false, false, false, late, partner.DeadlineWhole},
		"while it dialled":          {true, true, false, late, partner.DeadlineConnect},
		"it dialled and was sent":   {true, true, true, late, partner.DeadlineFirstByte},
		"it was sent":               {true, false, true, late, partner.DeadlineFirstByte},
		"on a connection, not sent": {true, false, false, late, partner.DeadlineFirstByte},
		"refused, no deadline":      {true, true, false, errGone, ""},
		"broken off, no deadline":   {true, true, true, io.ErrUnexpectedEOF, ""},
		"given up, no deadline":     {true, true, true, context.Canceled, ""},
	} {
		for _, op := range []partner.Operation{partner.OpEligible, partner.OpRegister} {
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
	e, ok := errors.AsType[*partner.Error](err)
	require.True(t, ok)
	assert.Equal(t, 1, sent)
	assert.Equal(t, partner.Unknown, e.Outcome)
	assert.Equal(t, partner.AlreadySent, e.Code)
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
		require.ErrorIs(t, err, partner.ReplyUnreadable, name)
		assert.Equal(t, Reply{}, reply, name)
	}
}
