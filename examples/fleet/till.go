package main

// This file is what tellers remember of what their desk said was done. With it the judge sees what
// the store acknowledged and does not have: the store alone cannot tell of that.

import (
	"context"
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// act is what was done: a sale was opened, cash came in, cash went out.
type act struct {
	Sale string    `json:"sale"`
	In   telco.VND `json:"in,omitempty"`
	Out  telco.VND `json:"out,omitempty"`
}

// till keeps acts until they are handed over.
type till struct {
	mu   sync.Mutex
	acts []act
}

func (t *till) note(a act) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acts = append(t.acts, a)
}

// hand returns what was noted since it was last called.
func (t *till) hand() []act {
	t.mu.Lock()
	defer t.mu.Unlock()
	acts := t.acts
	t.acts = nil
	return acts
}

// tills compares what was done with the store. What a process did in its last moment, and could not
// tell before it was killed, is in the store alone.
func (j *judge) tills(ctx context.Context, w *world, acts map[string]act) {
	for id, done := range acts {
		s, err := w.store.Load(ctx, id)
		j.must(err == nil, "sale %s was opened: %v", id, err)
		j.must(err != nil || s.CashIn >= done.In && s.CashOut >= done.Out, "sale %s: in %s, out %s; its tellers took %s and gave %s",
			id, s.CashIn, s.CashOut, done.In, done.Out)
	}
}

// unplanned are registrations that were asked for and of which no sale holds an intent.
func (j *judge) unplanned(w *world, all []sale.Sale) {
	planned := map[string]bool{}
	for _, s := range all {
		for _, intent := range s.Intents {
			planned[string(intent.PartnerTransID)+" "+string(intent.TransID)] = true
		}
	}
	for ids := range w.arrivals.sends {
		j.must(planned[ids], "MobiFone was asked to register %s, and no sale holds that intent", ids)
	}
}
