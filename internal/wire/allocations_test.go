//go:build !race

package wire

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Signing makes one string, and reading a reply one copy of its text.
func TestAllocations(t *testing.T) {
	c, f := byDefault(), allFields(t)
	key := c.w.NewKey(telco.Credentials{APIKey: telco.NewSecret("canary-key"), Secret: telco.NewSecret("canary-secret")})
	room, values := make([]byte, 512), make([]string, 0, 8)
	var sent Request
	assert.Zero(t, testing.AllocsPerRun(100, func() { sent, _ = c.w.Encode(telco.OpRegister, &f, nil, room) }), "encode")
	req, err := http.NewRequest(sent.Method, "https://partner.test"+sent.Path, nil)
	require.NoError(t, err)
	try := &Try{Key: key, Stamp: contract.Stamp{Time: time.Now(), Nonce: "n", RequestID: "r"}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = c.w.Sign(req, sent.Body, try, values) }), 1.0, "sign")
	body, reply := []byte(registered), new(Reply)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		*reply = Reply{}
		_ = c.w.Decode(telco.OpRegister, nil, body, &Try{}, reply)
	}), 5.0, "decode: the text, and what is escaped in it")
}
