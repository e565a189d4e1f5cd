package mobifone_test

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// held is a reply's body that says nothing until it is closed, as the connection behind
// a 101 does.
type held struct {
	once   sync.Once
	closed chan struct{}
}

func hold() *held { return &held{closed: make(chan struct{})} }

func (h *held) Read([]byte) (int, error) { <-h.closed; return 0, io.EOF }

func (h *held) Close() error { h.once.Do(func() { close(h.closed) }); return nil }

// Behind a 101 net/http hands over the bare connection, which no context ends: reading
// it would hold the call for ever.
func TestSwitchingProtocolsEnds(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = body
			return resp, nil
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.ErrorIs(t, err, telco.ReplyUnreadable)
		<-body.closed
		assert.Equal(t, 1, w.count(telco.OpRegister))
	})
}

// A wire that breaks its contract and gives reply and error together loses no
// connection by it.
func TestReplyBesideAnErrorIsClosed(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = body
			return resp, errReset
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		<-body.closed
	})
}

// A login answered by a 101 ends too, or no call would ever get a token again.
func TestSwitchingProtocolsAtTheLoginEnds(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		p.login = first(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = hold()
			return resp, nil
		})
		client := p.client(t, quick(1))
		require.ErrorIs(t, eligible(t.Context(), client), telco.CredentialsFailed)
		p.login = nil
		require.NoError(t, eligible(t.Context(), client))
		require.NoError(t, client.Close(t.Context()))
	})
}
