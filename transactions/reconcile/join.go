package reconcile

// This file compares: it goes through both heaps, partition after partition, counts the pairs that agree by
// their hash alone, and hands every other group to classify.go. Then it counts and yields the findings. Partitions
// are prepared by two goroutines and used in order by one, so the findings come in one order and yield is never
// called by two at once. The first round matches by partnerTransId; what it leaves goes to the second, which
// matches by transId.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// errStopped means that the caller wants no more findings. No caller sees it.
var errStopped = errors.New("stopped")

// joiner makes the findings of a run. Only prepare and equal are called by several goroutines.
type joiner struct {
	run   *Run
	yield func(Finding, error) bool
	// byTransID is true in the second round.
	byTransID bool
	// left takes what the first round leaves to the second.
	left sink
	// sum counts what was classed so far. The run gets it at the end, when it is complete.
	sum Summary
	// group has the records of the group in hand; its array is used again for the next one.
	group []record
	// fetched has the full records of lines that were read again for the group.
	fetched []byte
	// passed has one record on its way to the second round.
	passed []byte
}

// all runs both rounds and then checks that every row was classed once: a sum that is wrong must not be booked.
func (j *joiner) all(ctx context.Context) error {
	j.sum.Kinds = map[Kind]Sides{}
	j.left = sink{heap: j.run.second}
	if err := j.round(ctx, j.run.first); err != nil {
		return err
	}
	if err := j.left.done(); err != nil {
		return err
	}
	j.left = sink{} // its buffers can be collected before the second round
	j.byTransID = true
	if err := j.round(ctx, j.run.second); err != nil {
		return err
	}
	// Read and Unread are the run's already; a figure that is missing here would be caught below.
	r := j.run
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Kinds, r.summary.Sold = j.sum.Kinds, j.sum.Sold
	r.summary.Repeated, r.summary.OtherDays, r.summary.CarriedGone = j.sum.Repeated, j.sum.OtherDays, j.sum.CarriedGone
	// Rows and amounts of either side, each on its own: one wrong figure is enough to refuse the result.
	if total := r.summary.total(); total != r.summary.Read {
		return fmt.Errorf("reconcile: %+v rows were read and %+v were classed; this is a fault of the program, book nothing by it", r.summary.Read, total)
	}
	return nil
}

// round goes through the partitions of a heap in order. One goroutine starts the preparation of each partition as
// soon as a page is free; this one uses them. All have ended when it returns.
func (j *joiner) round(ctx context.Context, h *heap) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	// As many pages as are prepared at once, and the one in use. This bounds the memory.
	pages := min(runtime.GOMAXPROCS(0), 2) + 1
	free := make(chan *page, pages)
	for range pages {
		free <- new(page)
	}
	// One channel for each partition, so that pages are used in order whichever is prepared first.
	var ready [partitions]chan *page
	for p := range ready {
		ready[p] = make(chan *page, 1)
	}
	running.Go(func() {
		for p := range ready {
			if h.sizes[p] == 0 || j.tooLarge(h, p) { // the loop below passes over it, or splits it
				continue
			}
			select {
			case <-ctx.Done():
				return
			case pg := <-free:
				running.Go(func() {
					j.prepare(pg, h, p)
					ready[p] <- pg
				})
			}
		}
	})
	for p := range ready {
		if h.sizes[p] == 0 {
			continue
		}
		if j.tooLarge(h, p) {
			if err := j.finer(ctx, h, p); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case pg := <-ready[p]:
			if err := j.use(ctx, pg); err != nil {
				return err
			}
			free <- pg
		}
	}
	return ctx.Err()
}

// tooLarge reports whether a partition has to be split before it is loaded: three pages may be in memory.
func (j *joiner) tooLarge(h *heap, p int) bool { return h.sizes[p] > j.run.cfg.Memory/3 }

// finer splits a partition by the next bits of the checksum, and goes through its parts in order. When all bits are
// used up, the rows have one checksum and no split helps.
func (j *joiner) finer(ctx context.Context, h *heap, p int) error {
	if h.shift == 0 {
		return fmt.Errorf("reconcile: rows of %d bytes have one id, or ids of one checksum; see whether a column is the id, or raise Config.Memory", h.sizes[p])
	}
	parts, err := h.split(p)
	if err != nil {
		return err
	}
	return j.round(ctx, parts)
}

// prepare loads and sorts a partition and counts its equal pairs; other groups it notes in pg.odd. It sets pg.err
// instead of returning an error: only use, in its turn, may end the round.
func (j *joiner) prepare(pg *page, h *heap, p int) {
	pg.index, pg.odd, pg.matched, pg.otherDays = pg.index[:0], pg.odd[:0], Sides{}, Sides{}
	if pg.data, pg.err = h.load(p, pg.data); pg.err != nil {
		return
	}
	for at := 0; at < len(pg.data); {
		r := recordAt(pg.data[at:])
		pg.index = append(pg.index, uint64(r.crc())<<32|uint64(at))
		at += len(r)
	}
	pg.sort()
	for from := 0; from < len(pg.index); {
		to := from + 1
		for to < len(pg.index) && pg.index[to]>>32 == pg.index[from]>>32 {
			to++
		}
		// Only a group of exactly two can be an equal pair: a third row of one checksum may be a duplicate.
		if to-from != 2 || !j.equal(pg, pg.record(from), pg.record(from+1)) {
			pg.odd = append(pg.odd, [2]int{from, to})
		}
		from = to
	}
}

// equal counts the pair if it is a registration on both sides with every field the same, and reports whether it did.
// It compares a hash of 64 bits whose key nobody knows: two different rows pass for equal once in 2⁶⁴ times. The
// answer is what reading.Read calls registered as sold; TestTheJoinIsTheSimplestJoin compares the two. A carried
// row, or any if all findings are wanted, goes the long way.
func (j *joiner) equal(pg *page, a, b record) bool {
	if a.side() == sideTheirs {
		a, b = b, a
	}
	if !agreed(a, b) || (a.flags()|b.flags())&flagCarried != 0 || j.run.cfg.WithMatched {
		return false
	}
	// The day is that of MobiFone's row, as in tell.
	at := b.at()
	if at == noTime {
		at = a.at()
	}
	to := &pg.matched
	if !j.run.inDay(at) {
		to = &pg.otherDays
	}
	to.Ours.add(a.amount())
	to.Theirs.add(b.amount())
	return true
}

// agreed reports whether a row of ours and a row of MobiFone's, in this order, are a registration on both
// sides with every field the same. Neither may lack a field, be refunded or be one registration too many.
func agreed(a, b record) bool {
	return a.side() == sideOurs && b.side() == sideTheirs && a.state() == byte(telco.Succeeded) && b.state() == byte(telco.StateSuccess) &&
		(a.flags()|b.flags())&^(flagByTransID|flagShort|flagCarried) == flagWhole && a.hash() == b.hash()
}

// inDay reports whether a second belongs to the day that is reported. A row without a time does.
func (r *Run) inDay(at int64) bool {
	return r.to == 0 || at == noTime || r.from <= at && at < r.to
}

// use counts what prepare found equal, and makes findings of the other groups of a page. The records of one checksum
// may have several keys; rows without a key are groups of their own.
func (j *joiner) use(ctx context.Context, pg *page) error {
	if pg.err != nil {
		return pg.err
	}
	if pg.matched != (Sides{}) {
		j.count(Matched, pg.matched)
		j.sum.Sold.plus(pg.matched)
	}
	j.sum.OtherDays.plus(pg.otherDays)
	for _, span := range pg.odd {
		if err := ctx.Err(); err != nil {
			return err
		}
		j.group, j.fetched = j.group[:0], j.fetched[:0]
		for i := span[0]; i < span[1]; i++ {
			full, err := j.full(pg.record(i))
			if err != nil {
				return err
			}
			j.group = append(j.group, full)
		}
		slices.SortFunc(j.group, j.run.veil.compare)
		for rest := j.group; len(rest) > 0; {
			n := 1
			// A row without an id matches no other one.
			for n < len(rest) && len(rest[0].key()) > 0 && bytes.Equal(rest[n].key(), rest[0].key()) {
				n++
			}
			if err := j.one(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

// full is the full record of r: the line of a short one is read again. It is valid until the next group.
func (j *joiner) full(r record) (record, error) {
	if r.flags()&flagShort == 0 {
		return r, nil
	}
	f, err := j.run.sources[r[11]-1].again(r.line())
	if err != nil {
		return nil, err
	}
	begin := len(j.fetched) // where append moves to a longer array, records in the old one stay valid
	j.fetched = j.run.veil.appendRecord(j.fetched, &f)
	whole := record(j.fetched[begin:len(j.fetched):len(j.fetched)])
	// The hash of a line has 32 bits only, so another line may have it. Its row then has another hash of 64.
	if whole.hash() != r.hash() || whole.state() != r.state() || whole.at() != r.at() {
		return nil, errChanged
	}
	return whole, nil
}

// one makes the findings of one group, or leaves it to the second round: a group of one side only may find the other
// by transId, and so may a group whose id is malformed, unless both sides agree in every field.
func (j *joiner) one(recs []record) error {
	g := j.read(recs)
	if !j.byTransID && (len(g.ours) == 0 || len(g.theirs) == 0 || !g.agreed() && !text.ValidID(string(recs[0].key()))) {
		return j.leave(g)
	}
	if err := j.gone(g.marks); err != nil {
		return err
	}
	for _, p := range g.pairs() {
		if err := j.tell(g, p); err != nil {
			return err
		}
	}
	return nil
}

// count adds rows to a category.
func (j *joiner) count(k Kind, s Sides) {
	sum := j.sum.Kinds[k]
	sum.plus(s)
	j.sum.Kinds[k] = sum
}

// tell makes a finding of a pair, counts it, and yields it. A row of another day is only counted, unless it was
// carried; a matched pair too, unless the caller wants all. errStopped ends the run when the caller has enough.
func (j *joiner) tell(g *group, p pair) error {
	f := Finding{Kind: p.kind, SaleID: g.saleID()}
	day, sides, sold := int64(noTime), Sides{}, Sides{}
	if p.ours != nil {
		f.Ours, f.Carried = &p.ours.row, p.ours.carried
		day = p.ours.rec.at()
		sides.Ours.add(f.Ours.Amount)
		f.SaleID = f.Ours.SaleID
		if f.Ours.Outcome == telco.Succeeded && !f.Ours.Refunded {
			sold.Ours = sides.Ours
		}
	}
	if p.theirs != nil {
		f.Theirs, f.Carried = &p.theirs.tx, f.Carried || p.theirs.carried
		if at := p.theirs.rec.at(); at != noTime {
			day = at
		}
		sides.Theirs.add(f.Theirs.Amount)
		if f.Theirs.State == telco.StateSuccess {
			sold.Theirs = sides.Theirs
		}
	}
	if !f.Carried && !j.run.inDay(day) {
		j.sum.OtherDays.plus(sides)
		return nil
	}
	j.count(f.Kind, sides)
	j.sum.Sold.plus(sold)
	if f.Kind == Matched && !j.run.cfg.WithMatched {
		return nil
	}
	// What follows costs time, so it is done only for a finding that is yielded.
	if p.ours != nil && p.theirs != nil {
		f.Differences = differences(f.Ours, f.Theirs)
	}
	if p.theirs != nil {
		f.Others = g.others(p.theirs)
	}
	if !j.yield(f, nil) {
		return errStopped
	}
	return nil
}

// gone leaves marks that name no row of their group to the second round, and there reports them as gone.
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

// pass puts a full record into the second round, with its transId as the key and with further flags.
func (j *joiner) pass(r record, flags byte) error {
	f := r.fields()
	f.flags |= flags | flagByTransID
	f.number = j.run.veil.shown(r.number())
	j.passed = j.run.veil.appendRecord(j.passed[:0], &f)
	return j.left.put(j.passed)
}

// leave puts a whole group into the second round. A carried row takes its mark along as a flag, and each registration
// beyond the first under one valid partnerTransId is known as one too many.
func (j *joiner) leave(g *group) error {
	registered := 0
	for i := range g.theirs {
		t := &g.theirs[i]
		flags := carriedFlag(t.carried)
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
		if err := j.pass(g.ours[i].rec, carriedFlag(g.ours[i].carried)); err != nil {
			return err
		}
	}
	return j.gone(g.marks)
}

// carriedFlag is flagCarried if the row was open on an earlier day.
func carriedFlag(carried bool) byte {
	if carried {
		return flagCarried
	}
	return 0
}
