package reconcile

// This file holds a run: its settings, and how rows come into it.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Config says what to reconcile and what it may cost. The zero value reconciles everything that
// is given, in 16 MiB.
type Config struct {
	// Day is any moment of the business day, 00:00 to 24:00 at +07:00, that is reported. A row with
	// a partner belongs to the day of MobiFone's row, a row alone to its own. Rows of other days
	// only find partners. Zero reports all rows, whatever their day.
	Day time.Time
	// Dir is where the temporary file is made when the rows do not fit in memory; empty is
	// [os.TempDir]. See the package about what it holds.
	Dir string
	// Memory is about how many bytes of rows may be in memory at once; 0 is 16 MiB. What it takes
	// beside them is about 50 MiB.
	Memory int64
	// WithMatched yields a finding for each matched row too. Without it they are only counted,
	// which is several times as fast.
	WithMatched bool
}

const (
	memoryDefault = 16 << 20
	memoryLeast   = 1 << 16
)

// Run is one reconciliation. Give it rows, then range over Findings once. Its methods must not be
// called at the same time.
type Run struct {
	cfg      Config
	from, to int64 // the day, in seconds; both 0: all days
	file     *spill
	first    *heap // rows with a partnerTransId, by that
	second   *heap // the others, and what the first round leaves, by transId
	veil     *veil
	sources  []*source  // files that can be read again
	mu       sync.Mutex // guards summary while files are read
	summary  Summary
	weight   uint64 // the sum of all amounts, each without its sign
	spent    bool
}

// Start begins a run. Close it, whatever happens.
func Start(cfg Config) (*Run, error) {
	if cfg.Memory < 0 {
		return nil, errors.New("reconcile: Config.Memory is below 0; leave it zero for 16 MiB")
	}
	if cfg.Memory == 0 {
		cfg.Memory = memoryDefault
	}
	cfg.Memory = max(cfg.Memory, memoryLeast)
	v, err := newVeil()
	if err != nil {
		return nil, err
	}
	r := &Run{cfg: cfg, file: &spill{dir: cfg.Dir}, veil: v}
	r.first, r.second = newHeap(r.file, cfg.Memory/4, 0), newHeap(r.file, cfg.Memory/8, 0)
	if !cfg.Day.IsZero() {
		y, m, d := cfg.Day.In(vietnam).Date()
		r.from = time.Date(y, m, d, 0, 0, 0, 0, vietnam).Unix()
		r.to = r.from + 24*60*60
	}
	return r, nil
}

// Close removes the temporary file. It may be called again.
func (r *Run) Close() error {
	r.spent = true
	return r.file.close()
}

// AddOurs adds rows of ours. An error of the sequence ends it and is returned.
func (r *Run) AddOurs(rows iter.Seq2[Ours, error]) error {
	in, err := r.begin()
	if err != nil {
		return err
	}
	var f fields
	for row, err := range rows {
		if err != nil {
			return errors.Join(err, in.end())
		}
		var flags byte
		if row.Refunded {
			flags = flagRefunded
		}
		if row.Outcome == telco.NotSent {
			row.Outcome = telco.Rejected // one byte for one meaning: equal rows have equal records
		}
		f = fields{
			side: sideOurs, flags: flags, state: byte(row.Outcome), transID: []byte(row.TransID), partnerTransID: []byte(row.PartnerTransID),
			pkg: []byte(row.Package), amount: int64(row.Amount), number: digits(row.MSISDN), at: seconds(row.At), updatedAt: noTime,
			shop: []byte(row.Shop), code: []byte(row.Order), saleID: []byte(row.SaleID),
		}
		if err := in.add(&f); err != nil {
			return errors.Join(err, in.end())
		}
	}
	return in.end()
}

// AddTheirs adds MobiFone's rows, such as a listing's All gives. An error of the sequence ends it
// and is returned; the rows before it are added. The listing of a window that reaches to now ends
// with a *transactions.WindowOpenError, and the run may go on all the same. Of a transaction only the
// fields are used that a statement has; its result code is WireResultCode.
func (r *Run) AddTheirs(rows iter.Seq2[telco.Transaction, error]) error {
	in, err := r.begin()
	if err != nil {
		return err
	}
	var f fields
	for tx, err := range rows {
		if err != nil {
			return errors.Join(err, in.end())
		}
		f = fields{
			side: sideTheirs, state: byte(tx.State), transID: []byte(tx.TransID), partnerTransID: []byte(tx.PartnerTransID),
			pkg: []byte(tx.Package), amount: int64(tx.Amount), number: digits(tx.MSISDN), at: seconds(tx.CreatedAt),
			updatedAt: seconds(tx.UpdatedAt), shop: []byte(tx.Shop), code: []byte(tx.WireResultCode),
		}
		if err := in.add(&f); err != nil {
			return errors.Join(err, in.end())
		}
	}
	return in.end()
}

// Carry names rows that were still open when an earlier day was reported (kind [StillOpen]). They are
// reported with this day whatever their own time, or as [Gone] if neither side lists them. Their rows have to
// be given too, as they are now: give both sides of the days back to the oldest of them. One of ours that is
// registered by now and whose day of MobiFone's is missing would stand as [OursOnly]. A transId without a
// partnerTransId finds only rows that have no partner by theirs, and may stand as Gone beside one that has.
func (r *Run) Carry(ids iter.Seq2[telco.IDs, error]) error {
	in, err := r.begin()
	if err != nil {
		return err
	}
	for one, err := range ids {
		if err != nil {
			return errors.Join(err, in.end())
		}
		f := fields{side: sideMark, transID: []byte(one.TransID), partnerTransID: []byte(one.PartnerTransID), at: noTime, updatedAt: noTime}
		if err := in.add(&f); err != nil {
			return errors.Join(err, in.end())
		}
	}
	return in.end()
}

// intake puts the rows of one source, or of a part of one, into the heap and counts them.
type intake struct {
	run           *Run
	first, second sink
	veil          *veil
	read          Sides
	weight        uint64 // as in Run
	buf           []byte
}

var (
	errSpent  = errors.New("reconcile: the run is over; start another one")
	errWeight = errors.New("reconcile: the amounts add up to more than a sum can hold; see whether that column is the amount")
)

// weigh adds to a sum of amounts. No sum of the run is larger than this one, so none overflows.
func weigh(sum *uint64, amount uint64) error {
	if amount > math.MaxInt64-*sum {
		return errWeight
	}
	*sum += amount
	return nil
}

func (r *Run) begin() (*intake, error) {
	if r.spent {
		return nil, errSpent
	}
	return r.intake(), nil
}

func (r *Run) intake() *intake {
	return &intake{run: r, first: sink{heap: r.first}, second: sink{heap: r.second}, veil: r.veil.another()}
}

// add puts a row in and counts it.
func (in *intake) add(f *fields) error {
	for _, t := range [...][]byte{f.transID, f.partnerTransID, f.pkg, f.shop, f.code, f.saleID} {
		if len(t) > textMax {
			return fmt.Errorf("reconcile: a row with an id, code or order of %d bytes; %d are the most", len(t), textMax)
		}
	}
	if err := weigh(&in.weight, uint64(max(f.amount, -f.amount))); err != nil {
		return err
	}
	switch f.side {
	case sideOurs:
		in.read.Ours.add(telco.VND(f.amount))
	case sideTheirs:
		in.read.Theirs.add(telco.VND(f.amount))
	}
	key, _, flags := f.keyOf()
	to := &in.first
	if flags&flagByTransID != 0 {
		to = &in.second
		if len(key) == 0 { // where it goes is known when it is written
			in.buf = in.veil.appendRecord(in.buf[:0], f)
			return to.put(in.buf)
		}
	}
	p := to.part(sum(key))
	was := len(to.bufs[p])
	to.bufs[p] = in.veil.appendRecord(to.bufs[p], f)
	return to.added(p, len(to.bufs[p])-was)
}

// end hands everything over; the intake is spent.
func (in *intake) end() error {
	in.run.mu.Lock()
	err := weigh(&in.run.weight, in.weight)
	in.run.summary.Read.plus(in.read)
	in.run.mu.Unlock()
	return errors.Join(err, in.first.done(), in.second.done())
}

// digits are the nine digits of a number as an integer; 0 for none.
func digits(m telco.MSISDN) uint64 {
	var buf [16]byte
	var n uint64
	for _, c := range m.AppendReveal(buf[:0], "") {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// Summary returns the figures. They are complete when Findings has ended without an error.
func (r *Run) Summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary
	s.Kinds = maps.Clone(r.summary.Kinds)
	return s
}

// Findings compares all rows and yields what it finds, first by partnerTransId, then what is left
// by transId; each in the order of a checksum of the id, then of the id. It can be ranged over
// once. An error ends it, and then the summary is not complete.
func (r *Run) Findings(ctx context.Context) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		if r.spent {
			yield(Finding{}, errSpent)
			return
		}
		r.spent = true
		j := &joiner{run: r, yield: yield}
		if err := j.all(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(Finding{}, err)
		}
	}
}
