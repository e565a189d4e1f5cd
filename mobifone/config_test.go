package mobifone_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func faultsOf(t *testing.T, cfg mobifone.Config, opts ...mobifone.Option) []string {
	t.Helper()
	client, err := mobifone.New(cfg, opts...)
	require.Error(t, err)
	assert.Nil(t, client)
	require.ErrorIs(t, err, telco.InvalidInput)
	assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	var fields []string
	for _, f := range e.Fields {
		assert.NotEmpty(t, f.Problem)
		assert.Contains(t, err.Error(), f.Field+": ")
		fields = append(fields, f.Field)
	}
	return fields
}

func badOptions() map[string][]mobifone.Option {
	var noTransport *http.Transport
	return map[string][]mobifone.Option{
		"Option":       {nil},
		"WithContract": {mobifone.WithContract(nil)},
		"WithCatalog":  {mobifone.WithCatalog(nil)},
		"WithHTTPClient": {
			mobifone.WithHTTPClient(nil), mobifone.WithHTTPClient(&http.Client{Transport: noTransport}),
			mobifone.WithHTTPClient(unchecking(nil)),
		},
		"WithMiddleware": {mobifone.WithMiddleware(nil), mobifone.WithMiddleware(retrying, nil)},
		"WithLimiter":    {mobifone.WithLimiter(nil)},
		"WithLogger":     {mobifone.WithLogger(nil)},
		"WithTimeouts": {
			mobifone.WithTimeouts(mobifone.Timeouts{Read: -1}), mobifone.WithTimeouts(mobifone.Timeouts{Call: 5*time.Minute + 1}),
			mobifone.WithTimeouts(mobifone.Timeouts{OTP: -1}), mobifone.WithTimeouts(mobifone.Timeouts{Register: time.Hour}),
		},
		"WithRetry": {
			mobifone.WithRetry(mobifone.Retry{Tries: -1}), mobifone.WithRetry(mobifone.Retry{Tries: 11}),
			mobifone.WithRetry(mobifone.Retry{BackoffBase: -1}), mobifone.WithRetry(mobifone.Retry{BackoffMax: -1}),
			mobifone.WithRetry(mobifone.Retry{RetryAfterCap: -1}),
		},
	}
}

// unchecking is a client that takes any certificate, or those that check takes.
func unchecking(check func(tls.ConnectionState) error) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: check}}} //nolint:gosec // for New to refuse
}

// A client that takes any certificate may talk to this machine alone; one that checks by
// itself may talk to anybody.
func TestUncheckedCertificate(t *testing.T) {
	t.Parallel()
	pinned := func(tls.ConnectionState) error { return nil }
	for name, tc := range map[string]struct {
		url   string
		check func(tls.ConnectionState) error
		good  bool
	}{
		"a host":            {"https://partner.test", nil, false},
		"an address":        {"https://10.0.0.1", nil, false},
		"like loopback":     {"https://localhost.partner.test", nil, false},
		"loopback":          {"https://127.0.0.1:8443", nil, true},
		"loopback by name":  {"https://localhost", nil, true},
		"loopback of six":   {"https://[::1]", nil, true},
		"checked by itself": {"https://partner.test", pinned, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			option := mobifone.WithHTTPClient(unchecking(tc.check))
			if !tc.good {
				assert.Equal(t, []string{"WithHTTPClient"}, faultsOf(t, config(tc.url), option))
				_, err := mobifone.New(config(tc.url), option)
				assert.ErrorContains(t, err, "RootCAs", "it says what to do")
				return
			}
			client, err := mobifone.New(config(tc.url), option)
			require.NoError(t, err)
			require.NoError(t, client.Close(t.Context()))
		})
	}
}

// Each fault alone is found and named.
func TestEachBadOption(t *testing.T) {
	t.Parallel()
	for field, opts := range badOptions() {
		for i, opt := range opts {
			t.Run(fmt.Sprint(field, i), func(t *testing.T) {
				t.Parallel()
				assert.Equal(t, []string{field}, faultsOf(t, config("https://partner.test"), opt))
			})
		}
	}
}

func TestEachBadField(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		field string
		spoil func(*mobifone.Config)
	}{
		"no MobiFone":     {"Config.PartnerCode", func(c *mobifone.Config) { c.PartnerCode = "" }},
		"long partner":    {"Config.PartnerCode", func(c *mobifone.Config) { c.PartnerCode = strings.Repeat("P", 65) }},
		"partner odd":     {"Config.PartnerCode", func(c *mobifone.Config) { c.PartnerCode = "FPT\u200b" }},
		"partner in NFD":  {"Config.PartnerCode", func(c *mobifone.Config) { c.PartnerCode = "ĐO\u031bN" }},
		"partner spaced":  {"Config.PartnerCode", func(c *mobifone.Config) { c.PartnerCode = "FPT " }},
		"no channel":      {"Config.Channel", func(c *mobifone.Config) { c.Channel = "" }},
		"long channel":    {"Config.Channel", func(c *mobifone.Config) { c.Channel = strings.Repeat("C", 33) }},
		"no credentials":  {"Config.Credentials", func(c *mobifone.Config) { c.Credentials = nil }},
		"short key":       {"Config.IDKey", func(c *mobifone.Config) { c.IDKey = telco.NewSecret(strings.Repeat("k", 15)) }},
		"no URL":          {"Config.BaseURL", func(c *mobifone.Config) { c.BaseURL = "" }},
		"long key is one": {"", func(c *mobifone.Config) { c.IDKey = telco.NewSecret(strings.Repeat("k", 16)) }},
		"no key is one":   {"", func(c *mobifone.Config) { c.IDKey = telco.Secret{} }},
		"partner in NFC":  {"", func(c *mobifone.Config) { c.PartnerCode = "Cửa hàng" }},
		"full lengths":    {"", func(c *mobifone.Config) { c.PartnerCode, c.Channel = strings.Repeat("P", 64), strings.Repeat("C", 32) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config("https://partner.test")
			tc.spoil(&cfg)
			if tc.field == "" {
				client, err := mobifone.New(cfg)
				require.NoError(t, err)
				require.NoError(t, client.Close(t.Context()))
				return
			}
			assert.Equal(t, []string{tc.field}, faultsOf(t, cfg))
		})
	}
}

// All faults come at once, the configuration's and every option's.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	want := []string{"Config.BaseURL", "Config.PartnerCode", "Config.Channel", "Config.Credentials", "Config.IDKey"}
	var opts []mobifone.Option
	for field, of := range badOptions() {
		for _, opt := range of {
			opts, want = append(opts, opt), append(want, field)
		}
	}
	assert.ElementsMatch(t, want, faultsOf(t, mobifone.Config{IDKey: telco.NewSecret("short")}, opts...))
}

// Which base URLs are taken; the others' error repeats nothing of them.
func TestBaseURL(t *testing.T) {
	t.Parallel()
	const secret = "pa55word-in-url"
	for u, good := range map[string]bool{
		"https://partner.test": true, "https://partner.test/": true, "https://partner.test:8443/base": true,
		"http://127.0.0.1:80": true, "http://127.8.9.1": true, "http://[::1]:8080/x": true, "http://localhost:1": true, "http://LOCALHOST": true,
		"http://partner.test": false, "http://10.0.0.1": false, "http://127.0.0.1." + secret: false, "http://localhost." + secret: false,
		"http://0.0.0.0": false, "http://[::]": false, "http://2130706433": false,
		"ftp://partner.test": false, "partner.test": false, "//partner.test": false, "https:partner.test": false,
		"https://": false, "https:///path": false, "https://:443": false, "unix:///run/" + secret: false,
		"https://user@partner.test": false, "https://user:" + secret + "@partner.test": false, "http://localhost:" + secret + "@partner.test": false,
		"https://partner.test?key=" + secret: false, "https://partner.test?": false, "https://partner.test/#" + secret: false,
		"https://partner.test/../" + secret: false, "https://partner.test/a%2Fb": false, "https://partner.test/%2e%2e/": false,
		"https://user:" + secret + "@partner.test:port": false, "https://par tner/" + secret: false, "https://partner.test/%zz" + secret: false,
		"\x00" + secret: false, " https://partner.test": false,
	} {
		t.Run(u, func(t *testing.T) {
			t.Parallel()
			if good {
				client, err := mobifone.New(config(u))
				require.NoError(t, err)
				require.NoError(t, client.Close(t.Context()))
				return
			}
			assert.Equal(t, []string{"Config.BaseURL"}, faultsOf(t, config(u)))
			_, err := mobifone.New(config(u))
			assert.NotContains(t, fmt.Sprintf("%+v %#v %s", err, err, err), secret)
		})
	}
}

// The contract's paths stand behind the base URL's own.
func TestBasePathIsKept(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"": "/partner/v1/packages", "/": "/partner/v1/packages", "/gate": "/gate/partner/v1/packages", "/gate/": "/gate/partner/v1/packages"} {
		var got string
		client, err := mobifone.New(config("https://partner.test"+base), quick(1), mobifone.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			got = req.URL.String()
			return nil, errReset
		})}))
		require.NoError(t, err)
		require.Error(t, eligible(t.Context(), client))
		assert.Equal(t, "https://partner.test"+want, got)
	}
}

// A contract without authentication needs no credentials, and none is asked for.
func TestSchemeNoneNeedsNoCredentials(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Auth = contract.Auth{Scheme: "none"}
	c, err := contract.New(doc)
	require.NoError(t, err)
	bubble(t, c, func(t *testing.T, w *inProcess) {
		cfg := config("https://partner.test")
		cfg.Credentials = nil
		client := w.clientOf(t, cfg)
		_, err := client.Registration.Register(t.Context(), toOTP(t, client))
		require.NoError(t, err)
	})
}
