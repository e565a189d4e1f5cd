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

const (
	fNotSent faultKind = iota
	fRequestLost
	fReplyLost
	fReplyLate
	fLateArrival
	fParked
	fCopy       // a proxy delivers twice; we see the first reply
	fCopySecond // and we see the reply to the copy
	fCopyLate   // the copy comes up to the longest delay later
	fQueueFull  // E: the longest wait in the queue; elsewhere the longest park
	fGarbled
	fOtherSale
	fContradict
	f5xxBefore
	f5xxAfter
	f429Before
	f429After
	f401Before
	f401After
	fUnlistedCode
	fOutage
	fLookLag
	fLookStale
	fLookError
	fLookUnlisted
	fPendingOK
	fPendingFailed
	fReversed
	fWrongOTP
	fExhaustedOTP
	fExpiredOTP
	fOTPDying // the OTP expires while the send is on the road
	fOlderOTP // the customer reads the code of the message before
	fOTPLost
	fOTPReplyLost
	fOTPRefused
	fPriceChange
	fIneligible
	fAlready
	fInactive
	fCrash
	fPowerCut
	fApplyFails
	fApplyUnknown
	fApplySlow
	fStoreSplit
	fTwoResolvers
	fClockStep
	fClockFrozen
	fClockDrift
	fSuspend
	fCanceled
	fDoubleClick
	fSameOrder
	fTwoOrders
	fOverride
	fAbandon
	fWalkAway
	fCancelOrder
	fCashNotEntered
	fRefundTwice
	fForgotten
	fMisuse
	fForeignRow
	fIDsUsed
	fOtherAmount
	fNoLookup
	fBeyondFence
	fPausedSend
	fCached
	fExpiryLies
	fSelfContradict
	fNotFoundRow
	fQueueUsed
	fOtherGate
	fChanged
	fFailedRow
	fStoreHangs
	fClockAhead
	fHanging
	fWrongDate
	faultKinds
)

// faultInfo says what a fault is called, which of the 57 kinds of
// docs/proof.md it plays, and where it
// strikes.
type faultInfo struct {
	name    string
	numbers string // of docs/proof.md
	site    site
	nths    int // it may strike the first so many
}

// faultTable is read only.
var faultTable = [faultKinds]faultInfo{
	fNotSent:        {"not-sent", "1 2 3 38", siteSend, 2},
	fRequestLost:    {"request-lost", "4 5", siteSend, 2},
	fReplyLost:      {"reply-lost", "6 19", siteSend, 2},
	fReplyLate:      {"reply-late", "7", siteSend, 2},
	fLateArrival:    {"late-arrival", "8", siteSend, 2},
	fParked:         {"parked", "8", siteSend, 2},
	fCopy:           {"copy", "9", siteSend, 2},
	fCopySecond:     {"copy-second", "9", siteSend, 2},
	fCopyLate:       {"copy-late", "9 10", siteSend, 2},
	fQueueFull:      {"longest-wait", "8", siteSend, 2},
	fGarbled:        {"garbled", "11 12 18", siteSend, 2},
	fOtherSale:      {"other-sale", "13", siteSend, 2},
	fContradict:     {"contradiction", "14", siteSend, 2},
	f5xxBefore:      {"5xx-before", "15 17", siteSend, 2},
	f5xxAfter:       {"5xx-after", "15", siteSend, 2},
	f429Before:      {"429-before", "16", siteSend, 2},
	f429After:       {"429-after", "16", siteSend, 2},
	f401Before:      {"401-before", "16 40", siteSend, 2},
	f401After:       {"401-after", "16", siteSend, 2},
	fUnlistedCode:   {"unlisted-code", "12", siteSend, 2},
	fOutage:         {"outage", "20", sitePoint, 60},
	fLookLag:        {"lookup-lag", "21 52", siteLook, 6},
	fLookStale:      {"stale-replica", "21", siteLook, 6},
	fLookError:      {"lookup-error", "21 40", siteLook, 6},
	fLookUnlisted:   {"lookup-unlisted", "12", siteLook, 6},
	fPendingOK:      {"pending-ok", "23", siteStart, 1},
	fPendingFailed:  {"pending-failed", "23", siteStart, 1},
	fReversed:       {"reversed", "23", siteStart, 1},
	fWrongOTP:       {"wrong-otp", "24", siteTill, 8},
	fExhaustedOTP:   {"exhausted-otp", "24", siteStart, 1},
	fExpiredOTP:     {"expired-otp", "24", siteTill, 6},
	fOTPDying:       {"otp-expires-in-flight", "24", siteTill, 6},
	fOlderOTP:       {"older-otp", "24 25", siteTill, 6},
	fOTPLost:        {"otp-request-lost", "4 25", siteOTP, 2},
	fOTPReplyLost:   {"otp-reply-lost", "25", siteOTP, 2},
	fOTPRefused:     {"otp-refused", "16 25", siteOTP, 2},
	fPriceChange:    {"price-change", "26", siteTill, 5},
	fIneligible:     {"not-eligible", "26", siteTill, 5},
	fAlready:        {"already-registered", "26", siteTill, 5},
	fInactive:       {"inactive", "26", siteTill, 5},
	fCrash:          {"crash", "27", sitePoint, 90},
	fPowerCut:       {"power-cut", "28", sitePoint, 90},
	fApplyFails:     {"apply-fails", "29 30", siteApply, 9},
	fApplyUnknown:   {"apply-unknown", "29", siteApply, 9},
	fApplySlow:      {"apply-slow", "39", siteApply, 9},
	fStoreSplit:     {"store-split", "34", sitePoint, 60},
	fTwoResolvers:   {"two-resolvers", "34", siteStart, 1},
	fClockStep:      {"clock-step", "35", sitePoint, 60},
	fClockFrozen:    {"clock-frozen", "35", sitePoint, 60},
	fClockDrift:     {"clock-drift", "35", sitePoint, 30},
	fSuspend:        {"suspend", "36", sitePoint, 60},
	fCanceled:       {"canceled", "37", sitePoint, 60},
	fDoubleClick:    {"double-click", "37", siteTill, 6},
	fSameOrder:      {"same-order-twice", "37", siteStart, 1},
	fTwoOrders:      {"two-orders", "41", siteStart, 1},
	fOverride:       {"override", "41", siteStart, 1},
	fAbandon:        {"abandon", "-", siteTill, 8},
	fWalkAway:       {"walk-away", "-", siteTill, 8},
	fCancelOrder:    {"cancel", "-", siteStart, 1},
	fCashNotEntered: {"cash-not-entered", "42", siteStart, 1},
	fRefundTwice:    {"refund-twice", "42", siteStart, 1},
	fForgotten:      {"unconfirmed-refund", "42 54", siteStart, 1},
	fMisuse:         {"misuse", "37 42", siteTill, 8},
	fForeignRow:     {"foreign-row", "43", siteStart, 1},
	fIDsUsed:        {"ids-used", "43", siteTill, 4},
	fOtherAmount:    {"other-amount", "43", siteLook, 4},
	fNoLookup:       {"no-lookup", "-", siteStart, 1},
	fBeyondFence:    {"beyond-fence", "8", siteSend, 1},
	fPausedSend:     {"paused-send", "33", siteSend, 1},
	fCached:         {"cache", "45", siteLook, 6},
	fExpiryLies:     {"expiry-lies", "46", siteOTP, 2},
	fSelfContradict: {"self-contradiction", "47", siteSend, 2},
	fNotFoundRow:    {"not-found-with-row", "47", siteLook, 6},
	fQueueUsed:      {"otp-used-on-arrival", "48", siteSend, 2},
	fOtherGate:      {"other-gate", "49", siteSend, 2},
	fChanged:        {"changed-between-copies", "50", siteSend, 2},
	fFailedRow:      {"failed-row-of-a-copy", "51", siteSend, 2},
	fStoreHangs:     {"store-hangs", "55", siteApply, 9},
	fClockAhead:     {"clock-a-day-ahead", "56", siteStart, 1},
	fHanging:        {"lookups-hang", "57", siteLook, 6},
	fWrongDate:      {"wrong-date", "46", siteLook, 6},
}

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
	w.stats.fired[k]++
	w.struck[k] = true
	w.trace.note("fault", uint64(k), uint64(w.now))
	w.log("! %s", k)
}

// faultSet is a set of faults.
type faultSet [2]uint64

func (s *faultSet) add(k faultKind)      { s[k>>6] |= 1 << (k & 63) }
func (s *faultSet) has(k faultKind) bool { return s[k>>6]&(1<<(k&63)) != 0 }
func (s *faultSet) none() bool           { return *s == faultSet{} }
