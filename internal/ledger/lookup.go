package ledger

// This file is step 4 and the reconciliation file: what of the ledger can be seen, by whom
// and as of when. Lookups change nothing but the model's clock.

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
			return refuse(telco.InvalidISDN)
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
	// Rows stand in the order of their creation.
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
