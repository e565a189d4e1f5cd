package contract_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// breach is one change to the default document that one rule must refuse.
type breach struct {
	name          string
	change        func(d *contract.Document)
	path, problem string
}

func checkBreaches(t *testing.T, breaches []breach) {
	t.Helper()
	for _, b := range breaches {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			doc := contract.Default().Document()
			b.change(&doc)
			c, err := contract.New(doc)
			require.Error(t, err)
			assert.Nil(t, c)
			requireFault(t, err, b.path, b.problem)
		})
	}
}

// allowed is a change that looks like a breach and is none.
func checkAllowed(t *testing.T, changes map[string]func(d *contract.Document)) {
	t.Helper()
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := contract.Default().Document()
			change(&doc)
			_, err := contract.New(doc)
			assert.NoError(t, err)
		})
	}
}

func ruleNamed(d *contract.Document, name telco.Code) *contract.CodeRule {
	for i := range d.Codes {
		if d.Codes[i].Name == name {
			return &d.Codes[i]
		}
	}
	panic("no rule named " + string(name))
}

func TestGeneralRules(t *testing.T) {
	t.Parallel()
	checkBreaches(t, []breach{
		{"version", func(d *contract.Document) { d.Version = 2 }, "$.version", "version 1"},
		{"name", func(d *contract.Document) { d.Name = " " }, "$.name", "is empty"},
		{"msisdn", func(d *contract.Document) { d.MSISDN = "+84" }, "$.msisdn", `found "+84"`},
		{"empty state string", func(d *contract.Document) { d.States[""] = "INIT" }, `$.states[""]`, "is empty"},
		{"unknown state", func(d *contract.Document) { d.States["X"] = "DONE" }, "$.states.X", `no state "DONE"`},
		{"state unlisted", func(d *contract.Document) { d.States["X"] = "UNLISTED" }, "$.states.X", `no state "UNLISTED"`},
		{"no string for success", func(d *contract.Document) { delete(d.States, "SUCCESS"); delete(d.States, "2") }, "$.states", "means SUCCESS"},
		{"no string for failed", func(d *contract.Document) { delete(d.States, "FAILED"); delete(d.States, "3") }, "$.states", "means FAILED"},
		{"no string for pending", func(d *contract.Document) { delete(d.States, "PENDING"); delete(d.States, "1") }, "$.states", "means PENDING"},
		{"layout", func(d *contract.Document) { d.Time.Layout = "2006" }, "$.time.layout", `found "2006"`},
		{"accepted layout", func(d *contract.Document) { d.Time.Accept = []string{"rfc3339", "iso"} }, "$.time.accept[1]", `found "iso"`},
		{"accepted layout twice", func(d *contract.Document) { d.Time.Accept = []string{"rfc3339", "rfc3339"} }, "$.time.accept[1]", "appears twice"},
		{"zone name", func(d *contract.Document) { d.Time.Zone = "Asia/Ho_Chi_Minh" }, "$.time.zone", "fixed offset"},
		{"zone without minutes", func(d *contract.Document) { d.Time.Zone = "+07" }, "$.time.zone", "fixed offset"},
		{"zone Z", func(d *contract.Document) { d.Time.Zone = "Z" }, "$.time.zone", "fixed offset"},
		{"zone too far", func(d *contract.Document) { d.Time.Zone = "+15:00" }, "$.time.zone", "fixed offset"},
		{"zone too far west", func(d *contract.Document) { d.Time.Zone = "-15:00" }, "$.time.zone", "fixed offset"},
		{"page size max", func(d *contract.Document) { d.Limits.PageSizeMax = 0 }, "$.limits.pageSizeMax", "1 or more"},
		{"page size default", func(d *contract.Document) { d.Limits.PageSizeDefault = 0 }, "$.limits.pageSizeDefault", "1 or more"},
		{"page size default above max", func(d *contract.Document) { d.Limits.PageSizeDefault = 101 }, "$.limits.pageSizeDefault", "above pageSizeMax 100"},
		{"range", func(d *contract.Document) { d.Limits.RangeMax = 0 }, "$.limits.rangeMax", "above zero"},
		{"reply bytes", func(d *contract.Document) { d.Limits.ReplyBytesMax = 0 }, "$.limits.replyBytesMax", "want 1 to"},
		{"reply bytes without bound", func(d *contract.Document) { d.Limits.ReplyBytesMax = 1<<30 + 1 }, "$.limits.replyBytesMax", "want 1 to"},
	})
	checkAllowed(t, map[string]func(d *contract.Document){
		"page sizes equal": func(d *contract.Document) { d.Limits.PageSizeDefault = 100 },
		"no states where none is read": func(d *contract.Document) {
			for _, op := range []telco.Operation{telco.OpGet, telco.OpList, telco.OpSearch} {
				delete(d.Operations, op)
			}
			delete(d.Operations[telco.OpRegister].Response, "status")
			d.States = nil
		},
	})
}

func TestSemanticsRules(t *testing.T) {
	t.Parallel()
	checkBreaches(t, []breach{
		{"lag", func(d *contract.Document) { d.Semantics.LookupLagMax = -1 }, "$.semantics.lookupLagMax", "negative"},
		{"skew", func(d *contract.Document) { d.Semantics.ClockSkewMax = -1 }, "$.semantics.clockSkewMax", "negative"},
		{"margin", func(d *contract.Document) { d.Semantics.SettleMargin = -1 }, "$.semantics.settleMargin", "negative"},
		{"ttl", func(d *contract.Document) { d.Semantics.OTPTTL = -1 }, "$.semantics.otpTTL", "negative"},
		{"hold", func(d *contract.Document) { d.Semantics.HoldBeforeReview = -1 }, "$.semantics.holdBeforeReview", "negative"},
		{"resend", func(d *contract.Document) { d.Semantics.ResendAfter = -1 }, "$.semantics.resendAfter", "negative"},
		{"delay", func(d *contract.Document) { d.Semantics.MaxExecutionDelay = new(contract.Duration(-1)) }, "$.semantics.maxExecutionDelay", "negative"},
		{"a wait that could wrap a fence", func(d *contract.Document) {
			d.Semantics.MaxExecutionDelay = new(contract.Duration(366*24*time.Hour + 1))
		}, "$.semantics.maxExecutionDelay", "longer than"},
		{"a lag that could wrap a fence", func(d *contract.Document) { d.Semantics.LookupLagMax = contract.Duration(math.MaxInt64) }, "$.semantics.lookupLagMax", "longer than"},
		{"clock", func(d *contract.Document) { d.Semantics.Clock = "" }, "$.semantics.clock", `found ""`},
		{"clock without its field", func(d *contract.Document) {
			d.Semantics.Clock = "responseTime"
			d.Envelope.ResponseTime = nil
		}, "$.semantics.clock", "no responseTime"},
		{"id at OTP not sent", func(d *contract.Document) {
			d.Semantics.PartnerTransIDAtOTP = true
			delete(d.Operations[telco.OpOTP].Request, "partnerTransId")
		}, "$.semantics.partnerTransIDAtOTP", "otp.request sends no partnerTransId"},
		{"dedupe by an id not sent", func(d *contract.Document) {
			d.Semantics.DedupeByPartnerTransID = true
			e := d.Operations[telco.OpRegister]
			delete(e.Request, "partnerTransId")
			e.Echo = nil
		}, "$.semantics.dedupeByPartnerTransID", "registration.register sends no partnerTransId"},
	})
	checkAllowed(t, map[string]func(d *contract.Document){
		"clock of the envelope": func(d *contract.Document) { d.Semantics.Clock = "responseTime" },
		"no clock":              func(d *contract.Document) { d.Semantics.Clock = "none" },
		"promises kept": func(d *contract.Document) {
			d.Semantics.PartnerTransIDAtOTP = true
			d.Semantics.DedupeByPartnerTransID = true
			d.Semantics.MaxExecutionDelay = new(contract.Duration)
		},
	})
}
