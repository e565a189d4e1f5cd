package reconcile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// day is the business day of the tests, noon its middle.
var (
	day  = time.Date(2026, 11, 25, 0, 0, 0, 0, vietnam)
	noon = day.Add(12 * time.Hour)
)

// partnerID is a well-formed partnerTransId of a number.
func partnerID(n int) telco.PartnerTransID {
	var bits [text.IDBytes]byte
	binary.BigEndian.PutUint64(bits[:], uint64(n)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint32(bits[8:], uint32(n))
	return telco.PartnerTransID(text.AppendID(nil, &bits))
}

// sold is the n-th registration as both sides have it.
func sold(n int) (Ours, telco.Transaction) {
	ids := telco.IDs{TransID: telco.TransID("T" + strconv.Itoa(n)), PartnerTransID: partnerID(n)}
	pkg, price := telco.PackageCode("C120"), telco.VND(120_000)
	if n%3 == 0 {
		pkg, price = "3C120", 360_000
	}
	who := telco.MustParseMSISDN(strconv.Itoa(900_000_000 + n%1000))
	at := day.Add(time.Duration(n%86_000) * time.Second)
	o := Ours{
		SaleID: string(ids.PartnerTransID), Shop: "HN" + strconv.Itoa(n%7), Order: "DH-" + strconv.Itoa(n), IDs: ids, MSISDN: who,
		Package: pkg, Amount: price, Outcome: telco.Succeeded, At: at,
	}
	tx := telco.Transaction{
		TransID: ids.TransID, PartnerTransID: ids.PartnerTransID, MSISDN: who, Package: pkg, Amount: price,
		State: telco.StateSuccess, WireState: "SUCCESS", WireResultCode: "0000", Shop: o.Shop, CreatedAt: at.Add(time.Second), UpdatedAt: at.Add(2 * time.Second),
	}
	return o, tx
}

// seq is a sequence without errors.
func seq[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// join runs one reconciliation.
func join(t testing.TB, cfg Config, ours []Ours, theirs []telco.Transaction, carried ...telco.IDs) ([]Finding, Summary) {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	run, err := Start(cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, run.Close()) }()
	require.NoError(t, run.AddOurs(seq(ours)))
	require.NoError(t, run.AddTheirs(seq(theirs)))
	require.NoError(t, run.Carry(seq(carried)))
	return found(t, run), run.Summary()
}

// found collects the findings of a run.
func found(t testing.TB, run *Run) []Finding {
	t.Helper()
	var all []Finding
	for f, err := range run.Findings(t.Context()) {
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}

// say is a finding in short: what a test compares.
func say(f Finding) string {
	ours, theirs := "-", "-"
	if f.Ours != nil {
		ours = fmt.Sprintf("%s/%s/%s", f.Ours.TransID, f.Ours.State(), f.Ours.Amount)
	}
	if f.Theirs != nil {
		theirs = fmt.Sprintf("%s/%s/%s", f.Theirs.TransID, f.Theirs.State, f.Theirs.Amount)
	}
	if f.Kind == Gone {
		return fmt.Sprint("GONE ", f.gone)
	}
	return fmt.Sprintf("%s ours %s theirs %s %v", f.Kind, ours, theirs, f.Differences)
}

func sayAll(all []Finding) []string {
	said := make([]string, 0, len(all))
	for _, f := range all {
		said = append(said, say(f))
	}
	return said
}

// readTheirs yields the rows of a statement of MobiFone's, as they are read. A line that cannot be read
// is yielded as a *[RowError], after which the test may go on; any other error ends it.
func readTheirs(from io.Reader, o FileOptions) iter.Seq2[telco.Transaction, error] {
	return func(yield func(telco.Transaction, error) bool) {
		lines, layout, _, err := open(from, o, sideTheirs)
		if err != nil {
			yield(telco.Transaction{}, err)
			return
		}
		v, err := newVeil()
		if err != nil {
			yield(telco.Transaction{}, err)
			return
		}
		p := &parser{layout: layout}
		goOn, buf := true, []byte(nil)
		c := &piece{data: make([]byte, 0, pieceSize)}
		for goOn {
			last, err := lines.next(c)
			if err != nil {
				yield(telco.Transaction{}, err)
				return
			}
			p.each(c, func(f *fields, bad *RowError) bool {
				if bad != nil {
					goOn = yield(telco.Transaction{}, bad)
				} else {
					buf = v.appendRecord(buf[:0], f)
					goOn = yield(v.theirs(buf), nil)
				}
				return goOn
			})
			goOn = goOn && !last
		}
	}
}

// sorted is a copy in order.
func sorted[T cmp.Ordered](all []T) []T { return slices.Sorted(slices.Values(all)) }

// shuffled is a copy in another order.
func shuffled[T any](r *rand.Rand, all []T) []T {
	all = slices.Clone(all)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
