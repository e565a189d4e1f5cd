package wire

import (
	"bytes"
	"net/http"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestStates(t *testing.T) {
	t.Parallel()
	c := byDefault()
	states := []telco.State{
		telco.StateInit, telco.StatePending, telco.StateSuccess, telco.StateFailed,
		telco.StateExpired, telco.StateCancelled, telco.StateReversed,
	}
	for i, s := range states {
		name := []string{"INIT", "PENDING", "SUCCESS", "FAILED", "EXPIRED", "CANCELLED", "REVERSED"}[i]
		assert.Equal(t, s, c.w.stateOf[name])
		assert.Equal(t, s, c.w.stateOf[string(rune('0'+i))], "numeric alias")
		assert.Equal(t, name, c.w.wireState[s], "the canonical name is written although an alias sorts before it")
		assert.Equal(t, name, s.String())
	}
	for _, wire := range []string{"", "success", "SUCCESS ", "7", "UNLISTED"} {
		assert.Equal(t, telco.StateUnlisted, c.w.stateOf[wire], wire)
	}
	assert.Empty(t, c.w.wireState[telco.StateUnlisted])

	c = altered(t, func(d *contract.Document) {
		d.States = map[string]string{"ok": "SUCCESS", "done": "SUCCESS", "wait": "PENDING", "PENDING": "FAILED"}
	})
	assert.Equal(t, "done", c.w.wireState[telco.StateSuccess], "the first in byte order")
	assert.Equal(t, "wait", c.w.wireState[telco.StatePending])
	assert.Equal(t, "PENDING", c.w.wireState[telco.StateFailed])
	assert.Equal(t, telco.StateFailed, c.w.stateOf["PENDING"])
}

// What is used again holds nothing of the call before: no key, no OTP that was signed, no
// number of a reply. Not parallel: it looks into the pools.
func TestWhatIsUsedAgainIsEmpty(t *testing.T) { //nolint:paralleltest // as above
	auth := byDefault().Document().Auth
	auth.Parts = append(auth.Parts, "apiKey", "body")
	for name, scheme := range map[string]string{"hmac": "hmac-sha256", "rsa": "rsa-sha256"} { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			auth.Scheme = scheme
			c := signedBy(t, auth)
			sent, err := c.Encode(telco.OpRegister, allFields(t))
			require.NoError(t, err)
			require.Contains(t, string(sent.Body), testOTP)
			key := c.w.NewKey(telco.Credentials{APIKey: telco.NewSecret("canary-key"), Secret: telco.NewSecret("canary-secret"), PrivateKey: testKey(t)})
			s, err := key.take()
			require.NoError(t, err)
			key.give(s) // the one that is used below, unless the pool lets it go
			req, err := http.NewRequest(sent.Method, "https://partner.test"+sent.Path, nil)
			require.NoError(t, err)
			require.NoError(t, c.w.Sign(req, sent.Body, &Try{Key: key, Stamp: contract.Stamp{Time: time.Now(), Nonce: "n", RequestID: "r"}}, nil))
			assert.Equal(t, "canary-key", req.Header.Get("Api-Key"))
			assert.Empty(t, s.text)
			assert.Empty(t, s.said)
			for what, room := range map[string][]byte{"text": s.text[:cap(s.text)], "said": s.said[:cap(s.said)], "sum": s.sum[:]} {
				assert.Empty(t, bytes.Trim(room, "\x00"), what)
			}
		})
	}
	t.Run("tree", func(t *testing.T) { //nolint:paralleltest // as above
		room := make(jsontree.Tree, 0, 64)
		rooms.Put(&room)
		_, err := byDefault().Decode(telco.OpRegister, []byte(registered))
		require.NoError(t, err)
		assert.Empty(t, room)
		for _, n := range room[:cap(room)] {
			require.Equal(t, jsontree.Node{}, n)
		}
	})
	t.Run("row", func(t *testing.T) { //nolint:paralleltest // as above
		rows := field.MakeRows(1)
		rows[0].MSISDN = telco.MustParseMSISDN("0901234567")
		field.FreeRows(rows)
		assert.Equal(t, field.Row{}, rows[0])
	})
}

// A caller keeps the ids of a call: they are no part of the string that holds its key.
func TestTheIDsDoNotKeepTheKey(t *testing.T) {
	t.Parallel()
	c := byDefault()
	stamp := contract.Stamp{Time: time.Now(), Nonce: "nonce-0001", RequestID: "request-0001"}
	req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
	require.NoError(t, err)
	cred := telco.Credentials{APIKey: telco.NewSecret("canary-key"), Secret: telco.NewSecret("canary-secret")}
	require.NoError(t, c.Sign(req, nil, cred, stamp))
	for name, own := range map[string]string{"X-Nonce": stamp.Nonce, "X-Request-Id": stamp.RequestID} {
		assert.Same(t, unsafe.StringData(own), unsafe.StringData(req.Header.Get(name)), name) //nolint:gosec // whether both are one string
	}
}
