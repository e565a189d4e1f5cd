package transport

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// What a reply was read into, and the room of a reply, are empty once they are given back.
// Not parallel: both lie where another call could take them.
func TestWhatIsUsedAgainIsEmpty(t *testing.T) { //nolint:paralleltest // as above
	tr := classifying(t, nil)
	in := takeBuffer()
	require.NoError(t, tr.readBody(replied(200, `{"errorCode":"0000","data":{"isdn":"84901234567"}}`), in)) //nolint:bodyclose // a reply made by hand
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
