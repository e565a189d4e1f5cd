package sale_test

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// docs/state-machine.md is written from the table that the code is held against.
func TestStateMachineDocument(t *testing.T) {
	t.Parallel()
	golden(t, filepath.Join("..", "..", "docs", "state-machine.md"), stateMachine())
}

func stateMachine() string {
	var b strings.Builder
	b.WriteString(`# The states of a sale

Made from the table of edges in mobifone/sale/edges_test.go by

    go test ./mobifone/sale -run TestStateMachineDocument -update

The same table is compared with the decision core: random sales of five rule sets (a known
fence, none, a MobiFone that dedupes, final refusals, no lookup) must take each of its edges
and no other, and every other event must be refused and leave the sale as it is.
docs/promise.md has the rules behind it.

`)
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> Open\n")
	for _, pair := range moves() {
		if pair[0] != sale.None && (pair[0] != pair[1] || pair[0] == sale.OTPSent) {
			fmt.Fprintf(&b, "    %s --> %s\n", pair[0], pair[1])
		}
	}
	b.WriteString("```\n\n## What moves a sale\n\n| from | to | event | when |\n|---|---|---|---|\n")
	for _, e := range sorted() {
		if e.from != e.to {
			row(&b, e)
		}
	}
	b.WriteString("\n## What is taken and keeps the state\n\n| state | event | when |\n|---|---|---|\n")
	type kept struct {
		kind sale.Kind
		when string
	}
	in := map[kept][]string{}
	var order []kept
	for _, e := range allEdges() {
		if e.from == e.to {
			k := kept{e.kind, e.when}
			if in[k] == nil {
				order = append(order, k)
			}
			in[k] = append(in[k], e.from.String())
		}
	}
	for _, k := range order {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(in[k], ", "), k.kind, k.when)
	}
	b.WriteString("\nEvery other event is refused with a *RefusedError, and the sale is unchanged.\n\n## Edges that the drawing of the design does not show\n\n")
	beyond := beyondDesign()
	pairs := slices.SortedFunc(maps.Keys(beyond), func(a, b [2]sale.State) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, pair := range pairs {
		fmt.Fprintf(&b, "- **%s → %s.** %s\n", pair[0], pair[1], beyond[pair])
	}
	b.WriteString(`
## Readings of the rules

- **Look before the first send.** An OTP that MobiFone shows as EXPIRED or CANCELLED is not
  sent, but the sale does not go to Review for it: nothing of ours can be behind an OTP that
  was never sent, so the teller requests a new one.
- **Reading a lookup.** Absence does not settle a success that was told or shown once. A lagging
  replica may hide it for a while; from the fence, or the end of the hold, on a person decides.
- **Fence.** A fence that no lookup reaches ends in Review as long after it as holdBeforeReview
  says: lookups fail, or their replies carry no time.
- **Going on after a wrong OTP.** Only a wrong OTP lets the same ids go again without a lookup, also
  where MobiFone names the next OTP by the same transId after another refusal.
- **Final refusals.** Before the fence a lookup settles an intent no only by a FAILED row, and only
  where refusals are final. An earlier copy may have been let in and be waiting where no lookup
  shows it.
- **No lookup.** A wrong OTP may be typed again, because that needs no lookup. A refund after a
  byte left needs a final refusal or Desk.Decide, and is then claimed and confirmed like every
  other.
- **A late answer never ends the send under way.** An answer to an earlier send is recorded. Where
  the sale is Resolving it makes the machine look, and settles its intent only if nothing left or
  the refusal is final.
- **A decision keeps the books.** Registered is refused once the cash is out (the loss is
  booked by Closed); refund-due is refused once cash went out, also by a decision.
`)
	return b.String()
}

func moves() [][2]sale.State {
	seen := map[[2]sale.State]bool{}
	var all [][2]sale.State
	for _, e := range sorted() {
		if pair := [2]sale.State{e.from, e.to}; !seen[pair] {
			seen[pair] = true
			all = append(all, pair)
		}
	}
	return all
}

// sorted keeps the table's order within a pair of states. A resend is drawn as a move.
func sorted() []edge {
	return slices.SortedStableFunc(func(yield func(edge) bool) {
		for _, e := range allEdges() {
			if (e.from != e.to || e.kind == sale.OTPSentEvent) && !yield(e) {
				return
			}
		}
	}, func(a, b edge) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
}

func row(b *strings.Builder, e edge) {
	from := e.from.String()
	if e.from == sale.None {
		from = "–"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s |\n", from, e.to, e.kind, e.when)
}
