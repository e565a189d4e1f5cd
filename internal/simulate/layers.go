package main

// where a fault of reliability.md is played.
type layer struct {
	fault string
	where string // loop, HTTP, process; a fault can exist in several
	tests string // of HTTP and process, what plays it
}

// layers are the 44 faults in order. The loop's own faults name the numbers they play.
var layers = [44]layer{
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
	{"wrong, expired, exhausted OTP; one voids another", "loop, HTTP", "mobifone/sale: TestR7AWrongOTPThenARightOne"},
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
	{"two orders for one subscriber", "loop, process", "mobifone/sale: TestR4BusySubscriber"},
	{"the cashier", "loop", ""},
	{"partner row that is not ours; other amount; id twice", "loop, HTTP", "mobifone/sale: TestR13FactsFromElsewhere"},
	{"old binary reads a new store and back", "process", "mobifone/sale/sqlstore: TestANewerSchemaIsRefused"},
}
