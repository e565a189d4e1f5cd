package contract

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// vector is one line of testdata/sign/vectors.tsv, made by openssl.
type vector struct {
	name string
	auth Auth
	cred partner.Credentials
	s    Stamp
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
		require.Len(t, col, 17)
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
			auth: Auth{
				Scheme: Scheme(col[1]), Canonical: col[2], Separator: strings.ReplaceAll(col[4], `\n`, "\n"), Timestamp: col[5], Encoding: col[6],
				Headers: AuthHeaders{APIKey: "api-key", Timestamp: "X-Timestamp", Nonce: "X-Nonce", RequestID: "X-Request-Id", Signature: "X-Signature"},
			},
			cred: partner.Credentials{APIKey: partner.NewSecret(col[8]), Secret: partner.NewSecret(string(key)), PrivateKey: testKey(t)},
			s:    Stamp{Time: time.UnixMilli(millis).In(saigon), Nonce: col[14], RequestID: col[15]},
			body: []byte(col[12]),
			want: col[16],
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

// signing is the default contract with another authentication.
func signing(t testing.TB, auth Auth) *Contract {
	t.Helper()
	return altered(t, func(d *Document) { d.Auth = auth })
}

func TestSignMakesWhatOpensslMakes(t *testing.T) {
	t.Parallel()
	vs := vectors(t)
	require.Len(t, vs, 13)
	for _, v := range vs {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			c := signing(t, v.auth)
			req := v.req()
			require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
			assert.Equal(t, v.want, req.Header.Get("X-Signature"))
			assert.Equal(t, "key-1", req.Header.Get("Api-Key"))
			assert.Equal(t, "5f0c1b2a", req.Header.Get("X-Nonce"))
			assert.Equal(t, "req-0001", req.Header.Get("X-Request-Id"))
			assert.Equal(t, c.stampText(v.s.Time), req.Header.Get("X-Timestamp"))

			want := v.s
			if v.auth.Timestamp == "s" {
				want.Time = want.Time.Truncate(time.Second)
			}
			got, err := c.Verify(req, v.body, v.cred, partner.Secret{})
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
			"method": {[]string{"method"}, func(r *http.Request, _ *[]byte) { r.Method = "PUT" }, partner.AuthSignature},
			"path":   {[]string{"target", "path"}, func(r *http.Request, _ *[]byte) { r.URL.Path += "x" }, partner.AuthSignature},
			"query":  {[]string{"target", "query"}, func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&zz=1" }, partner.AuthSignature},
			"body": {[]string{"bodyHash", "body"}, func(_ *http.Request, b *[]byte) {
				*b = append(bytes.Clone(*b), ' ')
			}, partner.AuthSignature},
			"nonce":      {[]string{"nonce"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Nonce", "other") }, partner.AuthSignature},
			"request id": {[]string{"requestId"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Request-Id", "other") }, partner.AuthSignature},
			"timestamp":  {[]string{"timestamp"}, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "1740805201") }, partner.AuthSignature},
			"api key":    {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("Api-Key", "key-2") }, partner.AuthKey},
			"no key":     {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("Api-Key") }, partner.AuthKey},
			"two keys":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Add("Api-Key", "key-1") }, partner.AuthKey},
			"signature": {nil, func(r *http.Request, _ *[]byte) {
				r.Header.Set("X-Signature", strings.Repeat("0", len(v.want)))
			}, partner.AuthSignature},
			"signature in capitals": {nil, func(r *http.Request, _ *[]byte) {
				r.Header.Set("X-Signature", strings.ToUpper(v.want))
			}, partner.AuthSignature},
			"signature cut":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Signature", v.want[:len(v.want)-4]) }, partner.AuthSignature},
			"no signature":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Signature") }, partner.AuthSignature},
			"no nonce":       {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Nonce") }, partner.AuthSignature},
			"no request id":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Request-Id") }, partner.AuthSignature},
			"no timestamp":   {nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Timestamp") }, partner.AuthTimestamp},
			"odd timestamp":  {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "now") }, partner.AuthTimestamp},
			"ancient":        {nil, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Timestamp", "0") }, partner.AuthTimestamp},
			"two timestamps": {nil, func(r *http.Request, _ *[]byte) { r.Header.Add("X-Timestamp", "1740805200") }, partner.AuthTimestamp},
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
				c := signing(t, v.auth)
				req, body := v.req(), v.body
				require.NoError(t, c.Sign(req, body, v.cred, v.s))
				tc.change(req, &body)
				s, err := c.Verify(req, body, v.cred, partner.Secret{})
				require.ErrorIs(t, err, tc.want)
				assert.Equal(t, Stamp{}, s)
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
		c := signing(t, v.auth)
		req := v.req()
		require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
		for _, body := range []string{
			`{"zone":"Hà Nội","amount":120001,"On":true,"id":"a&b=c"}`, `{"zone":"Hà Nội","amount":120000,"On":true}`, `{}`, ``, `{"zone":{}}`,
			`{"zone":"Hà Nội","amount":120000,"On":true,"id":"a&b=c","id":"x"}`,
		} {
			_, err := c.Verify(req, []byte(body), v.cred, partner.Secret{})
			assert.ErrorIs(t, err, partner.AuthSignature, body)
		}
		return
	}
	t.Fatal("the vector is gone")
}

func TestVerifyNeedsItsOwnCredentials(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		c := signing(t, v.auth)
		req := v.req()
		require.NoError(t, c.Sign(req, v.body, v.cred, v.s))
		_, err := c.Verify(req, v.body, partner.Credentials{}, partner.Secret{})
		require.ErrorIs(t, err, partner.AuthKey)
		_, err = c.Verify(req, v.body, partner.Credentials{APIKey: v.cred.APIKey}, partner.Secret{})
		require.ErrorIs(t, err, partner.AuthSignature)
		other := v.cred
		other.Secret, other.PrivateKey = partner.NewSecret("other"), otherKey(t)
		_, err = c.Verify(req, v.body, other, partner.Secret{})
		require.ErrorIs(t, err, partner.AuthSignature)
	}
}

// otherKey is a key of another kind.
func otherKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

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
