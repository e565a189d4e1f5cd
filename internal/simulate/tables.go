package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// cellsTable is the table fault × model of docs/proof.md: the rows that are flagged
// somewhere, and the names of the faults that are safe everywhere.
func cellsTable() string {
	var flagged, safe strings.Builder
	reasons := reasonList()
	for k := range faultKinds {
		var row strings.Builder
		everywhere := true
		for _, kind := range sandbox.Kinds() {
			with, without := cellOf(k, kind, true), cellOf(k, kind, false)
			everywhere = everywhere && !with.flagged && !without.flagged
			switch {
			case with.flagged:
				fmt.Fprintf(&row, " flagged %s |", footnote(reasons, with.reason))
			case without.flagged:
				fmt.Fprintf(&row, " safe; no nonce: flagged %s |", footnote(reasons, without.reason))
			default:
				row.WriteString(" safe |")
			}
		}
		if everywhere {
			safe.WriteString(", " + k.String())
			continue
		}
		fmt.Fprintf(&flagged, "| %s | %s |%s\n", k, strings.ReplaceAll(faultTable[k].numbers, " ", ", "), row.String())
	}
	var b strings.Builder
	b.WriteString("| fault | of the 57 |")
	for _, k := range sandbox.Kinds() {
		b.WriteString(" " + string(k) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(sandbox.Kinds())) + "\n" + flagged.String() + "\n")
	for i, r := range reasons {
		fmt.Fprintf(&b, "- %c: %s.\n", 'a'+i, r)
	}
	fmt.Fprintf(&b, "\nSafe in every model, with the nonce check and without: %s.\n", strings.TrimPrefix(safe.String(), ", "))
	return b.String()
}

func reasonList() []string {
	var list []string
	for _, c := range flaggedCells {
		if !slices.Contains(list, c.reason) {
			list = append(list, c.reason)
		}
	}
	return list
}

func footnote(reasons []string, r string) string {
	return string(rune('a' + slices.Index(reasons, r)))
}

// layersTable is the table of the 57 faults.
func layersTable() string {
	var b strings.Builder
	b.WriteString("| no. | fault | layer | in the loop | elsewhere |\n|---|---|---|---|---|\n")
	for i, l := range layers {
		var names []string
		for k := range faultKinds {
			if slices.Contains(strings.Fields(faultTable[k].numbers), strconv.Itoa(i+1)) {
				names = append(names, k.String())
			}
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", i+1, l.fault, l.where, strings.Join(names, ", "), l.tests)
	}
	return b.String()
}
