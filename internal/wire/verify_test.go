package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// tamper changes one thing that a signature covers.
func TestVerifyRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		parts := v.auth.Parts
		if v.auth.Canonical == "sortedPairs" {
			continue // it covers fields alone; its own test is below
		}
		for name, tc := range map[string]struct {
			covered []string
			change  func(*http.Request, *[]byte)
			want    error
		}{
			"method": {[]string{"method"}, func(r *http.Request, _ *[]byte) { r.Method = "PUT" }, telco.AuthSignature},
			"path":   {[]string{"target", "path"}, func(r *http.Request, _ *[]byte) { r.URL.Path += "x" }, telco.AuthSignature},
			"query":  {[]string{"target", "query"}, func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&zz=1" }, telco.AuthSignature},
			"body": {[]string{"bodyHash", "body"}, func(_ *http.Request, b *[]byte) {
				*b = append(bytes.Clone(*b), ' ')
			}, telco.AuthSignature},
			"nonce":      {[]string{"nonce"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Nonce", "other") }, telco.AuthSignature},
			"request id": {[]string{"requestId"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Request-Id", "other") }, telco.AuthSignature},
			"timestamp":  {[]string{"timestamp"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "1740805201") }, telco.AuthSignature},
			"api key":    {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("Api-Key", "key-2") }, telco.AuthKey},
			"no key":     {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("Api-Key") }, telco.AuthKey},
			"two keys":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Add("Api-Key", "key-1") }, telco.AuthKey},
			"signature": {nil, func(r *http.Request, _ *[]byte) {
				r.Header.Set("X-Signature", strings.Repeat("0", len(v.want)))
			}, telco.AuthSignature},
			"signature in capitals": {nil, func(r *http.Request, _ *[]byte) {
				r.Header.Set("X-Signature", strings.ToUpper(v.want))
			}, telco.AuthSignature},
			"signature cut":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Signature", v.want[:len(v.want)-4]) }, telco.AuthSignature},
			"no signature":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Signature") }, telco.AuthSignature},
			"no nonce":       {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Nonce") }, telco.AuthSignature},
			"no request id":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Request-Id") }, telco.AuthSignature},
			"no timestamp":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Timestamp") }, telco.AuthTimestamp},
			"odd timestamp":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "now") }, telco.AuthTimestamp},
			"ancient":        {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "0") }, telco.AuthTimestamp},
			"two timestamps": {nil, func(r *http.Request, _ *[]byte) { r.Header.Add("X-Timestamp", "1740805200") }, telco.AuthTimestamp},
		} {
			covered := tc.covered == nil
			for _, p := range tc.covered {
				covered = covered || strings.Contains(","+strings.Join(parts, ",")+",", ","+p+",")
			}
			if !covered || name == "timestamp" && v.auth.Timestamp != "s" {
				continue
			}
			t.Run(v.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := signedBy(t, v.auth)
				req, body := v.req(), v.body
				require.NoError(t, c.Sign(req, body, v.cred, v.s))
				tc.change(req, &body)
				s, err := c.Verify(req, body, v.cred, telco.Secret{})
				require.ErrorIs(t, err, tc.want)
				assert.Equal(t, contract.Stamp{}, s)
			})
		}
	}
}

func TestVerifySortedPairsCoversEveryField(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if v.name != "pairs-json" {
			continue
		}
		c := signedBy(t, v.auth)
		req := v.req()
		require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
		for _, body := range []string{
			`{"zone":"Hà Nội","amount":120001,"On":true,"id":"a&b=c"}`, `{"zone":"Hà Nội","amount":120000,"On":true}`, `{}`, ``, `{"zone":{}}`,
			`{"zone":"Hà Nội","amount":120000,"On":true,"id":"a&b=c","id":"x"}`,
		} {
			_, err := c.Verify(req, []byte(body), v.cred, telco.Secret{})
			assert.ErrorIs(t, err, telco.AuthSignature, body)
		}
		return
	}
	t.Fatal("the vector is gone")
}

func TestVerifyNeedsItsOwnCredentials(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		c := signedBy(t, v.auth)
		req := v.req()
		require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
		_, err := c.Verify(req, v.body, telco.Credentials{}, telco.Secret{})
		require.ErrorIs(t, err, telco.AuthKey)
		_, err = c.Verify(req, v.body, telco.Credentials{APIKey: v.cred.APIKey}, telco.Secret{})
		require.ErrorIs(t, err, telco.AuthSignature)
		other := v.cred
		other.Secret, other.PrivateKey = telco.NewSecret("other"), otherKey(t)
		_, err = c.Verify(req, v.body, other, telco.Secret{})
		require.ErrorIs(t, err, telco.AuthSignature)
	}
}

// otherKey is a key of another kind.
func otherKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}
