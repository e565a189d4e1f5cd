package main

import (
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// cell is what is promised for one fault and one partner.
type cell struct {
	flagged bool
	reason  string // of flagged: why no client can do better
}

// beyond is one row of what no client can prevent: in these cells the money can be wrong,
// and the promise is that it is never silent.
type beyond struct {
	fault    faultKind
	kinds    string // of partners
	noNonces bool   // only where the partner takes a replayed nonce
	reason   string
}

const (
	twoCopies   = "the partner carries out each copy of one request; the copy is made behind the client's back"
	tooLate     = "the partner carries out a request later than its contract says it can; nothing but waiting for ever would help"
	lateWrite   = "the process slept between its last look at the clock and the write; no check can come after the last check"
	tookBack    = "the operator takes a registration back by hand; only the partner's ledger tells"
	notInSystem = "what nobody enters no program knows; the count of the till shows it"
	notOurs     = "the row is of another system; the statement shows it"
	usedByOther = "another system uses our ids; the row is in the ledger, and no client could have kept it out"
)

// flaggedCells is read only; every cell that is not in it is safe.
var flaggedCells = []beyond{
	{fCopy, "DF", true, twoCopies},
	{fCopySecond, "DF", true, twoCopies},
	{fCopyLate, "DF", true, twoCopies},
	{fBeyondFence, "ACE", false, tooLate},
	{fPausedSend, "ACE", false, lateWrite},
	{fReversed, "ABCDEF", false, tookBack},
	{fCashNotEntered, "ABCDEF", false, notInSystem},
	{fForeignRow, "ABCDEF", false, notOurs},
	{fIDsUsed, "ABCDEF", false, usedByOther},
}

// cellOf returns what is promised.
func cellOf(f faultKind, k sandbox.Kind, nonces bool) cell {
	for _, b := range flaggedCells {
		if b.fault == f && strings.Contains(b.kinds, string(k)) && (!b.noNonces || !nonces) {
			return cell{flagged: true, reason: b.reason}
		}
	}
	return cell{}
}
