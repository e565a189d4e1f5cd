package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A shop whose tests notice all but what is named survivors below.
const shop = `package shop

import "time"

var Log []string

func Price(sum, discount int) int {
	if discount > sum {
		return 0
	}
	Log = append(Log, "priced")
	return sum - discount
}

func Open(now, opens time.Time, holiday bool) bool {
	return !now.Before(opens) && !holiday
}

func Wait(n int) (rounds int) {
	for rounds < n {
		rounds++
	}
	return rounds
}

func Never(yes bool) bool { return yes || !yes }
`

const shopTest = `package shop

import (
	"testing"
	"time"
)

func TestPrice(t *testing.T) {
	if Price(5, 2) != 3 || Price(5, 6) != 0 {
		t.Error("the price")
	}
}

func TestOpen(t *testing.T) {
	eight := time.Unix(8, 0)
	if !Open(eight.Add(1), eight, false) || Open(eight.Add(-1), eight, false) || Open(eight.Add(1), eight, true) {
		t.Error("open")
	}
}

func TestWait(t *testing.T) {
	if Wait(3) != 3 {
		t.Error("waited")
	}
}
`

var survivors = []string{
	`shop.go Price boundary: discount > sum  // equal: both are 0`,
	`shop.go Price drop: Log = append(Log, "priced")  // nobody reads it`,
	`shop.go Open boundary: now.Before(opens)  // the shop does not mind`,
}

// newShop writes the shop as a module of its own.
func newShop(t *testing.T, listed ...string) options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.26.0\n", "shop.go": shop, "shop_test.go": shopTest,
		"survivors.txt": "# Why.\n\n" + strings.Join(listed, "\n") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return options{root: dir, survivors: filepath.Join(dir, "survivors.txt"), jobs: 2, patience: 3 * time.Second, out: t.Output()}
}

var theShop = []module{{dir: ".", mutated: []string{"."}, tests: []string{"."}}}

func TestRun(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), newShop(t, survivors...), theShop); err != nil {
		t.Errorf("every survivor is listed: %v", err)
	}
	if err := run(t.Context(), newShop(t, survivors[1:]...), theShop); err == nil || !strings.HasPrefix(err.Error(), "1 mutants survived") {
		t.Errorf("one survivor is not listed: %v", err)
	}
	for line, want := range map[string]string{
		"shop.go Price boundary: discount > sum":                  "no reason: shop.go Price boundary: discount > sum",
		"shop.go Price boundary: discount > total  // moved away": "no such mutant: shop.go Price boundary: discount > total",
	} {
		if err := run(t.Context(), newShop(t, line), theShop); err == nil || err.Error() != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// judged runs every mutant of the shop.
func judged(t *testing.T) *world {
	t.Helper()
	w, err := prepare(newShop(t), t.TempDir(), theShop)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.build(t.Context(), theShop); err != nil {
		t.Fatal(err)
	}
	w.reach(t.Context())
	inParallel(2, w.mutants, func(m *mutant) { w.judge(t.Context(), m) })
	return w
}

// TestJudge names every mutant of the shop and what becomes of it.
func TestJudge(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range judged(t).mutants {
		got = append(got, m.verdict(nil)+": "+strings.TrimPrefix(m.name, "shop.go "))
	}
	want := []string{
		`survived: Price boundary: discount > sum`,
		`killed: Price not: discount > sum`,
		`survived: Price drop: Log = append(Log, "priced")`,
		`killed: Price arithmetic: sum - discount`,
		`killed: Open logic: !now.Before(opens) && !holiday`,
		`survived: Open boundary: now.Before(opens)`,
		`killed: Open not: now.Before(opens)`,
		`killed: Open not: holiday`,
		`killed: Wait boundary: rounds < n`,
		`killed: Wait not: rounds < n`,
		`killed by time: Wait drop: rounds++`,
		`not reached: Never logic: yes || !yes`,
		`not reached: Never not: yes`,
		`not reached: Never not: yes #2`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDraw checks that a sample is drawn by its seed alone, from what tests reach.
func TestDraw(t *testing.T) {
	t.Parallel()
	names := func(seed string) (names []string) {
		var all []*mutant
		for i := range 100 {
			m := &mutant{name: strconv.Itoa(i)}
			if i%2 == 0 {
				m.tests = []*test{{takes: time.Second}}
			}
			all = append(all, m)
		}
		for _, m := range draw(all, map[string]string{"50": "it may"}, 49, seed) {
			names = append(names, m.name)
		}
		return names
	}
	one, again, two := names("one"), names("one"), names("two")
	if len(one) != 49 || !slices.Equal(one, again) || slices.Equal(one, two) {
		t.Errorf("%v, %v, %v", one, again, two)
	}
	if others := regexp.MustCompile(`[13579]$|^50$`); slices.ContainsFunc(one, others.MatchString) {
		t.Errorf("%v: no test reaches the odd ones, and 50 is known to survive", one)
	}
}
