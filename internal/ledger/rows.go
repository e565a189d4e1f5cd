package ledger

// This file is the ledger: one transaction with its history, the indexes by transId,
// partnerTransId and subscriber, and what lookups (step 4) and the reconciliation file show of
// it, as of when. Rows are only appended, in the order of their creation, and never removed; an
// index holds a row's number, counted from 1. A lookup changes nothing but the model's clock.

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// row is one transaction of the ledger. Its states are kept with their times, so that a
// lookup that lags behind sees what was true then.
type row struct {
	msisdn telco.MSISDN
	trans  telco.TransID
	pid    telco.PartnerTransID
	// pidAtOTP says that the partnerTransId came with the OTP request: lookups show it from then
	// on.
	pidAtOTP bool
	pkg      telco.PackageCode
	amount   telco.VND
	shop     string
	otp      uint32
	// attempts is how many entries of the code are left.
	attempts int
	void     bool
	// again marks a further registration with a transId used before: it has no SMS of its own.
	again bool
	// parked counts the requests for this transId that are still on their way.
	parked  int
	expires time.Time
	// history is INIT, PENDING, SUCCESS or FAILED, REVERSED, as far as it came to that.
	history [4]change
	changes int

	// nextTrans, nextPID and prevSub link rows of one transId, partnerTransId and subscriber,
	// newest first; 0 is none.
	nextTrans, nextPID, prevSub int32
}

// change is a state with the time it began and MobiFone's reason.
type change struct {
	at    time.Time
	state telco.State
	code  telco.Code
}

// created is when the OTP was requested.
func (r *row) created() time.Time { return r.history[0].at }

// last is the row's newest state.
func (r *row) last() change { return r.history[r.changes-1] }

// set appends a state to the history.
func (r *row) set(at time.Time, state telco.State, code telco.Code) {
	r.history[r.changes] = change{at, state, code}
	r.changes++
}

// executedOnce reports whether a registration was carried out or failed for good.
func (r *row) executedOnce() bool {
	s := r.last().state
	return s != telco.StateInit && s != telco.StateExpired
}

// asOf returns the row's newest change at that time; false before it was created. An
// OTP that ran out shows as EXPIRED unless MobiFone may still execute with it.
func (m *Model) asOf(r *row, t time.Time) (change, bool) {
	n := r.changes
	for n > 0 && r.history[n-1].at.After(t) {
		n--
	}
	if n == 0 {
		return change{}, false
	}
	c := r.history[n-1]
	lateOK := !m.rules.expiryLate && r.parked > 0 || !m.rules.expiryArrival
	if c.state == telco.StateInit && !r.expires.After(t) && !lateOK {
		c = change{at: r.expires, state: telco.StateExpired}
	}
	return c, true
}

// view is the row as a lookup at that time shows it.
func (m *Model) view(r *row, t time.Time) (field.Row, bool) {
	c, ok := m.asOf(r, t)
	if !ok {
		return field.Row{}, false
	}
	out := field.Row{
		TransID: r.trans, MSISDN: r.msisdn, Package: r.pkg, Amount: r.amount, StateSaid: field.StateSaid{State: c.state},
		ResultCode: m.wire[need{telco.OpRegister, string(c.code)}], Shop: r.shop, CreatedAt: r.created(), UpdatedAt: c.at,
	}
	if r.pidAtOTP || c.state != telco.StateInit && c.state != telco.StateExpired {
		out.PartnerTransID = r.pid
	}
	return out, true
}

// Ledger returns every transaction as it truly is now, without lag, oldest first.
func (m *Model) Ledger(now time.Time) []telco.Transaction {
	now = m.tick(now)
	out := make([]telco.Transaction, 0, len(m.rows))
	for i := range m.rows {
		r := &m.rows[i]
		v, ok := m.view(r, now)
		if !ok {
			continue
		}
		c, _ := m.asOf(r, now)
		out = append(out, telco.Transaction{
			TransID: v.TransID, PartnerTransID: v.PartnerTransID, MSISDN: v.MSISDN, Package: v.Package,
			Amount: v.Amount, State: v.State, WireState: v.State.String(), ResultCode: c.code,
			WireResultCode: v.ResultCode, Shop: v.Shop,
			CreatedAt: v.CreatedAt.In(m.zone), UpdatedAt: v.UpdatedAt.In(m.zone),
		})
	}
	return out
}

// add appends a row in state INIT and puts it into the indexes. It may move the rows: a pointer
// to one is good only until the next add.
func (m *Model) add(now time.Time, r row) (*row, int32) {
	r.set(now, telco.StateInit, "")
	m.rows = append(m.rows, r)
	n := int32(len(m.rows))
	p := &m.rows[n-1]
	p.nextTrans = m.byTrans[p.trans]
	m.byTrans[p.trans] = n
	s := m.subscriber(p.msisdn)
	p.prevSub, s.lastRow = s.lastRow, n
	if p.pid != "" {
		m.indexPID(p, n)
	}
	return p, n
}

// indexPID puts the row in front of its partnerTransId's chain.
func (m *Model) indexPID(r *row, n int32) {
	r.nextPID = m.byPID[r.pid]
	m.byPID[r.pid] = n
}

// unindexPID takes the row out of its partnerTransId's chain: the same transId is used
// with another one.
func (m *Model) unindexPID(r *row, n int32) {
	if m.byPID[r.pid] == n {
		m.byPID[r.pid] = r.nextPID
	} else {
		for i := m.byPID[r.pid]; i != 0; i = m.rows[i-1].nextPID {
			if m.rows[i-1].nextPID == n {
				m.rows[i-1].nextPID = r.nextPID
				break
			}
		}
	}
	r.nextPID = 0
}

// rename files the row under the partnerTransId that a registration names: from then on a lookup
// by that id finds it.
func (m *Model) rename(r *row, n int32, pid telco.PartnerTransID) {
	if r.pid == pid || pid == "" {
		return
	}
	if r.pid != "" {
		m.unindexPID(r, n)
	}
	r.pid, r.pidAtOTP = pid, false
	m.indexPID(r, n)
}

// Get finds one transaction by transId, partnerTransId or both. Where several rows carry
// the ids, one that was registered comes first.
func (m *Model) Get(now time.Time, f field.Request) wire.Answer {
	return m.Stale(now, 0, telco.OpGet, f)
}

// List pages through the transactions created in [From, To), newest first.
func (m *Model) List(now time.Time, f field.Request) wire.Answer {
	return m.Stale(now, 0, telco.OpList, f)
}

// Search is List for one subscriber.
func (m *Model) Search(now time.Time, f field.Request) wire.Answer {
	return m.Stale(now, 0, telco.OpSearch, f)
}

// Stale answers a lookup from a replica that is behind by the given time, on top of the
// configured lookup lag.
func (m *Model) Stale(now time.Time, by time.Duration, op telco.Operation, f field.Request) wire.Answer {
	asOf := m.tick(now).Add(-m.cfg.LookupLag - by)
	switch op {
	case telco.OpGet:
		return m.get(asOf, f)
	case telco.OpSearch:
		if !f.MSISDN.IsValid() {
			return refuse(field.InvalidISDN)
		}
		return m.list(asOf, f)
	case telco.OpList:
		f.MSISDN = telco.MSISDN{}
		return m.list(asOf, f)
	}
	return refuse(telco.CommandNotConfigured)
}

// get picks the row that fits the ids best: both ids before one, the transId before the
// partnerTransId, and then the row that moved money.
func (m *Model) get(asOf time.Time, f field.Request) wire.Answer {
	var best field.Row
	score := -1
	consider := func(r *row) {
		v, ok := m.view(r, asOf)
		if !ok {
			return
		}
		byTrans := f.TransID != "" && v.TransID == f.TransID
		byPID := f.PartnerTransID != "" && v.PartnerTransID == f.PartnerTransID
		s := standing(v.State)
		switch {
		case byTrans && byPID:
			s += 20
		case byTrans:
			s += 10
		case !byPID:
			return // filed under the id since, but not yet to be seen
		}
		if s > score {
			best, score = v, s
		}
	}
	if f.TransID != "" {
		for n := m.byTrans[f.TransID]; n != 0; n = m.rows[n-1].nextTrans {
			consider(&m.rows[n-1])
		}
	}
	if f.PartnerTransID != "" {
		for n := m.byPID[f.PartnerTransID]; n != 0; n = m.rows[n-1].nextPID {
			consider(&m.rows[n-1])
		}
	}
	if score < 0 {
		return refuse(telco.TransactionNotFound)
	}
	return wire.Answer{Code: telco.Success, Data: field.Data{Rows: []field.Row{best}, HasRows: true}}
}

// standing ranks rows of the same ids: money first.
func standing(s telco.State) int {
	switch s {
	case telco.StateSuccess:
		return 3
	case telco.StateReversed, telco.StatePending:
		return 2
	case telco.StateFailed:
		return 1
	}
	return 0
}

// list pages through the rows that match, newest first, and counts all of them.
func (m *Model) list(asOf time.Time, f field.Request) wire.Answer {
	if f.To.IsZero() {
		f.To = m.now
	}
	if f.To.Before(f.From) || m.limits.RangeMax > 0 && f.To.Sub(f.From) > time.Duration(m.limits.RangeMax) {
		a := refuse(telco.SystemError)
		a.Message = "fromTime and toTime: the range is empty or too long"
		return a
	}
	page, size := max(1, f.Page), f.Size
	if size <= 0 {
		size = cmp.Or(m.limits.PageSizeDefault, 20)
	}
	size = min(size, cmp.Or(m.limits.PageSizeMax, 100))
	// Rows are in the order of their creation.
	end := sort.Search(len(m.rows), func(i int) bool { return !m.rows[i].created().Before(f.To) })
	skip, total := (page-1)*size, 0
	items := []field.Row{}
	for i := end - 1; i >= 0 && !m.rows[i].created().Before(f.From); i-- {
		v, ok := m.view(&m.rows[i], asOf)
		if !ok || !matches(v, f) {
			continue
		}
		if total >= skip && len(items) < size {
			items = append(items, v)
		}
		total++
	}
	pages := (total + size - 1) / size
	return wire.Answer{Code: telco.Success, Data: field.Data{
		Rows: slices.Clip(items), HasRows: true, Page: page, Size: size, Total: &total, Pages: &pages,
	}}
}

// matches reports whether the row is one of those that the query names; what it leaves out fits
// every row.
func matches(v field.Row, f field.Request) bool {
	return (!f.MSISDN.IsValid() || v.MSISDN == f.MSISDN) &&
		(f.Package == "" || v.Package == f.Package) &&
		(f.Shop == "" || v.Shop == f.Shop) &&
		(f.State == telco.StateUnlisted || v.State == f.State)
}

// statementHeader is read only.
var statementHeader = []string{
	"transId", "partnerTransId", "isdn", "packageCode", "amount", "status", "resultCode",
	"shopCode", "createdAt", "updatedAt",
}

// Vietnam is where a business day begins and ends, 00:00 to 24:00, whatever zone the
// contract writes its times in. It is read only.
var Vietnam = time.FixedZone("+07:00", 7*60*60)

// businessDay numbers business days, so that two times can be compared by day.
func businessDay(t time.Time) int32 {
	_, offset := t.In(Vietnam).Zone()
	return int32((t.Unix() + int64(offset)) / 86400)
}

// StatementName is the file name of the statement of the business day (at +07:00) that
// holds the given time: partner_yyyyMMdd.csv.
func StatementName(day time.Time) string {
	return "partner_" + day.In(Vietnam).Format("20060102") + ".csv"
}

// Statement is MobiFone's reconciliation file: CSV with a header line, every
// transaction created on the business day (00:00–24:00 at +07:00) that holds the given
// time and that was more than an OTP, oldest first. States are as of now. Numbers are
// written 84…, times yyyyMMddHHmmss at +07:00. It holds whole phone numbers.
func (m *Model) Statement(now, day time.Time) []byte {
	now = m.tick(now)
	want := businessDay(day)
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write(statementHeader) // a bytes.Buffer takes everything
	for i := range m.rows {
		r := &m.rows[i]
		v, ok := m.view(r, now)
		if !ok || businessDay(v.CreatedAt) != want || v.State == telco.StateInit || v.State == telco.StateExpired {
			continue
		}
		_ = w.Write([]string{
			string(v.TransID), string(v.PartnerTransID), v.MSISDN.Reveal("84"), string(v.Package),
			strconv.FormatInt(int64(v.Amount), 10), v.State.String(), v.ResultCode, v.Shop,
			v.CreatedAt.In(Vietnam).Format("20060102150405"), v.UpdatedAt.In(Vietnam).Format("20060102150405"),
		})
	}
	w.Flush()
	return buf.Bytes()
}
