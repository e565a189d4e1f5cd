package contracttest

import (
	"net/http"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/require"
)

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
