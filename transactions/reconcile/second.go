package reconcile

// This file hands what the first round leaves to the second one, which matches by transId.

import "github.com/fptshop/mobifone-go/internal/text"

// gone leaves marks that name no row of their group to the second round, and tells of them there.
func (j *joiner) gone(marks []mark) error {
	for _, m := range marks {
		switch {
		case m.used:
		case j.byTransID:
			j.sum.CarriedGone++
			if !j.yield(Finding{Kind: Gone, Carried: true, gone: m.ids}, nil) {
				return errStopped
			}
		default:
			if err := j.pass(m.rec, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass puts a record into the second round.
func (j *joiner) pass(r record, flags byte) error {
	f := r.fields()
	f.flags |= flags | flagByTransID
	f.number = j.run.veil.shown(r.number())
	j.passed = j.run.veil.appendRecord(j.passed[:0], &f)
	return j.left.put(j.passed)
}

// leave puts what is left of a group into the second round.
func (j *joiner) leave(g *group) error {
	registered := 0
	for i := range g.theirs {
		t := &g.theirs[i]
		flags := byte(0)
		if t.carried {
			flags |= flagCarried
		}
		if isSuccess(t) {
			if registered++; registered > 1 && text.ValidID(string(t.tx.PartnerTransID)) {
				flags |= flagExtra
			}
		}
		if err := j.pass(t.rec, flags); err != nil {
			return err
		}
	}
	for i := range g.ours {
		flags := byte(0)
		if g.ours[i].carried {
			flags |= flagCarried
		}
		if err := j.pass(g.ours[i].rec, flags); err != nil {
			return err
		}
	}
	return j.gone(g.marks)
}
