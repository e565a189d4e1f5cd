package mobifone_test

import (
	"bytes"
	"context"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// slowRegister makes MobiFone take ten seconds over a registration.
func slowRegister(_ int, a arrival) (*http.Response, error) {
	if a.op == telco.OpRegister {
		select {
		case <-time.After(10 * time.Second):
		case <-a.req.Context().Done():
			return nil, a.req.Context().Err()
		}
	}
	return nil, nil //nolint:nilnil // says: MobiFone's own answer
}

// inFlight starts a registration and returns when it is on the wire.
func inFlight(t *testing.T, w *inProcess, client *mobifone.Client, wg *sync.WaitGroup) {
	t.Helper()
	req := toOTP(t, client)
	w.say(slowRegister)
	wg.Go(func() {
		_, err := client.Registration.Register(t.Context(), req)
		assert.NoError(t, err, "Close does not take a registration back")
	})
	<-time.After(time.Second)
	require.Equal(t, 1, w.count(telco.OpRegister))
}

// Close waits for the registration in flight and refuses all else at once, however often
// and by however many it is called.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		other := aRequest(t)
		other.TransID = "T-2"
		draft, err := client.Registration.Prepare(t.Context(), other)
		require.NoError(t, err)
		var wg sync.WaitGroup
		inFlight(t, w, client, &wg)
		sent := len(w.all())
		began := time.Now()
		for range 10 {
			wg.Go(func() {
				assert.NoError(t, client.Close(t.Context()))
				assert.Equal(t, 9*time.Second, time.Since(began))
			})
		}
		<-time.After(time.Second)
		refused := time.Now()
		for _, lane := range []*mobifone.Client{client, client.Background()} {
			err := eligible(t.Context(), lane)
			require.ErrorIs(t, err, telco.ClientClosed)
			assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
			_, err = lane.OTP.Request(t.Context(), otpRequest())
			require.ErrorIs(t, err, telco.ClientClosed)
			assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
			err = reads()[telco.OpGet](t.Context(), lane)
			require.ErrorIs(t, err, telco.ClientClosed)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "a lookup that failed says nothing about the registration")
		}
		_, err = draft.Send(t.Context())
		require.ErrorIs(t, err, telco.ClientClosed)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Zero(t, time.Since(refused))
		wg.Wait()
		assert.Len(t, w.all(), sent)
		require.NoError(t, client.Close(t.Context()))
	})
}

// Close gives up with its own context; the registration does not.
func TestCloseGivesUpAlone(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		var wg sync.WaitGroup
		inFlight(t, w, client, &wg)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, client.Close(ctx), context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(began))
		require.ErrorIs(t, eligible(t.Context(), client), telco.ClientClosed)
		require.NoError(t, client.Close(t.Context()), "a second Close waits again")
		assert.Equal(t, 9*time.Second, time.Since(began))
		wg.Wait()
	})
}

// Nothing in flight: Close is done at once, and waits for no read.
func TestCloseWaitsForMoneyOnly(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		require.NoError(t, eligible(t.Context(), client))
		w.say(silence)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { assert.ErrorIs(t, eligible(ctx, client), context.Canceled) })
		<-time.After(time.Second)
		began := time.Now()
		require.NoError(t, client.Close(t.Context()))
		assert.Zero(t, time.Since(began))
		cancel()
		wg.Wait()
	})
}

// A read that waits between two tries sends nothing after Close: its connection would
// outlive the client.
func TestNoTryAfterClose(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		w.say(always(503, "Retry-After", "5"))
		var wg sync.WaitGroup
		for _, call := range reads() {
			wg.Go(func() {
				err := call(t.Context(), client)
				assert.ErrorIs(t, err, telco.ClientClosed)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				assert.Equal(t, 1, evidenceOf(t, err).Sends)
			})
		}
		<-time.After(time.Second)
		require.NoError(t, client.Close(t.Context()))
		wg.Wait()
		assert.Len(t, w.all(), len(reads()))
	})
}

// Nobody is asked for credentials after Close: a registration that waited in the limiter
// meanwhile and would need fresh ones was not sent.
func TestNoCredentialsAfterClose(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		v := &vault{give: func(context.Context, int) (telco.Credentials, error) {
			c := credentials()
			c.ExpiresAt = time.Now() // asked again each time
			return c, nil
		}}
		g := &gate{}
		client := w.clientWith(t, v.Credentials, mobifone.WithLimiter(g))
		req := toOTP(t, client)
		g.set(func(context.Context, telco.Call) error { <-time.After(5 * time.Second); return nil })
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.Registration.Register(t.Context(), req)
			assert.ErrorIs(t, err, telco.ClientClosed)
			assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		})
		<-time.After(time.Second)
		asked := v.asked.Load()
		require.NoError(t, client.Close(t.Context()))
		wg.Wait()
		assert.Equal(t, asked, v.asked.Load())
		assert.Zero(t, w.count(telco.OpRegister))
	})
}

// A login in flight ends before Close returns: it holds a token that nobody would use,
// and a goroutine.
func TestCloseWaitsForALogin(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		client := p.client(t)
		p.login = unlocked(&p.mu, func(int, arrival) (*http.Response, error) {
			<-time.After(5 * time.Second)
			return answer(500, ""), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, eligible(ctx, client))
		began := time.Now()
		require.NoError(t, client.Close(t.Context()))
		assert.Equal(t, 4*time.Second, time.Since(began))
	})
}

// After Close no goroutine of the client's is left, whatever the calls met.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	label := pprof.Labels("client-of", t.Name()) // goroutines inherit it
	pprof.Do(t.Context(), label, func(ctx context.Context) {
		client, err := mobifone.New(config(p.Server.URL), quick(3))
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { _ = eligible(ctx, client) })
		}
		wg.Wait()
		for _, h := range []wiretest.Handler{wiretest.Hangup(""), wiretest.Raw(500, "", "no"), wiretest.Raw(200, "text/html", "<html>")} {
			p.On(telco.OpEligible, h)
			_ = eligible(ctx, client)
		}
		p.On(telco.OpEligible, p.Offers(120_000))
		_, err = client.Registration.Register(ctx, toOTP(t, client)) //nolint:contextcheck // only the client must be made and called under the label
		require.NoError(t, err)
		require.Positive(t, labelled(t.Name()), "the measure sees connections that are kept")
		require.NoError(t, client.Close(ctx))
	})
	for range 2000 {
		if labelled(t.Name()) == 0 {
			return
		}
		<-time.After(time.Millisecond) // goroutines end on their own time; this only looks
	}
	t.Fatalf("%d goroutines are left", labelled(t.Name()))
}

// labelled counts the goroutines that carry a label's value.
func labelled(value string) int {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return strings.Count(b.String(), `"`+value+`"`)
}
