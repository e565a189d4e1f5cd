package main

import (
	"errors"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

const (
	stateKinds = int(sale.Closed) + 1
	eventKinds = 17
)

// stats counts what worlds went through.
type stats struct {
	worlds, sales, sends, alarms, strangers uint64
	overtaken, points, resolves             uint64
	fired                                   [faultKinds]uint64
	deaths                                  [pointKinds]uint64
	edges                                   [stateKinds][stateKinds]uint64
	accepted                                [stateKinds][eventKinds]uint64
	refused                                 [stateKinds][eventKinds]uint64
	ends                                    [stateKinds]uint64
	trace                                   uint64 // of all worlds, in whatever order they ran
}

// eventNames is read only.
var eventNames = [eventKinds]sale.Kind{
	sale.Opened, sale.CashTaken, sale.CancelAsked, sale.OTPAsked, sale.OTPSentEvent, sale.OTPRefused, sale.SendPlanned, sale.SendEnded,
	sale.LookedUp, sale.Overdue, sale.AbandonAsked, sale.RefundTaken, sale.RefundPaid, sale.Observed, sale.Decided, sale.Overridden, "other",
}

func kindIndex(k sale.Kind) int {
	for i, name := range eventNames {
		if name == k {
			return i
		}
	}
	return eventKinds - 1
}

// refuse counts a refused event.
func (s *stats) refuse(err error) {
	if r, ok := errors.AsType[*sale.RefusedError](err); ok {
		s.refused[r.State][kindIndex(r.Kind)]++
	}
}

// add sums up.
func (s *stats) add(o *stats) {
	s.worlds += o.worlds
	s.sales += o.sales
	s.sends += o.sends
	s.alarms += o.alarms
	s.strangers += o.strangers
	s.overtaken += o.overtaken
	s.trace += o.trace
	s.points += o.points
	s.resolves += o.resolves
	for i := range s.fired {
		s.fired[i] += o.fired[i]
	}
	for i := range s.deaths {
		s.deaths[i] += o.deaths[i]
	}
	for i := range s.edges {
		s.ends[i] += o.ends[i]
		for j := range s.edges[i] {
			s.edges[i][j] += o.edges[i][j]
		}
		for j := range s.accepted[i] {
			s.accepted[i][j] += o.accepted[i][j]
			s.refused[i][j] += o.refused[i][j]
		}
	}
}
