package contracttest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/require"
)

// This file holds the scenes: all that client and sandbox can say to each other, each answer
// checked at once, because a scene that plays something else would prove nothing.

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

// refusedAtRegister is what step 3 refuses by itself.
func refusedAtRegister(s *stage) {
	wrongOTPs(s)
	for _, c := range []struct {
		last string
		code string
	}{{"103", "8021"}, {"104", "2064"}, {"105", "2021"}, {"106", "7001"}, {"107", "7002"}} {
		req := s.sale(magic(c.last))
		require.Error(s.t, s.register(req))
		s.expect(http.StatusOK, c.code)
		require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID})) // FAILED or still INIT
	}
	for i, c := range []struct {
		change func(*registration.Request)
		code   string
	}{
		{func(r *registration.Request) { r.Amount = 1 }, "8010"},
		{func(r *registration.Request) { r.TransID = "NOBODYS-1" }, "8005"},
		{func(r *registration.Request) { r.Package, r.Amount = "3C120", 360_000 }, "8003"},
		{func(r *registration.Request) { r.Package = "NOSUCH" }, "2063"},
		{func(r *registration.Request) { s.sandbox.SetSubscriber(r.MSISDN, sandbox.Subscriber{Unknown: true}) }, "355"},
		{func(r *registration.Request) { s.sandbox.SetSubscriber(r.MSISDN, sandbox.Subscriber{Postpaid: true}) }, "8020"},
		{func(r *registration.Request) { s.sandbox.SetSubscriber(r.MSISDN, sandbox.Subscriber{Barred: true}) }, "2021"},
	} {
		req := s.sale(number(i))
		c.change(&req)
		require.Error(s.t, s.register(req))
		s.expect(http.StatusOK, c.code)
	}
}

// wrongOTPs enters the code wrongly until there is no entry left.
func wrongOTPs(s *stage) {
	req := s.sale(number(50))
	wrong := "000000"
	if req.OTP.Reveal() == wrong {
		wrong = "000001"
	}
	var err error
	req.OTP, err = telco.ParseOTP(wrong)
	require.NoError(s.t, err)
	for _, code := range []string{"7001", "7001", "7003"} {
		require.Error(s.t, s.register(req))
		s.expect(http.StatusOK, code)
	}
	require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID}))
	s.expect(http.StatusOK, "0000")
}

// deduped sends a partnerTransId that was carried out; another draft of the same process
// would hold it back, so it goes by hand.
func deduped(s *stage) {
	req := s.sale(number(1))
	require.NoError(s.t, s.register(req))
	seen := s.wire.all()
	s.raw(http.MethodPost, "/partner/v1/register", string(seen[len(seen)-1].body), nil)
	s.expect(http.StatusOK, "8002")
}

// pending is PROCESSING first, then a row that is PENDING, then one that is done.
func pending(s *stage) {
	for _, last := range []string{"101", "102"} {
		req := s.sale(magic(last))
		require.Error(s.t, s.register(req))
		s.expect(http.StatusOK, "8001")
		require.NoError(s.t, s.get(transactions.GetRequest{TransID: req.TransID}))
		s.expect(http.StatusOK, "0000")
	}
}

// queued is a MobiFone who accepts first and executes later.
func queued(s *stage) {
	require.Error(s.t, s.register(s.sale(number(1))))
	s.expect(http.StatusOK, "8001")
}

// operations are the six of the default contract.
func operations() []telco.Operation {
	return []telco.Operation{
		telco.OpEligible, telco.OpOTP, telco.OpRegister, telco.OpGet, telco.OpList, telco.OpSearch,
	}
}

// tooManyRequests runs into the sandbox's own limit: an envelope, and when to come back.
func tooManyRequests(s *stage) {
	require.NoError(s.t, s.eligible(number(1)))
	require.Error(s.t, s.eligible(number(1)))
	s.expect(http.StatusTooManyRequests, "9001")
	seen := s.wire.all()
	require.NotEmpty(s.t, seen[len(seen)-1].reply.Get("Retry-After"))
}

// authentication is each way to be refused at the door. What is wrong with key and
// signature the document can tell; a time and a nonce only MobiFone knows.
func authentication(s *stage) {
	const path, body = "/partner/v1/packages", `{"isdn":"84901234567","channel":"SHOP","shopCode":"HN01","employeeCode":"GDV07"}`
	resign := func(req *http.Request, at time.Time, nonce string) {
		sign(req, body, at, nonce)
	}
	s.wrong(http.MethodPost, path, body, func(r *http.Request) { r.Header.Set("Api-Key", "another") })
	s.expect(http.StatusUnauthorized, "6001")
	s.wrong(http.MethodPost, path, body, func(r *http.Request) { r.Header.Set("X-Signature", strings.Repeat("0", 64)) })
	s.expect(http.StatusUnauthorized, "6002")
	s.wrong(http.MethodPost, path, body, func(r *http.Request) { r.Header.Del("X-Nonce") })
	s.raw(http.MethodPost, path, body, func(r *http.Request) {
		resign(r, s.sandbox.Now().Add(-time.Hour), strings.Repeat("a", 32))
	})
	s.expect(http.StatusUnauthorized, "6003")
	once := func(r *http.Request) { resign(r, s.sandbox.Now(), strings.Repeat("b", 32)) }
	s.raw(http.MethodPost, path, body, once)
	s.expect(http.StatusOK, "0000")
	s.raw(http.MethodPost, path, body, once)
	s.expect(http.StatusUnauthorized, "6004")
}

// sentWrong is what neither document nor sandbox accepts, each for its own reasons.
func sentWrong(s *stage) {
	const otpPath, list = "/partner/v1/otp", "/partner/v1/transactions?fromTime=20260101000000&toTime=20260102000000&page=1&size=20"
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{http.MethodPost, otpPath, `{"isdn":"84123","packageCode":"C120","shopCode":"HN01","employeeCode":"GDV07"}`, 200, "2001"},
		{http.MethodPost, otpPath, `{"packageCode":"C120","shopCode":"HN01","employeeCode":"GDV07"}`, 200, "2001"},
		{http.MethodPost, otpPath, `{"isdn":"84901234567","packageCode":"C120","employeeCode":"GDV07"}`, 200, "2018"},
		{http.MethodPost, otpPath, `{"isdn":"84901234567","packageCode":"c 120","shopCode":"HN01","employeeCode":"GDV07"}`, 200, "2063"},
		{http.MethodPost, otpPath, `{"isdn":"84901234567","packageCode":"C120","shopCode":"HN01","employeeCode":"GDV07","extra":"1"}`, 400, "1049"},
		{http.MethodPost, otpPath, `{"isdn":84901234567,"packageCode":"C120","shopCode":"HN01","employeeCode":"GDV07"}`, 400, "1049"},
		{http.MethodPost, otpPath, `{"isdn":`, 400, "1049"},
		{http.MethodPost, "/partner/v1/register", `{"amount":"120000"}`, 400, "1049"},
		{http.MethodPost, "/partner/v1/register", `{"otp":"12"}`, 200, "7001"},
		{http.MethodPost, "/partner/v1/register", `{"amount":0}`, 200, "8010"},
		{http.MethodPost, "/partner/v1/transactions/search", `{"fromTime":"20260101000000","toTime":"20260102000000","page":1,"size":20}`, 200, "2001"},
		{http.MethodGet, list + "&extra=1", "", 400, "1049"},
		{http.MethodGet, strings.Replace(list, "20260101000000", "2026-01-01", 1), "", 400, "1049"},
		{http.MethodGet, list + "&status=DONE", "", 400, "1049"},
		{http.MethodGet, strings.Replace(list, "page=1", "page=0", 1), "", 400, "1049"},
	} {
		s.wrong(c.method, c.path, c.body, nil)
		s.expect(c.status, c.code)
	}
}

// tooLarge is the one answer that never has an envelope.
func tooLarge(s *stage) {
	require.Error(s.t, s.eligible(number(1)))
	s.expect(http.StatusRequestEntityTooLarge, "")
}

// everyCode has each operation answered with each code of the contract but success,
// under HTTP 200 and under the status that goes with it.
func everyCode(s *stage) {
	for _, op := range operations() {
		for _, rule := range contract.Default().Document().Codes {
			for _, wire := range rule.Wire {
				if rule.Name == telco.Success {
					continue
				}
				s.script(sandbox.Fault{Operation: op, Kind: "code", When: "before", Code: rule.Name, WireCode: wire})
				require.Error(s.t, s.call(op))
				s.expect(http.StatusOK, wire)
			}
		}
		for status, code := range map[int]telco.Code{
			http.StatusUnauthorized: telco.AuthKey, http.StatusForbidden: telco.AuthIP,
			http.StatusTooManyRequests: telco.RateLimited, http.StatusServiceUnavailable: telco.Maintenance,
			http.StatusInternalServerError: telco.SystemError,
		} {
			s.script(sandbox.Fault{Operation: op, Kind: "code", When: "before", Code: code, Status: status})
			require.Error(s.t, s.call(op))
			got, _ := s.said()
			require.Equal(s.t, status, got)
		}
	}
}

// everyStatus has each operation answered by a proxy's page.
func everyStatus(s *stage) {
	waits := []string{"0", "Thu, 01 Jan 2026 00:00:00 GMT"} // both forms, both over, or the client would pause
	for i, op := range operations() {
		for _, status := range []int{401, 403, 413, 429, 500, 502, 503, 504} {
			f := sandbox.Fault{Operation: op, Kind: "status", When: "before", Status: status}
			if status == http.StatusTooManyRequests {
				f.RetryAfter = waits[i%2]
			}
			s.script(f)
			require.Error(s.t, s.call(op))
			s.expect(status, "")
		}
	}
}

func (s *stage) script(f sandbox.Fault) {
	s.t.Helper()
	require.NoError(s.t, s.sandbox.Script(f))
}
