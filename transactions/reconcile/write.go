package reconcile

// This file writes findings: as CSV for a spreadsheet and as JSON, and reads from such JSON what was
// still open. Phone numbers are masked in both.

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

// IDs are the ids that the finding is about: MobiFone's row's, or else ours, or of kind [Gone] those that
// were carried.
func (f Finding) IDs() telco.IDs {
	if f.Theirs != nil {
		return telco.IDs{TransID: f.Theirs.TransID, PartnerTransID: f.Theirs.PartnerTransID}
	}
	if f.Ours != nil {
		return f.Ours.IDs
	}
	return f.gone
}

// written is a row as JSON has it.
type written struct {
	TransID        telco.TransID        `json:"transId"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`
	Shop           string               `json:"shop,omitzero"`
	Order          string               `json:"order,omitzero"`
	Subscriber     string               `json:"subscriber"`
	Package        telco.PackageCode    `json:"package"`
	VND            telco.VND            `json:"vnd"`
	State          string               `json:"state"`
	ResultCode     string               `json:"resultCode,omitzero"`
	At             time.Time            `json:"at,omitzero"`
	UpdatedAt      time.Time            `json:"updatedAt,omitzero"`
}

// lineJSON is a finding as JSON has it.
type lineJSON struct {
	Kind        Kind         `json:"kind"`
	SaleID      string       `json:"saleId,omitzero"`
	Ours        *written     `json:"ours,omitzero"`
	Theirs      *written     `json:"theirs,omitzero"`
	Differences []Difference `json:"differences,omitzero"`
	Carried     bool         `json:"carried,omitzero"`
	Gone        telco.IDs    `json:"gone,omitzero"`
}

// MarshalJSON writes the finding as one object, so that an encoder's lines are JSON lines.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(lineJSON{
		Kind: f.Kind, SaleID: f.SaleID, Ours: f.Ours.written(), Theirs: writtenOf(f.Theirs), Differences: f.Differences, Carried: f.Carried,
		Gone: f.gone,
	})
}

func (o *Ours) written() *written {
	if o == nil {
		return nil
	}
	return &written{
		TransID: o.TransID, PartnerTransID: o.PartnerTransID, Shop: o.Shop, Order: o.Order, Subscriber: o.MSISDN.String(),
		Package: o.Package, VND: o.Amount, State: o.State(), At: o.At,
	}
}

func writtenOf(tx *telco.Transaction) *written {
	if tx == nil {
		return nil
	}
	return &written{
		TransID: tx.TransID, PartnerTransID: tx.PartnerTransID, Shop: tx.Shop, Subscriber: tx.MSISDN.String(), Package: tx.Package,
		VND: tx.Amount, State: tx.State.String(), ResultCode: tx.WireResultCode, At: tx.CreatedAt, UpdatedAt: tx.UpdatedAt,
	}
}

// ids name the rows of a finding. Ours come first: MobiFone may not have told our id, and may by the next
// day. Its own are told too where they are another transaction's.
func (l *lineJSON) ids() []telco.IDs {
	var all []telco.IDs
	for _, row := range []*written{l.Ours, l.Theirs} {
		if row != nil && (len(all) == 0 || row.TransID != all[0].TransID) {
			all = append(all, telco.IDs{TransID: row.TransID, PartnerTransID: row.PartnerTransID})
		}
	}
	return all
}

// CarryFile carries, as [Run.Carry] does, what the findings of an earlier day left open. It reads the lines that
// [Finding.MarshalJSON] wrote, one object after the other; those of other kinds it passes over.
func (r *Run) CarryFile(from io.Reader) error { return r.Carry(stillOpen(from)) }

// stillOpen yields the ids of the findings in JSON lines that are still open. An error ends it.
func stillOpen(from io.Reader) iter.Seq2[telco.IDs, error] {
	return func(yield func(telco.IDs, error) bool) {
		d := json.NewDecoder(from)
		for n := 1; ; n++ {
			var l lineJSON
			err := d.Decode(&l)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(telco.IDs{}, fmt.Errorf("finding %d: %w", n, err))
				return
			case l.Kind != StillOpen:
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

// CSVWriter writes findings for a spreadsheet: UTF-8 with the byte order mark that Excel asks for,
// commas, a header in Vietnamese. No cell begins as a formula does: a "'" is put before it.
type CSVWriter struct {
	w     *csv.Writer
	to    io.Writer
	begun bool
}

// NewCSVWriter returns a writer to w.
func NewCSVWriter(w io.Writer) *CSVWriter { return &CSVWriter{w: csv.NewWriter(w), to: w} }

// csvHeader is read only.
var csvHeader = []string{
	"Loại", "Mã loại", "Mã bán hàng", "Cửa hàng", "Đơn hàng", "transId", "partnerTransId", "Thuê bao",
	"Gói (đại lý)", "Gói (MobiFone)", "Số tiền (đại lý)", "Số tiền (MobiFone)", "Trạng thái (đại lý)", "Trạng thái (MobiFone)",
	"Thời gian (đại lý)", "Thời gian (MobiFone)", "Khác nhau",
}

// Write writes one finding.
func (c *CSVWriter) Write(f Finding) error {
	if err := c.begin(); err != nil {
		return err
	}
	var ours, theirs written
	ids := f.IDs()
	if o := f.Ours.written(); o != nil {
		ours = *o
	}
	if t := writtenOf(f.Theirs); t != nil {
		theirs = *t
	}
	shop, who := ours.Shop, ours.Subscriber
	if f.Ours == nil {
		shop = theirs.Shop
	}
	if who == "" {
		who = theirs.Subscriber
	}
	differences := make([]string, 0, len(f.Differences))
	for _, d := range f.Differences {
		differences = append(differences, fmt.Sprintf("%s: %s ≠ %s", d.Field, d.Ours, d.Theirs))
	}
	cells := []string{
		f.Kind.Vietnamese(), f.Kind.String(), f.SaleID, shop, ours.Order, string(ids.TransID), string(ids.PartnerTransID), who,
		string(ours.Package), string(theirs.Package), dong(f.Ours != nil, ours.VND), dong(f.Theirs != nil, theirs.VND),
		ours.State, theirs.State, clock(ours.At), clock(theirs.At), strings.Join(differences, "; "),
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return c.w.Write(cells)
}

// Flush writes what is buffered, and the header if there was no finding.
func (c *CSVWriter) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

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

// harmless puts a "'" before what a spreadsheet would take for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n|", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func dong(is bool, v telco.VND) string {
	if !is {
		return ""
	}
	return strconv.FormatInt(int64(v), 10)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnam).Format("2006-01-02 15:04:05")
}
