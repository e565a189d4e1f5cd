package sandbox

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// statementHeader is read only.
var statementHeader = []string{
	"transId", "partnerTransId", "isdn", "packageCode", "amount", "status", "resultCode",
	"shopCode", "createdAt", "updatedAt",
}

// StatementName is the file name of a business day's statement: partner_yyyyMMdd.csv.
func StatementName(day time.Time) string { return "partner_" + day.Format("20060102") + ".csv" }

// Statement is the partner's reconciliation file: CSV with a header line, every
// transaction created on the business day (00:00–24:00 in the contract's zone) that
// holds the given time and that was more than an OTP, oldest first. States are
// as of now. Numbers are written 84…, times yyyyMMddHHmmss. It holds whole phone
// numbers.
func (m *Model) Statement(now, day time.Time) []byte {
	now = m.tick(now)
	want := m.businessDay(day)
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write(statementHeader) // a bytes.Buffer takes everything
	for i := range m.rows {
		r := &m.rows[i]
		v, ok := m.view(r, now)
		if !ok || m.businessDay(v.CreatedAt) != want || v.State == partner.StateInit || v.State == partner.StateExpired {
			continue
		}
		_ = w.Write([]string{
			string(v.TransID), string(v.PartnerTransID), v.MSISDN.Reveal(partner.Form84), string(v.Package),
			strconv.FormatInt(int64(v.Amount), 10), v.State.String(), v.ResultCode, v.Shop,
			v.CreatedAt.In(m.zone).Format("20060102150405"), v.UpdatedAt.In(m.zone).Format("20060102150405"),
		})
	}
	w.Flush()
	return buf.Bytes()
}
