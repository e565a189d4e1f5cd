package reading_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestLastBy(t *testing.T) {
	t.Parallel()
	minute := contract.Duration(time.Minute)
	for name, tc := range map[string]struct {
		sem    contract.Semantics
		expiry time.Time
		want   time.Time
	}{
		"nothing promised":               {contract.Semantics{}, sendBy.Add(time.Hour), time.Time{}},
		"longest delay":                  {contract.Semantics{MaxExecutionDelay: &minute}, sendBy.Add(time.Hour), sendBy.Add(time.Minute)},
		"expiry checked":                 {contract.Semantics{OTPExpiryCheckedAtExecution: true}, sendBy.Add(time.Hour), sendBy.Add(time.Hour + time.Second)},
		"expiry checked, not said":       {contract.Semantics{OTPExpiryCheckedAtExecution: true}, time.Time{}, time.Time{}},
		"both, the expiry earlier":       {contract.Semantics{OTPExpiryCheckedAtExecution: true, MaxExecutionDelay: &minute}, sendBy.Add(30 * time.Second), sendBy.Add(31 * time.Second)},
		"both, the delay earlier":        {contract.Semantics{OTPExpiryCheckedAtExecution: true, MaxExecutionDelay: &minute}, sendBy.Add(time.Hour), sendBy.Add(time.Minute)},
		"never before send-by":           {contract.Semantics{OTPExpiryCheckedAtExecution: true}, sendBy.Add(-7 * time.Hour), sendBy},
		"an assumed lifetime":            {contract.Semantics{OTPTTL: minute}, time.Time{}, time.Time{}},
		"a MobiFone without a clock":     {contract.Semantics{MaxExecutionDelay: &minute, Clock: "none"}, time.Time{}, time.Time{}},
		"expiry not checked, delay said": {contract.Semantics{MaxExecutionDelay: &minute}, sendBy.Add(time.Second), sendBy.Add(time.Minute)},
	} {
		assert.Equal(t, tc.want, reading.LastBy(tc.sem, sendBy, tc.expiry), name)
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	sem := contract.Semantics{
		ClockSkewMax: contract.Duration(3 * time.Second), LookupLagMax: contract.Duration(5 * time.Second), SettleMargin: contract.Duration(7 * time.Second),
	}
	early, late := telco.SendWindow{LastBy: sendBy}, telco.SendWindow{LastBy: sendBy.Add(time.Hour)}
	m := reading.MarginsOf(sem, time.Second)
	at, known := m.Fence([]telco.SendWindow{late, early})
	assert.True(t, known)
	assert.Equal(t, sendBy.Add(time.Hour+15*time.Second), at, "the latest of all")
	_, known = m.Fence([]telco.SendWindow{early, {}, late})
	assert.False(t, known, "one whose last execution is not known")
	_, known = m.Fence(nil)
	assert.False(t, known)
	at, _ = reading.MarginsOf(sem, 11*time.Second).Fence([]telco.SendWindow{early})
	assert.Equal(t, sendBy.Add(19*time.Second), at, "the margin is at least the read timeout")
}

var (
	sendBy = time.Date(2026, 11, 23, 10, 0, 20, 0, time.UTC)
	ids    = telco.IDs{TransID: "T1", PartnerTransID: "P1"}
	other  = telco.IDs{TransID: "T2", PartnerTransID: "P1"}
	sold   = reading.Sold{MSISDN: telco.MustParseMSISDN("0912345678"), Package: "C120", Amount: 120_000}
)

// then answers for the codes of these tests.
func then(code telco.Code) telco.Then { return contract.Default().RefusalOf(code) }

func TestRowOf(t *testing.T) {
	t.Parallel()
	tx := telco.Transaction{
		TransID: "T1", PartnerTransID: "P1", MSISDN: sold.MSISDN, Package: "C120", Amount: 120_000, State: telco.StateFailed, ResultCode: telco.NotEligible,
	}
	with := func(change func(*telco.Transaction)) reading.Row {
		c := tx
		change(&c)
		return reading.RowOf(c, sold, then)
	}
	same := with(func(*telco.Transaction) {})
	assert.Empty(t, same.Differs)
	assert.Equal(t, ids, same.IDs)
	assert.Equal(t, telco.NotEligible, same.Refusal)
	assert.Equal(t, telco.ThenRefund, same.Then)
	for name, change := range map[string]func(*telco.Transaction){
		"masked number":     func(c *telco.Transaction) { c.MSISDN = telco.MSISDN{} },
		"another number":    func(c *telco.Transaction) { c.MSISDN = telco.MustParseMSISDN("0912345679") },
		"another package":   func(c *telco.Transaction) { c.Package = "3C120" },
		"no package":        func(c *telco.Transaction) { c.Package = "" },
		"another amount":    func(c *telco.Transaction) { c.Amount-- },
		"no amount":         func(c *telco.Transaction) { c.Amount = 0 },
		"nothing on either": func(c *telco.Transaction) { *c = telco.Transaction{} },
	} {
		assert.NotEmpty(t, with(change).Differs, name)
	}
	assert.Contains(t, with(func(c *telco.Transaction) { c.MSISDN = telco.MSISDN{} }).Differs, "masked")
	empty := telco.Transaction{TransID: "T1", PartnerTransID: "P1", MSISDN: sold.MSISDN}
	assert.NotEmpty(t, reading.RowOf(empty, reading.Sold{MSISDN: sold.MSISDN}, then).Differs, "missing on both sides is a difference")
	for name, change := range map[string]func(*telco.Transaction){
		"a wrong OTP":      func(c *telco.Transaction) { c.ResultCode = telco.OTPInvalid },
		"no code":          func(c *telco.Transaction) { c.ResultCode = "" },
		"an unlisted code": func(c *telco.Transaction) { c.ResultCode = "NO_SUCH" },
		"another state":    func(c *telco.Transaction) { c.State = telco.StateExpired },
	} {
		assert.Empty(t, with(change).Refusal, name)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	row := func(i telco.IDs, s telco.State) reading.Row { return reading.Row{IDs: i, State: s} }
	odd := func(s telco.State) reading.Row {
		return reading.Row{IDs: ids, State: s, Differs: "another amount"}
	}
	ours := []telco.IDs{ids, other}
	one := []telco.IDs{ids}
	success, pending := row(ids, telco.StateSuccess), row(ids, telco.StatePending)
	stranger := telco.IDs{TransID: "T1", PartnerTransID: "P9"}
	for name, tc := range map[string]struct {
		rows     []reading.Row
		yes, no  []telco.IDs
		found    bool
		pending  bool
		conflict reading.Conflict
	}{
		"nothing":                           {},
		"success":                           {rows: []reading.Row{success}, found: true},
		"success, said before":              {rows: []reading.Row{success}, yes: one, found: true},
		"success, another said before":      {rows: []reading.Row{success}, yes: []telco.IDs{other}, conflict: reading.TwiceRegistered},
		"success, failed before":            {rows: []reading.Row{success}, no: one, conflict: reading.FailedAndNot},
		"success, another failed before":    {rows: []reading.Row{success}, no: []telco.IDs{other}, found: true},
		"success, not as sold":              {rows: []reading.Row{odd(telco.StateSuccess)}, conflict: reading.SoldOtherwise},
		"success, ids not sent together":    {rows: []reading.Row{row(stranger, telco.StateSuccess)}, conflict: reading.SoldOtherwise},
		"two successes":                     {rows: []reading.Row{success, row(other, telco.StateSuccess)}, conflict: reading.TwiceRegistered},
		"two rows of the same ids":          {rows: []reading.Row{success, success}, conflict: reading.TwiceRegistered},
		"pending":                           {rows: []reading.Row{pending}, pending: true},
		"pending, not as sold":              {rows: []reading.Row{odd(telco.StatePending)}, pending: true, conflict: reading.PendingOther},
		"pending, ids not sent together":    {rows: []reading.Row{row(stranger, telco.StatePending)}, pending: true, conflict: reading.PendingOther},
		"reversed":                          {rows: []reading.Row{row(ids, telco.StateReversed)}, conflict: reading.TakenBack},
		"reversed, and a worse row":         {rows: []reading.Row{row(ids, telco.StateReversed), odd(telco.StateSuccess)}, conflict: reading.SoldOtherwise},
		"unlisted":                          {rows: []reading.Row{row(ids, telco.StateUnlisted)}, conflict: reading.StateUnlisted},
		"failed":                            {rows: []reading.Row{row(ids, telco.StateFailed)}},
		"failed, said to have succeeded":    {rows: []reading.Row{row(ids, telco.StateFailed)}, yes: one, conflict: reading.NotAnyMore},
		"a refused copy beside the success": {rows: []reading.Row{success, row(ids, telco.StateFailed)}, yes: one, found: true},
		"failed, another had succeeded":     {rows: []reading.Row{row(other, telco.StateFailed)}, yes: one},
		"init, expired and cancelled":       {rows: []reading.Row{row(ids, telco.StateInit), row(ids, telco.StateExpired), row(ids, telco.StateCancelled)}},
		"success beside a used-up OTP":      {rows: []reading.Row{row(other, telco.StateFailed), success}, found: true},
		"success beside a pending of ours":  {rows: []reading.Row{success, row(other, telco.StatePending)}, found: true, pending: true},
		"expired, said to have succeeded":   {rows: []reading.Row{row(ids, telco.StateExpired)}, yes: one, conflict: reading.NotAnyMore},
		"a state that a later version adds": {rows: []reading.Row{row(ids, 99)}, conflict: reading.StateUnlisted},
	} {
		f := reading.Read(tc.rows, ours, tc.yes, tc.no)
		assert.Equal(t, tc.conflict, f.Conflict, name)
		assert.Equal(t, tc.pending, f.Pending, name)
		if tc.conflict == "" {
			assert.Equal(t, tc.found, f.Yes != nil, name)
		}
		assert.Equal(t, tc.conflict == "" && !tc.pending && !tc.found, f.Nothing(), name)
	}
	assert.Contains(t, reading.Read([]reading.Row{odd(telco.StateSuccess)}, ours, nil, nil).Words(), "another amount")
}

func TestFailed(t *testing.T) {
	t.Parallel()
	refused := reading.Row{IDs: ids, State: telco.StateFailed, Refusal: telco.NotEligible}
	bare := reading.Row{IDs: ids, State: telco.StateFailed}
	_, ok := reading.Failed([]reading.Row{bare}, ids)
	assert.False(t, ok, "no listed code")
	_, ok = reading.Failed([]reading.Row{refused}, other)
	assert.False(t, ok, "other ids")
	_, ok = reading.Failed([]reading.Row{{IDs: ids, State: telco.StateExpired, Refusal: telco.NotEligible}}, ids)
	assert.False(t, ok, "another state")
	row, ok := reading.Failed([]reading.Row{bare, refused}, ids)
	assert.True(t, ok)
	assert.Equal(t, telco.NotEligible, row.Refusal)
}

// A FAILED row whose code says that an earlier request exists refuses nothing.
func TestAnEarlierRequestIsNoRefusal(t *testing.T) {
	t.Parallel()
	for code, want := range map[telco.Code]telco.Code{
		telco.DuplicateTransaction: "", telco.Code("TRANSACTION_EXPIRED"): "", telco.RateLimited: "", telco.OTPInvalid: "", telco.Code("AMOUNT_MISMATCH"): telco.Code("AMOUNT_MISMATCH"),
	} {
		row := reading.RowOf(telco.Transaction{State: telco.StateFailed, ResultCode: code}, reading.Sold{}, contract.Default().RefusalOf)
		assert.Equal(t, want, row.Refusal, code)
	}
}
