package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The proof of NotSent, under the race detector: whoever reads and whoever shuts, and in
// whichever order, shut says "left" if and only if a byte was handed out, it says the
// same for ever, and after it no byte comes.
func TestShotTellsWhatLeft(t *testing.T) {
	t.Parallel()
	left, stayed := 0, 0
	for round := range 5000 {
		body := []byte("0123456789")
		told := new(atomic.Int32)
		s := &shot{rest: body, owner: owner{out: func() { told.Add(1) }}}
		var handed, after atomic.Int64
		var shut atomic.Bool
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for range 2 {
			wg.Go(func() {
				<-begin
				buf := make([]byte, 3)
				for {
					late := shut.Load()
					n, err := s.Read(buf)
					handed.Add(int64(n))
					if late {
						after.Add(int64(n))
					}
					if err != nil {
						return
					}
				}
			})
		}
		var said [2]bool
		for i := range said {
			wg.Go(func() {
				<-begin
				said[i], _ = s.shut()
				shut.Store(true)
			})
		}
		switch round % 10 { // the race may always end alike on a busy machine
		case 0:
			_, _ = s.shut()
			shut.Store(true)
		case 1:
			n, _ := s.Read(make([]byte, 3))
			handed.Add(int64(n))
		}
		close(begin)
		wg.Wait()
		again, _ := s.shut()
		require.Equal(t, handed.Load() > 0, said[0])
		require.Equal(t, said[0], said[1])
		require.Equal(t, said[0], again)
		require.Zero(t, after.Load())
		require.LessOrEqual(t, handed.Load(), int64(len(body)), "a byte left twice")
		require.Equal(t, said[0], told.Load() == 1)
		if again {
			left++
		} else {
			stayed++
		}
	}
	assert.Positive(t, left)
	assert.Positive(t, stayed)
}

func TestShotReads(t *testing.T) {
	t.Parallel()
	s := &shot{rest: []byte("body"), owner: owner{}}
	n, err := s.Read(nil)
	require.NoError(t, err)
	assert.Zero(t, n)
	leftByAsking, _ := (&shot{rest: []byte("x"), owner: owner{}}).shut()
	assert.False(t, leftByAsking)
	got, err := io.ReadAll(s)
	require.NoError(t, err)
	assert.Equal(t, "body", string(got))
	require.NoError(t, s.Close())
	n, err = s.Read(make([]byte, 1))
	assert.Zero(t, n)
	require.ErrorIs(t, err, io.EOF)
	left, refused := s.shut()
	assert.True(t, left)
	require.NoError(t, refused)
	_, err = s.Read(make([]byte, 1))
	require.ErrorIs(t, err, errShotClosed)
	given := &shot{rest: []byte("an OTP"), owner: owner{}}
	_, _ = given.shut()
	assert.Nil(t, given.rest, "whoever keeps the request keeps no body")
}

// A refusal is asked for at the first byte, is final, and leaves the proof whole.
func TestShotAsksAtTheLastMoment(t *testing.T) {
	t.Parallel()
	late := errors.New("too late")
	var answer error
	asked := 0
	s := &shot{rest: []byte("x"), owner: owner{func() error { asked++; return answer }, func() { t.Error("nothing left") }}}
	require.NoError(t, s.pass([]byte("x")))
	require.NoError(t, s.ask())
	answer = late
	_, err := s.Read(make([]byte, 1))
	require.ErrorIs(t, err, late)
	answer = nil
	_, err = s.Read(make([]byte, 1))
	require.ErrorIs(t, err, late, "once refused, refused for ever")
	assert.Equal(t, 2, asked)
	left, refused := s.shut()
	assert.False(t, left)
	require.ErrorIs(t, refused, late)
}

func TestShotPassesOnce(t *testing.T) {
	t.Parallel()
	s := &shot{}
	require.NoError(t, s.pass([]byte("x")))
	require.ErrorIs(t, s.pass([]byte("x")), errShotPassed)
	closed := &shot{}
	_, _ = closed.shut()
	require.ErrorIs(t, closed.pass(nil), errShotClosed)
	assert.False(t, closed.wasPassed())
}

// A wire that answers without reading was asked all the same; after the end nothing
// changes what was said.
func TestShotAnsweredWithoutReading(t *testing.T) {
	t.Parallel()
	s := &shot{rest: []byte("x"), owner: owner{}}
	s.answered()
	left, _ := s.shut()
	assert.True(t, left)
	late := &shot{rest: []byte("x"), owner: owner{}}
	_, _ = late.shut()
	late.answered()
	left, _ = late.shut()
	assert.False(t, left, "what was said about a call stays")
}

// A body that leaves while the call is ending is in the evidence, because that is taken
// after the guard is shut.
func TestEvidenceIsTakenAfterTheGuardIsShut(t *testing.T) {
	t.Parallel()
	tr := New(Config{Contract: contract.Default()})
	r := newTry(tr, &call{op: telco.OpRegister})
	_, err := r.begin("id", time.Now())
	require.NoError(t, err)
	r.leave("id")
	leaving, goOn := make(chan struct{}), make(chan struct{})
	s := &r.shot
	s.rest, s.owner = []byte("x"), owner{out: func() {
		close(leaving)
		<-goOn
		r.left()
	}}
	require.NoError(t, s.pass([]byte("x")))
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Read(make([]byte, 1)) })
	<-leaving
	var v verdict
	wg.Go(func() { v = tr.classify(r, nil, errors.New("broken")) })
	for !blockedIn("(*shot).shut") {
		runtime.Gosched()
	}
	close(goOn)
	wg.Wait()
	assert.Equal(t, telco.Unknown, v.err.Outcome)
	assert.Equal(t, 1, v.err.Evidence.Sends)
	assert.False(t, v.err.Evidence.FirstSend.IsZero())
}

// blockedIn reports whether a goroutine waits for a lock in a function.
func blockedIn(function string) bool {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if strings.Contains(string(g), "sync.Mutex.Lock]") && strings.Contains(string(g), function) {
			return true
		}
	}
	return false
}

// owner is whoever a shot asks and tells; nil agrees and hears nothing.
type owner struct {
	allow func() error
	out   func()
}

func (o owner) mayLeave() error {
	if o.allow == nil {
		return nil
	}
	return o.allow()
}

func (o owner) left() {
	if o.out != nil {
		o.out()
	}
}

// What middleware is shown is what will be sent, and nothing replays it.
func TestARequestShowsItsBytes(t *testing.T) {
	t.Parallel()
	var req *http.Request
	tr := New(Config{
		Contract: contract.Default(), BaseURL: &url.URL{Scheme: "https", Host: "partner.test:", Path: "/a b/", RawPath: "/a%20b/"},
		Middleware: []Middleware{func(http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) { req = r; return nil, io.EOF })
		}},
	})
	r := newTry(tr, &call{op: telco.OpOTP, sent: wire.Request{Method: "POST", Path: "/x", Body: []byte("body")}})
	_, err := tr.roundTrip(t.Context(), r.call, r)
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "https://partner.test:/a%20b/x", req.URL.String())
	assert.Equal(t, "partner.test", req.Host)
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	assert.Equal(t, "body", string(body))
	assert.Equal(t, int64(4), req.ContentLength)
	req.GetBody = func() (io.ReadCloser, error) { return req.Body, nil }
	setBody(req, []byte("x"), new(bytes.Reader))
	assert.Nil(t, req.GetBody)
	setBody(req, nil, new(bytes.Reader))
	assert.Nil(t, req.Body)
	assert.Zero(t, req.ContentLength)
}
