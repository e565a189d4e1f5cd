// The tables in memory. mem compares calls whose wire is a function: what is left is what a
// client costs by itself, as CPU time of the process with its garbage collector. flat shows
// whether a long-lived client stays as cheap as a new one: the cost per call as calls add up,
// and the memory in use after the collector, before and after a time under load.

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"time"
)

// memBase is a server that nothing ever dials.
const memBase = "https://partner.test"

// inMemory is the table mem.
func inMemory(ctx context.Context, s settings) error {
	s = s.or(15, 4000)
	f := &fake{}
	client := &http.Client{Transport: f}
	all, err := memContenders(ctx, f, client)
	if err != nil {
		return err
	}
	defer release(ctx, all)
	all = s.chosen(all)
	// What is wrong with a contender shows here, before anything is measured.
	moved, err := f.prove(ctx, all)
	if err != nil {
		return err
	}
	f.counted(all)
	if err := (turns{settings: s, clock: cpu}).run(ctx, all); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d rounds of %d calls; CPU of user and system, garbage collection included\n\n", s.rounds, s.n)
	fmt.Fprintln(s.out, "| in memory | bytes out / back | CPU, ratio | to the same by hand | µs | allocs | B |")
	fmt.Fprintln(s.out, "|---|--:|--:|--:|--:|--:|--:|")
	for _, c := range all {
		fmt.Fprintf(s.out, "| %s | %s | %s | %.2f | %.0f | %.0f |\n", c.name, moved[c.name], c.ratios(all[0]), c.micros(), c.mallocs(), c.size())
	}
	return nil
}

// memContenders are ours with and without extras, the same by hand, the other libraries, and the
// two floors.
func memContenders(ctx context.Context, f *fake, client *http.Client) ([]*contender, error) {
	all := []*contender{plain(memBase, client)}
	bare, err := newSDK(ctx, memBase, client)
	if err != nil {
		return nil, err
	}
	more, err := newSDK(ctx, memBase, client, extras()...)
	if err != nil {
		return nil, err
	}
	all = append(all, pairs(newHand(memBase, client), bare, more)...)
	others, err := peers(memBase, client)
	if err != nil {
		return nil, err
	}
	least, err := floor(memBase, client.Transport)
	if err != nil {
		return nil, err
	}
	alone, err := f.alone()
	return append(append(append(all, others...), least), alone...), err
}

// alone measures the fake by itself, with a request that is made once. What it costs is in every
// other row.
func (f *fake) alone() ([]*contender, error) {
	var all []*contender
	for _, kind := range []struct{ name, method, target, body string }{
		{"plain", http.MethodPost, plainPath, `{"isdn":"84901234567","transId":"MBF20260301-00000001"}`},
		{"otp.Request", http.MethodPost, "/partner/v1/otp", `{"isdn":"84901234567","shopCode":"HN_001"}`},
		{"transactions.Get", http.MethodGet, "/partner/v1/transaction?transId=MBF20260301-00000001", ""},
		{"packages.Eligible", http.MethodPost, "/partner/v1/packages", `{"isdn":"84901234567","channel":"FPTSHOP"}`},
		{"registration.Register", http.MethodPost, "/partner/v1/register", `{"transId":"MBF20260301-00000001","partnerTransId":"` + ownID + `"}`},
	} {
		target, err := url.Parse(memBase + kind.target)
		if err != nil {
			return nil, err
		}
		sent := bytes.NewReader(nil)
		req := &http.Request{Method: kind.method, URL: target, Header: http.Header{}, Body: io.NopCloser(sent)}
		var text []byte
		all = append(all, &contender{name: "the fake alone: " + kind.name, call: func(context.Context, *ticket) error {
			judging := f.judging
			f.judging = false // it would refuse a request without a signature
			sent.Reset([]byte(kind.body))
			resp, err := f.RoundTrip(req)
			f.judging = judging
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			text, err = readInto(text[:0], resp.Body)
			if err == nil && len(text) < 100 {
				err = errAnswer
			}
			return err
		}})
	}
	return all, nil
}

// step is how many calls are measured at once. Every fourth time the baseline's are measured too.
const step = 1000

// flat is the table flat.
func flat(ctx context.Context, s settings) error {
	s = s.or(1, 1_000_000)
	f := &fake{}
	client := &http.Client{Transport: f}
	base := plain(memBase, client)
	fmt.Fprintf(s.out, "CPU of %d calls on one client; ratio to plain net/http + encoding/json in between\n\n", s.n)
	fmt.Fprintln(s.out, "| in memory | first 1 k | up to 100 k | up to 1 M | in use at first | in use at the end |\n|---|--:|--:|--:|--:|--:|")
	for i := range 4 {
		sdk, err := newSDK(ctx, memBase, client)
		if err != nil {
			return err
		}
		c := sdk.contenders("")[i]
		if s.only != nil && !s.only.MatchString(c.name) {
			continue
		}
		before := inUse()
		if err := s.addUp(ctx, base, c); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "| %s |", c.name)
		// The first thousand calls, then up to a tenth of all, then all.
		for _, part := range [][2]int{{0, 1}, {1, 100}, {100, 1000}} {
			fmt.Fprintf(s.out, " %s |", between(c, base, part[0], min(part[1], len(c.costs))))
		}
		c.costs = nil
		fmt.Fprintf(s.out, " %s | %s |\n", before, inUse())
		// Without this the collector could free the client before its memory is read.
		runtime.KeepAlive(sdk)
		sdk.close(ctx)
	}
	return s.underLoad(ctx, f, client)
}

// addUp makes the calls, taking turns with the baseline.
func (s settings) addUp(ctx context.Context, base, c *contender) error {
	base.costs, c.costs = nil, make([]cost, 0, s.n/step)
	// One caller and CPU time, as in the table mem.
	t := turns{settings: s, workers: 1, clock: cpu}
	for i := range max(s.n/step, 1) {
		if i%4 == 0 {
			spent, err := t.turn(ctx, base, step) // of the same length, or it would pay for no collection
			if err != nil {
				return err
			}
			base.costs = append(base.costs, spent)
		} else {
			// The baseline is measured every fourth time; in between its last cost counts.
			base.costs = append(base.costs, base.costs[i-1])
		}
		spent, err := t.turn(ctx, c, step)
		if err != nil {
			return err
		}
		c.costs = append(c.costs, spent)
	}
	return nil
}

// between is the ratio of some of the parts that addUp measured.
func between(c, base *contender, from, to int) string {
	if from >= to {
		return "–"
	}
	part, beside := &contender{costs: c.costs[from:to]}, &contender{costs: base.costs[from:to]}
	return part.ratio(beside).String()
}

// underLoad keeps one client busy with all four operations and watches its memory.
func (s settings) underLoad(ctx context.Context, f *fake, client *http.Client) error {
	sdk, err := newSDK(ctx, memBase, client, extras()...)
	if err != nil {
		return err
	}
	defer sdk.close(ctx)
	load := sdk.contenders("")
	t := turns{settings: s, workers: 1, clock: wall}
	fmt.Fprintf(s.out, "\n| one client under load | calls made | in use |\n|---|--:|--:|\n| at first | 0 | %s |\n", inUse())
	began, made := time.Now(), 0
	// The memory is read at each quarter of the time, with all four operations in turn.
	for quarter := 1; quarter <= 4; quarter++ {
		for time.Since(began) < s.load*time.Duration(quarter)/4 {
			for _, c := range load {
				if _, err := t.turn(ctx, c, step); err != nil {
					return err
				}
				made += step
			}
		}
		fmt.Fprintf(s.out, "| after %s | %d | %s |\n", (s.load * time.Duration(quarter) / 4).Round(time.Second), made, inUse())
	}
	runtime.KeepAlive(f)
	return nil
}

// memory is what the heap holds after the collector.
type memory uint64

// String writes MiB.
func (m memory) String() string { return fmt.Sprintf("%.1f MiB", float64(m)/(1<<20)) }

// inUse measures what the heap holds after the collector.
func inUse() memory {
	runtime.GC()
	runtime.GC() // what a pool held until the first is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory(m.HeapInuse)
}
