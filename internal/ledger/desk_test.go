package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var (
	t0   = time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("+07:00", 7*3600))
	good = telco.MustParseMSISDN("0912345678")
	idA  = telco.PartnerTransID("AAAAA-AAAAA")
	idB  = telco.PartnerTransID("BBBBB-BBBBB")
)

// desk drives a model the way a shop does.
type desk struct {
	t *testing.T
	*Model
}

func newDesk(t *testing.T, cfg Config) desk {
	t.Helper()
	if cfg.Random == nil {
		cfg.Random = rand.NewPCG(1, 2)
	}
	m, err := New(cfg)
	require.NoError(t, err)
	return desk{t, m}
}

func (d desk) otp(now time.Time, n telco.MSISDN) field.Request {
	d.t.Helper()
	f := field.Request{MSISDN: n, Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}}
	a := d.RequestOTP(now, f)
	require.Equal(d.t, telco.Success, a.Code)
	box := d.Inbox(n)
	f.OTP, f.TransID, f.PartnerTransID, f.Amount = box[len(box)-1].OTP, a.Data.TransID, idA, 120_000
	require.Equal(d.t, a.Data.TransID, box[len(box)-1].TransID)
	return f
}

func (d desk) states() []telco.State {
	var out []telco.State
	for _, r := range d.Ledger(d.now) {
		out = append(out, r.State)
	}
	return out
}

func wrong(o telco.OTP) telco.OTP {
	b := []byte(o.Reveal())
	b[0] = '0' + (b[0]-'0'+1)%10
	w, _ := telco.ParseOTP(string(b))
	return w
}

// BenchmarkSale is what a simulation pays for a sale: eligibility, OTP, register, lookup.
func BenchmarkSale(b *testing.B) {
	m, err := New(Config{Random: rand.NewPCG(1, 2), OTPPerDay: 1 << 30})
	require.NoError(b, err)
	numbers := make([]telco.MSISDN, 10_000)
	for i := range numbers {
		numbers[i] = telco.MustParseMSISDN(fmt.Sprintf("09%08d", 10_000_000+i*1000))
	}
	now, i := t0, 0
	b.ReportAllocs()
	for b.Loop() {
		now, i = now.Add(time.Second), i+1
		f := field.Request{MSISDN: numbers[i%len(numbers)], Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}, Amount: 120_000}
		m.Eligible(now, f)
		f.TransID = m.RequestOTP(now, f).Data.TransID
		f.OTP, f.PartnerTransID = m.message(&m.rows[len(m.rows)-1]).OTP, telco.PartnerTransID(f.TransID)
		if a := m.Register(now, f); a.Code != telco.Success {
			b.Fatal(a.Code)
		}
		m.Get(now, f)
	}
}
