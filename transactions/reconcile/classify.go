package reconcile

// This file says what a group of rows with one id is: which row goes with which, and the category
// of each. What a row proves is internal/reading's to say.

import (
	"cmp"
	"slices"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ourRow, theirRow and mark are the rows of a group.
type ourRow struct {
	row     Ours
	rec     record
	carried bool
}

type theirRow struct {
	tx      telco.Transaction
	rec     record
	carried bool
	// extra: the first round found it one registration too many.
	extra bool
}

type mark struct {
	ids  telco.IDs
	rec  record
	used bool
}

// group is what has one partnerTransId, or in the second round one transId.
type group struct {
	ours   []ourRow
	theirs []theirRow
	marks  []mark
}

// read reads the records of a group, which are sorted, and leaves out what is listed again.
func (j *joiner) read(recs []record) *group {
	g := &group{}
	for i, r := range recs {
		again := i > 0 && r.same(recs[i-1])
		carried := r.flags()&flagCarried != 0
		switch {
		case again && r.side() == sideOurs:
			j.sum.Repeated.Ours.add(r.amount())
		case again && r.side() == sideTheirs:
			j.sum.Repeated.Theirs.add(r.amount())
		case again:
		case r.side() == sideOurs:
			g.ours = append(g.ours, ourRow{row: j.run.veil.ours(r), rec: r, carried: carried})
		case r.side() == sideTheirs:
			g.theirs = append(g.theirs, theirRow{tx: j.run.veil.theirs(r), rec: r, carried: carried, extra: r.flags()&flagExtra != 0})
		default:
			f := r.fields()
			g.marks = append(g.marks, mark{ids: f.ids(), rec: r})
		}
	}
	j.overtaken(g)
	// The best row of each transId comes first.
	slices.SortStableFunc(g.theirs, func(a, b theirRow) int {
		return cmp.Or(cmp.Compare(rank(a.tx.State), rank(b.tx.State)), a.tx.CreatedAt.Compare(b.tx.CreatedAt))
	})
	slices.SortStableFunc(g.ours, func(a, b ourRow) int { return cmp.Compare(outcomeRank(a.row.Outcome), outcomeRank(b.row.Outcome)) })
	g.carry()
	return g
}

// overtaken leaves out a row of a transaction that a later row of it took the place of: the same
// in everything but a state that may change, and changed before. A listing and a statement, or two
// statements, may hold both.
func (j *joiner) overtaken(g *group) {
	if len(g.theirs) < 2 {
		return
	}
	later := map[telco.Transaction]telco.Transaction{} // the same but for the state → the latest
	same := func(tx telco.Transaction) telco.Transaction {
		tx.State, tx.WireState, tx.WireResultCode = 0, "", ""
		tx.UpdatedAt, tx.CreatedAt = moment(noTime), tx.CreatedAt.UTC().Round(0)
		return tx
	}
	for _, t := range g.theirs {
		if key := same(t.tx); t.tx.TransID != "" && t.tx.UpdatedAt.After(later[key].UpdatedAt) {
			later[key] = t.tx
		}
	}
	g.theirs = slices.DeleteFunc(g.theirs, func(t theirRow) bool {
		last := later[same(t.tx)]
		gone := !t.tx.UpdatedAt.IsZero() && t.tx.UpdatedAt.Before(last.UpdatedAt) && mayBecome(t.tx.State, last.State)
		if gone {
			j.sum.Repeated.Theirs.add(t.tx.Amount)
		}
		return gone
	})
}

// mayBecome reports whether MobiFone may change a state so. Two successes are not one that was written
// twice: MobiFone may have carried one request out twice.
func mayBecome(was, is telco.State) bool {
	return !was.Final() || was == telco.StateSuccess && is == telco.StateReversed
}

// rank orders MobiFone's states by how much they say that something is registered.
func rank(s telco.State) int {
	switch s {
	case telco.StateSuccess:
		return 0
	case telco.StateReversed:
		return 1
	case telco.StatePending:
		return 2
	case telco.StateInit, telco.StateFailed, telco.StateExpired, telco.StateCancelled:
		return 4
	default: // unlisted, or no state at all
		return 3
	}
}

// outcomeRank orders our rows in the same sense.
func outcomeRank(o telco.Outcome) int {
	switch o {
	case telco.Succeeded:
		return 0
	case telco.Unknown:
		return 1
	default:
		return 2
	}
}

func isSuccess(t *theirRow) bool { return t.tx.State == telco.StateSuccess }

// says reports whether a row of MobiFone's says anything but "nothing is registered".
func says(t *theirRow) bool { return rank(t.tx.State) < 4 }

// agreed reports whether the group is one registration on both sides with every field the same. Then its
// id may be malformed, for it is so on both.
func (g *group) agreed() bool {
	return len(g.ours) == 1 && len(g.theirs) == 1 && agreed(g.ours[0].rec, g.theirs[0].rec)
}

// carry hands the marks of earlier days to the rows that they name.
func (g *group) carry() {
	for i := range g.marks {
		m := &g.marks[i]
		for k := range g.ours {
			if names(m.ids.TransID, g.ours[k].row.TransID) {
				g.ours[k].carried, m.used = true, true
			}
		}
		for k := range g.theirs {
			if names(m.ids.TransID, g.theirs[k].tx.TransID) {
				g.theirs[k].carried, m.used = true, true
			}
		}
	}
}

// names reports whether a mark with this transId names a row of its group: one with the same, or where
// either has none any row, as all have the same partnerTransId then.
func names(told, row telco.TransID) bool { return told == "" || row == "" || told == row }

// pair is a row of either side, or of one of them alone.
type pair struct {
	ours   *ourRow
	theirs *theirRow
	kind   Kind
}

// pairs says which row goes with which, and what each pair is.
func (g *group) pairs() []pair {
	all, beside, lonely, strange := g.sameTransID()
	// One registration under an id that we know, with a transId that we do not: it is most likely
	// ours, and more so the less else could be it.
	if !slices.ContainsFunc(all, func(p pair) bool { return isSuccess(p.theirs) }) {
		for len(lonely) > 0 && len(strange) > 0 && says(strange[0]) {
			all = append(all, pair{ours: lonely[0], theirs: strange[0]})
			lonely, strange = lonely[1:], strange[1:]
		}
	}
	for _, o := range lonely {
		all = append(all, pair{ours: o})
	}
	for _, t := range strange {
		all = append(all, pair{theirs: t})
	}
	all = append(all, beside...)
	registered := 0
	for i := range all {
		p := &all[i]
		if p.kind == 0 {
			p.kind = p.class()
		}
		// Pairs stand before rows alone, and those with our registration before others.
		if p.theirs != nil && isSuccess(p.theirs) {
			if registered++; registered > 1 {
				p.kind = Duplicate
			}
		}
	}
	return all
}

// sameTransID pairs what has the same transId, and returns the rows without a partner. beside is
// what has a transId that a better row has.
func (g *group) sameTransID() (all, beside []pair, lonely []*ourRow, strange []*theirRow) {
	ours := map[telco.TransID]*ourRow{}
	taken := map[telco.TransID]*theirRow{}
	for i := range g.ours {
		o := &g.ours[i]
		switch {
		case o.row.TransID == "":
			lonely = append(lonely, o)
		case ours[o.row.TransID] == nil:
			ours[o.row.TransID] = o
		default:
			beside = append(beside, pair{ours: o, kind: Duplicate})
		}
	}
	for _, t := range g.bestFirst(ours) {
		switch {
		case t.tx.TransID == "":
			strange = append(strange, t)
		case taken[t.tx.TransID] == nil:
			taken[t.tx.TransID] = t
			if ours[t.tx.TransID] == nil {
				strange = append(strange, t)
			}
		case says(t):
			beside = append(beside, pair{theirs: t, kind: Duplicate})
		default: // a refused copy, beside the row that says more
			beside = append(beside, pair{theirs: t, kind: Unsold})
		}
	}
	for i := range g.ours {
		o := &g.ours[i]
		if ours[o.row.TransID] != o {
			continue
		}
		if t := taken[o.row.TransID]; t != nil {
			all = append(all, pair{ours: o, theirs: t})
		} else {
			lonely = append(lonely, o)
		}
	}
	return all, beside, lonely, strange
}

// bestFirst is MobiFone's rows in order, but of two of one state the one that agrees with ours
// comes first.
func (g *group) bestFirst(ours map[telco.TransID]*ourRow) []*theirRow {
	rows := make([]*theirRow, len(g.theirs))
	for i := range g.theirs {
		rows[i] = &g.theirs[i]
	}
	wrong := func(t *theirRow) int {
		o := ours[t.tx.TransID]
		if o == nil {
			return 0
		}
		return len(differences(&o.row, &t.tx))
	}
	slices.SortStableFunc(rows, func(a, b *theirRow) int {
		return cmp.Or(cmp.Compare(rank(a.tx.State), rank(b.tx.State)), cmp.Compare(wrong(a), wrong(b)))
	})
	return rows
}

// class is the category of a pair, or of a row alone.
func (p *pair) class() Kind {
	switch {
	case p.theirs == nil:
		return alone(p.ours.row.Outcome)
	case p.ours == nil:
		return strangers(p.theirs)
	}
	o, tx := &p.ours.row, &p.theirs.tx
	f := proven(o, *tx)
	switch {
	case tx.State == telco.StateSuccess && o.Refunded:
		return RefundedRegistered
	case f.Yes != nil && o.Outcome == telco.Succeeded:
		return Matched
	case f.Yes != nil && o.Outcome == telco.Unknown:
		return NowKnown
	case f.Conflict == reading.TakenBack:
		return Reversed
	case f.Pending:
		return StillOpen
	case f.Nothing() && o.Outcome == telco.Rejected:
		return Unsold
	case f.Nothing() && o.Outcome == telco.Unknown:
		return StillOpen // a row in a statement settles no refusal: the sale's own lookups do
	default:
		return Differs
	}
}

// alone is the category of a row of ours that MobiFone does not show.
func alone(o telco.Outcome) Kind {
	switch o {
	case telco.Succeeded:
		return OursOnly
	case telco.Rejected:
		return Unsold
	default:
		return StillOpen
	}
}

// strangers is the category of a row of MobiFone's that none of ours goes with.
func strangers(t *theirRow) Kind {
	switch t.tx.State {
	case telco.StateReversed:
		return Reversed
	case telco.StatePending:
		return StillOpen
	case telco.StateInit, telco.StateFailed, telco.StateExpired, telco.StateCancelled:
		return Unsold
	default:
		if t.extra {
			return Duplicate
		}
		return TheirsOnly
	}
}

// proven is what a row of MobiFone's proves about one of ours. An id that either side does not
// have is no difference; a number that was erased here cannot be compared.
func proven(o *Ours, tx telco.Transaction) reading.Finding {
	sold := reading.Sold{MSISDN: o.MSISDN, Package: o.Package, Amount: o.Amount}
	if !sold.MSISDN.IsValid() {
		sold.MSISDN = tx.MSISDN
	}
	row := reading.RowOf(tx, sold, nil)
	if row.TransID == "" || o.TransID == "" {
		row.TransID = o.TransID
	}
	if row.PartnerTransID == "" || o.PartnerTransID == "" {
		row.PartnerTransID = o.PartnerTransID
	}
	// Our outcome is not given: class knows what each one makes of a finding.
	return reading.Read([]reading.Row{row}, []telco.IDs{o.IDs}, nil, nil)
}

// saleID is the sale that the group's rows of ours belong to.
func (g *group) saleID() string {
	if len(g.ours) == 0 {
		return ""
	}
	return g.ours[0].row.SaleID
}

// others are the rows beside one with the same partnerTransId. Strangers without one have nothing in
// common, however many there are.
func (g *group) others(t *theirRow) []telco.Transaction {
	if len(g.ours) == 0 && !text.ValidID(string(t.tx.PartnerTransID)) {
		return nil
	}
	var all []telco.Transaction
	for i := range g.theirs {
		if o := &g.theirs[i]; o != t && o.tx.PartnerTransID == t.tx.PartnerTransID {
			all = append(all, o.tx)
		}
	}
	return all
}
