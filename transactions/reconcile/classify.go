package reconcile

// This file judges a group of rows with one id: which row of ours goes with which of MobiFone's, and the
// category of each pair. It counts only what it leaves out. What a row proves about a sale is for
// internal/reading to say, as it is for a lookup; this file must not have rules of its own about that.

import (
	"cmp"
	"slices"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ourRow is a row of ours with its record, which the second round may need.
type ourRow struct {
	row Ours
	rec record
	// carried is true if it was still open on an earlier day.
	carried bool
}

// theirRow is a row of MobiFone's.
type theirRow struct {
	tx      telco.Transaction
	rec     record
	carried bool
	// extra is true if in the first round its partnerTransId had another registration already.
	extra bool
}

// mark is a pair of ids that Run.Carry was given.
type mark struct {
	ids telco.IDs
	rec record
	// used is true once it named a row of the group. One that names none in either round is gone.
	used bool
}

// group is all rows with one partnerTransId, or in the second round with one transId.
type group struct {
	ours   []ourRow
	theirs []theirRow
	marks  []mark
}

// read reads the records of a group, which are sorted by veil.compare. It leaves out and counts as repeated what
// is listed again. The rows that say most about a registration come first on either side.
func (j *joiner) read(recs []record) *group {
	g := &group{}
	for i, r := range recs {
		// Equal rows are neighbours. Of a row that is listed n times, n-1 are repeated.
		again := i > 0 && r.same(recs[i-1])
		carried := r.flags()&flagCarried != 0
		switch {
		case again && r.side() == sideOurs:
			j.sum.Repeated.Ours.add(r.amount())
		case again && r.side() == sideTheirs:
			j.sum.Repeated.Theirs.add(r.amount())
		case again: // ids that were carried twice
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
	// Of the rows with one transId the first is taken, so the best one has to be it; see rank.
	slices.SortStableFunc(g.theirs, func(a, b theirRow) int {
		return cmp.Or(cmp.Compare(rank(a.tx.State), rank(b.tx.State)), a.tx.CreatedAt.Compare(b.tx.CreatedAt))
	})
	slices.SortStableFunc(g.ours, func(a, b ourRow) int { return cmp.Compare(outcomeRank(a.row.Outcome), outcomeRank(b.row.Outcome)) })
	g.carry()
	return g
}

// overtaken leaves out the earlier of two rows of one transaction: they are the same except for a state that may
// change, and one was changed before the other. A listing and a statement, or the statements of two days, may
// have both. It is counted as repeated.
func (j *joiner) overtaken(g *group) {
	if len(g.theirs) < 2 { // as in nearly every group
		return
	}
	// A row whose UpdatedAt is missing is neither: nobody knows when its state was read.
	later := map[telco.Transaction]telco.Transaction{} // the same but for the state → the latest
	same := func(tx telco.Transaction) telco.Transaction {
		tx.State, tx.WireState, tx.WireResultCode = 0, "", ""
		// Times are map keys here, so they need one form.
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

// mayBecome reports whether MobiFone may change the state was into is. A success does not become a success:
// two such rows may be one request that MobiFone carried out twice.
func mayBecome(was, is telco.State) bool {
	return !was.Final() || was == telco.StateSuccess && is == telco.StateReversed
}

// rank orders MobiFone's states by how much they say that something is registered, 0 the most. At 4 they say that
// nothing is.
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
	default: // a state that the contract does not list, or none: it may be a registration
		return 3
	}
}

// outcomeRank orders our rows in the same way.
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

// says reports whether a row of MobiFone's may be about a registration: whether it says anything but "nothing is
// registered".
func says(t *theirRow) bool { return rank(t.tx.State) < 4 }

// agreed reports whether the group is one registration on both sides with every field the same. Then its
// id may be malformed: both sides spell it so.
func (g *group) agreed() bool {
	return len(g.ours) == 1 && len(g.theirs) == 1 && agreed(g.ours[0].rec, g.theirs[0].rec)
}

// carry marks the rows of the group that were open on an earlier day.
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

// names reports whether a mark with the transId told names a row of its group: the transIds are the same, or one
// of them is missing. In the latter case the partnerTransId, which the group has in common, is enough.
func names(told, row telco.TransID) bool { return told == "" || row == "" || told == row }

// pair is a row of ours and one of MobiFone's that go together, or one of them alone. At most one is nil.
type pair struct {
	ours   *ourRow
	theirs *theirRow
	kind   Kind
}

// pairs says which row goes with which, and the category of each pair. Every row of the group is in one pair.
func (g *group) pairs() []pair {
	// The order of all is that of the findings: pairs, rows of ours alone, MobiFone's alone, worse copies.
	all, beside, lonely, strange := g.sameTransID()
	// A row under our partnerTransId with a transId that we do not know is most likely ours, unless another one
	// is registered. So what is left is paired in order, and differs in its transId.
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
	// However many registrations there are, one is right at most.
	registered := 0
	for i := range all {
		p := &all[i]
		if p.kind == 0 {
			p.kind = p.class()
		}
		// The first registration keeps its category. It is one in a pair, if there is one, for pairs come first.
		if p.theirs != nil && isSuccess(p.theirs) {
			if registered++; registered > 1 {
				p.kind = Duplicate
			}
		}
	}
	return all
}

// sameTransID pairs the rows that have the same transId. lonely are ours without a match, strange are MobiFone's.
// beside are rows whose transId a better row has; they are nobody's match, and have their category.
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
		default: // the same transaction as it was refused once, beside the row that says more
			beside = append(beside, pair{theirs: t, kind: Unsold})
		}
	}
	for i := range g.ours {
		o := &g.ours[i]
		if ours[o.row.TransID] != o { // it is in lonely or beside already
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

// bestFirst is MobiFone's rows by rank. Of two with the same rank the one that agrees with ours comes first, so
// that a wrong copy does not take the place of the right row.
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

// class is the category of a pair, or of a row alone, as long as no other registration is in the group.
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
	// A refund comes first, whatever else differs: it is our loss.
	case tx.State == telco.StateSuccess && o.Refunded:
		return RefundedRegistered
	case f.Yes != nil && o.Outcome == telco.Succeeded:
		return Matched
	case f.Yes != nil && o.Outcome == telco.Unknown:
		return NowKnown
	// MobiFone's last word on a registration is that it is gone, whatever we knew.
	case f.Conflict == reading.TakenBack:
		return Reversed
	case f.Pending:
		return StillOpen
	case f.Nothing() && o.Outcome == telco.Rejected:
		return Unsold
	// A refusal in a statement settles nothing for a sale that is undecided: its own lookups do.
	case f.Nothing() && o.Outcome == telco.Unknown:
		return StillOpen
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

// strangers is the category of a row of MobiFone's that no row of ours goes with.
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

// proven is what a row of MobiFone's proves about one of ours. What one side does not have cannot be compared, so
// the other side's value is taken for it: of ids on either side, of a number that was erased here.
func proven(o *Ours, tx telco.Transaction) reading.Finding {
	// What is compared is the pair as it was sold: one row, and our ids as the only ones it may have.
	sold := reading.Sold{MSISDN: o.MSISDN, Package: o.Package, Amount: o.Amount}
	if !sold.MSISDN.IsValid() {
		sold.MSISDN = tx.MSISDN
	}
	// Without the contract's refusals: the code of a row in a statement must not prove one.
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

// saleID is the sale that the group's rows of ours belong to; empty if it has none.
func (g *group) saleID() string {
	if len(g.ours) == 0 {
		return ""
	}
	return g.ours[0].row.SaleID
}

// others are MobiFone's other rows with the same partnerTransId as t. In a group
// without a row of ours they need a valid one: strangers with the same misspelling have nothing in common.
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
