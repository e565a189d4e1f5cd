package mobifone_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/transactions"
)

// What each kind of reply becomes for the three steps around a registration. No sockets
// here: this is the table of status × body, nothing else.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	const (
		none    = ""
		html    = "<html></html>"
		refused = `{"errorCode":"2021","message":"locked"}`
		busy    = `{"errorCode":"9001","message":"busy"}`
		broken  = `{"errorCode":"1049","message":"failed"}`
		foreign = `{"errorCode":"4711","message":"?"}`
		success = `{"errorCode":"0000","data":null}`
	)
	type want struct {
		code telco.Code
		otp  telco.Outcome // of an OTP request; a lookup's is always Unknown
	}
	for name, tc := range map[string]struct {
		status int
		body   string
		want   want
	}{
		"refusal":           {200, refused, want{telco.SubscriberInactive, telco.Rejected}},
		"refusal under 400": {400, refused, want{telco.SubscriberInactive, telco.Rejected}},
		"refusal under 500": {500, refused, want{telco.SubscriberInactive, telco.Unknown}},
		"rate limit":        {200, busy, want{telco.RateLimited, telco.Unknown}},
		"system error":      {200, broken, want{telco.SystemError, telco.Unknown}},
		"unlisted code":     {200, foreign, want{telco.SystemError, telco.Unknown}},
		"success under 400": {400, success, want{telco.ReplyUnreadable, telco.Unknown}},
		"no data":           {200, success, want{telco.ReplyUnreadable, telco.Unknown}},
		"HTML":              {200, html, want{telco.ReplyUnreadable, telco.Unknown}},
		"empty":             {200, none, want{telco.ReplyUnreadable, telco.Unknown}},
		"bare 401":          {401, none, want{telco.SystemError, telco.Unknown}},
		"bare 404":          {404, html, want{telco.SystemError, telco.Unknown}},
		"bare 429":          {429, none, want{telco.RateLimited, telco.Unknown}},
		"bare 500":          {500, none, want{telco.SystemError, telco.Unknown}},
		"bare 503":          {503, html, want{telco.Maintenance, telco.Unknown}},
		"redirect":          {302, none, want{telco.RedirectRefused, telco.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(tc.status, tc.body))
			client, err := mobifone.New(config("https://partner.test"), mobifone.WithHTTPClient(&http.Client{Transport: mock}),
				mobifone.WithRetry(mobifone.Retry{Tries: 1}))
			require.NoError(t, err)
			msisdn := telco.MustParseMSISDN(canaryMSISDN)

			_, err = client.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
			require.ErrorIs(t, err, tc.want.code)
			_, err = client.OTP.Request(t.Context(), otp.Request{MSISDN: msisdn, Package: "C120", Staff: staff})
			require.ErrorIs(t, err, tc.want.code)
			assert.Equal(t, tc.want.otp, telco.OutcomeOf(err))
			_, err = client.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
			require.ErrorIs(t, err, tc.want.code)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "a failed lookup says nothing of the registration")
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, tc.status, e.Evidence.HTTPStatus)
			assert.Equal(t, 1, e.Evidence.Tries)
		})
	}
}
