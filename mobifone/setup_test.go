package mobifone_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
)

// Canaries: none of them may appear anywhere but on the wire.
const (
	canaryMSISDN   = "0908123477"
	canaryOTP      = "73019482" // long, so that chance does not write it into a request id
	canaryKey      = "canary-api-key-5d1c"
	canarySecret   = "canary-hmac-secret-77aa"
	canaryPassword = "canary-password-90ce"
	canaryIDKey    = "canary-id-key-0123456789abcdef"
)

var staff = telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"}

// contracts are the wires the client is tested under.
func contracts(t *testing.T) map[string]*contract.Contract {
	t.Helper()
	all := map[string]*contract.Contract{"default": contract.Default()}
	for _, name := range []string{"second", "order", "signed"} {
		document, err := os.ReadFile(filepath.Join("contract", "testdata", name+".json"))
		require.NoError(t, err)
		all[name], err = contract.Load(document)
		require.NoError(t, err)
	}
	return all
}

func credentials() telco.Credentials {
	return telco.Credentials{
		APIKey: telco.NewSecret(canaryKey), Secret: telco.NewSecret(canarySecret),
		Username: "shop-chain", Password: telco.NewSecret(canaryPassword),
	}
}

func config(url string) mobifone.Config {
	return mobifone.Config{
		BaseURL: url, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(credentials()), IDKey: telco.NewSecret(canaryIDKey),
	}
}

func newClient(t *testing.T, p *wiretest.MobiFone, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	p.Trust(credentials())
	client, err := mobifone.New(config(p.Server.URL), append([]mobifone.Option{mobifone.WithContract(p.Contract)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return client
}

// toOTP walks steps 1 and 2 and returns the request of step 3.
func toOTP(t *testing.T, client *mobifone.Client) registration.Request {
	t.Helper()
	msisdn := telco.MustParseMSISDN(canaryMSISDN)
	eligible, err := client.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
	require.NoError(t, err)
	offer, ok := eligible.Offer("C120")
	require.True(t, ok)
	id, err := client.NewPartnerTransID("HN01", "ORDER-"+t.Name(), 1)
	require.NoError(t, err)
	ticket, err := client.OTP.Request(t.Context(), otp.Request{MSISDN: msisdn, Package: offer.Code, PartnerTransID: id, Staff: staff})
	require.NoError(t, err)
	code, err := telco.ParseOTP(canaryOTP)
	require.NoError(t, err)
	return registration.Request{
		MSISDN: msisdn, Package: offer.Code, Amount: offer.Price, OfferPrice: offer.Price,
		TransID: ticket.TransID, PartnerTransID: id, OTP: code, OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: staff,
	}
}

// retrying is a middleware that tries again, as careless ones do.
func retrying(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		var resp *http.Response
		var err error
		for range 3 {
			resp, err = next.RoundTrip(req)
			if err == nil && resp.StatusCode < 400 {
				return resp, nil
			}
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func otpRequest() otp.Request {
	return otp.Request{MSISDN: telco.MustParseMSISDN(canaryMSISDN), Package: "C120", Staff: staff}
}

// What MobiFone answers, byte by byte.
const (
	envelope       = `{"errorCode":"0000","success":true,"message":"Thành công","requestId":"9f1c-2d7e-40ab","responseTime":"20261126035901","data":`
	answerPackages = envelope + `{"packages":[{"packageCode":"MXH100","price":100000},{"packageCode":"C90N","price":90000},{"packageCode":"TK135","price":135000}],"subscriberType":"PREPAID"}}`
)
