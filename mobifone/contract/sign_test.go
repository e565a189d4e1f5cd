package contract

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	full := partner.Credentials{APIKey: partner.NewSecret("key-s3cr3t"), Secret: partner.NewSecret("s3cr3t"), PrivateKey: testKey(t)}
	stamp := Stamp{Time: time.UnixMilli(1740805200123), Nonce: "n", RequestID: "r", Token: partner.NewSecret("token-s3cr3t")}
	hmacAuth := Default().Auth()
	rsaAuth := hmacAuth
	rsaAuth.Scheme = AuthRSASHA256
	bearer := Auth{Scheme: AuthBearer, Login: &Login{Method: "POST", Path: "/login", Encoding: JSON, Username: "u", Password: "p", Token: "t"}}
	for name, tc := range map[string]struct {
		auth   Auth
		change func(*partner.Credentials, *Stamp)
	}{
		"no API key":       {hmacAuth, func(c *partner.Credentials, _ *Stamp) { c.APIKey = partner.Secret{} }},
		"no secret":        {hmacAuth, func(c *partner.Credentials, _ *Stamp) { c.Secret = partner.Secret{} }},
		"no nonce":         {hmacAuth, func(_ *partner.Credentials, s *Stamp) { s.Nonce = "" }},
		"no request id":    {hmacAuth, func(_ *partner.Credentials, s *Stamp) { s.RequestID = "" }},
		"no private key":   {rsaAuth, func(c *partner.Credentials, _ *Stamp) { c.PrivateKey = nil }},
		"another key":      {rsaAuth, func(c *partner.Credentials, _ *Stamp) { c.PrivateKey = otherKey(t) }},
		"no token":         {bearer, func(_ *partner.Credentials, s *Stamp) { s.Token = partner.Secret{} }},
		"token injects":    {bearer, func(_ *partner.Credentials, s *Stamp) { s.Token = partner.NewSecret("s3cr3t\r\nX-Evil: 1") }},
		"key injects":      {hmacAuth, func(c *partner.Credentials, _ *Stamp) { c.APIKey = partner.NewSecret("s3cr3t\nX-Evil: 1") }},
		"nonce injects":    {hmacAuth, func(_ *partner.Credentials, s *Stamp) { s.Nonce = "s3cr3t\r\n" }},
		"request injects":  {hmacAuth, func(_ *partner.Credentials, s *Stamp) { s.RequestID = "s3cr3t\x00" }},
		"key with a space": {hmacAuth, func(c *partner.Credentials, _ *Stamp) { c.APIKey = partner.NewSecret("s3cr3t ") }},
		"key not ASCII":    {hmacAuth, func(c *partner.Credentials, _ *Stamp) { c.APIKey = partner.NewSecret("s3cr3t-khoá") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cred, s := full, stamp
			tc.change(&cred, &s)
			req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
			require.NoError(t, err)
			err = signing(t, tc.auth).Sign(req, []byte("{}"), cred, s)
			require.ErrorIs(t, err, partner.CredentialsFailed)
			assert.NotContains(t, err.Error(), "s3cr3t")
			for _, vs := range req.Header {
				for _, v := range vs {
					assert.NotContains(t, v, "\n")
				}
			}
			assert.Empty(t, req.Header.Get("X-Signature"))
		})
	}
}

func TestSignBearerAndPlainSchemes(t *testing.T) {
	t.Parallel()
	token := partner.NewSecret("tok.en-1")
	login := &Login{Method: "POST", Path: "/login", Encoding: JSON, Username: "u", Password: "p", Token: "t"}
	bearer := signing(t, Auth{Scheme: AuthBearer, Login: login, Constants: map[string]string{"x-partner": "FPT"}})
	req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
	require.NoError(t, err)
	require.NoError(t, bearer.Sign(req, nil, partner.Credentials{}, Stamp{Token: token}))
	assert.Equal(t, http.Header{"Authorization": {"Bearer tok.en-1"}, "X-Partner": {"FPT"}}, req.Header)
	s, err := bearer.Verify(req, nil, partner.Credentials{}, token)
	require.NoError(t, err)
	assert.Equal(t, token, s.Token)
	_, err = bearer.Verify(req, nil, partner.Credentials{}, partner.NewSecret("tok.en-2"))
	require.ErrorIs(t, err, partner.AuthKey)
	_, err = bearer.Verify(req, nil, partner.Credentials{}, partner.Secret{})
	require.ErrorIs(t, err, partner.AuthKey)
	req.Header.Set("Authorization", "Basic tok.en-1")
	_, err = bearer.Verify(req, nil, partner.Credentials{}, token)
	require.ErrorIs(t, err, partner.AuthKey)
	req.Header.Set("Authorization", "Bearer tok.en-1")
	req.Header.Set("X-Partner", "other")
	_, err = bearer.Verify(req, nil, partner.Credentials{}, token)
	require.ErrorIs(t, err, partner.AuthKey)

	none := signing(t, Auth{Scheme: AuthNone})
	req.Header = nil
	require.NoError(t, none.Sign(req, nil, partner.Credentials{}, Stamp{}))
	assert.Empty(t, req.Header)
	_, err = none.Verify(req, nil, partner.Credentials{}, partner.Secret{})
	require.NoError(t, err)

	key := signing(t, Auth{Scheme: AuthAPIKey, Headers: AuthHeaders{APIKey: "X-Key"}})
	require.NoError(t, key.Sign(req, nil, partner.Credentials{APIKey: partner.NewSecret("k")}, Stamp{}))
	assert.Equal(t, http.Header{"X-Key": {"k"}}, req.Header)
	_, err = key.Verify(req, nil, partner.Credentials{APIKey: partner.NewSecret("k")}, partner.Secret{})
	require.NoError(t, err)
	_, err = key.Verify(req, nil, partner.Credentials{APIKey: partner.NewSecret("kk")}, partner.Secret{})
	require.ErrorIs(t, err, partner.AuthKey)
}

type ownSigner struct{ err error }

func (s ownSigner) Sign(req *http.Request, body []byte, _ partner.Credentials, st Stamp) error {
	req.Header.Set("X-Own", st.Nonce+":"+string(body))
	return s.err
}

func TestSignThroughTheSeam(t *testing.T) {
	t.Parallel()
	base := altered(t, func(d *Document) { d.Auth.Constants = map[string]string{"X-Partner": "FPT"} })
	c := base.WithSigner(ownSigner{})
	req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
	require.NoError(t, err)
	require.NoError(t, c.Sign(req, []byte("body"), partner.Credentials{}, Stamp{Nonce: "n"}))
	assert.Equal(t, http.Header{"X-Own": {"n:body"}, "X-Partner": {"FPT"}}, req.Header)
	_, err = c.Verify(req, []byte("body"), partner.Credentials{}, partner.Secret{})
	require.ErrorIs(t, err, partner.AuthSignature)

	own := errors.New("no token in the vault")
	err = base.WithSigner(ownSigner{own}).Sign(req, nil, partner.Credentials{}, Stamp{})
	require.ErrorIs(t, err, partner.CredentialsFailed)
	require.ErrorIs(t, err, own)
	assert.ErrorIs(t, base.Sign(req, nil, partner.Credentials{}, Stamp{}), partner.CredentialsFailed, "the contract it came from is as it was")
}
