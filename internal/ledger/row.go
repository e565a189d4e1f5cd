package ledger

// This file is one transaction of the ledger with its history, and the indexes by transId,
// partnerTransId and subscriber. Rows are only ever appended, in the order of their
// creation, and never removed; an index holds a row's number, counted from 1.

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
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
	nextTrans, nextPID, prevSub int32 // row numbers, 0 is none
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
