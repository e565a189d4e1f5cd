package packages_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

func client(t *testing.T, p *wiretest.MobiFone, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	c, err := mobifone.New(mobifone.Config{
		BaseURL: p.Server.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(telco.Credentials{
			APIKey: telco.NewSecret("key-for-tests"), Secret: telco.NewSecret("secret-for-tests"),
		}),
	}, append([]mobifone.Option{mobifone.WithContract(p.Contract)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func request() packages.EligibleRequest {
	return packages.EligibleRequest{
		MSISDN: telco.MustParseMSISDN("0908123456"),
		Staff:  telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"},
	}
}

// answers makes MobiFone offer these rows.
func answers(t *testing.T, rows ...field.Row) *mobifone.Client {
	t.Helper()
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpEligible, p.Says(telco.OpEligible, http.StatusOK, wire.Answer{
		Code: telco.Success, Data: field.Data{SubscriberType: "PREPAID", HasRows: true, Rows: rows},
	}))
	return client(t, p)
}

func TestEligibleSendsWhoAsks(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var got field.Request
	offers := p.Offers(120_000)
	p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, f field.Request) { got = f; offers(w, r, f) })
	e, err := client(t, p).Packages.Eligible(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, field.Request{MSISDN: request().MSISDN, Channel: "SHOP", Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"}}, got)
	assert.Equal(t, "PREPAID", e.SubscriberType)
	assert.Equal(t, 1, e.Evidence.Sends)
	assert.False(t, e.MobiFoneTime.IsZero())
	o, ok := e.Offer("C120")
	require.True(t, ok)
	assert.True(t, o.Eligible)
	assert.True(t, o.Reason.IsZero())
	assert.Empty(t, o.CatalogDiffers)
	assert.Equal(t, telco.VND(120_000), o.Price)
	_, ok = e.Offer("c120")
	assert.False(t, ok)
}

func TestEligibleRefusesOnlyTheMalformed(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	_, err := client(t, p).Packages.Eligible(t.Context(), packages.EligibleRequest{Staff: telco.Staff{Shop: "a b"}})
	require.ErrorIs(t, err, telco.InvalidInput)
	assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	var e *telco.Error
	require.ErrorAs(t, err, &e)
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	assert.Equal(t, []string{"MSISDN", "Staff.Shop", "Staff.Employee"}, fields)
	assert.Zero(t, p.Requests(telco.OpEligible))
}

func TestOfferReadsFlagAndReason(t *testing.T) {
	t.Parallel()
	notEligible := "Thuê bao không đủ điều kiện đăng ký gói này."
	tests := []struct {
		name     string
		flag     *bool
		reason   string
		eligible bool
		code     telco.Code
		wire     string
		textVI   string
	}{
		{name: "flagged", flag: new(true), eligible: true},
		{name: "listed without a flag: the function lists what can be registered", eligible: true},
		{name: "a reason without a flag", reason: "2064", code: telco.Code("PACKAGE_ALREADY_REGISTERED"), wire: "2064", textVI: "Thuê bao đã có gói cước này."},
		{name: "a success code is no reason", reason: "0000", eligible: true},
		{
			name: "refused with a reason", flag: new(false), reason: "3040", code: telco.Code("COMMITMENT_ACTIVE"), wire: "3040",
			textVI: "Thuê bao chưa hết thời gian cam kết của gói trước.",
		},
		{name: "refused without a reason", flag: new(false), textVI: notEligible},
		{name: "refused with a success code", flag: new(false), reason: "0000", textVI: notEligible},
		{name: "refused with an unknown code", flag: new(false), reason: "Z9", wire: "Z9", textVI: notEligible},
		{name: "an unknown code without a flag", reason: "Z9", wire: "Z9", textVI: notEligible},
		{name: "the flag prevails over a reason", flag: new(true), reason: "8021", eligible: true, code: telco.NotEligible, wire: "8021", textVI: notEligible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := answers(t, field.Row{Package: "C120", Price: 120_000, Eligible: tt.flag, ReasonCode: tt.reason})
			e, err := c.Packages.Eligible(t.Context(), request())
			require.NoError(t, err)
			o := e.Offers[0]
			assert.Equal(t, tt.eligible, o.Eligible)
			assert.Equal(t, tt.code, o.Reason.Code)
			assert.Equal(t, tt.wire, o.Reason.WireCode)
			assert.Equal(t, tt.textVI, o.Reason.Text.VI)
		})
	}
}

func TestTheCatalogFlagsAndNeverRefuses(t *testing.T) {
	t.Parallel()
	c := answers(t,
		field.Row{Package: "C120", Price: 130_000, CycleDays: 31, AutoRenew: new(false)},
		field.Row{Package: "3C120", CycleDays: 90, ResetDays: 30, AutoRenew: new(true)},
		field.Row{Package: "NEW_1", Price: 5_000, Name: "Gói mới"},
	)
	e, err := c.Packages.Eligible(t.Context(), request())
	require.NoError(t, err)
	want := map[telco.PackageCode][]catalog.Difference{
		"C120": {
			{Field: "price", Catalog: "120000", MobiFone: "130000"},
			{Field: "cycleDays", Catalog: "30", MobiFone: "31"},
			{Field: "autoRenew", Catalog: "true", MobiFone: "false"},
		},
		"3C120": {{Field: "price", Catalog: "360000"}},
		"NEW_1": {{Field: "package", MobiFone: "NEW_1"}},
	}
	require.Len(t, e.Offers, len(want))
	for _, o := range e.Offers {
		assert.True(t, o.Eligible, o.Code)
		assert.Equal(t, want[o.Code], o.CatalogDiffers, o.Code)
	}

	first := c.Packages.Describe(e.Offers[0])
	assert.Equal(t, telco.VND(130_000), first.Price, "MobiFone prevails")
	assert.Equal(t, 31, first.CycleDays)
	assert.Equal(t, 30, first.ResetDays)
	assert.False(t, first.AutoRenew)
	assert.NotEmpty(t, first.Notes)
	assert.Equal(t, telco.VND(360_000), c.Packages.Describe(e.Offers[1]).Price, "where MobiFone is silent the catalog speaks")
	unknown := c.Packages.Describe(e.Offers[2])
	assert.Equal(t, catalog.Package{Code: "NEW_1", Name: "Gói mới", Price: 5_000}, unknown)
	before, _ := c.Packages.Catalog().Lookup("C120")
	assert.Equal(t, telco.VND(120_000), before.Price)
}

func TestNoOfferIsNoError(t *testing.T) {
	t.Parallel()
	e, err := answers(t).Packages.Eligible(t.Context(), request())
	require.NoError(t, err)
	assert.Empty(t, e.Offers)
	_, ok := e.Offer("C120")
	assert.False(t, ok)
}

// raw makes MobiFone answer a success with this data.
func raw(t *testing.T, data string) *mobifone.Client {
	t.Helper()
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpEligible, wiretest.Raw(http.StatusOK, "application/json", `{"errorCode":"0000","message":"ok","data":`+data+`}`))
	return client(t, p)
}

func TestANullListIsNoOffer(t *testing.T) {
	t.Parallel()
	e, err := raw(t, `{"subscriberType":"PREPAID","packages":null}`).Packages.Eligible(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, "PREPAID", e.SubscriberType)
	assert.Empty(t, e.Offers)
}

// One offer that cannot be read, or not be ordered, is shown as such; the others are
// sold as ever, and no price is made up for it.
func TestAnOfferThatCannotBeReadSpoilsNoOther(t *testing.T) {
	t.Parallel()
	const good = `{"packageCode":"3C120","price":360000,"eligible":true}`
	for name, tc := range map[string]struct {
		row, problem string
		code         telco.PackageCode
		wire         string
	}{
		"a grouped price":     {`{"packageCode":"C120","price":"70.000","eligible":true}`, "data.packages[0].price: must be a whole number", "C120", ""},
		"a price below zero":  {`{"packageCode":"C120","price":-1,"eligible":true}`, "data.packages[0].price: must not be negative", "C120", ""},
		"a flag that is none": {`{"packageCode":"C120","price":120000,"eligible":2}`, "data.packages[0].eligible: must be true or false", "C120", ""},
		"a lower-case code":   {`{"packageCode":"c120","price":120000}`, "packages[0].package: cannot be ordered: not 1 to 20 of A-Z, 0-9 and '_'", "c120", ""},
		"a code with a space": {`{"packageCode":"C120 ","price":120000}`, "packages[0].package: cannot be ordered: not 1 to 20 of A-Z, 0-9 and '_'", "C120 ", ""},
		"a code as a number":  {`{"packageCode":"gọi 0912345678","price":120000}`, "packages[0].package: cannot be ordered: not 1 to 20 of A-Z, 0-9 and '_'", "gọi ***678", ""},
		"no code":             {`{"price":120000,"eligible":true}`, "packages[0].package: missing", "", ""},
		"a code of no text":   {`{"packageCode":{},"price":120000}`, "data.packages[0].packageCode: must be a string or a whole number", "", ""},
		"no object":           {`null`, "data.packages[0]: must be an object", "", ""},
		"the same twice":      {`{"packageCode":"C120","price":120000},{"packageCode":"C120","price":1}`, "packages[1].package: the same package twice", "C120", ""},
		"with a reason":       {`{"packageCode":"C120","price":"x","eligible":false,"reasonCode":"2064"}`, "data.packages[0].price: must be a whole number", "C120", "2064"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := raw(t, `{"packages":[`+tc.row+`,`+good+`]}`)
			e, err := c.Packages.Eligible(t.Context(), request())
			require.NoError(t, err)
			require.Len(t, e.Offers, 2)
			bad, other := e.Offers[0], e.Offers[1]
			assert.Equal(t, tc.problem, bad.Problem)
			assert.Equal(t, tc.code, bad.Code)
			assert.False(t, bad.Eligible)
			assert.Equal(t, telco.ReplyUnreadable, bad.Reason.Code)
			assert.Equal(t, tc.wire, bad.Reason.WireCode)
			assert.NotEmpty(t, bad.Reason.Text.VI)
			assert.NotEmpty(t, bad.Reason.Text.EN)
			assert.Zero(t, bad.Price)
			assert.Zero(t, c.Packages.Describe(bad).Price, "the catalog's price is a guess here")
			assert.Empty(t, bad.CatalogDiffers)
			assert.Equal(t, telco.PackageCode("3C120"), other.Code)
			assert.True(t, other.Eligible)
			assert.Empty(t, other.Problem)
			assert.Equal(t, telco.VND(360_000), other.Price)
		})
	}
}

// A code is found twice also when one of the two rows cannot be read, and where nothing
// else can be sold.
func TestASecondReadingOfAPackageIsNotSold(t *testing.T) {
	t.Parallel()
	e, err := raw(t, `{"packages":[{"packageCode":"C120","price":120000},{"packageCode":"C120","price":"70.000"},{"price":1},{}]}`).
		Packages.Eligible(t.Context(), request())
	require.NoError(t, err)
	require.Len(t, e.Offers, 3)
	for _, o := range e.Offers {
		assert.False(t, o.Eligible, o.Problem)
		assert.NotEmpty(t, o.Problem)
	}
	o, ok := e.Offer("C120")
	require.True(t, ok)
	assert.Equal(t, "packages[1].package: the same package twice", o.Problem)
	_, ok = e.Offer("")
	assert.False(t, ok, "offers without a code are not found by one")
}

func TestEligibleRefusesAnswersItCannotRead(t *testing.T) {
	t.Parallel()
	const head, tail = `{"errorCode":"0000","message":"ok","data":`, `}`
	for name, data := range map[string]string{
		"no list":         `{"subscriberType":"PREPAID"}`,
		"no list of rows": `{"packages":"C120"}`,
		"null data":       `null`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			p.On(telco.OpEligible, wiretest.Raw(http.StatusOK, "application/json", head+data+tail))
			retry := mobifone.Retry{Tries: 1, BackoffBase: 1, BackoffMax: 1, RetryAfterCap: 1}
			e, err := client(t, p, mobifone.WithRetry(retry)).Packages.Eligible(t.Context(), request())
			require.ErrorIs(t, err, telco.ReplyUnreadable)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			assert.Nil(t, e)
			var pe *telco.Error
			require.ErrorAs(t, err, &pe)
			assert.Equal(t, telco.OpEligible, pe.Operation)
			assert.Equal(t, 1, pe.Evidence.Sends)
			assert.False(t, pe.Text.IsZero())
		})
	}
}

func TestARefusalOfTheWholeCallKeepsItsCode(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpEligible, p.Says(telco.OpEligible, http.StatusOK, wire.Answer{Code: telco.Code("SUBSCRIBER_INACTIVE")}))
	_, err := client(t, p).Packages.Eligible(t.Context(), request())
	require.ErrorIs(t, err, telco.Code("SUBSCRIBER_INACTIVE"))
	assert.Equal(t, telco.Rejected, telco.OutcomeOf(err))
}
