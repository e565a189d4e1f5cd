package contract

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// wireContracts are the contracts that every test of the two-way wire runs under.
func wireContracts(t testing.TB) map[string]*Contract {
	t.Helper()
	atOTP, err := Default().WithSemantics(func(s *Semantics) { s.PartnerTransIDAtOTP = true })
	require.NoError(t, err)
	return map[string]*Contract{
		"default": Default(),
		"atotp":   atOTP,
		"second":  loadFile(t, "testdata/second.json"),
		"bearer":  loadFile(t, "testdata/bearer.json"),
	}
}

func loadFile(t testing.TB, name string) *Contract {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	c, err := Load(data)
	require.NoError(t, err)
	return c
}

// altered is the default contract with its document changed.
func altered(t testing.TB, change func(*Document)) *Contract {
	t.Helper()
	doc := Default().Document()
	change(&doc)
	c, err := New(doc)
	require.NoError(t, err)
	return c
}

var saigon = time.FixedZone("+07:00", 7*60*60)

const (
	testID  = partner.PartnerTransID("FPT-0123456789-ABCDEF")
	testOTP = "493817"
)

func mustOTP(t testing.TB) partner.OTP {
	t.Helper()
	otp, err := partner.ParseOTP(testOTP)
	require.NoError(t, err)
	return otp
}

// allFields has every request field set.
func allFields(t testing.TB) Fields {
	t.Helper()
	return Fields{
		MSISDN: partner.MustParseMSISDN("0901234567"), Channel: "FPTSHOP",
		Shop: "HN_001", Employee: "nv.0042", POS: "q-3",
		Package: "C120", TransID: "MBF20250301-77", PartnerTransID: testID, OTP: mustOTP(t), Amount: 120_000,
		From: time.Date(2025, 3, 1, 0, 0, 0, 0, saigon), To: time.Date(2025, 3, 31, 23, 59, 59, 0, saigon),
		State: partner.StateFailed, Page: 2, Size: 50,
	}
}

func TestEveryLogicalNameOfTheVocabularyIsKnownToTheWire(t *testing.T) {
	t.Parallel()
	var requests, data, rows []string
	for _, s := range dataSlots {
		data = append(data, s.name)
	}
	for _, s := range rowSlots {
		rows = append(rows, s.name)
	}
	requests = requestNames[:]
	for _, op := range partner.Operations() {
		v, ok := vocabularyOf(op)
		require.True(t, ok)
		assert.Subset(t, requests, v.request, op)
		assert.Subset(t, data, v.response, op)
		assert.Subset(t, rows, v.rows, op)
	}
}

func TestCompileWireRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Document){
		"request name":  func(d *Document) { d.Operations[partner.OpOTP].Request["color"] = "c" },
		"response name": func(d *Document) { d.Operations[partner.OpOTP].Response["color"] = "c" },
		"row name":      func(d *Document) { d.Operations[partner.OpGet].Rows.Fields["color"] = "c" },
		"empty part":    func(d *Document) { d.Operations[partner.OpOTP].Response["transId"] = "a..b" },
		"empty root":    func(d *Document) { d.Operations[partner.OpOTP].Response["transId"] = "$." },
		"row from root": func(d *Document) { d.Operations[partner.OpGet].Rows.Fields["amount"] = "$.amount" },
		"encoding":      func(d *Document) { d.Operations[partner.OpOTP].Encoding = "xml" },
		"layout":        func(d *Document) { d.Time.Accept = []string{"stardate"} },
		"zone":          func(d *Document) { d.Time.Zone = "Asia/Saigon" },
		"msisdn":        func(d *Document) { d.MSISDN = "+84" },
		"no success":    func(d *Document) { d.Envelope.SuccessCodes = nil },
		"no code":       func(d *Document) { d.Envelope.Code = nil },
		"constant":      func(d *Document) { d.Operations[partner.OpOTP].Constants = map[string]any{"a": []int{1}} },
		"login":         func(d *Document) { d.Auth.Login = &Login{Encoding: Query, Token: "t"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := Default().Document()
			change(&doc)
			_, err := compileWire(&doc)
			assert.Error(t, err)
		})
	}
}
