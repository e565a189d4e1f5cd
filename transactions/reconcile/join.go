package reconcile

// This file compares: it loads partition after partition, sorts the records of each by their crc,
// counts the pairs that are equal to the byte, and hands every other group to classify.go. Partitions
// are prepared by two goroutines and used in order, so the findings come in one order.

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

// errStopped says that the caller wants no more findings.
var errStopped = errors.New("stopped")

// joiner makes the findings of a run.
type joiner struct {
	run   *Run
	yield func(Finding, error) bool
	// byTransID: the second round.
	byTransID bool
	left      sink // what the first round leaves
	sum       Summary
	// group and fetched are used again for each group.
	group   []record
	fetched []byte // records of lines that were read again
	passed  []byte // a record on its way to the second round
}

// all runs both rounds and checks the sums.
func (j *joiner) all(ctx context.Context) error {
	j.sum.Kinds = map[Kind]Sides{}
	j.left = sink{heap: j.run.second}
	if err := j.round(ctx, j.run.first); err != nil {
		return err
	}
	if err := j.left.done(); err != nil {
		return err
	}
	j.left = sink{} // its buffers are free for the second round
	j.byTransID = true
	if err := j.round(ctx, j.run.second); err != nil {
		return err
	}
	r := j.run
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Kinds, r.summary.Sold = j.sum.Kinds, j.sum.Sold
	r.summary.Repeated, r.summary.OtherDays, r.summary.CarriedGone = j.sum.Repeated, j.sum.OtherDays, j.sum.CarriedGone
	if total := r.summary.total(); total != r.summary.Read {
		return fmt.Errorf("reconcile: %+v rows were read and %+v were classed; this is a fault of the program, book nothing by it", r.summary.Read, total)
	}
	return nil
}

// page is one partition in memory.
type page struct {
	data  []byte
	index []uint64 // crc and offset, sorted
	other []uint64 // room for sorting
	// matched and otherDays count the pairs that are equal.
	matched, otherDays Sides
	// odd are the runs of one crc that are not, as bounds in index.
	odd [][2]int
	err error
}

// round goes through the partitions of a heap in order.
func (j *joiner) round(ctx context.Context, h *heap) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	// As many pages as goroutines, and the one in use.
	pages := min(runtime.GOMAXPROCS(0), 2) + 1
	free := make(chan *page, pages)
	for range pages {
		free <- new(page)
	}
	var ready [partitions]chan *page
	for p := range ready {
		ready[p] = make(chan *page, 1)
	}
	running.Go(func() {
		for p := range ready {
			if h.sizes[p] == 0 || j.tooLarge(h, p) {
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

// tooLarge reports whether a partition has to be split before it is loaded.
func (j *joiner) tooLarge(h *heap, p int) bool { return h.sizes[p] > j.run.cfg.Memory/3 }

// finer splits a partition and goes through its parts.
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

// prepare loads and sorts a partition, and counts its equal pairs.
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
		if to-from != 2 || !j.equal(pg, pg.record(from), pg.record(from+1)) {
			pg.odd = append(pg.odd, [2]int{from, to})
		}
		from = to
	}
}

// sort sorts the index by crc. The first bits of it are those of the partition, so two passes over 12
// bits each are enough; a sort that compares took five times as long.
func (pg *page) sort() {
	const digit, buckets = 12, 1 << 12
	if len(pg.index) < buckets {
		slices.Sort(pg.index)
		return
	}
	pg.other = slices.Grow(pg.other[:0], len(pg.index))[:len(pg.index)]
	for shift := 32; shift < 32+2*digit; shift += digit {
		var at [buckets]int32
		for _, e := range pg.index {
			at[e>>shift&(buckets-1)]++
		}
		next := int32(0)
		for i, n := range at {
			at[i], next = next, next+n
		}
		for _, e := range pg.index {
			to := &at[e>>shift&(buckets-1)]
			pg.other[*to] = e
			*to++
		}
		pg.index, pg.other = pg.other, pg.index
	}
}

// record is the one that an entry of the index names.
func (pg *page) record(i int) record { return recordAt(pg.data[uint32(pg.index[i]):]) }

// equal counts the pair if it is a registration on both sides with every field the same, by a hash of
// 64 bits whose key nobody knows: two rows that are not the same pass for it once in 2⁶⁴ times. It is
// what reading.Read calls registered as sold; TestTheJoinIsTheSimplestJoin compares the two.
func (j *joiner) equal(pg *page, a, b record) bool {
	if a.side() == sideTheirs {
		a, b = b, a
	}
	if !agreed(a, b) || (a.flags()|b.flags())&flagCarried != 0 || j.run.cfg.WithMatched {
		return false
	}
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

// agreed reports whether a row of ours and one of MobiFone's, in this order, are a registration on both
// sides with every field the same.
func agreed(a, b record) bool {
	return a.side() == sideOurs && b.side() == sideTheirs && a.state() == byte(telco.Succeeded) && b.state() == byte(telco.StateSuccess) &&
		(a.flags()|b.flags())&^(flagByTransID|flagShort|flagCarried) == flagWhole && a.hash() == b.hash()
}

// inDay reports whether a second belongs to the day that is reported. A row without a time does.
func (r *Run) inDay(at int64) bool {
	return r.to == 0 || at == noTime || r.from <= at && at < r.to
}

// use takes what is ready, and finds in the groups that are not equal pairs.
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
			// Rows without an id are nobody's partners.
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

// full is the record with its core: a short one's line is read again.
func (j *joiner) full(r record) (record, error) {
	if r.flags()&flagShort == 0 {
		return r, nil
	}
	f, err := j.run.sources[r[11]-1].again(r.line())
	if err != nil {
		return nil, err
	}
	begin := len(j.fetched) // an array that is left for a longer one stays as long as its records
	j.fetched = j.run.veil.appendRecord(j.fetched, &f)
	whole := record(j.fetched[begin:len(j.fetched):len(j.fetched)])
	if whole.hash() != r.hash() || whole.state() != r.state() || whole.at() != r.at() {
		return nil, errChanged
	}
	return whole, nil
}

// one finds in one group: it classes it, or leaves it to the second round.
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

// count adds to a category.
func (j *joiner) count(k Kind, s Sides) {
	sum := j.sum.Kinds[k]
	sum.plus(s)
	j.sum.Kinds[k] = sum
}

// tell makes a finding of a pair, counts it, and yields it.
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
