package wire

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// compiled is a contract beside what it was compiled to, with both halves as tests call them.
type compiled struct {
	*contract.Contract
	w *Wire
}

func of(c *contract.Contract) *compiled { return &compiled{c, Of(c)} }

func byDefault() *compiled { return of(contract.Default()) }

func (c *compiled) Encode(op telco.Operation, f field.Request) (Request, error) {
	return c.w.Encode(op, &f, nil, nil)
}

func (c *compiled) Decode(op telco.Operation, body []byte) (*Reply, error) {
	out := &Reply{}
	if err := c.w.Decode(op, nil, body, &Try{Key: c.w.NewKey(signingAs)}, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (c *compiled) Canonical(op telco.Operation, f field.Request) ([]byte, error) {
	return c.w.Canonical(nil, op, &f)
}

func (c *compiled) Sign(req *http.Request, body []byte, cred telco.Credentials, s contract.Stamp) error {
	return c.w.Sign(req, body, &Try{Key: c.w.NewKey(cred), Stamp: s}, nil)
}

func (c *compiled) Verify(req *http.Request, body []byte, cred telco.Credentials, token telco.Secret) (contract.Stamp, error) {
	return c.w.Verify(telco.OpRegister, req, body, cred, token)
}

func (c *compiled) WriteAnswer(op telco.Operation, a Answer) (string, []byte, error) {
	h, body, err := c.w.WriteAnswer(op, &a, signingAs)
	return h.Get("Content-Type"), body, err
}

// signingAs is what both halves of the tests sign with, where a contract signs replies.
var signingAs = telco.Credentials{
	APIKey: telco.NewSecret("key-for-tests"), Username: "shop-chain", Password: telco.NewSecret("password-for-tests"), Secret: telco.NewSecret("secret-for-tests"),
}

// wireContracts are the contracts that every test of the two-way wire runs under.
func wireContracts(t testing.TB) map[string]*compiled {
	t.Helper()
	atOTP, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.PartnerTransIDAtOTP = true })
	require.NoError(t, err)
	return map[string]*compiled{
		"default": byDefault(),
		"atotp":   of(atOTP),
		"second":  loadFile(t, "../../mobifone/contract/testdata/second.json"),
		"bearer":  loadFile(t, "../../mobifone/contract/testdata/bearer.json"),
		"order":   loadFile(t, "../../mobifone/contract/testdata/order.json"),
		"signed":  loadFile(t, "../../mobifone/contract/testdata/signed.json"),
	}
}

func loadFile(t testing.TB, name string) *compiled {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	c, err := contract.Load(data)
	require.NoError(t, err)
	return of(c)
}

// altered is the default contract with its document changed.
func altered(t testing.TB, change func(*contract.Document)) *compiled {
	t.Helper()
	doc := contract.Default().Document()
	change(&doc)
	c, err := contract.New(doc)
	require.NoError(t, err)
	return of(c)
}

var saigon = time.FixedZone("+07:00", 7*60*60)

const (
	testID  = telco.PartnerTransID("FPT-0123456789-ABCDEF")
	testOTP = "493817"
)

// allFields has every request field set.
func allFields(t testing.TB) field.Request {
	t.Helper()
	otp, err := telco.ParseOTP(testOTP)
	require.NoError(t, err)
	return field.Request{
		MSISDN: telco.MustParseMSISDN("0901234567"), Channel: "FPTSHOP",
		Staff: telco.Staff{Shop: "HN_001", Employee: "nv.0042", Name: "Trần Thị B", POS: "q-3", System: "pos-9"}, Package: "C120", TransID: "MBF20250301-77", PartnerTransID: testID, OTP: otp, Amount: 120_000,
		From: time.Date(2025, 3, 1, 0, 0, 0, 0, saigon), To: time.Date(2025, 3, 31, 23, 59, 59, 0, saigon),
		State: telco.StateFailed, Page: 2, Size: 50,
	}
}
