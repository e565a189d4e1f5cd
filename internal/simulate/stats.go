package main

import (
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

const (
	stateKinds = int(sale.Closed) + 1
)

// stats counts what worlds went through.
type stats struct {
	worlds, sales, sends, alarms, strangers uint64
	overtaken, points, resolves             uint64
	fired                                   [faultKinds]uint64
	deaths                                  [pointKinds]uint64
	edges                                   [stateKinds][stateKinds]uint64
	ends                                    [stateKinds]uint64
	trace                                   uint64 // of all worlds, in whatever order they ran
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
	}
}
