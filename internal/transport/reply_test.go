package transport

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Only what a call sent is compared with what came back, and only of calls that send ids.
func TestEchoes(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	other := &wire.Reply{Data: field.Data{PartnerTransID: "P-2"}}
	for op, differs := range map[telco.Operation]bool{
		telco.OpRegister: true, telco.OpOTP: true, telco.OpGet: false, telco.OpEligible: false,
	} {
		err := tr.checkEcho(newTry(tr, &call{op: op, fields: field.Request{PartnerTransID: "P-1"}}).call, other)
		assert.Equal(t, differs, err != nil, op)
	}
}

// A sentence for the teller fills in what is known, and asks for the code again only while
// a try is left.
func TestTextFillsInWhatIsKnown(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	n := func(n int) *int { return &n }
	english := func(e telco.Error) string { return tr.text(&e).EN }
	unknown := english(telco.Error{Operation: telco.OpRegister, Code: telco.Code("REGISTRATION_FAILED")})
	reenter := english(telco.Error{Operation: telco.OpRegister, Code: telco.OTPInvalid, Then: telco.ThenSameIDs, AttemptsLeft: n(1)})
	assert.NotEqual(t, unknown, reenter)
	assert.Contains(t, reenter, "1")
	assert.Equal(t, unknown, english(telco.Error{Operation: telco.OpRegister, Code: telco.OTPInvalid, AttemptsLeft: n(0)}))
	assert.Equal(t, unknown, english(telco.Error{Operation: telco.OpOTP, Code: telco.OTPInvalid}))
	failed := telco.Error{Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.Code("REGISTRATION_FAILED"), Message: "no credit"}
	assert.Contains(t, english(failed), "no credit")
	early := telco.Error{Operation: telco.OpOTP, Outcome: telco.Rejected, Code: telco.OTPResendTooSoon}
	assert.NotContains(t, english(early), "0")
	early.RetryAfter = 29*time.Second + 1
	assert.Contains(t, english(early), "30")
}

// An Age of zero is no cache, however it is written.
func TestAnAgeOfZeroIsNoCache(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	for age, cached := range map[string]bool{"0": false, " 0 ": false, "000": false, "1": true, "": true, " ": true, "x": true, "10": true} {
		assert.Equal(t, cached, tr.mayBeCached(instant{}, http.Header{"Age": {age}}, time.Time{}), "%q", age)
	}
}

// A reply's Date is good enough to sign by, whatever else the reply is, and stands in the
// evidence when the reply is well-formed.
func TestWhereTheDateOfAReplyGoes(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	far := time.Now().Add(time.Hour).Truncate(time.Second)
	bare := replied(401, "x")
	bare.Header.Set("Date", date(far))
	tr.classify(wrote(tr, telco.OpEligible), bare, nil)
	assert.WithinDuration(t, far, tr.clock.stamp(), time.Minute)

	tr = classifying(t, nil)
	good := replied(200, `{"errorCode":"8021"}`)
	good.Header.Set("Date", date(far))
	v := tr.classify(wrote(tr, telco.OpEligible), good, nil)
	assert.True(t, far.Equal(v.err.Evidence.MobiFoneTime))

	// Of a contract that says its time in the envelope, that counts.
	tr = classifying(t, func(s *contract.Semantics) { s.Clock = "responseTime" })
	r := wrote(tr, telco.OpEligible)
	v = tr.classify(r, replied(200, `{"errorCode":"8021","responseTime":"`+far.In(tr.Contract().Zone()).Format("20060102150405")+`"}`), nil)
	assert.False(t, r.call.reply.Cached)
	assert.True(t, far.Equal(r.call.reply.MobiFoneTime))
	assert.True(t, far.Equal(v.err.Evidence.MobiFoneTime))
	tr.clock.hear(far.Add(24*time.Hour), tr.local.read())
	assert.WithinDuration(t, far, tr.clock.stamp(), time.Minute, "its Date is a gateway's")
	tr = classifying(t, nil)
	tr.clock.hear(far, tr.local.read())
	tr.clock.hear(time.Time{}, tr.local.read())
	assert.WithinDuration(t, far, tr.clock.stamp(), time.Minute)
}

// A new try starts from nothing.
func TestATryStartsFromNothing(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	r := wrote(tr, telco.OpEligible)
	_ = r.refuse(io.EOF)
	n, err := r.begin("second", time.Now())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	assert.False(t, r.onWire || r.letOut)
	assert.NoError(t, r.refusal)
	assert.True(t, r.writtenAt().wall.IsZero())
	assert.Equal(t, "second", r.call.evidence(0).RequestID)
	assert.Equal(t, 2, r.call.evidence(0).Tries)
	assert.Equal(t, 1, r.call.evidence(0).Sends, "what left has left")
}

// A registration leaves by its send-by, that instant included.
func TestInTimeToTheInstant(t *testing.T) {
	t.Parallel()
	m := &machine{}
	tr := classifying(t, nil)
	tr.clock.local = m.read
	require.True(t, tr.clock.observe(m.date(), tr.clock.local.read(), tr.clock.local.read()))
	latest, err := tr.clock.now()
	require.NoError(t, err)
	require.NoError(t, newTry(tr, &call{op: telco.OpRegister, sendBy: latest}).mayLeave())
	late := newTry(tr, &call{op: telco.OpRegister, sendBy: latest.Add(-1)})
	require.ErrorIs(t, late.mayLeave(), telco.PastSendBy)
	late.call.op = telco.OpOTP
	require.NoError(t, late.mayLeave(), "an OTP request has no send-by")
}

// A reply is read up to the contract's bound, that byte included.
func TestHowLongAReplyMayBe(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	limit := int(tr.cfg.Contract.Limits().ReplyBytesMax)
	var in buffer
	require.NoError(t, tr.readBody(replied(200, strings.Repeat("x", limit)), &in))
	assert.Len(t, in.bytes, limit)
	require.Error(t, tr.readBody(replied(200, strings.Repeat("x", limit+1)), new(buffer)))
}

// A try's deadline ends with the try, and a reply is closed whatever it is.
func TestATrysDeadline(t *testing.T) {
	t.Parallel()
	for _, op := range []telco.Operation{telco.OpEligible, telco.OpOTP, telco.OpRegister} {
		for name, tc := range map[string]struct {
			resp *http.Response
			err  error
		}{"reply": {replied(200, ""), nil}, "error": {nil, io.EOF}, "both": {replied(200, ""), io.EOF}, "neither": {nil, nil}} {
			closed := false
			if tc.resp != nil {
				tc.resp.Body = &closing{tc.resp.Body, &closed}
			}
			tr := classifying(t, nil)
			var tried context.Context
			tr.reads.wire = roundTrip(func(req *http.Request) (*http.Response, error) {
				tried = req.Context() //nolint:fatcontext // looked at after the try, not used
				require.NoError(t, tried.Err())
				return tc.resp, tc.err
			})
			tr.money.wire = tr.reads.wire
			require.True(t, tr.clock.observe(time.Now(), tr.local.read(), tr.local.read()))
			r := newTry(tr, &call{op: op, sendBy: time.Now().Add(time.Minute)})
			v := tr.try(r.call, r)
			require.Error(t, v.err, "%s: %s", op, name)
			assert.Equal(t, name == "reply", v.status != 0, name)
			assert.Equal(t, tc.resp != nil, closed, name)
			assert.ErrorIs(t, tried.Err(), context.Canceled, name)
		}
	}
}

// A reply without a body is one whose body is empty.
func TestAReplyWithoutABody(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	tr.reads.wire = roundTrip(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: http.StatusOK}, nil })
	_, err := tr.Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
	require.ErrorIs(t, err, telco.ReplyUnreadable)
}

type closing struct {
	io.ReadCloser
	closed *bool
}

func (c *closing) Close() error { *c.closed = true; return c.ReadCloser.Close() }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A reply that speaks of another sale than the one asked for is not believed, in whichever
// field it differs; what was not asked for is not compared.
func TestAReplyOfAnotherSale(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	one, other := telco.MustParseMSISDN("0908123477"), telco.MustParseMSISDN("0908123478")
	asked := field.Request{TransID: "T-1", PartnerTransID: "P-1", MSISDN: one, Package: "C120", Amount: 120_000}
	for name, d := range map[string]field.Data{
		field.TransID:        {TransID: "T-2"},
		field.PartnerTransID: {PartnerTransID: "P-2"},
		field.MSISDN:         {MSISDN: other},
		field.Package:        {Package: "C90"},
		field.Amount:         {Amount: 90_000},
	} {
		reply := &wire.Reply{Data: d}
		for _, op := range []telco.Operation{telco.OpRegister, telco.OpOTP} {
			err := tr.checkEcho(newTry(tr, &call{op: op, fields: asked}).call, reply)
			require.ErrorContains(t, err, "another "+name)
			require.NoError(t, tr.checkEcho(newTry(tr, &call{op: op}).call, reply), name)
		}
	}
	same := &wire.Reply{Data: field.Data{TransID: "T-1", PartnerTransID: "P-1", MSISDN: one, Package: "C120", Amount: 120_000}}
	require.NoError(t, tr.checkEcho(newTry(tr, &call{op: telco.OpRegister, fields: asked}).call, same))
}

// An id of MobiFone's is shown without the number and the code that were sent, and else as
// it is.
func TestAnIDIsShownWithoutWhatWasSent(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	code, err := telco.ParseOTP("730194")
	require.NoError(t, err)
	sent := field.Request{MSISDN: telco.MustParseMSISDN("0908123477"), OTP: code}
	for id, want := range map[string]string{
		"908123477":       "***",
		"Q-908123477-x":   "Q-***-x",
		"Q-84908123477":   "Q-84***",
		"Q-730194-x":      "Q-***-x",
		"Q-20260301-1234": "Q-20260301-1234",
		"Q-908-123-477":   "Q-908-123-477",
		"":                "",
	} {
		assert.Equal(t, want, newTry(tr, &call{fields: sent}).call.shownID(id))
		assert.Equal(t, id, newTry(tr, &call{}).call.shownID(id), "nothing was sent")
	}
	echo := &call{fields: sent}
	echo.sofar.RequestID = "d9ec730194ab"
	assert.Equal(t, "d9ec730194ab", newTry(tr, echo).call.shownID("d9ec730194ab"), "an echo of our own id, masked, would tell the OTP")
	assert.Equal(t, "d9ec***ab0", newTry(tr, echo).call.shownID("d9ec730194ab0"))
	short, err := telco.ParseOTP("7301")
	require.NoError(t, err)
	assert.Equal(t, "Q-***-x", newTry(tr, &call{fields: field.Request{OTP: short}}).call.shownID("Q-7301-x"))
	long := strings.Repeat("x", longestID)
	assert.Equal(t, long, newTry(tr, &call{}).call.shownID(long))
	assert.Equal(t, long+"…", newTry(tr, &call{}).call.shownID(long+"x"))
}

// What a reply was read into, and the room of a reply, are empty once they are given back.
// Not parallel: both lie where another call could take them.
func TestWhatIsUsedAgainIsEmpty(t *testing.T) { //nolint:paralleltest // as above
	tr := classifying(t, nil)
	in := takeBuffer()
	require.NoError(t, tr.readBody(replied(200, `{"errorCode":"0000","data":{"isdn":"84901234567"}}`), in))
	kept := in.bytes[:cap(in.bytes)]
	require.Contains(t, string(kept), "84901234567")
	in.giveBack()
	assert.Empty(t, bytes.Trim(kept, "\x00"))
	assert.Empty(t, in.bytes)

	cl := &call{core: tr.core, op: telco.OpOTP}
	room := cl.noReply()
	room.Message, room.Data = "84901234567", field.Data{TransID: "T-1"}
	out, err := cl.finish(verdict{})
	require.NoError(t, err)
	assert.Equal(t, "84901234567", out.Message)
	assert.Equal(t, Reply{}, *room)
	assert.Nil(t, cl.reply)
}

// held is a body that remembers what it was read into.
type held struct {
	io.Reader
	into []byte
}

func (h *held) Read(p []byte) (int, error) {
	if h.into == nil {
		h.into = p[:cap(p)]
	}
	return h.Reader.Read(p)
}

func (*held) Close() error { return nil }

// Of a reply nothing stays in the memory it was read into, of a login's token neither.
// Not parallel: as above.
func TestARepliesMemoryIsCleared(t *testing.T) { //nolint:paralleltest // as above
	var body *held
	wire := func(text string) roundTrip {
		return func(*http.Request) (*http.Response, error) {
			resp := replied(200, text)
			body = &held{Reader: resp.Body}
			resp.Body = body
			return resp, nil
		}
	}
	tr := bearing(t, wire(`{"token":{"access":"a token"}}`))
	g, err := tr.auth.get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a token", g.token.Reveal())
	assert.Empty(t, bytes.Trim(body.into, "\x00"))

	_, err = over(t, wire(`{"errorCode":"8004","requestId":"Q-1"}`), nil).Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
	require.ErrorIs(t, err, telco.TransactionNotFound)
	assert.Empty(t, bytes.Trim(body.into, "\x00"))
}

// Buffers are used again, up to a size: one long reply does not stay in memory for ever.
// Not parallel: as above.
func TestWhichBuffersAreKept(t *testing.T) { //nolint:paralleltest // as above
	again := 0
	for range 100 { // a pool may drop any
		b := takeBuffer()
		b.giveBack()
		if next := takeBuffer(); next == b {
			again++
		}
	}
	assert.Positive(t, again)

	most := &buffer{bytes.Repeat([]byte("x"), bufferMax)}
	kept := most.bytes
	most.giveBack()
	assert.Empty(t, bytes.Trim(kept, "\x00"), "it is kept, and so it is cleared")
	for range 100 {
		(&buffer{make([]byte, 0, bufferMax+1)}).giveBack()
		if b, ok := buffers.Get().(*buffer); ok {
			assert.LessOrEqual(t, cap(b.bytes), bufferMax)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
		ok          bool
	}{
		"absent":          {"", "", 0, false},
		"blank":           {"  ", "", 0, false},
		"0":               {"0", "", 0, true},
		"120":             {"120", "", 2 * time.Minute, true},
		"spaces":          {" 7 ", "", 7 * time.Second, true},
		"zeros":           {"0007", "", 7 * time.Second, true},
		"-1":              {"-1", "", 0, false},
		"+1":              {"+1", "", 0, false},
		"1.5":             {"1.5", "", 0, false},
		"1e10":            {"1e10", "", 0, false},
		"ten digits":      {"10000000000", "", longestWait, true},
		"overflow of ns":  {"9223372037", "", longestWait, true},
		"overflow of s":   {"9223372036854775808", "", longestWait, true},
		"other digits":    {"٣", "", 0, false},
		"garbage":         {"soon", "", 0, false},
		"two":             {"3, 4", "", 0, false},
		"date":            {"Sun, 01 Mar 2026 09:00:30 GMT", "", 30 * time.Second, true},
		"now":             {"Sun, 01 Mar 2026 09:00:00 GMT", "", 0, true},
		"past":            {"Sun, 01 Mar 2026 08:59:59 GMT", "", 0, false},
		"far":             {"Fri, 31 Dec 9999 23:59:59 GMT", "", longestWait, true},
		"no zone":         {"Sun, 01 Mar 2026 09:00:30", "", 0, false},
		"partner's clock": {"Sun, 01 Mar 2026 11:00:30 GMT", "Sun, 01 Mar 2026 11:00:00 GMT", 30 * time.Second, true},
		"odd Date":        {"Sun, 01 Mar 2026 09:00:30 GMT", "today", 30 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Retry-After": {tc.value}}
			if tc.date != "" {
				h.Set("Date", tc.date)
			}
			got, ok := retryAfter(h, new(dates).of(h), now)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.ok, ok)
		})
	}
}

// Of several lines the longest wait counts, and one that says nothing takes none away.
func TestRetryAfterLines(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for want, lines := range map[time.Duration][]string{
		7 * time.Second:  {"3", "7", "5"},
		30 * time.Second: {"soon", "Sun, 01 Mar 2026 09:00:30 GMT", ""},
		3 * time.Second:  {"", "3"},
	} {
		got, ok := retryAfter(http.Header{"Retry-After": lines}, time.Time{}, now)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
}

// Whatever a MobiFone writes, the wait is none, or between 0 and the longest.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{
		"", "0", "-1", "3", "1e10", "10000000000", "99999999999999999999", "soon", "1.5", "+3", "٣", "\x00", "3\r\n",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
	} {
		f.Add(s, "Sun, 01 Mar 2026 09:00:00 GMT", int64(1_772_355_600))
		f.Add(s, "", int64(math.MinInt32))
		f.Add("Sun, 01 Mar 2026 09:00:00 GMT", s, int64(0))
	}
	f.Fuzz(func(t *testing.T, value, date string, now int64) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		wait, ok := retryAfter(h, new(dates).of(h), time.Unix(now%(1<<40), 0))
		if wait < 0 || wait > longestWait {
			t.Fatalf("%q gives %v", value, wait)
		}
		if !ok && wait != 0 {
			t.Fatalf("%q gives %v although it says nothing", value, wait)
		}
	})
}
