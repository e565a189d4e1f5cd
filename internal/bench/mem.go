// The table mem compares calls whose wire is a function: what is left is what a client
// costs by itself, as CPU time of the process with its garbage collector.

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const memBase = "https://partner.test"

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

// alone measures the fake by itself, with a request that is there already.
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
