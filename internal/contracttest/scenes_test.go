package contracttest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/require"
)

// scene is one thing that client and sandbox say to each other.
type scene struct {
	name string
	cfg  sandbox.Config
	play func(s *stage)
}

// record plays every scene and returns all exchanges.
func record(t *testing.T) []*exchange {
	t.Helper()
	var all []*exchange
	for _, sc := range scenes(t) {
		s := newStage(t, sc.name, sc.cfg)
		sc.play(s)
		got := s.wire.all()
		require.NotEmpty(t, got, sc.name)
		all = append(all, got...)
	}
	return all
}

func scenes(t *testing.T) []scene {
	t.Helper()
	atOTP, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.PartnerTransIDAtOTP = true })
	require.NoError(t, err)
	out := []scene{
		{"a sale and its lookups", sandbox.Config{}, wholeSale},
		{"partnerTransId at the OTP", sandbox.Config{Contract: atOTP}, wholeSale},
		{"pages", sandbox.Config{}, pages},
		{"refused at step 1 and 2", sandbox.Config{OTPPerDay: 1, ResendAfter: -1}, refusedEarly},
		{"refused at step 3", sandbox.Config{}, refusedAtRegister},
		{"deduped", sandbox.Config{Kind: "A"}, deduped},
		{"pending", sandbox.Config{PendingFor: time.Millisecond}, pending},
		{"queued", sandbox.Config{Kind: "E"}, queued},
		{"too soon", sandbox.Config{}, tooSoon},
		{"too many requests", sandbox.Config{RateLimit: 0.001, RateBurst: 1}, tooManyRequests},
		{"authentication", sandbox.Config{}, authentication},
		{"sent wrong", sandbox.Config{}, sentWrong},
		{"too large", sandbox.Config{MaxBody: 20}, tooLarge},
		{"every code for every operation", sandbox.Config{}, everyCode},
		{"every status for every operation", sandbox.Config{}, everyStatus},
	}
	return out
}

// wholeSale is all six operations, each successful.
func wholeSale(s *stage) {
	require.NoError(s.t, s.eligible(magic("100")))
	s.expect(http.StatusOK, "0000")
	require.NoError(s.t, s.eligible(magic("104"))) // offers that say why not
	req := s.sale(magic("100"))
	require.NoError(s.t, s.register(req))
	s.expect(http.StatusOK, "0000")
	require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID}))
	require.NoError(s.t, s.get(transactions.GetRequest{PartnerTransID: req.PartnerTransID}))
	require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID, PartnerTransID: req.PartnerTransID}))
	require.NoError(s.t, s.list())
	require.NoError(s.t, s.search(magic("100")))
	s.expect(http.StatusOK, "0000")
	require.True(s.t, s.sandbox.Reverse(req.TransID))
	require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID}))
	s.expect(http.StatusOK, "0000")
}

// pages reads more than one page both ways, with and without filters, and one that is
// empty.
func pages(s *stage) {
	for i := range 24 {
		_, err := s.askOTP(number(i), []telco.PackageCode{"C120", "3C120", "6C120"}[i%3])
		require.NoError(s.t, err)
	}
	count := 0
	for page, err := range s.client.Transactions.List(s.window()).Pages(s.t.Context()) {
		require.NoError(s.t, err)
		count += len(page.Rows)
	}
	require.Equal(s.t, 24, count)
	for _, q := range []transactions.Query{
		{From: s.sandbox.Now().Add(-time.Hour), Package: "3C120"},
		{From: s.sandbox.Now().Add(-time.Hour), Shop: "HN01", State: telco.StateInit},
		{From: s.sandbox.Now().Add(-48 * time.Hour), To: s.sandbox.Now().Add(-24 * time.Hour)},
	} {
		_, err := s.client.Transactions.List(q).Page(s.t.Context(), 1)
		require.NoError(s.t, err)
		_, err = s.client.Transactions.Search(transactions.SearchQuery{MSISDN: number(1), Query: q}).Page(s.t.Context(), 1)
		require.NoError(s.t, err)
	}
	for _, err := range s.client.Transactions.List(transactions.Query{
		From: s.sandbox.Now().Add(-40 * 24 * time.Hour), To: s.sandbox.Now().Add(-time.Hour),
	}).All(s.t.Context()) { // longer than one request may ask for
		require.NoError(s.t, err)
	}
	// The client filters states itself, so that a page does not shift; the wire can, too.
	const window = "fromTime=20260101000000&toTime=20260102000000&page=1&size=20"
	s.raw(http.MethodGet, "/partner/v1/transactions?"+window+"&status=SUCCESS", "", nil)
	s.expect(http.StatusOK, "0000")
	s.raw(http.MethodPost, "/partner/v1/transactions/search",
		`{"isdn":"84901234567","fromTime":"20260101000000","toTime":"20260102000000","status":"FAILED","page":1,"size":20}`, nil)
	s.expect(http.StatusOK, "0000")
	s.raw(http.MethodGet, "/partner/v1/transactions?"+strings.Replace(window, "20260102", "20260302", 1), "", nil)
	s.expect(http.StatusOK, "1049") // longer than 31 days: a length no schema can bound
}

// refusedEarly is what steps 1 and 2 refuse by themselves.
func refusedEarly(s *stage) {
	for _, c := range []struct {
		sub  sandbox.Subscriber
		code string
	}{
		{sandbox.Subscriber{Unknown: true}, "355"},
		{sandbox.Subscriber{Postpaid: true}, "8020"},
		{sandbox.Subscriber{Barred: true}, "2021"},
	} {
		s.sandbox.SetSubscriber(number(1), c.sub)
		require.Error(s.t, s.eligible(number(1)))
		s.expect(http.StatusOK, c.code)
		_, err := s.askOTP(number(1), "C120")
		require.Error(s.t, err)
		s.expect(http.StatusOK, c.code)
	}
	s.sandbox.SetSubscriber(number(2), sandbox.Subscriber{NoSMS: true})
	_, err := s.askOTP(number(2), "C120")
	require.Error(s.t, err)
	s.expect(http.StatusOK, "7006")
	_, err = s.askOTP(number(3), "NOSUCH")
	require.Error(s.t, err)
	s.expect(http.StatusOK, "2063")
	_, err = s.askOTP(number(3), "C120")
	require.NoError(s.t, err)
	_, err = s.askOTP(number(3), "C120")
	require.Error(s.t, err)
	s.expect(http.StatusOK, "7005")
	require.Error(s.t, s.get(transactions.GetRequest{TransID: "NOBODYS-1"}))
	s.expect(http.StatusOK, "8004")
}

// tooSoon asks for a second OTP at once; the answer says how long to wait.
func tooSoon(s *stage) {
	_, err := s.askOTP(number(1), "C120")
	require.NoError(s.t, err)
	_, err = s.askOTP(number(1), "C120")
	require.Error(s.t, err)
	s.expect(http.StatusOK, "7004")
}
