package contracttest

import (
	"net/http"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/require"
)

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
