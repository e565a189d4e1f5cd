package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	{"rows inserted while paging, date edges", "HTTP", "transactions: window_test.go"},
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
	{"two resolvers, which in half of the worlds take what is due from each other (`sale.Taker`); split between host and store", "loop, process", "mobifone/sale: TestTwoDesksInEveryOrder; sqlstore: TestHistoriesAreLinearizable"},
	{"wall clock: steps, frozen, drift", "loop, HTTP", "mobifone/sale: TestTheTillsClockJumps"},
	{"suspend", "loop, HTTP", "internal/transport: clock_test.go"},
	{
		"context cancelled; double click; same order twice", "loop, HTTP, process",
		"mobifone/sale: TestCancelledContextAtEveryPoint; sqlstore: TestTwoProcessesRace",
	},
	{"limiter state lost; herd", "loop (as not sent), HTTP, process", "mobifone: limiter_test.go; quota: TestTheLimitHoldsWhileTheEngineFails"},
	{"CPU starvation, slow fsync", "loop, process", "mobifone/sale/sqlstore: TestAnotherWriterIsWaitedFor"},
	{"credentials expired or rotated", "loop, HTTP", "mobifone: auth_test.go, auth_login_test.go"},
	{"two orders for one subscriber", "loop, process", "mobifone/sale: TestBusySubscriber"},
	{"the cashier", "loop", ""},
	{"row of MobiFone that is not ours; other amount; id twice", "loop, HTTP", "mobifone/sale: TestFactsFromElsewhere"},
	{"old binary reads a new store and back", "process", "mobifone/sale/sqlstore: TestANewerSchemaIsRefused, TestAnOldProgramReadsANewSchema"},
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

const (
	promisePage = "../../docs/promise.md"
	proofPage   = "../../docs/proof.md"
)

func readPage(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// docs/proof.md shows the tables that the simulator goes by. To renew them:
//
//	go test ./internal/simulate -run TestPromiseShowsTheTables -args update
func TestPromiseShowsTheTables(t *testing.T) {
	t.Parallel()
	doc := readPage(t, proofPage)
	for name, want := range map[string]string{"layers": layersTable(), "cells": cellsTable()} {
		before, shown, after := marked(t, doc, name)
		if os.Args[len(os.Args)-1] == "update" {
			doc = before + want + after
			continue
		}
		assert.Equal(t, want, shown, "%s: see the comment of this test", name)
	}
	if os.Args[len(os.Args)-1] == "update" {
		require.NoError(t, os.WriteFile(proofPage, []byte(doc), 0o600))
	}
	for n := 1; n <= 21; n++ {
		assert.Regexp(t, `(?m)^\| I`+strconv.Itoa(n)+` \|`, doc)
	}
}

// marked returns what stands between the marks of that name, and what stands around it.
func marked(t *testing.T, doc, name string) (before, shown, after string) {
	t.Helper()
	begin, end := fmt.Sprintf("<!-- %s -->\n\n", name), fmt.Sprintf("\n<!-- end of %s -->", name)
	before, rest, ok := strings.Cut(doc, begin)
	require.True(t, ok, name)
	shown, after, ok = strings.Cut(rest, end)
	require.True(t, ok, name)
	return before + begin, shown, end + after
}

// docs/proof.md shows what TestPlantedBugsAreCaught printed: each planted bug, in order,
// with its rule.
func TestPromiseShowsThePlantedBugs(t *testing.T) {
	t.Parallel()
	_, shown, _ := marked(t, readPage(t, proofPage), "planted")
	lines := strings.Split(strings.Trim(shown, "`\n"), "\n")
	bugs := plantedBugs()
	require.Len(t, lines, len(bugs))
	for i, bug := range bugs {
		assert.Regexp(t, "^"+regexp.QuoteMeta(bug.rule)+" +"+regexp.QuoteMeta(bug.name)+` +\d+ seeds `, lines[i])
	}
}

// docs/promise.md says each sentence and each rule by its name, and no result code.
func TestPromiseNamesTheRules(t *testing.T) {
	t.Parallel()
	doc := readPage(t, promisePage)
	for n := 1; n <= 7; n++ {
		assert.Regexp(t, `(?m)^\| `+strconv.Itoa(n)+`\. `, doc)
	}
	for _, rule := range []string{
		"Written first", "One winner", "Same order, same sale", "Busy subscriber", "May be ours", "Final refusals",
		"Going on after a wrong OTP", "Look before the first send", "Reading a lookup", "Fence", "A refund is an act",
		"No lookup", "Facts from elsewhere", "A closed browser", "Seen is written down",
	} {
		assert.Contains(t, doc, "\n- **"+rule+".** ")
	}
	assert.NotRegexp(t, `\b\d{3,}\b`, doc, "a result code says nothing to who buys")
	assert.NotRegexp(t, `\b[RI]\d+\b`, doc, "rules have names here")
	assert.LessOrEqual(t, strings.Count(doc, "\n"), 110, "one page")
}

// Each of the 57 faults is played in the loop, or it is said where else.
func TestEveryFaultHasALayer(t *testing.T) {
	t.Parallel()
	inLoop := map[int]bool{}
	for _, f := range faultTable {
		for n := range strings.FieldsSeq(f.numbers) {
			if i, err := strconv.Atoi(n); err == nil {
				inLoop[i] = true
			}
		}
	}
	for i, l := range layers {
		loop := strings.HasPrefix(l.where, "loop")
		assert.Equal(t, loop, inLoop[i+1], "fault %d, %s", i+1, l.fault)
		assert.NotEmpty(t, l.fault)
	}
}

// Every test that the two pages name exists somewhere in the tree.
func TestPromiseNamesRealTests(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			have[string(m[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(readPage(t, promisePage)+readPage(t, proofPage), -1)
	assert.Greater(t, len(named), 20)
	for _, name := range named {
		assert.True(t, have[name], name)
	}
}
