package main

// site is a kind of place where a fault can strike.
type site uint8

const (
	siteStart site = iota // once, when the world begins
	siteSend              // the n-th register request
	siteOTP               // the n-th OTP request
	siteLook              // the n-th lookup request
	siteApply             // the n-th Apply
	sitePoint             // the n-th labelled point, of all kinds
	siteTill              // the n-th act of the teller
	sites
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

// armedFault strikes the nth time its site is passed.
type armedFault struct {
	kind  faultKind
	nth   int
	spent bool
}

// pass counts an occurrence of a site and returns the faults that strike there.
func (w *world) pass(s site) faultSet {
	w.seen[s]++
	var set faultSet
	if w.quiet {
		return set
	}
	for i := range w.armed {
		f := &w.armed[i]
		if !f.spent && faultTable[f.kind].site == s && f.nth == w.seen[s] {
			f.spent = true
			set.add(f.kind)
		}
	}
	return set
}

// strike counts a fault that had its effect.
func (w *world) strike(k faultKind) {
	w.stats["fault: "+k.String()]++
	w.struck[k] = true
	w.trace.note("fault", uint64(k), uint64(w.now))
	w.log("! %s", k)
}

// hit reports whether a fault is among those that strike now, and counts it.
func (w *world) hit(set faultSet, k faultKind) bool {
	if set.has(k) {
		w.strike(k)
	}
	return set.has(k)
}

// faultSet is a set of faults.
type faultSet [2]uint64

func (s *faultSet) add(k faultKind)      { s[k>>6] |= 1 << (k & 63) }
func (s *faultSet) has(k faultKind) bool { return s[k>>6]&(1<<(k&63)) != 0 }
func (s *faultSet) none() bool           { return *s == faultSet{} }
