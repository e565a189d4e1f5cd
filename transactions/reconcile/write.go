package reconcile

// This file writes findings as JSON lines for programs and as CSV for a spreadsheet, and reads from such JSON lines
// what was still open. Phone numbers are masked in both: nothing here may call MSISDN.Reveal. The names of the JSON
// members are read by the next day's run, which may be a newer version: add members, do not rename them.

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// IDs are the ids that the finding is about: those of MobiFone's row if there is one, else those of ours, and for
// kind [Gone] those that were carried. MobiFone's come first because its inquiry desk is asked with them.
func (f Finding) IDs() telco.IDs {
	if f.Theirs != nil {
		return telco.IDs{TransID: f.Theirs.TransID, PartnerTransID: f.Theirs.PartnerTransID}
	}
	if f.Ours != nil {
		return f.Ours.IDs
	}
	return f.gone
}

// written is a row as JSON has it, and as the cells of CSV are taken from it. What only one side has is left out
// on the other: Order is ours, ResultCode and UpdatedAt are MobiFone's.
type written struct {
	TransID        telco.TransID        `json:"transId"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`
	Shop           string               `json:"shop,omitzero"`
	Order          string               `json:"order,omitzero"`
	// Subscriber is the masked number, as in "84*****456"; empty if there is none.
	Subscriber string            `json:"subscriber"`
	Package    telco.PackageCode `json:"package"`
	VND        telco.VND         `json:"vnd"`
	// State is Ours.State, or the name of MobiFone's state.
	State      string `json:"state"`
	ResultCode string `json:"resultCode,omitzero"`
	// At is when the registration was prepared here, or when MobiFone made its row.
	At        time.Time `json:"at,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// lineJSON is a finding as JSON has it. Finding.Others are not in it: they are for the desk, in the same program.
type lineJSON struct {
	Kind        Kind         `json:"kind"`
	SaleID      string       `json:"saleId,omitzero"`
	Ours        *written     `json:"ours,omitzero"`
	Theirs      *written     `json:"theirs,omitzero"`
	Differences []Difference `json:"differences,omitzero"`
	Carried     bool         `json:"carried,omitzero"`
	Gone        telco.IDs    `json:"gone,omitzero"`
}

// MarshalJSON writes the finding as one object on one line, so that what a json.Encoder writes are JSON lines. Keep
// them for the next day: [Run.CarryFile] reads them. Phone numbers are masked. On more lines it is
//
//	{"kind": "DIFFERS", "saleId": "S1",
//	 "ours":   {"transId": "T1", "partnerTransId": "FPT-…", "shop": "HN01", "order": "DH-1", "subscriber": "84*****456",
//	            "package": "C120", "vnd": 120000, "state": "REGISTERED", "at": "2026-11-25T09:30:00+07:00"},
//	 "theirs": {…, "vnd": 120001, "state": "SUCCESS", "resultCode": "0000", "at": …, "updatedAt": …},
//	 "differences": [{"field": "amount", "ours": "120.000 ₫", "theirs": "120.001 ₫"}],
//	 "carried": true}
//
// A side that has no row is left out, and so is what is empty; a finding of kind GONE has "gone" with its ids.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(lineJSON{
		Kind: f.Kind, SaleID: f.SaleID, Ours: f.Ours.written(), Theirs: writtenOf(f.Theirs), Differences: f.Differences, Carried: f.Carried,
		Gone: f.gone,
	})
}

// written is the row as JSON has it; nil if there is no row.
func (o *Ours) written() *written {
	if o == nil {
		return nil
	}
	return &written{
		TransID: o.TransID, PartnerTransID: o.PartnerTransID, Shop: o.Shop, Order: o.Order, Subscriber: o.MSISDN.String(),
		Package: o.Package, VND: o.Amount, State: o.State(), At: o.At,
	}
}

// writtenOf is MobiFone's row as JSON has it; nil if there is no row.
func writtenOf(tx *telco.Transaction) *written {
	if tx == nil {
		return nil
	}
	return &written{
		TransID: tx.TransID, PartnerTransID: tx.PartnerTransID, Shop: tx.Shop, Subscriber: tx.MSISDN.String(), Package: tx.Package,
		VND: tx.Amount, State: tx.State.String(), ResultCode: tx.WireResultCode, At: tx.CreatedAt, UpdatedAt: tx.UpdatedAt,
	}
}

// ids are the ids by which the next day looks for the rows of a finding. Ours come first: MobiFone's row may lack our
// id today and have it tomorrow. Those of MobiFone's row follow if its transId is another one, because then either
// may be the one that is listed tomorrow.
func (l *lineJSON) ids() []telco.IDs {
	var all []telco.IDs
	for _, row := range []*written{l.Ours, l.Theirs} {
		if row != nil && (len(all) == 0 || row.TransID != all[0].TransID) {
			all = append(all, telco.IDs{TransID: row.TransID, PartnerTransID: row.PartnerTransID})
		}
	}
	return all
}

// CarryFile does as [Run.Carry] with the ids that an earlier day's findings left open (kind [StillOpen]). It reads
// those findings as [Finding.MarshalJSON] wrote them, one object after the other; other kinds are skipped, and so
// is an object without a kind, such as the sums that a program writes last. A line that is no finding is an error.
func (r *Run) CarryFile(from io.Reader) error { return r.Carry(stillOpen(from)) }

// stillOpen yields the ids of the findings in JSON lines that are still open. An error ends it.
func stillOpen(from io.Reader) iter.Seq2[telco.IDs, error] {
	return func(yield func(telco.IDs, error) bool) {
		d := json.NewDecoder(from)
		// The decoder does not need line ends, so a file that a person has indented is read too.
		for n := 1; ; n++ {
			var l lineJSON
			err := d.Decode(&l)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(telco.IDs{}, fmt.Errorf("finding %d: %w", n, err))
				return
			case l.Kind != StillOpen: // also 0, of an object that is no finding
				continue
			}
			for _, ids := range l.ids() {
				if !yield(ids, nil) {
					return
				}
			}
		}
	}
}

// CSVWriter writes findings for a spreadsheet: UTF-8 with the byte order mark by which Excel knows it, commas, a
// header in Vietnamese, one line for each finding. A cell that begins as a formula does gets a "'" before it, for a
// spreadsheet would run what somebody typed as an order. Phone numbers are masked.
type CSVWriter struct {
	w     *csv.Writer
	to    io.Writer
	begun bool // mark and header are written
}

// NewCSVWriter returns a writer to w. It writes nothing before the first finding or Flush.
func NewCSVWriter(w io.Writer) *CSVWriter { return &CSVWriter{w: csv.NewWriter(w), to: w} }

// csvHeader is the first line; Write has its cells in the same order. It must not be changed.
var csvHeader = []string{
	// The category as people read it, and the word that stays the same for filters.
	"Loại", "Mã loại", "Mã bán hàng", "Cửa hàng", "Đơn hàng", "transId", "partnerTransId", "Thuê bao",
	"Gói (đại lý)", "Gói (MobiFone)", "Số tiền (đại lý)", "Số tiền (MobiFone)", "Trạng thái (đại lý)", "Trạng thái (MobiFone)",
	"Thời gian (đại lý)", "Thời gian (MobiFone)", "Khác nhau",
}

// Write writes one finding, into a buffer: call Flush at the end.
func (c *CSVWriter) Write(f Finding) error {
	if err := c.begin(); err != nil {
		return err
	}
	// A side without a row has empty cells: the zero value, but for the amount, where dong leaves the 0 out.
	var ours, theirs written
	ids := f.IDs()
	if o := f.Ours.written(); o != nil {
		ours = *o
	}
	if t := writtenOf(f.Theirs); t != nil {
		theirs = *t
	}
	// Shop and number are one column each: ours where there is a row of ours that has it, else MobiFone's.
	shop, who := ours.Shop, ours.Subscriber
	if f.Ours == nil {
		shop = theirs.Shop
	}
	if who == "" {
		who = theirs.Subscriber
	}
	// All differences in one cell: a spreadsheet needs the same columns in every line.
	differences := make([]string, 0, len(f.Differences))
	for _, d := range f.Differences {
		differences = append(differences, fmt.Sprintf("%s: %s ≠ %s", d.Field, d.Ours, d.Theirs))
	}
	cells := []string{
		f.Kind.Vietnamese(), f.Kind.String(), f.SaleID, shop, ours.Order, string(ids.TransID), string(ids.PartnerTransID), who,
		string(ours.Package), string(theirs.Package), dong(f.Ours != nil, ours.VND), dong(f.Theirs != nil, theirs.VND),
		ours.State, theirs.State, clock(ours.At), clock(theirs.At), strings.Join(differences, "; "),
	}
	// Shop, order and ids are texts that somebody else chose; no cell is trusted.
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return c.w.Write(cells)
}

// Flush writes what is buffered, and the header if there was no finding. Without it the file lacks its end. It also
// returns an error that an earlier Write could not see.
func (c *CSVWriter) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// begin writes mark and header, once.
func (c *CSVWriter) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	if _, err := io.WriteString(c.to, "\uFEFF"); err != nil {
		return err
	}
	return c.w.Write(csvHeader)
}

// harmless puts a "'" before a cell that a spreadsheet would take for a formula or a command.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n|", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// dong is an amount as digits, which a spreadsheet adds up; empty where that side has no row.
func dong(is bool, v telco.VND) string {
	if !is {
		return ""
	}
	return strconv.FormatInt(int64(v), 10)
}

// clock is a time at +07:00 in a form that a spreadsheet sorts; empty if there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnam).Format("2006-01-02 15:04:05")
}
