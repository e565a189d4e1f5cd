package wire

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
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
