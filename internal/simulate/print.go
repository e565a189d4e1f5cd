package main

import (
	"fmt"
	"io"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// print writes what the worlds went through.
func (s *stats) print(out io.Writer) {
	fmt.Fprintf(out, "register requests %d, alarms %d, rows of strangers %d, overtaken %d, trace %016x\n", s.sends, s.alarms, s.strangers, s.overtaken, s.trace)
	fmt.Fprintf(out, "labelled points passed %d, rounds of resolvers %d\n", s.points, s.resolves)
	fmt.Fprint(out, "sales ended:")
	for i, n := range s.ends {
		if n > 0 {
			fmt.Fprintf(out, " %s %d", sale.State(i), n)
		}
	}
	fmt.Fprintln(out, "\nfaults fired:")
	for k, n := range s.fired {
		fmt.Fprintf(out, "  %-22s %9d\n", faultKind(k), n)
	}
	fmt.Fprintln(out, "deaths by point:")
	for p, n := range s.deaths {
		fmt.Fprintf(out, "  %-22s %9d\n", point(p), n)
	}
	s.printEdges(out)
}

func (s *stats) printEdges(out io.Writer) {
	fmt.Fprintln(out, "edges taken:")
	for from := range s.edges {
		for to := range s.edges[from] {
			_, allowed := allowedEdges[step{sale.State(from), sale.State(to)}]
			if n := s.edges[from][to]; n > 0 && from != to || allowed {
				note := ""
				if n == 0 {
					note = "  NEVER"
				}
				fmt.Fprintf(out, "  %-12s -> %-12s %9d%s\n", sale.State(from), sale.State(to), n, note)
			}
		}
	}
}
