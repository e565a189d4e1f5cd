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

// vietnam is where a business day begins and ends, 00:00 to 24:00, whatever zone the
// contract writes its times in. It is read only.
var vietnam = time.FixedZone("+07:00", 7*60*60)

// businessDay numbers business days.
func businessDay(t time.Time) int32 {
	_, offset := t.In(vietnam).Zone()
	return int32((t.Unix() + int64(offset)) / 86400)
}

// StatementName is the file name of the statement of the business day (at +07:00) that
// holds the given time: partner_yyyyMMdd.csv.
func StatementName(day time.Time) string {
	return "partner_" + day.In(vietnam).Format("20060102") + ".csv"
}

// Statement is the partner's reconciliation file: CSV with a header line, every
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
		if !ok || businessDay(v.CreatedAt) != want || v.State == partner.StateInit || v.State == partner.StateExpired {
			continue
		}
		_ = w.Write([]string{
			string(v.TransID), string(v.PartnerTransID), v.MSISDN.Reveal(partner.Form84), string(v.Package),
			strconv.FormatInt(int64(v.Amount), 10), v.State.String(), v.ResultCode, v.Shop,
			v.CreatedAt.In(vietnam).Format("20060102150405"), v.UpdatedAt.In(vietnam).Format("20060102150405"),
		})
	}
	w.Flush()
	return buf.Bytes()
}
