package wire

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	full := telco.Credentials{APIKey: telco.NewSecret("key-s3cr3t"), Secret: telco.NewSecret("s3cr3t"), PrivateKey: testKey(t)}
	stamp := contract.Stamp{Time: time.UnixMilli(1740805200123), Nonce: "n", RequestID: "r", Token: telco.NewSecret("token-s3cr3t")}
	hmacAuth := byDefault().Document().Auth
	rsaAuth := hmacAuth
	rsaAuth.Scheme = "rsa-sha256"
	bearer := contract.Auth{Scheme: "bearer", Login: &contract.Login{Method: "POST", Path: "/login", Encoding: "json", Username: "u", Password: "p", Token: "t"}}
	for name, tc := range map[string]struct {
		auth   contract.Auth
		change func(*telco.Credentials, *contract.Stamp)
	}{
		"no API key":       {hmacAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.APIKey = telco.Secret{} }},
		"no secret":        {hmacAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.Secret = telco.Secret{} }},
		"no nonce":         {hmacAuth, func(_ *telco.Credentials, s *contract.Stamp) { s.Nonce = "" }},
		"no request id":    {hmacAuth, func(_ *telco.Credentials, s *contract.Stamp) { s.RequestID = "" }},
		"no private key":   {rsaAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.PrivateKey = nil }},
		"another key":      {rsaAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.PrivateKey = otherKey(t) }},
		"no token":         {bearer, func(_ *telco.Credentials, s *contract.Stamp) { s.Token = telco.Secret{} }},
		"token injects":    {bearer, func(_ *telco.Credentials, s *contract.Stamp) { s.Token = telco.NewSecret("s3cr3t\r\nX-Evil: 1") }},
		"key injects":      {hmacAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.APIKey = telco.NewSecret("s3cr3t\nX-Evil: 1") }},
		"nonce injects":    {hmacAuth, func(_ *telco.Credentials, s *contract.Stamp) { s.Nonce = "s3cr3t\r\n" }},
		"request injects":  {hmacAuth, func(_ *telco.Credentials, s *contract.Stamp) { s.RequestID = "s3cr3t\x00" }},
		"key with a space": {hmacAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.APIKey = telco.NewSecret("s3cr3t ") }},
		"key not ASCII":    {hmacAuth, func(c *telco.Credentials, _ *contract.Stamp) { c.APIKey = telco.NewSecret("s3cr3t-khoá") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cred, s := full, stamp
			tc.change(&cred, &s)
			req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
			require.NoError(t, err)
			err = signedBy(t, tc.auth).Sign(req, []byte("{}"), cred, s)
			require.ErrorIs(t, err, telco.CredentialsFailed)
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
	token := telco.NewSecret("tok.en-1")
	login := &contract.Login{Method: "POST", Path: "/login", Encoding: "json", Username: "u", Password: "p", Token: "t"}
	bearer := signedBy(t, contract.Auth{Scheme: "bearer", Login: login, Constants: map[string]string{"x-partner": "FPT"}})
	req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
	require.NoError(t, err)
	require.NoError(t, bearer.Sign(req, nil, telco.Credentials{}, contract.Stamp{Token: token}))
	assert.Equal(t, http.Header{"Authorization": {"Bearer tok.en-1"}, "X-Partner": {"FPT"}}, req.Header)
	s, err := bearer.Verify(req, nil, telco.Credentials{}, token)
	require.NoError(t, err)
	assert.Equal(t, token, s.Token)
	_, err = bearer.Verify(req, nil, telco.Credentials{}, telco.NewSecret("tok.en-2"))
	require.ErrorIs(t, err, telco.AuthKey)
	_, err = bearer.Verify(req, nil, telco.Credentials{}, telco.Secret{})
	require.ErrorIs(t, err, telco.AuthKey)
	req.Header.Set("Authorization", "Basic tok.en-1")
	_, err = bearer.Verify(req, nil, telco.Credentials{}, token)
	require.ErrorIs(t, err, telco.AuthKey)
	req.Header.Set("Authorization", "Bearer tok.en-1")
	req.Header.Set("X-Partner", "other")
	_, err = bearer.Verify(req, nil, telco.Credentials{}, token)
	require.ErrorIs(t, err, telco.AuthKey)

	none := signedBy(t, contract.Auth{Scheme: "none"})
	req.Header = nil
	require.NoError(t, none.Sign(req, nil, telco.Credentials{}, contract.Stamp{}))
	assert.Empty(t, req.Header)
	_, err = none.Verify(req, nil, telco.Credentials{}, telco.Secret{})
	require.NoError(t, err)

	key := signedBy(t, contract.Auth{Scheme: "api-key", Headers: contract.AuthNames{APIKey: "X-Key"}})
	require.NoError(t, key.Sign(req, nil, telco.Credentials{APIKey: telco.NewSecret("k")}, contract.Stamp{}))
	assert.Equal(t, http.Header{"X-Key": {"k"}}, req.Header)
	_, err = key.Verify(req, nil, telco.Credentials{APIKey: telco.NewSecret("k")}, telco.Secret{})
	require.NoError(t, err)
	_, err = key.Verify(req, nil, telco.Credentials{APIKey: telco.NewSecret("kk")}, telco.Secret{})
	require.ErrorIs(t, err, telco.AuthKey)
}

type ownSigner struct{ err error }

func (s ownSigner) Sign(req *http.Request, body []byte, _ telco.Credentials, st contract.Stamp) error {
	req.Header.Set("X-Own", st.Nonce+":"+string(body))
	return s.err
}

func TestSignThroughTheSeam(t *testing.T) {
	t.Parallel()
	base := altered(t, func(d *contract.Document) { d.Auth.Constants = map[string]string{"X-Partner": "FPT"} })
	c := of(base.WithSigner(ownSigner{}))
	req, err := http.NewRequest(http.MethodPost, "https://partner.test/x", nil)
	require.NoError(t, err)
	require.NoError(t, c.Sign(req, []byte("body"), telco.Credentials{}, contract.Stamp{Nonce: "n"}))
	assert.Equal(t, http.Header{"X-Own": {"n:body"}, "X-Partner": {"FPT"}}, req.Header)
	_, err = c.Verify(req, []byte("body"), telco.Credentials{}, telco.Secret{})
	require.ErrorIs(t, err, telco.AuthSignature)

	own := errors.New("no token in the vault")
	err = of(base.WithSigner(ownSigner{own})).Sign(req, nil, telco.Credentials{}, contract.Stamp{})
	require.ErrorIs(t, err, telco.CredentialsFailed)
	require.ErrorIs(t, err, own)
	assert.ErrorIs(t, base.Sign(req, nil, telco.Credentials{}, contract.Stamp{}), telco.CredentialsFailed, "the contract it came from is as it was")
}

// vector is one line of testdata/sign/vectors.tsv, made by openssl.
type vector struct {
	name string
	auth contract.Auth
	cred telco.Credentials
	s    contract.Stamp
	req  func() *http.Request
	body []byte
	want string
}

func testKey(t testing.TB) crypto.Signer {
	t.Helper()
	data, err := os.ReadFile("testdata/sign/TEST-ONLY-rsa2048.pem")
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	require.NotNil(t, block)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return key.(crypto.Signer)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/sign/vectors.tsv")
	require.NoError(t, err)
	var out []vector
	for line := range strings.Lines(string(data)) {
		col := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, col, 19)
		for i, c := range col {
			if c == "-" {
				col[i] = ""
			}
		}
		millis, err := strconv.ParseInt(col[13], 10, 64)
		require.NoError(t, err)
		key, err := hex.DecodeString(col[7])
		require.NoError(t, err)
		v := vector{
			name: col[0],
			auth: contract.Auth{
				Scheme: col[1], Canonical: col[2], Separator: strings.ReplaceAll(col[4], `\n`, "\n"), Timestamp: col[5], Encoding: col[6],
				Secret: col[16], Values: col[17] == "values",
				Headers: contract.AuthNames{APIKey: "api-key", Timestamp: "X-Timestamp", Nonce: "X-Nonce", RequestID: "X-Request-Id", Signature: "X-Signature"},
			},
			cred: telco.Credentials{APIKey: telco.NewSecret(col[8]), Secret: telco.NewSecret(string(key)), PrivateKey: testKey(t)},
			s:    contract.Stamp{Time: time.UnixMilli(millis).In(saigon), Nonce: col[14], RequestID: col[15]},
			body: []byte(col[12]),
			want: col[18],
		}
		if col[3] != "" {
			v.auth.Parts = strings.Split(col[3], ",")
		}
		v.req = func() *http.Request {
			r, err := http.NewRequest(col[9], col[10], bytes.NewReader(v.body))
			require.NoError(t, err)
			if col[11] != "" {
				r.Header.Set("Content-Type", col[11])
			}
			return r
		}
		out = append(out, v)
	}
	return out
}

// signedBy is the default contract with another authentication.
func signedBy(t testing.TB, auth contract.Auth) *compiled {
	t.Helper()
	return altered(t, func(d *contract.Document) {
		d.Auth = auth
		if auth.Canonical != "members" {
			return
		}
		sent := map[string]any{} // what is listed has to be sent by some operation
		for _, part := range auth.Parts {
			sent[part] = "x"
		}
		d.Operations[telco.OpOTP].Constants = sent
	})
}

func TestSignMakesWhatOpensslMakes(t *testing.T) {
	t.Parallel()
	vs := vectors(t)
	require.Len(t, vs, 23)
	for _, v := range vs {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			c := signedBy(t, v.auth)
			req := v.req()
			require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
			assert.Equal(t, v.want, req.Header.Get("X-Signature"))
			assert.Equal(t, "key-1", req.Header.Get("Api-Key"))
			assert.Equal(t, "5f0c1b2a", req.Header.Get("X-Nonce"))
			assert.Equal(t, "req-0001", req.Header.Get("X-Request-Id"))
			stamp, err := c.w.appendStamp(nil, v.s.Time)
			require.NoError(t, err)
			assert.Equal(t, string(stamp), req.Header.Get("X-Timestamp"))

			want := v.s
			if v.auth.Timestamp == "s" {
				want.Time = want.Time.Truncate(time.Second)
			}
			got, err := c.Verify(req, v.body, v.cred, telco.Secret{})
			require.NoError(t, err)
			assert.True(t, want.Time.Equal(got.Time))
			got.Time, want.Time = time.Time{}, time.Time{}
			assert.Equal(t, want, got)

			// Signing again replaces the headers.
			require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
			assert.Equal(t, []string{v.want}, req.Header.Values("X-Signature"))
		})
	}
}
