// Package reconcile compares what a chain sold with what MobiFone's ledger says, row by row.
//
// It is a full outer join: every row of either side ends in exactly one category ([Kind]), so
// counts and amounts add up on both sides. A [Run] takes rows from streams and from CSV files,
// in any order, and keeps a bounded part of them in memory; the rest goes to one temporary file.
//
//	yesterday := time.Now().AddDate(0, 0, -1)
//	run, err := reconcile.Start(reconcile.Config{Day: yesterday})
//	defer run.Close()
//	err = run.AddOurs(sale.Reconcilable(ctx, store, yesterday.AddDate(0, 0, -7), time.Now()))
//	err = run.AddTheirsFile(ctx, statement, reconcile.FileOptions{})
//	for finding, err := range run.Findings(ctx) {
//		…
//	}
//	fmt.Println(run.Summary())
//
// The package decides nothing about money and sends nothing. [sale.Desk.ObserveFinding] tells a sale
// what was found about it. docs/reconciliation.md explains a day to an accountant, and shows a whole
// nightly program.
//
// # What to give it
//
// Give it the rows of the day and of the days around it, on both sides: a sale may be opened before
// the day on which it is registered, and MobiFone's clock is not ours. Rows of other days cost time and
// are in no category of the day. What the day before left open is carried over, see [Run.CarryFile].
//
// Rows may come twice, as when a listing and a statement overlap, or in an earlier and a later state;
// the run leaves the repetition or the earlier state out and counts it in [Summary.Repeated]. If a method that adds
// rows returns an error, close the run and begin another one, unless the error says that only the last moments of a
// listing are missing (*transactions.WindowOpenError).
//
// # What is compared
//
// A row is one pair of ids, transId and partnerTransId. The first round groups rows by partnerTransId
// and matches them by transId inside a group. The second round matches by transId alone: the rows that
// found no match in the first, and every row whose partnerTransId is missing or malformed. But two rows
// that agree in every field as one registration match even if their partnerTransId is malformed.
//
// Of a matched pair, both ids, number, package, amount and state are compared. Shop, order, result code and times
// are not: the two sides write them for different reasons. A value that MobiFone does not list does not agree.
//
// The order of the findings depends on the rows alone: not on the order in which they came, the
// memory that was given, or the number of processors.
//
// # Memory and time
//
// Config.Memory bounds what a run keeps in memory, whatever the number of rows. Time grows with the number of
// rows and with the number of findings: a pair that agrees is settled by its hash, any other row is compared field
// by field. Two goroutines read a file and two prepare the comparison; no goroutine outlives the call that started
// it. A context that ends is noticed within a moment, and what was done until then is of no use.
//
// # Results
//
// A [Finding] is for whoever has to act on it; [Summary] is the day in figures. [CSVWriter] writes findings for a
// spreadsheet, and a json.Encoder writes them as lines that the next day's run reads. Figures and findings are right
// only when Findings has ended without an error: until then keep files under another name.
//
// # Phone numbers
//
// Rows have phone numbers. In memory and in the temporary file each number is one AES block under
// a random key. Start makes the key; it never leaves memory and is lost with the run. So equal numbers
// can be compared, and the file tells nobody a number. Ids, shops, orders and amounts are readable in
// it. Of rows from a file that can be read again it has only the amount, times and keyed hashes.
// The file has the mode 0600. Where the system allows it, its name is removed as soon as it is
// open, so it is gone even if the process is killed. Findings have a
// [telco.MSISDN], which prints masked; CSV and JSON have at most its last three digits.
//
// [sale.Desk.ObserveFinding]: https://pkg.go.dev/github.com/fptshop/mobifone-go/mobifone/sale#Desk.ObserveFinding
package reconcile

// This file is a run from Start to Close: its settings, how rows come into it from streams, and how its
// findings and figures come out. Each row becomes one record (record.go) in one of two heaps (spill.go);
// join.go compares them. A row is counted when it comes in, and the end checks that every one was classed.

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

// Config says what to reconcile and how much memory it may take. The zero value reconciles every row that
// is given, in 16 MiB.
type Config struct {
	// Day is any moment of the business day that is reported, 00:00 to 24:00 at +07:00. Two matched rows
	// belong to the day of MobiFone's row, a row alone to its own. Rows of other days are needed too, to
	// match rows near midnight; they are counted in [Summary.OtherDays]. Zero reports all rows.
	Day time.Time
	// Dir is where the temporary file is made when the rows do not fit in memory; empty is
	// [os.TempDir]. A million rows of either side take about 120 MB there. The package says what is in it.
	Dir string
	// Memory is about how many bytes of rows may be in memory at once; 0 is 16 MiB. Buffers and the
	// program take about 50 MiB more. A single id whose rows exceed a third of it is an error.
	Memory int64
	// WithMatched yields a finding for each matched row too. Without it they are only counted,
	// which is several times as fast.
	WithMatched bool
}

const (
	memoryDefault = 16 << 20
	// memoryLeast keeps a partition at more than a few of the longest records.
	memoryLeast = 1 << 16
)

// Run is one reconciliation. Give it rows, then range over Findings once, then ask for the Summary. A method
// must not be called before another one has returned; a file is read by several goroutines all the same.
type Run struct {
	cfg Config
	// from and to are the day as [from, to) in Unix seconds; both are 0 if every day is reported.
	from, to int64
	file     *spill
	// first has the rows with a well-formed partnerTransId, by that id.
	first *heap
	// second has the others, and later what the first round leaves, by transId.
	second *heap
	veil   *veil
	// sources are the files that can be read again. A short record names one by its place here, from 1.
	sources []*source
	// mu guards summary and weight, to which the goroutines that read a file add.
	mu      sync.Mutex
	summary Summary
	// weight is the sum of all amounts without their signs; see weigh.
	weight uint64
	// spent is true once Findings has begun or the run is closed.
	spent bool
}

// Start begins a run. It reads and writes nothing yet; the only fault it finds is a Memory below zero. Close the
// run in any case.
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
	// Less than Memory together: the sinks and the pages that are compared need room too.
	r.first, r.second = newHeap(r.file, cfg.Memory/4, 0), newHeap(r.file, cfg.Memory/8, 0)
	if !cfg.Day.IsZero() {
		y, m, d := cfg.Day.In(vietnam).Date()
		r.from = time.Date(y, m, d, 0, 0, 0, 0, vietnam).Unix()
		r.to = r.from + 24*60*60
	}
	return r, nil
}

// Close removes the temporary file and ends the run. It may be called again, which does nothing.
func (r *Run) Close() error {
	r.spent = true
	return r.file.close()
}

// AddOurs adds rows of ours, such as those of sale.Reconcilable. An error of the sequence ends it and is
// returned; the rows before it are added. Rows may come in any order and may be given again: a row that is
// the same in every field counts once, and its repetitions in [Summary.Repeated].
func (r *Run) AddOurs(rows iter.Seq2[Ours, error]) error {
	return addAll(r, rows, func(row *Ours) fields {
		var flags byte
		if row.Refunded {
			flags = flagRefunded
		}
		if row.Outcome == telco.NotSent {
			row.Outcome = telco.Rejected // one byte for one meaning: equal rows have equal records
		}
		return fields{
			side: sideOurs, flags: flags, state: byte(row.Outcome), transID: []byte(row.TransID), partnerTransID: []byte(row.PartnerTransID),
			pkg: []byte(row.Package), amount: int64(row.Amount), number: digits(row.MSISDN), at: seconds(row.At), updatedAt: noTime,
			shop: []byte(row.Shop), code: []byte(row.Order), saleID: []byte(row.SaleID),
		}
	})
}

// AddTheirs adds MobiFone's rows, such as those of a listing's All. An error of the sequence ends it
// and is returned; the rows before it are added. The listing of a window that reaches to now ends
// with a *transactions.WindowOpenError, and the run may go on. Only the fields that a statement has too are
// used; the result code is WireResultCode. Times are kept in whole seconds.
func (r *Run) AddTheirs(rows iter.Seq2[telco.Transaction, error]) error {
	return addAll(r, rows, func(tx *telco.Transaction) fields {
		return fields{
			side: sideTheirs, state: byte(tx.State), transID: []byte(tx.TransID), partnerTransID: []byte(tx.PartnerTransID),
			pkg: []byte(tx.Package), amount: int64(tx.Amount), number: digits(tx.MSISDN), at: seconds(tx.CreatedAt),
			updatedAt: seconds(tx.UpdatedAt), shop: []byte(tx.Shop), code: []byte(tx.WireResultCode),
		}
	})
}

// Carry names rows that were still open when an earlier day was reported (kind [StillOpen]). They are
// reported with this day whatever their own time, or as [Gone] if neither side lists them any more.
//
// Their rows have to be given too, as they are now: give both sides from the day of the oldest of them on.
// Where MobiFone's file of such a day is missing, a sale that is registered by now is reported as [OursOnly].
// A transId without a partnerTransId is looked for in the second round alone, among the rows that found no
// match by their partnerTransId; it may be reported as Gone although a matched row has it.
func (r *Run) Carry(ids iter.Seq2[telco.IDs, error]) error {
	return addAll(r, ids, func(one *telco.IDs) fields {
		return fields{side: sideMark, transID: []byte(one.TransID), partnerTransID: []byte(one.PartnerTransID), at: noTime, updatedAt: noTime}
	})
}

// addAll adds the rows of a stream until it ends or has an error; fieldsOf turns one into fields. Rows before an
// error are added and counted.
func addAll[T any](r *Run, rows iter.Seq2[T, error], fieldsOf func(*T) fields) error {
	if r.spent {
		return errSpent
	}
	in := r.intake()
	var one T // in one place for all rows: a variable of the loop would be allocated for each
	var f fields
	for row, err := range rows {
		if err == nil {
			one = row
			f = fieldsOf(&one)
			err = in.add(&f)
		}
		if err != nil {
			return errors.Join(err, in.end())
		}
	}
	return in.end()
}

// intake puts rows into the heaps and counts them. Each goroutine has its own, so that rows are added without
// a lock; end adds its figures to those of the run.
type intake struct {
	run           *Run
	first, second sink
	veil          *veil
	read          Sides
	// weight is the same as in Run, for the rows of this intake.
	weight uint64
	// buf has a record whose partition is known only once it is written.
	buf []byte
}

var (
	errSpent  = errors.New("reconcile: the run is over; start another one")
	errWeight = errors.New("reconcile: the amounts add up to more than a sum can hold; see whether that column is the amount")
)

// weigh adds to a sum of amounts without their signs. It fails where that would exceed an int64. Every sum of
// the summary is at most this one, so none of them overflows.
func weigh(sum *uint64, amount uint64) error {
	if amount > math.MaxInt64-*sum {
		return errWeight
	}
	*sum += amount
	return nil
}

// intake is a new intake for one stream or one worker.
func (r *Run) intake() *intake {
	return &intake{run: r, first: sink{heap: r.first}, second: sink{heap: r.second}, veil: r.veil.another()}
}

// add counts a row and puts its record into the heap of its round: the first if it has a partnerTransId to be
// found by, else the second. The texts of f are copied.
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
		if len(key) == 0 { // appendRecord makes the sum that says where it goes
			in.buf = in.veil.appendRecord(in.buf[:0], f)
			return to.put(in.buf)
		}
	}
	// The record is written where it will stay: this is done for each row, and a copy would be felt.
	p := to.part(sum(key))
	was := len(to.bufs[p])
	to.bufs[p] = in.veil.appendRecord(to.bufs[p], f)
	return to.added(p, len(to.bufs[p])-was)
}

// end hands over what the sinks have gathered, and the counts. The intake must not be used after it.
func (in *intake) end() error {
	in.run.mu.Lock()
	err := weigh(&in.run.weight, in.weight)
	in.run.summary.Read.plus(in.read)
	in.run.mu.Unlock()
	return errors.Join(err, in.first.done(), in.second.done())
}

// digits are the nine digits of a number after its prefix, as an integer; 0 for no number.
func digits(m telco.MSISDN) uint64 {
	var buf [16]byte
	var n uint64
	for _, c := range m.AppendReveal(buf[:0], "") {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// Summary returns the figures. They are complete when Findings has ended without an error; before that only
// Read and Unread say anything. The caller may change what is returned.
func (r *Run) Summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary
	s.Kinds = maps.Clone(r.summary.Kinds)
	return s
}

// Findings compares all rows and yields what it finds: first the rows matched by partnerTransId, then the rest
// by transId, each in the order of a checksum of the id and then of the id. It can be ranged over once, and
// the run takes no more rows then. An error ends it, and a caller may stop early; either way the summary is not
// complete. Files that were added as an [os.File] are read again meanwhile.
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
