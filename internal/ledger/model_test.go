package ledger

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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

// Second is what each kind does with a second registration: the table of what a client
// can rely on.
func TestSecondRegistrationByKind(t *testing.T) {
	t.Parallel()
	const (
		ok      = telco.Success
		used    = field.TransactionExpired
		dup     = telco.DuplicateTransaction
		expired = telco.OTPExpired
		wait    = telco.Processing
	)
	type answers struct{ same, otherPID, sameLate, newOTP telco.Code }
	table := map[Kind]struct {
		answers
		executed int // after "same": how often the customer was charged
		late     int // after a request parked past the OTP's end
	}{
		KindA: {answers{same: dup, otherPID: ok, sameLate: dup, newOTP: dup}, 1, 1},
		KindB: {answers{same: used, otherPID: used, sameLate: used, newOTP: ok}, 1, 0},
		KindC: {answers{same: used, otherPID: used, sameLate: used, newOTP: ok}, 1, 1},
		KindD: {answers{same: ok, otherPID: ok, sameLate: expired, newOTP: ok}, 2, 0},
		KindE: {answers{same: used, otherPID: used, sameLate: used, newOTP: wait}, 1, 1},
		KindF: {answers{same: ok, otherPID: ok, sameLate: ok, newOTP: ok}, 2, 1},
	}
	for kind, want := range table {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			first := func(t *testing.T) (desk, field.Request, time.Time) {
				d := newDesk(t, Config{Kind: kind, Queue: time.Minute})
				f := d.otp(t0, good)
				a := d.Register(t0.Add(time.Second), f)
				if kind == KindE {
					require.Equal(t, wait, a.Code)
				} else {
					require.Equal(t, ok, a.Code)
				}
				now := t0.Add(90 * time.Second) // the OTP lives, the queue is through
				d.Advance(now)
				require.Equal(t, 1, d.Executed(good))
				return d, f, now
			}
			d, f, now := first(t)
			assert.Equal(t, want.same, d.Register(now, f).Code, "same ids")
			assert.Equal(t, want.executed, d.Executed(good))
			assert.Equal(t, want.executed, d.ExecutedFor(idA))

			d, f, now = first(t)
			f.PartnerTransID = idB
			assert.Equal(t, want.otherPID, d.Register(now, f).Code, "other partnerTransId")

			d, f, _ = first(t)
			assert.Equal(t, want.sameLate, d.Register(t0.Add(time.Hour), f).Code, "same ids after the OTP's end")

			d, _, now = first(t)
			assert.Equal(t, want.newOTP, d.Register(now, d.otp(now, good)).Code, "same partnerTransId, new OTP")

			d = newDesk(t, Config{Kind: kind})
			f = d.otp(t0, good)
			d.Park(t0.Add(time.Second), t0.Add(time.Hour), f)
			d.Advance(t0.Add(59 * time.Minute))
			assert.Equal(t, 0, d.Executed(good), "not before its time")
			d.Advance(t0.Add(time.Hour))
			assert.Equal(t, want.late, d.Executed(good), "parked past the OTP's end")
		})
	}
}

func TestConflictingDuplicate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{Kind: KindA})
	require.Equal(t, telco.Success, d.Register(t0, d.otp(t0, good)).Code)
	other := telco.MustParseMSISDN("0912345178")
	assert.Equal(t, field.TransactionConflict, d.Register(t0, d.otp(t0, other)).Code)
	assert.Equal(t, 0, d.Executed(other))

	// An id whose OTP entries ran out was never carried out: it may come again.
	f := d.otp(t0, telco.MustParseMSISDN("0912345278"))
	f.PartnerTransID = idB
	right := f.OTP
	f.OTP = wrong(right)
	for range 3 {
		d.Register(t0, f)
	}
	require.Equal(t, field.OTPAttemptsExceeded, d.Register(t0, f).Code)
	again := d.otp(t0.Add(time.Minute), f.MSISDN)
	again.PartnerTransID = idB
	assert.Equal(t, telco.Success, d.Register(t0.Add(time.Minute), again).Code)
}

func TestResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		result   Result
		code     telco.Code
		state    telco.State // at once
		settled  telco.State // after PendingFor
		executed int
	}{
		{Succeeds, telco.Success, telco.StateSuccess, telco.StateSuccess, 1},
		{PendingThenOK, telco.Processing, telco.StatePending, telco.StateSuccess, 1},
		{PendingThenFailed, telco.Processing, telco.StatePending, telco.StateFailed, 0},
		{Ineligible, telco.NotEligible, telco.StateFailed, telco.StateFailed, 0},
		{AlreadyRegistered, field.PackageAlreadyRegistered, telco.StateFailed, telco.StateFailed, 0},
		{Inactive, field.SubscriberInactive, telco.StateFailed, telco.StateFailed, 0},
		{OTPWrong, telco.OTPInvalid, telco.StateInit, telco.StateInit, 0},
		{OTPTooOld, telco.OTPExpired, telco.StateInit, telco.StateInit, 0},
	} {
		for name, d := range map[string]desk{
			"told": newDesk(t, Config{Customer: func(telco.MSISDN) Subscriber { return Subscriber{Result: tt.result} }}),
			"set":  newDesk(t, Config{Customer: func(telco.MSISDN) Subscriber { return Subscriber{Unknown: true} }}),
		} {
			if name == "set" {
				d.SetSubscriber(good, Subscriber{Result: tt.result})
			}
			f := d.otp(t0, good)
			assert.Equal(t, tt.code, d.Register(t0, f).Code)
			assert.Equal(t, []telco.State{tt.state}, d.states(), tt.code)
			d.Advance(t0.Add(5 * time.Second))
			assert.Equal(t, []telco.State{tt.settled}, d.states(), tt.code)
			assert.Equal(t, tt.executed, d.Executed(good), tt.code)
			_, more := d.Next()
			assert.False(t, more)
		}
	}
}

func TestEligible(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	a := d.Eligible(t0, field.Request{MSISDN: good})
	require.Equal(t, telco.Success, a.Code)
	require.Len(t, a.Data.Rows, 3)
	assert.Equal(t, telco.PackageCode("C120"), a.Data.Rows[0].Package)
	assert.Equal(t, telco.VND(120_000), a.Data.Rows[0].Price)
	assert.True(t, *a.Data.Rows[0].Eligible)

	d.SetSubscriber(good, Subscriber{Result: AlreadyRegistered})
	a = d.Eligible(t0, field.Request{MSISDN: good})
	assert.False(t, *a.Data.Rows[2].Eligible)
	assert.Equal(t, "2064", a.Data.Rows[2].ReasonCode)

	for want, sub := range map[telco.Code]Subscriber{
		field.SubscriberNotFound: {Unknown: true},
		field.NotPrepaid:         {Postpaid: true},
		field.SubscriberInactive: {Barred: true},
	} {
		d.SetSubscriber(good, sub)
		assert.Equal(t, want, d.Eligible(t0, field.Request{MSISDN: good}).Code)
		assert.Equal(t, want, d.RequestOTP(t0, field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}}).Code)
		assert.Equal(t, want, d.Register(t0, field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}}).Code)
	}
	d.SetSubscriber(good, Subscriber{Ineligible: map[telco.PackageCode]telco.Code{"C120": field.CommitmentActive}})
	a = d.Eligible(t0, field.Request{MSISDN: good})
	assert.Equal(t, []bool{false, true, true}, []bool{*a.Data.Rows[0].Eligible, *a.Data.Rows[1].Eligible, *a.Data.Rows[2].Eligible})
	assert.Equal(t, field.CommitmentActive, d.Register(t0, d.otp(t0, good)).Code)
}

func TestRefusalsBeforeTheOTPKeepIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	f := d.otp(t0, good)
	for want, change := range map[telco.Code]func(*field.Request){
		field.InvalidISDN:           func(f *field.Request) { f.MSISDN = telco.MSISDN{} },
		field.PackageInvalid:        func(f *field.Request) { f.Package = "NONE" },
		field.AmountMismatch:        func(f *field.Request) { f.Amount-- },
		telco.ShopOrEmployeeInvalid: func(f *field.Request) { f.Employee = "" },
		field.TransactionExpired:    func(f *field.Request) { f.TransID = "T0" },
		field.TransactionConflict:   func(f *field.Request) { f.Package, f.Amount = "3C120", 360_000 },
	} {
		bad := f
		change(&bad)
		assert.Equal(t, want, d.Register(t0, bad).Code)
	}
	assert.Equal(t, []telco.State{telco.StateInit}, d.states())
	assert.Equal(t, telco.Success, d.Register(t0, f).Code)
}

func TestPriceChangesBetweenSteps(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	f := d.otp(t0, good)
	pkg := d.offers[0].Package
	pkg.Price = 130_000
	require.NoError(t, d.SetOffer(pkg))
	assert.Equal(t, field.AmountMismatch, d.Register(t0, f).Code)
	assert.Equal(t, telco.VND(130_000), d.Eligible(t0, f).Data.Rows[0].Price)
}

func TestSameSeedSameTrace(t *testing.T) {
	t.Parallel()
	run := func() []telco.Transaction {
		d := newDesk(t, Config{Kind: KindE, Random: rand.NewPCG(7, 7)})
		for i, r := range []Result{PendingThenOK, PendingThenFailed, Succeeds} {
			n := telco.MustParseMSISDN("091234510" + strconv.Itoa(i))
			d.SetSubscriber(n, Subscriber{Result: r})
			d.Register(t0, d.otp(t0.Add(time.Duration(i)), n))
		}
		d.Advance(t0.Add(2 * time.Hour))
		return d.Ledger(d.now)
	}
	first := run()
	require.Len(t, first, 3)
	assert.Equal(t, first, run())
	assert.NotEqual(t, telco.StateInit, first[0].State)
}

func TestQueueShowsNothingUntilExecuted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{Kind: KindE})
	f := d.otp(t0, good)
	require.Equal(t, telco.Processing, d.Register(t0, f).Code)
	at, ok := d.Next()
	require.True(t, ok)
	assert.False(t, at.After(t0.Add(time.Hour)))
	assert.Equal(t, telco.StateInit, d.Get(at.Add(-1), f).Data.Rows[0].State)
	assert.Equal(t, telco.StateSuccess, d.Get(at, f).Data.Rows[0].State)
	bad := f
	bad.OTP = wrong(f.OTP)
	d = newDesk(t, Config{Kind: KindE})
	f = d.otp(t0, good)
	f.OTP = wrong(f.OTP)
	assert.Equal(t, telco.OTPInvalid, d.Register(t0, f).Code, "a wrong code is refused at the door")
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Kind: "G", LookupLag: -1, OTPAttempts: -1})
	require.Error(t, err)
	for _, want := range []string{`"G"`, "LookupLag", "OTPAttempts"} {
		assert.ErrorContains(t, err, want)
	}
	_, err = ParseKind("x")
	assert.Error(t, err)
}
