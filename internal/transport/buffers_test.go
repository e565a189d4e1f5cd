package transport

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/partner"
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

	cl := &call{core: tr.core, op: partner.OpOTP}
	room := cl.noReply()
	room.Message, room.Data = "84901234567", field.Data{TransID: "T-1"}
	out, err := cl.finish(verdict{})
	require.NoError(t, err)
	assert.Equal(t, "84901234567", out.Message)
	assert.Equal(t, Reply{}, *room)
	assert.Nil(t, cl.reply)
}
