package sandbox

import (
	"cmp"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// remember keeps the last two successes of an operation, for another sale's reply.
func (s *Sandbox) remember(op telco.Operation, a wire.Answer) wire.Answer {
	if a.Code == telco.Success && a.WireCode == "" {
		kept := append(s.said[op], a)
		s.said[op] = kept[max(0, len(kept)-2):]
	}
	return a
}

// alter changes what an answer says: the faults before it is written.
func (s *Sandbox) alter(v *visit, a wire.Answer, status *int) wire.Answer {
	if _, ok := v.plan.get(OtherSale); ok {
		a = s.anotherSale(v, a)
	}
	if _, ok := v.plan.get(WrongIDs); ok {
		a = withForeignIDs(a, v.fields)
	}
	if f, ok := v.plan.get(Override); ok {
		ids := field.Data{TransID: a.Data.TransID, PartnerTransID: a.Data.PartnerTransID}
		a = wire.Answer{Code: f.Code, WireCode: f.WireCode, Data: ids}
		*status = f.Status
	}
	if _, ok := v.plan.get(Contradict); ok {
		a.Contradict = true
	}
	return a
}

// anotherSale is an earlier success with other ids, or one made up.
func (s *Sandbox) anotherSale(v *visit, a wire.Answer) wire.Answer {
	for _, old := range s.said[v.op] {
		if old.Data.TransID != a.Data.TransID || len(old.Data.Rows) > 0 && len(a.Data.Rows) > 0 &&
			old.Data.Rows[0].TransID != a.Data.Rows[0].TransID {
			return old
		}
	}
	a.Code = telco.Success
	return withForeignIDs(a, v.fields)
}

// withForeignIDs replaces every id by a well-formed one of nobody.
func withForeignIDs(a wire.Answer, f field.Request) wire.Answer {
	if a.Data.TransID != "" || f.TransID != "" {
		a.Data.TransID = foreign(cmp.Or(a.Data.TransID, f.TransID))
	}
	if a.Data.PartnerTransID != "" || f.PartnerTransID != "" {
		a.Data.PartnerTransID = foreign(cmp.Or(a.Data.PartnerTransID, f.PartnerTransID))
	}
	rows := make([]field.Row, len(a.Data.Rows))
	for i, r := range a.Data.Rows {
		if r.TransID != "" {
			r.TransID = foreign(r.TransID)
		}
		if r.PartnerTransID != "" {
			r.PartnerTransID = foreign(r.PartnerTransID)
		}
		rows[i] = r
	}
	if a.Data.HasRows {
		a.Data.Rows = rows
	}
	return a
}

// foreign changes every letter and digit to another one.
func foreign[T ~string](id T) T {
	b := []byte(id)
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			b[i] = '0' + (c-'0'+1)%10
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + (c-'A'+1)%26
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + (c-'a'+1)%26
		}
	}
	return T(b)
}

// spoil breaks a reply that is written: the faults of the wire. Faults before the
// execution never come here: the request was stopped.
func (s *Sandbox) spoil(rep *reply, v *visit) *reply {
	if f, ok := v.plan.get(Status); ok {
		rep = s.status(f)
	}
	for _, f := range v.plan {
		switch f.Kind {
		case Drop:
			rep.end, rep.reset = dropped, f.Reset
		case Silence:
			rep.end = silent
		case Garble:
			rep.garble(f.Shape)
		case Cut:
			rep.end, rep.reset = cutOff, f.Reset
			rep.keep = max(0, min(f.Bytes, len(rep.body)-1))
		case Length:
			rep.declared = max(0, len(rep.body)+f.Bytes)
		case Drip:
			rep.drip = time.Duration(f.Delay)
		case Endless:
			rep.end = endless
		case BigHeader:
			rep.header.Set("X-Padding", padding(cmp.Or(f.Bytes, 16<<20)))
		case Interim:
			rep.interim = cmp.Or(f.Bytes, 100_000)
		case GzipBomb:
			rep.bomb(cmp.Or(f.Bytes, 1<<30))
		}
	}
	return rep
}

// absent is a lookup that finds nothing.
func absent(op telco.Operation) wire.Answer {
	if op == telco.OpGet {
		return refuse(telco.TransactionNotFound)
	}
	zero := 0
	return wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Rows: []field.Row{}, Page: 1, Size: 20, Total: &zero, Pages: &zero}}
}
