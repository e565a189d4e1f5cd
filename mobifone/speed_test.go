//go:build unix

package mobifone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// memory is a MobiFone without a network: it answers each path at once, a registration with
// the ids that were sent.
type memory struct{}

const (
	answerOTP   = envelope + `{"transId":"T-1","otpExpiredAt":"20261126040201","otpTtl":180,"resendAfter":60,"otpLength":6,"attemptsLeft":3}}`
	answerGet   = envelope + `{"transaction":{"packageCode":"MXH100","transId":"T-1","isdn":"84908123477","amount":100000,"status":"SUCCESS","resultCode":"0000","resultMessage":"OK","shopCode":"S1","createdAt":"20261126035901","updatedAt":"20261126035901"}}}`
	answerPlain = `{"errorCode":"0000","success":true,"message":"Thành công","requestId":"9f1c-2d7e-40ab","responseTime":"20261126035901","data":{"transId":"T-1","partnerTransId":"P-1","packageCode":"MXH100","isdn":"84908123477","amount":100000,"status":"SUCCESS","resultCode":"0000","resultMessage":"OK","shopCode":"S1","createdAt":"20261126035901","updatedAt":"20261126035901","note":"a reply of a little more than four hundred bytes in all"}}`
)

func (memory) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := answerPlain
	switch {
	case strings.HasSuffix(req.URL.Path, "/packages"):
		answer = answerPackages
	case strings.HasSuffix(req.URL.Path, "/otp"):
		answer = answerOTP
	case strings.HasSuffix(req.URL.Path, "/transaction"):
		answer = answerGet
	case strings.HasSuffix(req.URL.Path, "/register"):
		body := make([]byte, req.ContentLength)
		if _, err := io.ReadFull(req.Body, body); err != nil {
			return nil, err
		}
		answer = envelope + `{"transId":"` + member(body, "transId") + `","partnerTransId":"` + member(body, "partnerTransId") +
			`","status":"SUCCESS","registeredAt":"20261126035901","effectiveFrom":"20261126035901","expiredAt":"20261226035901"}}`
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(answer)), Request: req,
		Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader(answer)),
	}, nil
}

func member(body []byte, name string) string {
	_, after, _ := bytes.Cut(body, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(after, []byte(`"`))
	return string(value)
}

// plainCall is the yardstick: what a program writes that sends JSON with net/http and
// reads the reply with encoding/json, without id, signature, limit, deadline or check.
func plainCall(ctx context.Context, client *http.Client) error {
	type request struct {
		ISDN    string `json:"isdn"`
		Package string `json:"packageCode"`
		Own     string `json:"partnerTransId"`
		Channel string `json:"channel"`
		Shop    string `json:"shopCode"`
		Staff   string `json:"employeeCode"`
		POS     string `json:"posId"`
		Note    string `json:"note"`
	}
	var reply struct {
		Code    string `json:"errorCode"`
		Message string `json:"message"`
		Data    struct {
			TransID string `json:"transId"`
			Own     string `json:"partnerTransId"`
			Status  string `json:"status"`
			Amount  int64  `json:"amount"`
		} `json:"data"`
	}
	body, err := json.Marshal(request{"84908123477", "MXH100", "P-1", "SHOP", "HN01", "GDV07", "P2", "about two hundred bytes of a request in all, as they are"})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://partner.test/partner/v1/plain", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(&reply)
}

// BenchmarkCalls measures each call beside plainCall in turns of one run: "x-plain" is the
// ratio of the CPU time of the process, the collector's share included. Allocations are
// this side's alone.
func BenchmarkCalls(b *testing.B) {
	msisdn := telco.MustParseMSISDN(canaryMSISDN)
	code, err := telco.ParseOTP(canaryOTP)
	require.NoError(b, err)
	own, err := transid.New(telco.NewSecret(canaryIDKey), "FPT").ID("HN01", "order", 1)
	require.NoError(b, err)
	ctx := context.WithoutCancel(b.Context())
	n := 0
	calls := []struct {
		name string
		call func(c *mobifone.Client) error
	}{
		{"otp", func(c *mobifone.Client) error {
			_, err := c.OTP.Request(ctx, otp.Request{MSISDN: msisdn, Package: "MXH100", Staff: staff})
			return err
		}},
		{"get", func(c *mobifone.Client) error {
			_, err := c.Transactions.Get(ctx, transactions.GetRequest{TransID: "T-1", PartnerTransID: own})
			return err
		}},
		{"eligible", func(c *mobifone.Client) error {
			_, err := c.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
			return err
		}},
		{"register", func(c *mobifone.Client) error {
			n++
			order := strconv.Itoa(n)
			id, err := c.NewPartnerTransID("HN01", order, 1)
			if err != nil {
				return err
			}
			_, err = c.Registration.Register(ctx, registration.Request{
				MSISDN: msisdn, Package: "MXH100", Amount: 100000, TransID: telco.TransID("T-" + order), PartnerTransID: id, OTP: code, Staff: staff,
			})
			return err
		}},
	}
	limited := mobifone.WithLimiter(mobifone.FromRate(rate.NewLimiter(1e9, 1e9)))
	heard := 0
	hooked := mobifone.WithHooks(mobifone.Hooks{
		OnTry:  func(context.Context, telco.TryEvent) { heard++ },
		OnCall: func(context.Context, telco.CallEvent) { heard++ },
	})
	pass := mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper { return next })
	for _, with := range []struct {
		name string
		opts []mobifone.Option
	}{{"bare", nil}, {"limiter+hooks", []mobifone.Option{limited, hooked}}, {"middleware", []mobifone.Option{limited, pass}}} {
		for _, tc := range calls {
			b.Run(tc.name+"/"+with.name, func(b *testing.B) {
				client, err := mobifone.New(config("https://partner.test"), append(with.opts, mobifone.WithHTTPClient(&http.Client{Transport: memory{}}))...)
				require.NoError(b, err)
				_, err = client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: msisdn, Staff: staff}) // tells the time
				require.NoError(b, err)
				besidePlain(ctx, b, func() error { return tc.call(client) })
			})
		}
	}
}

func besidePlain(ctx context.Context, b *testing.B, call func() error) {
	b.Helper()
	plain := &http.Client{Transport: memory{}}
	const turn = 200
	run := func(n int, f func() error) time.Duration {
		began := spent()
		for range n {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return spent() - began
	}
	var ours, theirs time.Duration
	var mallocs, bytes uint64
	var before, after runtime.MemStats
	for done := 0; done < b.N; done += turn {
		theirs += run(turn, func() error { return plainCall(ctx, plain) })
		runtime.ReadMemStats(&before)
		ours += run(turn, call)
		runtime.ReadMemStats(&after)
		mallocs, bytes = mallocs+after.Mallocs-before.Mallocs, bytes+after.TotalAlloc-before.TotalAlloc
	}
	calls := float64((b.N + turn - 1) / turn * turn)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours)/float64(theirs), "x-plain")
	b.ReportMetric(float64(mallocs)/calls, "allocs/call")
	b.ReportMetric(float64(bytes)/calls, "B/call")
	b.ReportMetric(float64(ours)/calls, "cpu-ns/call")
}

// spent is the CPU time of this process so far.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
