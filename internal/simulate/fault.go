package main

import (
	"strings"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// faultKind is one thing that goes wrong in the loop.
type faultKind uint8

// faultInfo says what a fault is called, which of the 57 kinds of docs/proof.md it plays,
// and where it strikes.
type faultInfo struct {
	name    string
	numbers string // of docs/proof.md
	site    site
	nths    int // it may strike the first so many
}

// faultTable has every fault, in the order below. It is read only once the program runs.
var faultTable []faultInfo

func fault(name, numbers string, s site, nths int) faultKind {
	faultTable = append(faultTable, faultInfo{name, numbers, s, nths})
	return faultKind(len(faultTable) - 1)
}

var (
	fNotSent        = fault("not-sent", "1 2 3 38", siteSend, 2)
	fRequestLost    = fault("request-lost", "4 5", siteSend, 2)
	fReplyLost      = fault("reply-lost", "6 19", siteSend, 2)
	fReplyLate      = fault("reply-late", "7", siteSend, 2)
	fLateArrival    = fault("late-arrival", "8", siteSend, 2)
	fParked         = fault("parked", "8", siteSend, 2)
	fCopy           = fault("copy", "9", siteSend, 2)         // a proxy delivers twice; we see the first reply
	fCopySecond     = fault("copy-second", "9", siteSend, 2)  // and we see the reply to the copy
	fCopyLate       = fault("copy-late", "9 10", siteSend, 2) // the copy comes up to the longest delay later
	fQueueFull      = fault("longest-wait", "8", siteSend, 2) // E: the longest wait in the queue; elsewhere the longest park
	fGarbled        = fault("garbled", "11 12 18", siteSend, 2)
	fOtherSale      = fault("other-sale", "13", siteSend, 2)
	fContradict     = fault("contradiction", "14", siteSend, 2)
	f5xxBefore      = fault("5xx-before", "15 17", siteSend, 2)
	f5xxAfter       = fault("5xx-after", "15", siteSend, 2)
	f429Before      = fault("429-before", "16", siteSend, 2)
	f429After       = fault("429-after", "16", siteSend, 2)
	f401Before      = fault("401-before", "16 40", siteSend, 2)
	f401After       = fault("401-after", "16", siteSend, 2)
	fUnlistedCode   = fault("unlisted-code", "12", siteSend, 2)
	fOutage         = fault("outage", "20", sitePoint, 60)
	fLookLag        = fault("lookup-lag", "21 52", siteLook, 6)
	fLookStale      = fault("stale-replica", "21", siteLook, 6)
	fLookError      = fault("lookup-error", "21 40", siteLook, 6)
	fLookUnlisted   = fault("lookup-unlisted", "12", siteLook, 6)
	fPendingOK      = fault("pending-ok", "23", siteStart, 1)
	fPendingFailed  = fault("pending-failed", "23", siteStart, 1)
	fReversed       = fault("reversed", "23", siteStart, 1)
	fWrongOTP       = fault("wrong-otp", "24", siteTill, 8)
	fExhaustedOTP   = fault("exhausted-otp", "24", siteStart, 1)
	fExpiredOTP     = fault("expired-otp", "24", siteTill, 6)
	fOTPDying       = fault("otp-expires-in-flight", "24", siteTill, 6) // the OTP expires while the send is on the road
	fOlderOTP       = fault("older-otp", "24 25", siteTill, 6)          // the customer reads the code of the message before
	fOTPLost        = fault("otp-request-lost", "4 25", siteOTP, 2)
	fOTPReplyLost   = fault("otp-reply-lost", "25", siteOTP, 2)
	fOTPRefused     = fault("otp-refused", "16 25", siteOTP, 2)
	fPriceChange    = fault("price-change", "26", siteTill, 5)
	fIneligible     = fault("not-eligible", "26", siteTill, 5)
	fAlready        = fault("already-registered", "26", siteTill, 5)
	fInactive       = fault("inactive", "26", siteTill, 5)
	fCrash          = fault("crash", "27", sitePoint, 90)
	fPowerCut       = fault("power-cut", "28", sitePoint, 90)
	fApplyFails     = fault("apply-fails", "29 30", siteApply, 9)
	fApplyUnknown   = fault("apply-unknown", "29", siteApply, 9)
	fApplySlow      = fault("apply-slow", "39", siteApply, 9)
	fStoreSplit     = fault("store-split", "34", sitePoint, 60)
	fTwoResolvers   = fault("two-resolvers", "34", siteStart, 1)
	fClockStep      = fault("clock-step", "35", sitePoint, 60)
	fClockFrozen    = fault("clock-frozen", "35", sitePoint, 60)
	fClockDrift     = fault("clock-drift", "35", sitePoint, 30)
	fSuspend        = fault("suspend", "36", sitePoint, 60)
	fCanceled       = fault("canceled", "37", sitePoint, 60)
	fDoubleClick    = fault("double-click", "37", siteTill, 6)
	fSameOrder      = fault("same-order-twice", "37", siteStart, 1)
	fTwoOrders      = fault("two-orders", "41", siteStart, 1)
	fOverride       = fault("override", "41", siteStart, 1)
	fAbandon        = fault("abandon", "-", siteTill, 8)
	fWalkAway       = fault("walk-away", "-", siteTill, 8)
	fCancelOrder    = fault("cancel", "-", siteStart, 1)
	fCashNotEntered = fault("cash-not-entered", "42", siteStart, 1)
	fRefundTwice    = fault("refund-twice", "42", siteStart, 1)
	fForgotten      = fault("unconfirmed-refund", "42 54", siteStart, 1)
	fMisuse         = fault("misuse", "37 42", siteTill, 8)
	fForeignRow     = fault("foreign-row", "43", siteStart, 1)
	fIDsUsed        = fault("ids-used", "43", siteTill, 4)
	fOtherAmount    = fault("other-amount", "43", siteLook, 4)
	fNoLookup       = fault("no-lookup", "-", siteStart, 1)
	fSearch         = fault("search-only", "-", siteStart, 1) // no lookup by id: the subscriber's transactions are searched
	fBeyondFence    = fault("beyond-fence", "8", siteSend, 1)
	fPausedSend     = fault("paused-send", "33", siteSend, 1)
	fCached         = fault("cache", "45", siteLook, 6)
	fExpiryLies     = fault("expiry-lies", "46", siteOTP, 2)
	fSelfContradict = fault("self-contradiction", "47", siteSend, 2)
	fNotFoundRow    = fault("not-found-with-row", "47", siteLook, 6)
	fQueueUsed      = fault("otp-used-on-arrival", "48", siteSend, 2)
	fOtherGate      = fault("other-gate", "49", siteSend, 2)
	fChanged        = fault("changed-between-copies", "50", siteSend, 2)
	fFailedRow      = fault("failed-row-of-a-copy", "51", siteSend, 2)
	fStoreHangs     = fault("store-hangs", "55", siteApply, 9)
	fClockAhead     = fault("clock-a-day-ahead", "56", siteStart, 1)
	fHanging        = fault("lookups-hang", "57", siteLook, 6)
	fWrongDate      = fault("wrong-date", "46", siteLook, 6)
)

// faultsMax is more than there are.
const faultsMax = 128

// faultKinds counts them.
func faultKinds() faultKind { return faultKind(len(faultTable)) }

// String returns the name as scripts write it.
func (k faultKind) String() string { return faultTable[k].name }

func faultNamed(name string) (faultKind, bool) {
	for k, f := range faultTable {
		if f.name == name {
			return faultKind(k), true
		}
	}
	return 0, false
}

// bugID names a planted bug that lives in the world's own code.
type bugID uint8

const (
	noBug bugID = iota
	bugMonotonicOnly
	bugWallOnly
	bugAckLost
	bugCASLie
	bugEventLost
	bugClaimShort
	bugNoAddClaim
	bugObserveLost
	bugReconcileBlind
	bugReconcileSingly
	bugCAS
	bugOrderTwice
	bugNotDurable
	bugNoClaims
	bugIDByAttempt
	bugIDOnce
	bugBlindResend
	bugReadAhead
	bugListForgets
)

// A bug is a protocol that is wrong in one way. It is planted where what ships meets the
// world: in what its contract promises, in its store, clocks and ids, in its MobiFone, or
// in replies that say what a careless client would have read in them.
type bug struct {
	flags     bugID
	name      string
	rule      string
	semantics func(*contract.Semantics)
	edit      func(s *sale.Sale)
	rows      func(w *world, a *wire.Answer)
	reply     func(w *world, m *letter, p *reply, faults faultSet)
	partner   func(w *world, p sale.Gateway) sale.Gateway
}

// edited is the sale as a planted core would see it.
func (b *bug) edited(s sale.Sale) sale.Sale {
	if b != nil && b.edit != nil {
		b.edit(&s)
	}
	return s
}

// cell is what is promised for one fault and one MobiFone.
type cell struct {
	flagged bool
	reason  string // of flagged: why no client can do better
}

// beyond is one row of what no client can prevent: in these cells the money can be wrong,
// and the promise is that it is never silent.
type beyond struct {
	fault    faultKind
	kinds    string // of MobiFones
	noNonces bool   // only where MobiFone takes a replayed nonce
	reason   string
}

const (
	twoCopies   = "MobiFone carries out each copy of one request; the copy is made behind the client's back"
	tooLate     = "MobiFone carries out a request later than its contract says it can; nothing but waiting for ever would help"
	lateWrite   = "the process slept between its last look at the clock and the write; no check can come after the last check"
	tookBack    = "the operator takes a registration back by hand; only MobiFone's ledger tells"
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
func cellOf(f faultKind, k ledger.Kind, nonces bool) cell {
	for _, b := range flaggedCells {
		if b.fault == f && strings.Contains(b.kinds, string(k)) && (!b.noNonces || !nonces) {
			return cell{flagged: true, reason: b.reason}
		}
	}
	return cell{}
}
