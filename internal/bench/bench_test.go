package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain is also the server that tables over sockets start.
func TestMain(m *testing.M) {
	if mode := os.Getenv(serveVariable); mode != "" {
		leave(serve(mode))
		return
	}
	os.Exit(m.Run())
}

// TestTablesRun runs every table with a few calls, so that none rots. It says nothing of
// time.
func TestTablesRun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		n    int
		rows int // of contenders, over all parts of the table
	}{
		"mem": {20, 25}, "loopback": {20, 19}, "tls": {8, 10}, "ids": {100, 5},
		"limiter": {100, 3 + 2}, "store": {2, 4 * 3}, "flat": {2000, 4 + 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := settings{table: name, rounds: 2, n: tc.n, load: 50 * time.Millisecond, dir: t.TempDir(), out: &out}
			if err := tables[name](t.Context(), s); err != nil {
				t.Fatal(err)
			}
			rows, columns := 0, 0
			for line := range strings.Lines(out.String()) {
				switch {
				case !strings.HasPrefix(line, "|"):
					columns = 0
				case columns == 0: // the head
					columns = strings.Count(line, "|")
				case strings.HasPrefix(line, "|---"):
				default:
					rows++
				}
				if columns > 0 && strings.Count(line, "|") != columns {
					t.Errorf("not %d columns: %s", columns-1, line)
				}
			}
			if rows != tc.rows {
				t.Errorf("%d rows, not %d:\n%s", rows, tc.rows, &out)
			}
			if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
				t.Error(out.String())
			}
		})
	}
}

func TestOnlyKeepsTheBaseline(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := inMemory(t.Context(), settings{rounds: 1, n: 5, only: regexp.MustCompile("^ours: otp"), out: &out}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "| ours") != 2 || strings.Count(got, "| plain") != 1 || strings.Contains(got, "azcore") {
		t.Error(got)
	}
}

// TestWrongAnswersEndTheRun plants what a contender may do wrong.
func TestWrongAnswersEndTheRun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		call func(f *fake, h hand) func(context.Context, *ticket) error
		say  string
	}{
		"an answer from memory": {func(_ *fake, h hand) func(context.Context, *ticket) error {
			calls := 0
			return func(ctx context.Context, t *ticket) error {
				if calls++; calls%3 == 0 {
					return nil
				}
				return h.register(ctx, t)
			}
		}, "requests for"},
		"a request more": {func(_ *fake, h hand) func(context.Context, *ticket) error {
			return func(ctx context.Context, t *ticket) error { return errors.Join(h.get(ctx, t), h.get(ctx, t)) }
		}, "requests for"},
		"a header written into": {func(f *fake, h hand) func(context.Context, *ticket) error {
			return func(ctx context.Context, t *ticket) error {
				err := h.eligible(ctx, t)
				f.answers.now.Load().header.Set("X-Mine", "1")
				return err
			}
		}, "header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			all := []*contender{{name: name, call: tc.call(f, newHand(memBase, &http.Client{Transport: f}))}}
			f.counted(all)
			err := (turns{settings: settings{rounds: 1, n: 20, out: io.Discard}, clock: cpu}).run(t.Context(), all)
			if err == nil || !strings.Contains(err.Error(), tc.say) {
				t.Error(err)
			}
		})
	}
}

// TestEveryContenderReadsItsAnswer: whoever gets the answer to an earlier call says so.
func TestEveryContenderReadsItsAnswer(t *testing.T) {
	t.Parallel()
	f := &fake{}
	earlier := map[string][]byte{}
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := f.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(resp.Body)
		if first, ok := earlier[r.URL.Path]; ok {
			text = first
		}
		earlier[r.URL.Path] = text
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		return resp, err
	})}
	sdk, err := newSDK(t.Context(), memBase, client)
	if err != nil {
		t.Fatal(err)
	}
	all := append(pairs(newHand(memBase, client), sdk), plain(memBase, client))
	others, err := peers(memBase, client)
	if err != nil {
		t.Fatal(err)
	}
	least, err := floor(memBase, client.Transport)
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := makeTickets(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(append(all, others...), least) {
		clear(earlier)
		if err := c.call(t.Context(), &tickets[0]); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := c.call(t.Context(), &tickets[1]); err == nil {
			t.Errorf("%s takes any answer for its own", c.name)
		}
	}
}

// TestJudgeRefuses: what the work by hand would leave out is seen.
func TestJudgeRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*hand, *http.Request){
		"another secret": func(h *hand, r *http.Request) { h.secret += "x"; h.sign(r, r.URL.Path, nil) },
		"no signature":   func(_ *hand, r *http.Request) { r.Header.Del("X-Signature") },
		"no deadline":    func(_ *hand, r *http.Request) { *r = *r.WithContext(context.WithoutCancel(r.Context())) },
		"unknown path":   func(_ *hand, r *http.Request) { r.URL.Path += "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			h := newHand(memBase, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				other := newHand(memBase, nil)
				spoil(&other, r)
				return f.RoundTrip(r)
			})})
			honest := &contender{name: "honest", call: newHand(memBase, &http.Client{Transport: f}).otp}
			if _, err := f.prove(t.Context(), []*contender{honest}); err != nil {
				t.Error(err)
			}
			if _, err := f.prove(t.Context(), []*contender{{name: name, call: h.otp}}); err == nil {
				t.Error("nobody noticed")
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPut(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.md")
	document := "# A\n<!-- bench: ids -->\nold\n<!-- end -->\n<!-- bench: tls -->\nkept\n<!-- end -->\n"
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := put(file, "ids", "new\n"); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(file); string(got) != strings.Replace(document, "old", "new", 1) {
		t.Errorf("%s", got)
	}
	if err := put(file, "mem", "new\n"); err == nil {
		t.Error("a table without a place was put somewhere")
	}
}

// TestDocumentHasAPlaceForEveryTable: docs/performance.md is renewed by the program.
func TestDocumentHasAPlaceForEveryTable(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range tables {
		if !strings.Contains(string(document), "<!-- bench: "+name+" -->\n") || !strings.Contains(string(document), "-table "+name+" ") {
			t.Errorf("%s has no place, or its command is not named", name)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]float64{
		"3.00 (2.00–4.00)": {5, 1, 4, 2, 3},
		"7.00":             {7},
		"200 (100–300)":    {300, 100, 200, 400, 1},
	} {
		if got := fmt.Sprint(spreadOf(values)); got != want {
			t.Errorf("%v: %s, not %s", values, got, want)
		}
	}
}
