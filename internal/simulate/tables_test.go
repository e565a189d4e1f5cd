package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/ledger"
)

func TestFaultsAreNamedAndPlaced(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k, f := range faultTable {
		assert.NotEmpty(t, f.name, "fault %d", k)
		assert.NotEmpty(t, f.numbers, f.name)
		assert.Positive(t, f.nths, f.name)
		assert.False(t, seen[f.name], f.name)
		seen[f.name] = true
		named, ok := faultNamed(f.name)
		assert.True(t, ok)
		assert.Equal(t, faultKind(k), named)
	}
	_, ok := faultNamed("no such fault")
	assert.False(t, ok)
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, b := range flaggedCells {
		assert.NotEmpty(t, b.reason)
	}
	assert.False(t, cellOf(fCopy, "D", true).flagged)
	assert.True(t, cellOf(fCopy, "D", false).flagged)
	assert.False(t, cellOf(fCopy, "C", false).flagged)
	assert.False(t, cellOf(fReplyLost, "F", false).flagged)
}

func TestReverseGivesAnotherCode(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		code := strconv.Itoa(100_000 + n*899)
		assert.NotEqual(t, code, reverse(code))
		assert.Len(t, reverse(code), 6)
	}
}

func TestAgendaKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var a agenda
	var got []string
	add := func(at time.Duration, name string) { a.add(happening{at: at, do: func() { got = append(got, name) }}) }
	add(3, "c1")
	add(1, "a")
	add(3, "c2")
	add(2, "b")
	for a.soonest() != nil {
		a.pop().do()
	}
	assert.Equal(t, "a b c1 c2", strings.Join(got, " "))
}

// cellsTable is the table fault × model of docs/proof.md: the rows that are flagged
// somewhere, and the names of the faults that are safe everywhere.
func cellsTable() string {
	var flagged, safe strings.Builder
	reasons := reasonList()
	for k := range faultKinds() {
		var row strings.Builder
		everywhere := true
		for _, kind := range ledger.Kinds() {
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
	for _, k := range ledger.Kinds() {
		b.WriteString(" " + string(k) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(ledger.Kinds())) + "\n" + flagged.String() + "\n")
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
		for k := range faultKinds() {
			if slices.Contains(strings.Fields(faultTable[k].numbers), strconv.Itoa(i+1)) {
				names = append(names, k.String())
			}
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", i+1, l.fault, l.where, strings.Join(names, ", "), l.tests)
	}
	return b.String()
}

// layer says where one of the 57 faults is played.
type layer struct {
	fault string
	where string // loop, HTTP, process; a fault can exist in several
	tests string // of HTTP and process, what plays it
}

// layers are the 57 faults in order. The loop's own faults name the numbers they play.
var layers = [57]layer{
	{"DNS failure", "loop, HTTP", "mobifone: TestNothingLeftIsNotSent"},
	{"connect refused, timeout, accepted then silent", "loop, HTTP", "mobifone: TestNothingLeftIsNotSent, TestUnusableReplyIsUnknown"},
	{"TLS failure", "loop, HTTP", "mobifone: TestNothingLeftIsNotSent"},
	{"request lost", "loop, HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"request cut after k bytes", "loop (as lost), HTTP", "internal/transport: the guard and the shot"},
	{"executed, reply lost", "loop, HTTP, process", "mobifone: TestUnusableReplyIsUnknown"},
	{"reply after the timeout", "loop, HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"late arrival", "loop, HTTP", "mobifone/sandbox: Late"},
	{"duplicate delivery by a proxy", "loop, HTTP", "mobifone/sale: TestDeliveredTwice"},
	{"a later send overtakes an earlier one", "loop", ""},
	{"cut 200 body, wrong Content-Length", "loop (as unreadable), HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"garbled reply", "loop (as unreadable), HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"another sale's reply", "loop, HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"code and success flag contradict", "loop, HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"5xx after and before execution", "loop, HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"429 and 401 before and after execution; Retry-After", "loop, HTTP", "mobifone: TestRetryAfter, TestMoneyIsNeverSentAgainForAToken"},
	{"3xx", "loop (as unreadable), HTTP", "mobifone: TestUnusableReplyIsUnknown"},
	{"1xx flood, huge headers, endless body, gzip bomb", "loop (as unreadable), HTTP", "mobifone: bounds_test.go"},
	{"keep-alive closed at reuse; HTTP/2", "loop (as lost), HTTP", "mobifone: TestDeadConnectionSendsNothingTwice"},
	{"outage", "loop, HTTP", "mobifone: TestRetryBudget"},
	{"lookup lag, errors, stale replica", "loop, HTTP", "mobifone/sale: TestAReplicaThatFlips"},
	{"rows inserted while paging, date edges", "HTTP", "transactions: walk_test.go"},
	{"pending then final; reversed", "loop, HTTP", "mobifone/sale: TestReversedLater"},
	{"wrong, expired, exhausted OTP; one voids another", "loop, HTTP", "mobifone/sale: TestAWrongOTPThenARightOne"},
	{"OTP reply lost; two OTPs", "loop, HTTP", "mobifone: TestOTPIsNotRepeatedOnceSent"},
	{"price or eligibility changed", "loop, HTTP", "mobifone/sale: TestBadInput"},
	{"kill -9 at each crash point", "loop, process", "internal/crashtest: TestKilledAtEveryPoint, TestKilledAtEverySyscall"},
	{"power cut", "loop, process", "mobifone/sale/sqlstore: TestATornLogOpensWithAPrefix"},
	{"fsync error", "loop, process", "mobifone/sale/sqlstore: TestAFailedCommitIsUnknown"},
	{"disk full, read-only", "loop (as a failed write), process", "mobifone/sale/sqlstore: TestAFullDisk"},
	{"store corrupted", "process", "mobifone/sale/sqlstore: TestADamagedFileIsTold"},
	{"store restored from an old backup", "process", ""},
	{"paused process wakes after its last check", "loop", ""},
	{"two resolvers; split between host and store", "loop, process", "mobifone/sale: TestTwoDesksInEveryOrder"},
	{"wall clock: steps, frozen, drift", "loop, HTTP", "mobifone/sale: TestTheTillsClockJumps"},
	{"suspend", "loop, HTTP", "internal/transport: clock_test.go"},
	{
		"context cancelled; double click; same order twice", "loop, HTTP, process",
		"mobifone/sale: TestCancelledContextAtEveryPoint; sqlstore: TestTwoProcessesRace",
	},
	{"limiter state lost; herd", "loop (as not sent), HTTP", "mobifone: limiter_test.go"},
	{"CPU starvation, slow fsync", "loop, process", "mobifone/sale/sqlstore: TestAnotherWriterIsWaitedFor"},
	{"credentials expired or rotated", "loop, HTTP", "mobifone: auth_test.go, auth_login_test.go"},
	{"two orders for one subscriber", "loop, process", "mobifone/sale: TestBusySubscriber"},
	{"the cashier", "loop", ""},
	{"row of MobiFone that is not ours; other amount; id twice", "loop, HTTP", "mobifone/sale: TestFactsFromElsewhere"},
	{"old binary reads a new store and back", "process", "mobifone/sale/sqlstore: TestANewerSchemaIsRefused"},
	{"a cache on the way (own Date, Age)", "loop, HTTP", "internal/transport: cached_test.go"},
	{"expiry, TTL and Date contradict each other", "loop", ""},
	{"a reply that contradicts itself", "loop", ""},
	{"an OTP used up on arrival while execution waits", "loop", ""},
	{"two roads: one copy refused by its gate", "loop", ""},
	{"the subscriber changes between two copies", "loop", ""},
	{"rows without a result code, or with an unlisted one", "loop", ""},
	{"a ledger read long before the Date of the reply", "loop", ""},
	{"look-alike ids from people's hands", "HTTP", ""},
	{"cash handed over and never confirmed", "loop", ""},
	{"a store that hangs, a database file that was moved", "loop, process", ""},
	{"a till's clock a day ahead, then set back", "loop", ""},
	{"lookups that hang beside one that works", "loop", ""},
}
