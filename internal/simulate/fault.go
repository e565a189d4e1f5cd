package main

// This file holds what can be wrong in a world: the faults with their sites, the planted bugs, and the
// cells in which no client can keep the money right. The order of the faults is part of every seed,
// so a new one goes to the end.

import (
	"strings"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// faultKind is one thing that goes wrong in the loop.
type faultKind uint8

// faultInfo is one row of faultTable.
type faultInfo struct {
	// name is what scripts call the fault.
	name string
	// numbers are the kinds of failure in docs/proof.md that this fault plays.
	numbers string
	// site is the kind of place where it strikes.
	site site
	// nths bounds the place: it may strike at one of the first nths passages of its site.
	nths int
}

// faultTable has every fault, in the order below. It is read only once the program runs.
var faultTable []faultInfo

// fault adds a row to faultTable and returns its index.
func fault(name, numbers string, s site, nths int) faultKind {
	faultTable = append(faultTable, faultInfo{name, numbers, s, nths})
	return faultKind(len(faultTable) - 1)
}

var (
	// The wire refuses the connection, so no byte leaves.
	fNotSent = fault("not-sent", "1 2 3 38", siteSend, 2)
	// The request leaves and never arrives; no reply comes.
	fRequestLost = fault("request-lost", "4 5", siteSend, 2)
	// The request is carried out, and its reply is lost: a reset or silence.
	fReplyLost = fault("reply-lost", "6 19", siteSend, 2)
	// The reply comes after the client has stopped waiting.
	fReplyLate = fault("reply-late", "7", siteSend, 2)
	// The request is on the road for up to MobiFone's longest delay.
	fLateArrival = fault("late-arrival", "8", siteSend, 2)
	// MobiFone lets the request in at once and carries it out late.
	fParked = fault("parked", "8", siteSend, 2)
	// A proxy delivers twice: with fCopy the client sees the first reply, with fCopySecond the
	// reply to the copy, and with fCopyLate the copy comes up to the longest delay later.
	fCopy       = fault("copy", "9", siteSend, 2)
	fCopySecond = fault("copy-second", "9", siteSend, 2)
	fCopyLate   = fault("copy-late", "9 10", siteSend, 2)
	// At kind E the longest wait in the queue, elsewhere the longest time that a request is
	// parked.
	fQueueFull = fault("longest-wait", "8", siteSend, 2)
	// The reply has garbage behind its JSON.
	fGarbled = fault("garbled", "11 12 18", siteSend, 2)
	// The reply is a success with the ids of another sale.
	fOtherSale = fault("other-sale", "13", siteSend, 2)
	// The code of the reply and its flag contradict each other.
	fContradict = fault("contradiction", "14", siteSend, 2)
	// A gateway answers 503, and MobiFone never sees the request.
	f5xxBefore = fault("5xx-before", "15 17", siteSend, 2)
	// A gateway answers 502 after MobiFone has carried the request out.
	f5xxAfter = fault("5xx-after", "15", siteSend, 2)
	// The request is refused with 429 before it is carried out.
	f429Before = fault("429-before", "16", siteSend, 2)
	// The reply is a 429 although the request was carried out.
	f429After = fault("429-after", "16", siteSend, 2)
	// The request is refused with 401 before it is carried out.
	f401Before = fault("401-before", "16 40", siteSend, 2)
	// The reply is a 401 although the request was carried out.
	f401After = fault("401-after", "16", siteSend, 2)
	// The reply has a code that the contract does not list.
	fUnlistedCode = fault("unlisted-code", "12", siteSend, 2)
	// Nothing gets through for a while, for minutes or hours.
	fOutage = fault("outage", "20", sitePoint, 60)
	// A lookup is answered from a replica that is as far behind as it may be.
	fLookLag = fault("lookup-lag", "21 52", siteLook, 6)
	// From now on replicas take turns, one of them far behind.
	fLookStale = fault("stale-replica", "21", siteLook, 6)
	// Some lookups in a row fail, by a reset or a 502.
	fLookError = fault("lookup-error", "21 40", siteLook, 6)
	// A row has a state that the contract does not list.
	fLookUnlisted = fault("lookup-unlisted", "12", siteLook, 6)
	// The registration is pending first, and then succeeds.
	fPendingOK = fault("pending-ok", "23", siteStart, 1)
	// The registration is pending first, and then fails.
	fPendingFailed = fault("pending-failed", "23", siteStart, 1)
	// MobiFone's operator takes the registration back after the sale.
	fReversed = fault("reversed", "23", siteStart, 1)
	// The customer reads out a wrong code.
	fWrongOTP = fault("wrong-otp", "24", siteTill, 8)
	// The customer reads out wrong codes until no attempt is left.
	fExhaustedOTP = fault("exhausted-otp", "24", siteStart, 1)
	// The code is typed in after its time.
	fExpiredOTP = fault("expired-otp", "24", siteTill, 6)
	// The OTP expires while the registration is on the road.
	fOTPDying = fault("otp-expires-in-flight", "24", siteTill, 6)
	// The customer reads out the code of an earlier message.
	fOlderOTP = fault("older-otp", "24 25", siteTill, 6)
	// The OTP request is lost on its way.
	fOTPLost = fault("otp-request-lost", "4 25", siteOTP, 2)
	// The OTP was sent, and the reply to the request is lost.
	fOTPReplyLost = fault("otp-reply-lost", "25", siteOTP, 2)
	// The OTP request is refused with 429.
	fOTPRefused = fault("otp-refused", "16 25", siteOTP, 2)
	// MobiFone changes the price during the sale.
	fPriceChange = fault("price-change", "26", siteTill, 5)
	// The subscriber stops being eligible during the sale.
	fIneligible = fault("not-eligible", "26", siteTill, 5)
	// The subscriber gets the package in another way during the sale.
	fAlready = fault("already-registered", "26", siteTill, 5)
	// The subscriber's line is not active any more during the sale.
	fInactive = fault("inactive", "26", siteTill, 5)
	// The process dies.
	fCrash = fault("crash", "27", sitePoint, 90)
	// The machine loses power.
	fPowerCut = fault("power-cut", "28", sitePoint, 90)
	// The store refuses a write with an error, and has not stored it.
	fApplyFails = fault("apply-fails", "29 30", siteApply, 9)
	// The store gives an error for a write that it has stored.
	fApplyUnknown = fault("apply-unknown", "29", siteApply, 9)
	// A write takes seconds.
	fApplySlow = fault("apply-slow", "39", siteApply, 9)
	// One host cannot reach the store for a while.
	fStoreSplit = fault("store-split", "34", sitePoint, 60)
	// The second host resolves as well.
	fTwoResolvers = fault("two-resolvers", "34", siteStart, 1)
	// The wall clock jumps by seconds, an hour or a day.
	fClockStep = fault("clock-step", "35", sitePoint, 60)
	// The wall clock stops for a while.
	fClockFrozen = fault("clock-frozen", "35", sitePoint, 60)
	// The wall clock runs too fast or too slow.
	fClockDrift = fault("clock-drift", "35", sitePoint, 30)
	// The machine sleeps, and its monotonic clock does not see it.
	fSuspend = fault("suspend", "36", sitePoint, 60)
	// The browser is closed during an act.
	fCanceled = fault("canceled", "37", sitePoint, 60)
	// An act is done twice at the same time.
	fDoubleClick = fault("double-click", "37", siteTill, 6)
	// Two tellers sell the same order.
	fSameOrder = fault("same-order-twice", "37", siteStart, 1)
	// Two orders of one subscriber are sold at the same time.
	fTwoOrders = fault("two-orders", "41", siteStart, 1)
	// A supervisor lets a sale go on beside another one that is not settled.
	fOverride = fault("override", "41", siteStart, 1)
	// The customer gives up in the middle.
	fAbandon = fault("abandon", "-", siteTill, 8)
	// The teller leaves in the middle and does not come back.
	fWalkAway = fault("walk-away", "-", siteTill, 8)
	// The order is cancelled before the cash.
	fCancelOrder = fault("cancel", "-", siteStart, 1)
	// The teller takes the cash and does not tell the desk.
	fCashNotEntered = fault("cash-not-entered", "42", siteStart, 1)
	// A second person wants to pay the same refund out.
	fRefundTwice = fault("refund-twice", "42", siteStart, 1)
	// A refund is claimed and not confirmed, with the cash paid out or not.
	fForgotten = fault("unconfirmed-refund", "42 54", siteStart, 1)
	// Somebody calls the desk in ways that it must refuse.
	fMisuse = fault("misuse", "37 42", siteTill, 8)
	// Another system registers the subscriber.
	fForeignRow = fault("foreign-row", "43", siteStart, 1)
	// Another system registers with our transId.
	fIDsUsed = fault("ids-used", "43", siteTill, 4)
	// A row has another amount than was sent.
	fOtherAmount = fault("other-amount", "43", siteLook, 4)
	// MobiFone has no lookups at all.
	fNoLookup = fault("no-lookup", "-", siteStart, 1)
	// MobiFone has no lookup by id, so the subscriber's transactions are searched.
	fSearch = fault("search-only", "-", siteStart, 1)
	// MobiFone carries the request out later than its contract says it can.
	fBeyondFence = fault("beyond-fence", "8", siteSend, 1)
	// The process sleeps between its last look at the clock and the write.
	fPausedSend = fault("paused-send", "33", siteSend, 1)
	// A cache on the way answers lookups with what it saw first.
	fCached = fault("cache", "45", siteLook, 6)
	// The reply says a wrong time for the end of the OTP.
	fExpiryLies = fault("expiry-lies", "46", siteOTP, 2)
	// The reply is a refusal whose data says success.
	fSelfContradict = fault("self-contradiction", "47", siteSend, 2)
	// The reply says "not found" and has the row.
	fNotFoundRow = fault("not-found-with-row", "47", siteLook, 6)
	// A copy is refused because the first request, still in the queue, has used the OTP up.
	fQueueUsed = fault("otp-used-on-arrival", "48", siteSend, 2)
	// A copy is refused by another gate, for its key or its address.
	fOtherGate = fault("other-gate", "49", siteSend, 2)
	// The subscriber is not eligible at the moment in which a copy arrives.
	fChanged = fault("changed-between-copies", "50", siteSend, 2)
	// A copy that was refused leaves a FAILED row while the first request still waits.
	fFailedRow = fault("failed-row-of-a-copy", "51", siteSend, 2)
	// The store does not answer for seconds or minutes.
	fStoreHangs = fault("store-hangs", "55", siteApply, 9)
	// The wall clock is a day ahead from the start, and is set right later.
	fClockAhead = fault("clock-a-day-ahead", "56", siteStart, 1)
	// Lookups get no reply for a while.
	fHanging = fault("lookups-hang", "57", siteLook, 6)
	// One reply has a Date that is wrong by minutes or an hour.
	fWrongDate = fault("wrong-date", "46", siteLook, 6)
)

// faultsMax is at least the number of faults; arrays and sets have this size.
const faultsMax = 128

// faultKinds counts them.
func faultKinds() faultKind { return faultKind(len(faultTable)) }

// String returns the name as scripts write it.
func (k faultKind) String() string { return faultTable[k].name }

// faultNamed finds the fault that a script names.
func faultNamed(name string) (faultKind, bool) {
	for k, f := range faultTable {
		if f.name == name {
			return faultKind(k), true
		}
	}
	return 0, false
}

// bugID names a planted bug that has to live in the simulator's own code. The other bugs are
// functions of the table in planted_test.go.
type bugID uint8

const (
	_ bugID = iota
	// The client sees the monotonic clock alone, which a suspend stops.
	bugMonotonicOnly
	// The client sees the wall clock alone, which may jump.
	bugWallOnly
	// The store acknowledges a write that failed.
	bugAckLost
	// The store acknowledges a change that lost against another one.
	bugCASLie
	// The store loses an event of a change.
	bugEventLost
	// The claim on a subscriber ends with the send, before it is settled.
	bugClaimShort
	// A review takes no claim on its subscriber.
	bugNoAddClaim
	// A row of the statement is found to be of no sale.
	bugObserveLost
	// The reconciliation looks at successes alone.
	bugReconcileBlind
	// The reconciliation shows the desk one row at a time.
	bugReconcileSingly
	// Of a sale whose cash was paid back the reconciliation gets no rows.
	bugRefundsForgotten
	bugCAS
	// One order can be opened twice.
	bugOrderTwice
	// A write is acknowledged before it is on disk, and a power cut takes it back.
	bugNotDurable
	// The store keeps no claims on subscribers.
	bugNoClaims
	// The id of an order's second attempt is that of the next order's first.
	bugIDByAttempt
	// All attempts of a sale have one id.
	bugIDOnce
	// The wire sends a failed registration again.
	bugBlindResend
	// The wire reads the body long before it sends it.
	bugReadAhead
	// The list of what waits for a person leaves reviews out.
	bugListForgets
	// What a host takes is never due again unless that host moves it.
	bugTakenForGood
)

// A bug is a protocol that is wrong in one way. The tests plant each of them to see that the
// checker notices. It sits where the shipped code meets the simulator: in the contract's
// promises, the store, the clocks, the ids, the model, or in replies that say what a careless
// client would read in them.
type bug struct {
	// flags is for bugs in the simulator's code.
	flags bugID
	// name and rule say what is wrong, and which promise should break.
	name string
	rule string
	// semantics bends what the contract promises.
	semantics func(*contract.Semantics)
	// edit bends a sale as it is loaded.
	edit func(s *sale.Sale)
	// rows bends the answer to a lookup.
	rows func(w *world, a *wire.Answer)
	// reply bends the reply to a registration.
	reply func(w *world, m *letter, p *reply, faults faultSet)
	// gateway wraps what a desk calls.
	gateway func(w *world, p sale.Gateway) sale.Gateway
}

// edited is the sale as a desk with this bug would see it.
func (b *bug) edited(s sale.Sale) sale.Sale {
	if b != nil && b.edit != nil {
		b.edit(&s)
	}
	return s
}

// cell is what is promised for one fault at one MobiFone.
type cell struct {
	// flagged says that the money can be wrong there; reason says why no client can do better.
	flagged bool
	// of flagged: why no client can do better
	reason string
}

// beyond is one row of what no client can prevent. In these cells the money can be wrong, and the
// promise is only that it is never silent.
type beyond struct {
	fault faultKind
	// kinds are the MobiFones it concerns, one letter each.
	kinds string
	// noNonces limits the row to a MobiFone that accepts a replayed nonce.
	noNonces bool
	reason   string
}

const (
	// These are the reasons why no client can do better.
	twoCopies   = "MobiFone carries out each copy of one request; the copy is made behind the client's back"
	tooLate     = "MobiFone carries out a request later than its contract says it can; nothing but waiting for ever would help"
	lateWrite   = "the process slept between its last look at the clock and the write; no check can come after the last check"
	tookBack    = "the operator takes a registration back by hand; only MobiFone's ledger tells"
	notInSystem = "what nobody enters no program knows; the count of the till shows it"
	notOurs     = "the row is of another system; the statement shows it"
	usedByOther = "another system uses our ids; the row is in the ledger, and no client could have kept it out"
)

// flaggedCells is read only. Every cell that is not in it is safe.
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

// cellOf finds what is promised for a fault at a MobiFone.
func cellOf(f faultKind, k ledger.Kind, nonces bool) cell {
	for _, b := range flaggedCells {
		if b.fault == f && strings.Contains(b.kinds, string(k)) && (!b.noNonces || !nonces) {
			return cell{flagged: true, reason: b.reason}
		}
	}
	return cell{}
}
