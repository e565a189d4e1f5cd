package sandbox

import (
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

func TestTruth(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]struct {
		dedupe, late bool
		delay        time.Duration
	}{
		"A": {dedupe: true, delay: time.Minute},
		"B": {late: true, delay: time.Minute},
		"C": {delay: time.Minute},
		"D": {late: true, delay: time.Minute},
		"E": {delay: time.Hour + time.Minute},
		"F": {delay: -1},
	} {
		c, err := Config{Kind: kind}.Truth()
		require.NoError(t, err)
		s := c.Semantics()
		assert.Equal(t, want.dedupe, s.DedupeByPartnerTransID, kind)
		assert.Equal(t, want.late, s.OTPExpiryCheckedAtExecution, kind)
		if want.delay < 0 {
			assert.Nil(t, s.MaxExecutionDelay, kind)
		} else if assert.NotNil(t, s.MaxExecutionDelay, kind) {
			assert.Equal(t, want.delay, time.Duration(*s.MaxExecutionDelay), kind)
		}
	}
	c, err := Config{LookupLag: 7 * time.Second, OTPTTL: time.Minute}.Truth()
	require.NoError(t, err)
	assert.Equal(t, contract.Duration(7*time.Second), c.Semantics().LookupLagMax)
	assert.Equal(t, contract.Duration(time.Minute), c.Semantics().OTPTTL)
	assert.Nil(t, contract.Default().Semantics().MaxExecutionDelay, "the default stays as it was")
}

// The magic numbers that leave the connection alone: exchange_timed_test.go has the others.
func TestMagicNumbers(t *testing.T) {
	t.Parallel()
	for last, want := range map[string]telco.Code{
		"100": telco.Success, "101": telco.Processing, "202": telco.Processing, "103": telco.NotEligible,
		"104": field.PackageAlreadyRegistered, "105": field.SubscriberInactive, "106": telco.OTPInvalid,
		"107": telco.OTPExpired, "018": telco.Success, "999": telco.Success,
	} {
		c := inProcessCaller(t, Config{SlowReply: 1})
		f := c.ticket(telco.MustParseMSISDN("0912345" + last))
		assert.Equal(t, want, c.do(t.Context(), telco.OpRegister, f).reply.Code(), last)
	}
	assert.Equal(t, Subscriber{lost: after, pace: slow}, magic(telco.MustParseMSISDN("0912345208")))
	assert.Equal(t, Subscriber{lost: before, pace: glacial}, magic(telco.MustParseMSISDN("0912345309")))
	assert.Equal(t, Subscriber{}, magic(telco.MSISDN{}))
}

// What a test sets replaces what the number says, at MobiFone and on the way there.
func TestSetSubscriber(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	n := telco.MustParseMSISDN("0912345104")
	c.s.SetSubscriber(n, Subscriber{lost: after})
	require.ErrorIs(t, c.do(t.Context(), telco.OpRegister, c.ticket(n)).err, io.EOF)
	assert.Equal(t, 1, c.s.Executed(n))

	for code, sub := range map[telco.Code]Subscriber{
		field.SubscriberNotFound: {Unknown: true},
		field.NotPrepaid:         {Postpaid: true},
		field.SubscriberInactive: {Barred: true},
		telco.OTPNotDelivered:    {NoSMS: true},
	} {
		c := inProcessCaller(t, Config{})
		c.s.SetSubscriber(n, sub)
		g := c.do(t.Context(), telco.OpOTP, field.Request{MSISDN: n, Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}})
		assert.Equal(t, code, g.reply.Code())
	}
	c.s.SetSubscriber(good, Subscriber{Ineligible: map[telco.PackageCode]telco.Code{"C120": field.CommitmentActive}})
	assert.Equal(t, field.CommitmentActive, c.do(t.Context(), telco.OpRegister, c.ticket(good)).reply.Code())
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Kind: "G", LookupLag: -1, OTPAttempts: -1, TokenTTL: -1, MaxBody: -1})
	require.Error(t, err)
	for _, want := range []string{`kind "G": one of A, B, C, D, E, F`, "LookupLag", "OTPAttempts", "TokenTTL", "MaxBody"} {
		assert.ErrorContains(t, err, want)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		assert.True(t, strings.HasPrefix(line, "sandbox: "), line)
	}
	_, err = New(Config{Packages: []catalog.Package{{}}})
	require.ErrorContains(t, err, "sandbox: package")
}

// Whatever the config leaves open is written out, and means the same again.
func TestDefaultConfig(t *testing.T) {
	t.Parallel()
	c := Config{}.withDefaults()
	assert.Equal(t, "C", c.Kind)
	assert.Equal(t, 180*time.Second, c.OTPTTL)
	assert.Equal(t, 60*time.Second, c.MaxDelay)
	assert.Len(t, c.Packages, 3)
	assert.NotNil(t, c.Random)
	assert.Equal(t, 10, c.OTPPerDay)
	c = Config{Kind: "E", ResendAfter: -1}.withDefaults()
	assert.Equal(t, []time.Duration{time.Hour, time.Hour + time.Minute, -1}, []time.Duration{c.Queue, c.MaxDelay, c.ResendAfter})
}

// A setting of MobiFone's is one of the sandbox's, and reaches the model.
func TestEverySettingReachesTheModel(t *testing.T) {
	t.Parallel()
	full := Config{
		Kind: "E", Contract: contract.Default(), Packages: catalog.Default().All(), Random: ledger.Crypto{},
		OTPTTL: 1, ResendAfter: 2, OTPAttempts: 3, OTPPerDay: 4, VoidEarlier: true, PendingFor: 5, LookupLag: 6, Queue: 7, MaxDelay: 8,
	}
	public, plain := reflect.ValueOf(full), reflect.ValueOf(Config{Kind: "E"}.withDefaults())
	core, defaults := reflect.ValueOf(full.mobifone()), reflect.ValueOf(ledger.Config{Kind: ledger.KindE}.WithDefaults())
	for i := range core.NumField() {
		name := core.Type().Field(i).Name
		if name == "Customer" {
			continue // New sets it
		}
		assert.False(t, core.Field(i).IsZero(), name)
		if name != "Kind" && name != "Contract" {
			assert.Equal(t, core.Field(i).Interface(), public.FieldByName(name).Interface(), name)
			assert.Equal(t, defaults.Field(i).Interface(), plain.FieldByName(name).Interface(), name)
		}
	}
}

// document loads a contract quite unlike the default one.
func document(t *testing.T, name string) *contract.Contract {
	t.Helper()
	text, err := os.ReadFile("../contract/testdata/" + name + ".json")
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	return c
}

func TestOtherContracts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"second", "order", "signed", "xml", "bearer"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := document(t, name)
			edges(t, Config{Contract: served, Kind: "B"}, func(t *testing.T, c *caller) { fourSteps(t, c, served) })
		})
	}
}

// fourSteps asks for everything that a contract offers.
func fourSteps(t *testing.T, c *caller, served *contract.Contract) {
	t.Helper()
	c.logIn()
	ask := func(op telco.Operation, f field.Request) *wire.Reply {
		t.Helper()
		g := c.do(t.Context(), op, f)
		require.NoError(t, g.bad, "%s: %s", op, g.body)
		return g.reply
	}
	if served.Has(telco.OpEligible) {
		f := field.Request{MSISDN: good, Channel: "FPT", Staff: telco.Staff{Shop: "FPT001", Employee: "E01", Name: "Trần Thị Bưởi", POS: "P1", System: "till-3"}}
		assert.Len(t, ask(telco.OpEligible, f).Data.Rows, 3)
	}
	f := c.ticket(good)
	wrongOne := f
	wrongOne.OTP = wrong(f.OTP)
	assert.Equal(t, telco.OTPInvalid, ask(telco.OpRegister, wrongOne).Code())
	reply := ask(telco.OpRegister, f)
	assert.Equal(t, wire.Success, reply.Class, reply.WireCode)
	assert.Equal(t, served.Document().Envelope.SuccessCodes[0], reply.WireCode)
	assert.Equal(t, f.TransID, reply.Data.TransID)

	assert.Equal(t, field.TransactionExpired, ask(telco.OpRegister, f).Code())
	assert.Equal(t, 1, c.s.Executed(good))

	now := c.s.Now()
	for op, q := range map[telco.Operation]field.Request{
		telco.OpGet:    {TransID: f.TransID},
		telco.OpList:   {From: now.Add(-time.Hour), To: now.Add(time.Hour), Page: 1, Size: 20},
		telco.OpSearch: {MSISDN: good, From: now.Add(-time.Hour), To: now.Add(time.Hour), Page: 1, Size: 20},
	} {
		if !served.Has(op) {
			continue
		}
		rows := ask(op, q).Data.Rows
		require.Len(t, rows, 1, op)
		assert.Equal(t, f.TransID, rows[0].TransID)
		assert.Equal(t, telco.StateSuccess, rows[0].State)
		assert.Equal(t, telco.VND(120_000), rows[0].Amount)
	}
	if served.Has(telco.OpGet) {
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/partner/v1/transaction?transId=T1", http.NoBody)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, c.send(telco.OpRegister, req).status, "this MobiFone has no lookup by id")
}

// A token may stand in a header of another name, or among the members.
func TestTokenWhereTheContractPutsIt(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(*contract.Auth){
		"header": func(a *contract.Auth) { a.Headers.Token = "X-Session" },
		"member": func(a *contract.Auth) { a.Members.Token = "session" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := document(t, "second").Document()
			doc.Auth = contract.Auth{Scheme: "bearer", Login: document(t, "bearer").Document().Auth.Login}
			put(&doc.Auth)
			served, err := contract.New(doc)
			require.NoError(t, err)
			edges(t, Config{Contract: served, Kind: "B"}, func(t *testing.T, c *caller) {
				c.token = telco.NewSecret("nobody's")
				g := c.do(t.Context(), telco.OpEligible, field.Request{MSISDN: good})
				assert.Equal(t, http.StatusUnauthorized, g.status)
				fourSteps(t, c, served)
			})
		})
	}
}

// Every scheme that signs, requests and replies, by a pair of keys or by one secret.
func TestSchemesThatSign(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"hmac-sha256", "hmac-sha512", "rsa-sha256", "legacy-md5", "legacy-sha1", "legacy-rsa-sha1"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			doc := document(t, "signed").Document()
			doc.Auth.Scheme = scheme
			if scheme == "legacy-md5" || scheme == "legacy-sha1" {
				doc.Auth.Secret = "last"
			}
			served, err := contract.New(doc)
			require.NoError(t, err)
			edges(t, Config{Contract: served, Kind: "B"}, func(t *testing.T, c *caller) { fourSteps(t, c, served) })
		})
	}
}

type noSigner struct{}

func (noSigner) Sign(*http.Request, []byte, telco.Credentials, contract.Stamp) error { return nil }

func TestRefusesWhatItCannotPlay(t *testing.T) {
	t.Parallel()
	_, err := Start(Config{Contract: contract.Default().WithSigner(noSigner{})})
	require.ErrorContains(t, err, "WithSigner(nil)")
	for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
		doc := contract.Default().Document()
		delete(doc.Operations, op)
		c, err := contract.New(doc)
		require.NoError(t, err)
		_, err = New(Config{Contract: c})
		require.ErrorContains(t, err, "has no "+string(op))
	}
}

func TestContradictionNeedsAFlag(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{Contract: document(t, "second")})
	f := c.ticket(good)
	require.NoError(t, c.s.Script(Fault{Kind: "contradict", Operation: telco.OpRegister}))
	g := c.do(t.Context(), telco.OpRegister, f)
	assert.Contains(t, string(g.body), `"success":false`)
	assert.Error(t, g.bad)
	assert.Equal(t, 1, c.s.Executed(good))
}

// A code that the contract does not list is said all the same; no client can know it.
func TestUnlistedCode(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	kept := doc.Codes[:0]
	for _, rule := range doc.Codes {
		if rule.Name != field.AmountMismatch {
			kept = append(kept, rule)
		}
	}
	doc.Codes = kept
	served, err := contract.New(doc)
	require.NoError(t, err)
	c := inProcessCaller(t, Config{Contract: served})
	f := c.ticket(good)
	f.Amount--
	g := c.do(t.Context(), telco.OpRegister, f)
	require.NoError(t, g.bad)
	assert.Equal(t, string(field.AmountMismatch), g.reply.WireCode)
	assert.Equal(t, wire.Unknown, g.reply.Class)
}

func TestDedupeNeedsThePartnerTransID(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	register := doc.Operations[telco.OpRegister]
	delete(register.Request, "partnerTransId")
	register.Echo = []string{"transId"}
	served, err := contract.New(doc)
	require.NoError(t, err)
	_, err = New(Config{Kind: "A", Contract: served})
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "sandbox: "), err)
}
