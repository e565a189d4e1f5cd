package reconcile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// everyKind is a day with a row in each category, of other days, listed again and sold, a carried id that is gone, and a
// line of either side that cannot be read.
func everyKind(t *testing.T) ([]Finding, Summary) {
	t.Helper()
	var ours []Ours
	var theirs []telco.Transaction
	pair := func(n int, change func(o *Ours, tx *telco.Transaction) (us, them bool)) {
		o, tx := sold(n)
		us, them := change(&o, &tx)
		if us {
			ours = append(ours, o)
		}
		if them {
			theirs = append(theirs, tx)
		}
	}
	pair(1, func(*Ours, *telco.Transaction) (bool, bool) { return true, true })
	pair(2, func(_ *Ours, tx *telco.Transaction) (bool, bool) { tx.Amount = 1_000; return true, true })
	pair(3, func(*Ours, *telco.Transaction) (bool, bool) { return false, true })
	pair(3, func(_ *Ours, tx *telco.Transaction) (bool, bool) { tx.TransID = "T3B"; return false, true })
	pair(4, func(*Ours, *telco.Transaction) (bool, bool) { return true, false })
	pair(5, func(o *Ours, _ *telco.Transaction) (bool, bool) { o.Refunded = true; return true, true })
	pair(6, func(_ *Ours, tx *telco.Transaction) (bool, bool) { tx.State = telco.StateReversed; return true, true })
	pair(7, func(o *Ours, _ *telco.Transaction) (bool, bool) { o.Outcome = telco.Unknown; return true, true })
	pair(8, func(o *Ours, tx *telco.Transaction) (bool, bool) {
		o.Outcome, tx.State = telco.Unknown, telco.StatePending
		return true, true
	})
	pair(9, func(o *Ours, tx *telco.Transaction) (bool, bool) {
		o.Outcome, tx.State = telco.Rejected, telco.StateFailed
		return true, true
	})
	pair(10, func(o *Ours, tx *telco.Transaction) (bool, bool) {
		o.At, tx.CreatedAt = noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 1)
		return true, true
	})
	run, err := Start(Config{Day: noon, WithMatched: true})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddOurs(seq(append(ours, ours[0]))))
	require.NoError(t, run.AddTheirs(seq(append(theirs, theirs[0], theirs[0]))))
	require.NoError(t, run.Carry(seq([]telco.IDs{{TransID: "T11", PartnerTransID: partnerID(11)}})))
	goOn := FileOptions{OnBadRow: func(*RowError) error { return nil }}
	require.NoError(t, run.AddOursFile(t.Context(), strings.NewReader(shortHead+"x\n"), goOn))
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(shortHead+"x\ny\n"), goOn))
	return found(t, run), run.Summary()
}

// TestASummaryToTheLetter is what an accountant reads in the morning.
func TestASummaryToTheLetter(t *testing.T) {
	t.Parallel()
	_, sum := everyKind(t)
	assert.Equal(t, wantSummary, "\n"+sum.String())
	assert.False(t, sum.Balanced())
	assert.Equal(t, wantEmpty, "\n"+Summary{}.String(), "a day without a row")
	for name, s := range map[string]Summary{
		"ours":       {Unread: struct{ Ours, Theirs int64 }{1, 0}},
		"theirs":     {Unread: struct{ Ours, Theirs int64 }{0, 1}},
		"both":       {Unread: struct{ Ours, Theirs int64 }{1, 1}},
		"gone":       {CarriedGone: 1},
		"a row":      {Kinds: map[Kind]Sides{StillOpen: {Ours: Count{Rows: 1}}}},
		"theirs row": {Kinds: map[Kind]Sides{NowKnown: {Theirs: Count{Rows: 1}}}},
	} {
		assert.False(t, s.Balanced(), name)
		assert.Contains(t, s.String(), "Chưa cân", name)
	}
	assert.True(t, Summary{Kinds: map[Kind]Sides{Matched: {Ours: Count{Rows: 1}}, Unsold: {Ours: Count{Rows: 1}}, StillOpen: {}}}.Balanced())
}

// TestFilesToTheLetter are what a spreadsheet and the next day's run read.
func TestFilesToTheLetter(t *testing.T) {
	t.Parallel()
	all, _ := everyKind(t)
	var table, lines bytes.Buffer
	w := NewCSVWriter(&table)
	encoder := json.NewEncoder(&lines)
	for _, f := range all {
		require.NoError(t, w.Write(f))
		if slices.Contains([]Kind{Differs, TheirsOnly, OursOnly, RefundedRegistered, Gone}, f.Kind) {
			require.NoError(t, encoder.Encode(f))
		}
	}
	require.NoError(t, w.Flush())
	assert.Equal(t, wantCSV, "\n"+strings.TrimPrefix(table.String(), "\uFEFF"))
	assert.Equal(t, wantJSON, "\n"+lines.String())
}

// TestCellsThatAreFormulas: a spreadsheet takes them for text.
func TestCellsThatAreFormulas(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"": "", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "|x": "'|x", "x=": "x=", " =": " =", "é": "é"} {
		assert.Equal(t, want, harmless(cell))
	}
	assert.Empty(t, clock(time.Time{}))
	assert.Equal(t, "2026-11-25 00:00:00", clock(day.UTC()))
	assert.Equal(t, "0", dong(true, 0))
	assert.Empty(t, dong(false, 1))
}

const (
	wantSummary = `
                                                                    Đại lý                        MobiFone
Khớp                                                1            120.000 ₫          1            120.000 ₫
Lệch                                                1            120.000 ₫          1              1.000 ₫
MobiFone có – đại lý không có                       0                  0 ₫          1            360.000 ₫
Đại lý có – MobiFone không có                       1            120.000 ₫          0                  0 ₫
Trùng                                               0                  0 ₫          1            360.000 ₫
Đã hoàn tiền nhưng MobiFone vẫn đăng ký             1            120.000 ₫          1            120.000 ₫
MobiFone đã hủy                                     1            360.000 ₫          1            360.000 ₫
Nay đã rõ                                           1            120.000 ₫          1            120.000 ₫
Chưa xong                                           1            120.000 ₫          1            120.000 ₫
Không thành                                         1            360.000 ₫          1            360.000 ₫
Dòng lặp lại                                        1            120.000 ₫          2            240.000 ₫
Ngày khác                                           1            120.000 ₫          1            120.000 ₫
Tổng số dòng                                       10          1.680.000 ₫         12          2.281.000 ₫
Đã đăng ký trong ngày                               4            720.000 ₫          6          1.081.000 ₫
Chưa cân: MobiFone − đại lý = 2 giao dịch, 361.000 ₫; dòng không đọc được: 3; mã chờ không còn thấy: 1.
`
	wantEmpty = `
                                                                    Đại lý                        MobiFone
Dòng lặp lại                                        0                  0 ₫          0                  0 ₫
Ngày khác                                           0                  0 ₫          0                  0 ₫
Tổng số dòng                                        0                  0 ₫          0                  0 ₫
Đã đăng ký trong ngày                               0                  0 ₫          0                  0 ₫
Cân: khớp cả hai bên.
`
	wantCSV = `
Loại,Mã loại,Mã bán hàng,Cửa hàng,Đơn hàng,transId,partnerTransId,Thuê bao,Gói (đại lý),Gói (MobiFone),Số tiền (đại lý),Số tiền (MobiFone),Trạng thái (đại lý),Trạng thái (MobiFone),Thời gian (đại lý),Thời gian (MobiFone),Khác nhau
MobiFone đã hủy,REVERSED,PN6DM-P7VQV-M7W00-00030-00007,HN6,DH-6,T6,PN6DM-P7VQV-M7W00-00030-00007,84*****006,3C120,3C120,360000,360000,REGISTERED,REVERSED,2026-11-25 00:00:06,2026-11-25 00:00:07,state: REGISTERED ≠ REVERSED
Lệch,DIFFERS,7HQF6-WQYJK-W2M00-00010-0000Y,HN2,DH-2,T2,7HQF6-WQYJK-W2M00-00010-0000Y,84*****002,C120,C120,120000,1000,REGISTERED,SUCCESS,2026-11-25 00:00:02,2026-11-25 00:00:03,amount: 120.000 ₫ ≠ 1.000 ₫
Nay đã rõ,NOW_KNOWN,AE258-4KV15-J9600-0003G-0000G,HN0,DH-7,T7,AE258-4KV15-J9600-0003G-0000G,84*****007,C120,C120,120000,120000,UNDECIDED,SUCCESS,2026-11-25 00:00:07,2026-11-25 00:00:08,state: UNDECIDED ≠ SUCCESS
Chưa xong,STILL_OPEN,Y6XWV-JZTAF-GAG00-00040-0000Y,HN1,DH-8,T8,Y6XWV-JZTAF-GAG00-00040-0000Y,84*****008,C120,C120,120000,120000,UNDECIDED,PENDING,2026-11-25 00:00:08,2026-11-25 00:00:09,state: UNDECIDED ≠ PENDING
Không thành,UNSOLD,HZSMF-1BSKS-EBT00-0004G-0000Z,HN2,DH-9,T9,HZSMF-1BSKS-EBT00-0004G-0000Z,84*****009,3C120,3C120,360000,360000,NOT_REGISTERED,FAILED,2026-11-25 00:00:09,2026-11-25 00:00:10,
Khớp,MATCHED,KRVQK-EBZ99-Y1A00-0000G-00006,HN1,DH-1,T1,KRVQK-EBZ99-Y1A00-0000G-00006,84*****001,C120,C120,120000,120000,REGISTERED,SUCCESS,2026-11-25 00:00:01,2026-11-25 00:00:02,
Đã hoàn tiền nhưng MobiFone vẫn đăng ký,REFUNDED_REGISTERED,2WAP1-7VWEH-P6J00-0002G-0000E,HN5,DH-5,T5,2WAP1-7VWEH-P6J00-0002G-0000E,84*****005,C120,C120,120000,120000,REFUNDED,SUCCESS,2026-11-25 00:00:05,2026-11-25 00:00:06,state: REFUNDED ≠ SUCCESS
MobiFone có – đại lý không có,THEIRS_ONLY,,HN3,,T3,VAK6T-B3XVX-T3Y00-0001G-00006,84*****003,,3C120,,360000,,SUCCESS,,2026-11-25 00:00:04,
Đại lý có – MobiFone không có,OURS_ONLY,F3EYD-SFX57-R5800-00020-0000J,HN4,DH-4,T4,F3EYD-SFX57-R5800-00020-0000J,84*****004,C120,,120000,,REGISTERED,,2026-11-25 00:00:04,,
Trùng,DUPLICATE,,HN3,,T3B,VAK6T-B3XVX-T3Y00-0001G-00006,84*****003,,3C120,,360000,,SUCCESS,,2026-11-25 00:00:04,
Mã chờ không còn thấy,GONE,,,,T11,SHH3N-Y3R6D-AEE00-0005G-0000S,,,,,,,,,,
`
	wantJSON = `
{"kind":"DIFFERS","saleId":"7HQF6-WQYJK-W2M00-00010-0000Y","ours":{"transId":"T2","partnerTransId":"7HQF6-WQYJK-W2M00-00010-0000Y","shop":"HN2","order":"DH-2","subscriber":"84*****002","package":"C120","vnd":120000,"state":"REGISTERED","at":"2026-11-25T00:00:02+07:00"},"theirs":{"transId":"T2","partnerTransId":"7HQF6-WQYJK-W2M00-00010-0000Y","shop":"HN2","subscriber":"84*****002","package":"C120","vnd":1000,"state":"SUCCESS","resultCode":"0000","at":"2026-11-25T00:00:03+07:00","updatedAt":"2026-11-25T00:00:04+07:00"},"differences":[{"field":"amount","ours":"120.000 ₫","theirs":"1.000 ₫"}]}
{"kind":"REFUNDED_REGISTERED","saleId":"2WAP1-7VWEH-P6J00-0002G-0000E","ours":{"transId":"T5","partnerTransId":"2WAP1-7VWEH-P6J00-0002G-0000E","shop":"HN5","order":"DH-5","subscriber":"84*****005","package":"C120","vnd":120000,"state":"REFUNDED","at":"2026-11-25T00:00:05+07:00"},"theirs":{"transId":"T5","partnerTransId":"2WAP1-7VWEH-P6J00-0002G-0000E","shop":"HN5","subscriber":"84*****005","package":"C120","vnd":120000,"state":"SUCCESS","resultCode":"0000","at":"2026-11-25T00:00:06+07:00","updatedAt":"2026-11-25T00:00:07+07:00"},"differences":[{"field":"state","ours":"REFUNDED","theirs":"SUCCESS"}]}
{"kind":"THEIRS_ONLY","theirs":{"transId":"T3","partnerTransId":"VAK6T-B3XVX-T3Y00-0001G-00006","shop":"HN3","subscriber":"84*****003","package":"3C120","vnd":360000,"state":"SUCCESS","resultCode":"0000","at":"2026-11-25T00:00:04+07:00","updatedAt":"2026-11-25T00:00:05+07:00"}}
{"kind":"OURS_ONLY","saleId":"F3EYD-SFX57-R5800-00020-0000J","ours":{"transId":"T4","partnerTransId":"F3EYD-SFX57-R5800-00020-0000J","shop":"HN4","order":"DH-4","subscriber":"84*****004","package":"C120","vnd":120000,"state":"REGISTERED","at":"2026-11-25T00:00:04+07:00"}}
{"kind":"GONE","carried":true,"gone":{"transId":"T11","partnerTransId":"SHH3N-Y3R6D-AEE00-0005G-0000S"}}
`
)
