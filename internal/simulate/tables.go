package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// cellsTable is the table fault × model of docs/promise.md.
func cellsTable() string {
	var b strings.Builder
	b.WriteString("| fault | of the 57 |")
	for _, k := range sandbox.Kinds() {
		b.WriteString(" " + string(k) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(sandbox.Kinds())) + "\n")
	reasons := reasonList()
	for k := range faultKinds {
		fmt.Fprintf(&b, "| %s | %s |", k, strings.ReplaceAll(faultTable[k].numbers, " ", ", "))
		for _, kind := range sandbox.Kinds() {
			with, without := cellOf(k, kind, true), cellOf(k, kind, false)
			switch {
			case with.flagged:
				fmt.Fprintf(&b, " flagged %s |", footnote(reasons, with.reason))
			case without.flagged:
				fmt.Fprintf(&b, " safe; no nonce: flagged %s |", footnote(reasons, without.reason))
			default:
				b.WriteString(" safe |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for i, r := range reasons {
		fmt.Fprintf(&b, "- %c: %s.\n", 'a'+i, r)
	}
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

// plantedTable lists the planted bugs by the rule they break.
func plantedTable() string {
	var b strings.Builder
	b.WriteString("| breaks | planted bug |\n|---|---|\n")
	for _, bug := range plantedBugs() {
		fmt.Fprintf(&b, "| %s | %s |\n", bug.rule, bug.name)
	}
	return b.String()
}
