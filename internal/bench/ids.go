// The table ids compares making an id: ours derives it from the sale, with a keyed hash and
// check characters, and gives the same one for the same sale; the others draw it at random.

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
)

var errID = errors.New("no id")

func identifiers(ctx context.Context, s settings) error {
	s = s.or(15, 20_000)
	maker := telco.NewIDMaker(idKey, "FPT")
	text := func(length int, id string, err error) error {
		if err == nil && len(id) != length {
			err = errID
		}
		return err
	}
	all := s.chosen([]*contender{
		{name: "google/uuid v4 (= 1)", call: func(context.Context, *ticket) error {
			id, err := uuid.NewRandom()
			return text(36, id.String(), err)
		}},
		{name: "google/uuid v7", call: func(context.Context, *ticket) error {
			id, err := uuid.NewV7()
			return text(36, id.String(), err)
		}},
		{name: "oklog/ulid", call: func(context.Context, *ticket) error {
			return text(26, ulid.Make().String(), nil)
		}},
		{name: "ours: the id of a sale", call: func(_ context.Context, t *ticket) error {
			id, err := maker.ID(shop, t.order, 1)
			return text(29, string(id), err)
		}},
		{name: "ours: appended to a buffer", call: func(_ context.Context, t *ticket) error {
			id, err := maker.Append(t.scratch[:0], shop, t.order, 1)
			if err == nil && len(id) != 29 {
				err = errID
			}
			return err
		}},
		{name: "by hand: keyed hash, base32, no check characters", call: func(_ context.Context, t *ticket) error {
			return text(24, handID(shop, t.order, 1), nil)
		}},
	})
	return s.cores(ctx, all, "id")
}

// cores runs a table on one core, by CPU time, and on two, by the wall: what two cores
// bring is seen only there.
func (s settings) cores(ctx context.Context, all []*contender, what string) error {
	one := make([]*contender, len(all))
	for i, c := range all {
		one[i] = &contender{name: c.name, call: c.call}
	}
	if err := (turns{settings: s, workers: 1, clock: cpu}).run(ctx, one); err != nil {
		return err
	}
	if err := (turns{settings: s, workers: 2, clock: wall}).run(ctx, all); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d rounds of %d; CPU time on one core, wall time on two\n\n", s.rounds, s.n)
	fmt.Fprintf(s.out, "| one %s | one core, ratio | two cores, ratio | ns on one | ns on two | faster on two | allocs | B |\n", what)
	fmt.Fprintln(s.out, "|---|--:|--:|--:|--:|--:|--:|--:|")
	for i, c := range all {
		elapsed := func(k cost) float64 { return float64(k.wall) / float64(k.calls) }
		faster := one[i].median(elapsed) / c.median(elapsed)
		fmt.Fprintf(s.out, "| %s | %s | %s | %.0f | %.0f | %.1f× | %.0f | %.0f |\n",
			c.name, one[i].ratio(one[0]), c.ratio(all[0]), one[i].micros()*1e3, c.micros()*1e3, faster, one[i].mallocs(), one[i].size())
	}
	return nil
}
