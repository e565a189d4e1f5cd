package wire

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func withLogin(t testing.TB, l contract.Login) *compiled {
	t.Helper()
	return signedBy(t, contract.Auth{Scheme: "bearer", Login: &l})
}

var jsonLogin = contract.Login{Method: "POST", Path: "/auth/token", Encoding: "json", Username: "user", Password: "pass", Token: "data.token", ExpiresIn: "data.ttl"}

func TestLoginBothWays(t *testing.T) {
	t.Parallel()
	cred := telco.Credentials{Username: `shop "7"&co`, Password: telco.NewSecret("mật khẩu=1&2")}
	formLogin := jsonLogin
	formLogin.Encoding, formLogin.ExpiresIn, formLogin.Token = "form", "", "token"
	for name, tc := range map[string]struct {
		login      contract.Login
		body, kind string
		answer     string
		ttl        time.Duration
	}{
		"json": {jsonLogin, `{"user":"shop \"7\"&co","pass":"mật khẩu=1&2"}`, "application/json", `{"data":{"token":"tok-1","ttl":3600},"errorCode":"0000"}`, time.Hour},
		"form": {formLogin, `pass=m%E1%BA%ADt+kh%E1%BA%A9u%3D1%262&user=shop+%227%22%26co`, "application/x-www-form-urlencoded", `{"token":"tok-1","errorCode":"0000"}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withLogin(t, tc.login)
			wire, err := c.w.EncodeLogin(cred)
			require.NoError(t, err)
			assert.Equal(t, Request{Method: "POST", Path: "/auth/token", ContentType: tc.kind, Body: []byte(tc.body)}, wire)

			user, pass, err := c.w.ReadLogin(asRequest(wire), wire.Body)
			require.NoError(t, err)
			assert.Equal(t, cred.Username, user)
			assert.Equal(t, cred.Password.Reveal(), pass.Reveal())

			_, body, err := c.w.WriteLogin(telco.NewSecret("tok-1"), time.Hour+time.Millisecond)
			require.NoError(t, err)
			assert.Equal(t, tc.answer, string(body))
			token, ttl, err := c.w.DecodeLogin(body)
			require.NoError(t, err)
			assert.Equal(t, "tok-1", token.Reveal())
			assert.Equal(t, tc.ttl, ttl)
		})
	}
}

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	c := withLogin(t, jsonLogin)
	for _, cred := range []telco.Credentials{{}, {Username: "u"}, {Password: telco.NewSecret("p")}} {
		_, err := c.w.EncodeLogin(cred)
		require.ErrorIs(t, err, telco.CredentialsFailed)
	}
	_, err := byDefault().w.EncodeLogin(telco.Credentials{Username: "u", Password: telco.NewSecret("p")})
	require.ErrorIs(t, err, telco.CredentialsFailed)
	_, _, err = byDefault().w.DecodeLogin([]byte(`{"data":{"token":"s3cr3t"}}`))
	require.ErrorIs(t, err, telco.CredentialsFailed)

	for body, path := range map[string]string{
		``:                                  "",
		`{"data":{"token":"s3cr3t"}`:        "",
		`{"data":{}}`:                       "data.token",
		`{"data":{"token":null}}`:           "data.token",
		`{"data":{"token":""}}`:             "data.token",
		`{"data":{"token":5}}`:              "data.token",
		`{"data":{"token":"s3cr3t\r\nX:"}}`: "data.token",
		`{"data":"s3cr3t"}`:                 "data.token",
		`{"data":{"token":"s3cr3t","token":"s3cr3t"}}`:          "",
		`{"data":{"token":"s3cr3t","ttl":-1}}`:                  "data.ttl",
		`{"data":{"token":"s3cr3t","ttl":1.5}}`:                 "data.ttl",
		`{"data":{"token":"s3cr3t","ttl":9223372036854775807}}`: "data.ttl",
	} {
		token, ttl, err := c.w.DecodeLogin([]byte(body))
		var bad *Error
		require.ErrorAs(t, err, &bad, body)
		assert.Equal(t, path, bad.Path, body)
		assert.NotContains(t, err.Error(), "s3cr3t")
		assert.True(t, token.IsZero())
		assert.Zero(t, ttl)
	}
	_, ttl, err := c.w.DecodeLogin([]byte(`{"data":{"token":"t","ttl":"60"}}`))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, ttl)

	for _, body := range []string{``, `{}`, `{"user":"u"}`, `{"user":"u","pass":""}`, `{"user":"u","pass":5}`, `{"user":"u","pass":"s3cr3t","x":"y"}`} {
		_, pass, err := c.w.ReadLogin(asRequest(Request{Method: "POST", Path: "/auth/token", ContentType: typeJSON}), []byte(body))
		require.ErrorIs(t, err, telco.AuthKey, body)
		assert.NotContains(t, err.Error(), "s3cr3t")
		assert.True(t, pass.IsZero())
	}
}
