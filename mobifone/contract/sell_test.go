package contract_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// These tests sell with nothing but a document, over real HTTP: the sandbox serves it and
// the client speaks it.

const (
	cash   telco.VND = 120_000
	teller           = "GDV07"
)

var (
	customer = telco.MustParseMSISDN("0908123477")
	clerk    = telco.Staff{Shop: "HN01", Employee: teller, Name: "Trần Thị Bưởi", POS: "P2", System: "till-3"}
)

// spoken are the documents that these tests sell with, with the codec that one of them needs.
func spoken(t *testing.T, name string) *contract.Contract {
	t.Helper()
	if name == "piped" {
		c, err := contract.New(pipedDocument())
		require.NoError(t, err)
		return c.WithCodec(line)
	}
	file := strings.TrimSuffix(name, "-as-json")
	c, err := contract.Load(readFile(t, "testdata/"+file+".json"))
	require.NoError(t, err)
	if name == "xml" {
		return c.WithCodec(soap{lists: []string{"packages", "transactions"}})
	}
	return c
}

var sellers = []string{"order", "signed", "xml", "xml-as-json", "piped"}

// shop is a till over a sandbox on a port.
type shop struct {
	*sale.Desk
	t      *testing.T
	srv    *sandbox.Server
	client *mobifone.Client
}

func open(t *testing.T, c *contract.Contract, opts ...mobifone.Option) shop {
	t.Helper()
	return openAt(t, sandbox.Config{Contract: c, ResendAfter: -1}, opts...)
}

func openAt(t *testing.T, cfg sandbox.Config, opts ...mobifone.Option) shop {
	t.Helper()
	c := cfg.Contract
	srv, err := sandbox.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL + "/below", PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(srv.Credentials()), IDKey: telco.NewSecret("an-id-key-of-enough-length"),
	}, append([]mobifone.Option{mobifone.WithContract(srv.Contract())}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	desk, err := sale.NewDesk(sale.Config{
		Client: client, Store: sale.NewMemory(),
		AllowNoLookup: !c.Has(telco.OpGet) && !c.Has(telco.OpSearch),
	})
	require.NoError(t, err)
	return shop{desk, t, srv, client}
}

// toOTP takes an order to the code on the customer's phone.
func (s shop) toOTP() (id string) {
	s.t.Helper()
	v, err := s.Open(s.t.Context(), sale.Order{Shop: "HN01", ID: "DH-1", MSISDN: customer, Package: "C120", Price: cash, Staff: clerk}, teller)
	require.NoError(s.t, err)
	_, err = s.TakeCash(s.t.Context(), v.Sale.ID, cash, teller)
	require.NoError(s.t, err)
	v, err = s.RequestOTP(s.t.Context(), v.Sale.ID, teller)
	require.NoError(s.t, err)
	require.Equal(s.t, sale.OTPSent, v.Sale.State)
	return v.Sale.ID
}

func (s shop) code(right bool) telco.OTP {
	s.t.Helper()
	code, ok := s.srv.Code(customer)
	require.True(s.t, ok)
	if right {
		return code
	}
	text := []byte(code.Reveal())
	text[0] = '0' + (text[0]-'0'+1)%10
	code, err := telco.ParseOTP(string(text))
	require.NoError(s.t, err)
	return code
}

func (s shop) state(id string) sale.State {
	s.t.Helper()
	v, err := s.Look(s.t.Context(), id)
	require.NoError(s.t, err)
	return v.Sale.State
}

func (s shop) losesTheReply() {
	s.t.Helper()
	require.NoError(s.t, s.srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"}))
}

func TestDeskSellsByDocument(t *testing.T) {
	t.Parallel()
	for _, name := range sellers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("at once", func(t *testing.T) {
				t.Parallel()
				s := open(t, spoken(t, name))
				id := s.toOTP()
				v, err := s.Register(t.Context(), id, s.code(true), teller)
				require.NoError(t, err)
				assert.Equal(t, sale.Registered, v.Sale.State)
				assert.Equal(t, 1, s.srv.Executed(customer))
				assert.Equal(t, 1, s.srv.Requests(telco.OpRegister))
				require.NotNil(t, v.Sale.Receipt)
				assert.NotEmpty(t, v.Sale.Receipt.WireCode, "which of MobiFone's successes it was")
				assert.Equal(t, v.Sale.Receipt.WireCode, v.Sale.Intents[0].WireCode)
			})
			t.Run("garbled JSON", func(t *testing.T) {
				t.Parallel()
				s := open(t, spoken(t, name))
				err := s.srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "garble", Shape: "duplicate-keys"})
				if name == "xml" || name == "piped" {
					require.ErrorContains(t, err, "codec")
				} else {
					require.NoError(t, err)
				}
			})
			t.Run("wrong code first", func(t *testing.T) {
				t.Parallel()
				s := open(t, spoken(t, name))
				id := s.toOTP()
				_, err := s.Register(t.Context(), id, s.code(false), teller)
				require.ErrorIs(t, err, telco.OTPInvalid)
				require.Equal(t, sale.OTPSent, s.state(id))
				look, err := s.Look(t.Context(), id)
				require.NoError(t, err)
				assert.NotEmpty(t, look.Sale.Intents[0].WireCode)
				v, err := s.Register(t.Context(), id, s.code(true), teller)
				require.NoError(t, err)
				assert.Equal(t, sale.Registered, v.Sale.State)
				assert.Equal(t, 1, s.srv.Executed(customer))
				assert.Equal(t, 2, s.srv.Requests(telco.OpRegister))
			})
			t.Run("reply lost", func(t *testing.T) {
				t.Parallel()
				s := open(t, spoken(t, name))
				id := s.toOTP()
				s.losesTheReply()
				_, err := s.Register(t.Context(), id, s.code(true), teller)
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				want := sale.Registered
				if name == "order" || name == "piped" { // nothing can be looked up: a person decides
					want = sale.Review
				}
				for range 3 {
					_, err = s.Resolve(t.Context(), id)
					require.NoError(t, err)
				}
				assert.Equal(t, want, s.state(id))
				assert.Equal(t, 1, s.srv.Executed(customer))
				assert.Equal(t, 1, s.srv.Requests(telco.OpRegister))
			})
		})
	}
}

// plain walks the four steps with the client alone.
func (s shop) plain() (registration.Request, *otp.Ticket) {
	s.t.Helper()
	ctx := s.t.Context()
	eligible, err := s.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: customer, Staff: clerk})
	require.NoError(s.t, err)
	assert.Equal(s.t, !s.srv.Contract().Has(telco.OpEligible), eligible.Unchecked)
	offer, ok := eligible.Offer("C120")
	require.True(s.t, ok)
	require.True(s.t, offer.Eligible)
	require.Equal(s.t, cash, offer.Price)
	id, err := s.client.NewPartnerTransID("HN01", "DH-1", 1)
	require.NoError(s.t, err)
	ticket, err := s.client.OTP.Request(ctx, otp.Request{MSISDN: customer, Package: offer.Code, PartnerTransID: id, Staff: clerk})
	require.NoError(s.t, err)
	return registration.Request{
		MSISDN: customer, Package: offer.Code, Amount: offer.Price, OfferPrice: offer.Price, TransID: ticket.TransID,
		PartnerTransID: id, OTP: s.code(true), OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: clerk,
	}, ticket
}

func TestClientSellsByDocument(t *testing.T) {
	t.Parallel()
	for _, name := range sellers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, spoken(t, name))
			req, ticket := s.plain()
			assert.False(t, ticket.Assumed, "the reply says how long the code lives")
			assert.WithinDuration(t, time.Now().Add(3*time.Minute), ticket.ExpiresAt, 3*time.Second)
			wrong := req
			wrong.OTP = s.code(false)
			_, err := s.client.Registration.Register(t.Context(), wrong)
			require.Equal(t, telco.ReenterOTP, telco.ActionFor(err, true).Step, "%v", err)
			receipt, err := s.client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, s.srv.Contract().Document().Envelope.SuccessCodes[0], receipt.WireCode)
			if name != "piped" {
				assert.WithinDuration(t, time.Now(), receipt.RegisteredAt, 5*time.Second)
				assert.False(t, receipt.ExpiresAt.IsZero())
			}
			assert.Equal(t, 1, s.srv.Executed(customer))
			s.keepsExtra(name, ticket, receipt)
		})
	}
}

// keepsExtra checks that members the SDK has no field for arrive with those who asked.
func (s shop) keepsExtra(name string, ticket *otp.Ticket, receipt *registration.Receipt) {
	s.t.Helper()
	doc := s.srv.Contract().Document()
	kept := func(e telco.Extra, names []string) {
		s.t.Helper()
		for _, name := range names {
			v, ok := e.Get(name)
			assert.True(s.t, ok, name)
			assert.Equal(s.t, "sandbox's "+name, v)
		}
	}
	kept(ticket.Extra, doc.Operations[telco.OpOTP].Extra)
	kept(receipt.Extra, doc.Operations[telco.OpRegister].Extra)
	if name != "signed" {
		return
	}
	eligible, err := s.client.Packages.Eligible(s.t.Context(), packages.EligibleRequest{MSISDN: customer, Staff: clerk})
	require.NoError(s.t, err)
	for _, offer := range eligible.Offers {
		kept(offer.Extra, []string{"campaign"})
		require.NotNil(s.t, offer.AutoRenew)
		assert.True(s.t, *offer.AutoRenew)
	}
	found, err := s.client.Transactions.Get(s.t.Context(), transactions.GetRequest{TransID: receipt.TransID})
	require.NoError(s.t, err)
	kept(found.Transaction.Extra, []string{"invoice"})
	assert.Equal(s.t, cash, found.Transaction.Amount)
}

func TestClientResolvesByDocument(t *testing.T) {
	t.Parallel()
	for _, name := range sellers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, spoken(t, name))
			req, _ := s.plain()
			s.losesTheReply()
			draft, err := s.client.Registration.Prepare(t.Context(), req)
			require.NoError(t, err)
			_, err = draft.Send(t.Context())
			require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			_, err = s.client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, telco.AlreadySent)
			receipt, err := s.client.Registration.Resolve(t.Context(), draft.Handle())
			if name == "order" || name == "piped" {
				require.ErrorIs(t, err, telco.OperationAbsent)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)
			} else {
				require.NoError(t, err)
				assert.True(t, receipt.Resolved)
			}
			assert.Equal(t, 1, s.srv.Requests(telco.OpRegister))
			assert.Equal(t, 1, s.srv.Executed(customer))
		})
	}
}

// "Registered and charged" is another string than "registered free", and the receipt tells
// which; an inner code that does not confirm takes the success back.
func TestOrderTellsWhichSuccess(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(body string) string
		code   string // "" is Unknown
	}{
		"free":           {func(b string) string { return b + " " }, "0"},
		"charged":        {func(b string) string { return strings.Replace(b, `"resultCode":"0"`, `"resultCode":"100"`, 1) }, "100"},
		"as a number":    {func(b string) string { return strings.Replace(b, `"resultCode":"0"`, `"resultCode":100`, 1) }, "100"},
		"Y":              {func(b string) string { return strings.Replace(b, `"isSuccess":true`, `"isSuccess":"Y"`, 1) }, "0"},
		"N":              {func(b string) string { return strings.Replace(b, `"isSuccess":true`, `"isSuccess":"N"`, 1) }, ""},
		"doubted":        {func(b string) string { return strings.Replace(b, `"code":"0"`, `"code":"7"`, 1) }, ""},
		"not confirmed":  {func(b string) string { return strings.Replace(b, `"provisioning":{"code":"0"},`, ``, 1) }, "0"},
		"another price":  {func(b string) string { return strings.Replace(b, `"amount":"120000.00"`, `"amount":"90000.00"`, 1) }, ""},
		"another one":    {func(b string) string { return strings.Replace(b, `"pkgCode":"C120"`, `"pkgCode":"3C120"`, 1) }, ""},
		"no price":       {func(b string) string { return strings.Replace(b, `"amount":"120000.00"`, `"amount":null`, 1) }, ""},
		"thousands":      {func(b string) string { return strings.Replace(b, `"amount":"120000.00"`, `"amount":"120.000"`, 1) }, ""},
		"a plain amount": {func(b string) string { return strings.Replace(b, `"amount":"120000.00"`, `"amount":120000`, 1) }, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := rewriting{t: t, path: "/api/order/confirm", change: tc.change}
			s := open(t, spoken(t, "order"), mobifone.WithHTTPClient(&http.Client{Transport: change}))
			req, _ := s.plain()
			receipt, err := s.client.Registration.Register(t.Context(), req)
			if tc.code == "" {
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			} else {
				require.NoError(t, err)
				assert.Equal(t, tc.code, receipt.WireCode)
			}
			assert.Equal(t, 1, s.srv.Requests(telco.OpRegister))
		})
	}
}

// rewriting changes the replies of one path.
type rewriting struct {
	t      *testing.T
	path   string
	change func(body string) string
}

func (r rewriting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := new(http.Transport).RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, r.path) {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	changed := r.change(string(body))
	assert.NotEqual(r.t, string(body), changed, "the change changes nothing")
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader([]byte(changed))), int64(len(changed))
	resp.Header.Del("Content-Length")
	return resp, nil
}

var signatureOf = regexp.MustCompile(`"signature":"[^"]*"`)

// A reply that somebody else signed, that nobody signed, or that was changed after it was
// signed proves nothing.
func TestWrongReplySignatureIsUnknown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"another's": func(b string) string {
			return signatureOf.ReplaceAllString(b, `"signature":"bm90IHRoaXMgb25lLCBub3QgdGhpcyBvbmUsIG5vIQ=="`)
		},
		"none": func(b string) string { return signatureOf.ReplaceAllString(b, `"signature":null`) },
		"a changed state": func(b string) string {
			require.Contains(t, b, `"state":"2"`)
			return strings.Replace(b, `"state":"2"`, `"state":"3"`, 1)
		},
		"a list in its place": func(b string) string { return strings.Replace(b, `"state":"2"`, `"state":["2"]`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, spoken(t, "signed"), mobifone.WithHTTPClient(&http.Client{Transport: rewriting{t: t, path: "/pgw/v1/register", change: change}}))
			req, _ := s.plain()
			_, err := s.client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, telco.ReplyUnreadable)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			var e *telco.Error
			require.ErrorAs(t, err, &e)
			receipt, err := s.client.Registration.Resolve(t.Context(), *e.Handle)
			require.NoError(t, err)
			assert.True(t, receipt.Resolved)
			assert.Equal(t, 1, s.srv.Requests(telco.OpRegister))
		})
	}
}

// A MobiFone that takes whole days, and few of them at once, is still searched from before
// the first request to after the last.
func TestSearchByWholeDays(t *testing.T) {
	t.Parallel()
	for _, longest := range []time.Duration{24 * time.Hour, 36 * time.Hour, 48 * time.Hour, 72 * time.Hour, 31 * 24 * time.Hour} {
		t.Run(longest.String(), func(t *testing.T) {
			t.Parallel()
			doc := spoken(t, "xml-as-json").Document()
			doc.Limits.RangeMax = contract.Duration(longest)
			c, err := contract.New(doc)
			require.NoError(t, err)
			s := open(t, c)
			id := s.toOTP()
			s.losesTheReply()
			_, err = s.Register(t.Context(), id, s.code(true), teller)
			require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			_, err = s.Resolve(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, sale.Registered, s.state(id))

			found := 0
			for tx, err := range s.client.Transactions.Search(transactions.SearchQuery{
				MSISDN: customer, Query: transactions.Query{From: time.Now().Add(-50 * time.Hour), To: time.Now().Add(-time.Hour)},
			}).All(t.Context()) {
				require.NoError(t, err)
				found++
				t.Log(tx.TransID)
			}
			assert.Zero(t, found, "a row of the day that is not of the window")
		})
	}
}

// A MobiFone that carries one request out twice lists it twice, and that is a person's.
func TestTwoRowsOfOneID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"xml", "xml-as-json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, sandbox.Config{Contract: spoken(t, name), Kind: "D"})
			id := s.toOTP()
			require.NoError(t, s.srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "duplicate"}))
			s.losesTheReply()
			_, err := s.Register(t.Context(), id, s.code(true), teller)
			require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			_, err = s.Resolve(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, 2, s.srv.Executed(customer))
			assert.Equal(t, sale.Review, s.state(id))
		})
	}
}

func TestSoapIsStrict(t *testing.T) {
	t.Parallel()
	c := soap{lists: []string{"transactions"}}
	message := contract.Message{Operation: telco.OpSearch, Reply: true}
	read := func(inside string) (string, error) {
		doc, err := c.Read(message, "text/xml", []byte(soapOpen+inside+soapClose))
		return string(doc), err
	}
	said, err := read(`<errorCode>0</errorCode><result><transactions/><total>0</total></result>`)
	require.NoError(t, err)
	assert.JSONEq(t, `{"errorCode":"0","result":{"transactions":[],"total":"0"}}`, said)
	said, err = read(`<a> x &amp; y </a><b/>`)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":" x & y ","b":null}`, said)
	for name, inside := range map[string]string{
		"twice":          `<errorCode>0</errorCode><errorCode>1</errorCode>`,
		"twice in depth": `<result><state>S</state><state>F</state></result>`,
		"cut":            `<errorCode>0</errorCode><result>`,
		"two messages":   `</message><message>`,
		"behind":         soapClose + `<more/>` + soapOpen,
	} {
		_, err := read(inside)
		assert.Error(t, err, name)
	}
	_, err = c.Read(message, "text/html", []byte("<html><body>502</body></html>"))
	require.Error(t, err)
}
