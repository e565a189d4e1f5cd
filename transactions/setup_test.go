package transactions_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var (
	msisdn = telco.MustParseMSISDN("0908123456")
	other  = telco.MustParseMSISDN("0908123457")
)

func client(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
	t.Helper()
	cred := telco.Credentials{
		APIKey: telco.NewSecret("key-for-tests"), Secret: telco.NewSecret("secret-for-tests"),
		Username: "shop-chain", Password: telco.NewSecret("password-for-tests"),
	}
	p.Trust(cred)
	c, err := mobifone.New(mobifone.Config{
		BaseURL: p.Server.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(cred),
	}, mobifone.WithContract(p.Contract), mobifone.WithRetry(mobifone.Retry{Tries: 1}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

// contracts are the wires of the tests; some offer no lookup.
func contracts(t *testing.T) map[string]*contract.Contract {
	t.Helper()
	all := map[string]*contract.Contract{"default": contract.Default()}
	for _, name := range []string{"second", "order", "signed"} {
		document, err := os.ReadFile(filepath.Join("..", "mobifone", "contract", "testdata", name+".json"))
		require.NoError(t, err)
		all[name], err = contract.Load(document)
		require.NoError(t, err)
	}
	return all
}

// eachWithLists runs f under every contract that lists transactions.
func eachWithLists(t *testing.T, f func(t *testing.T, c *contract.Contract)) {
	t.Helper()
	for name, c := range contracts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !c.Has(telco.OpList) {
				t.Skip("the contract lists no transactions")
			}
			f(t, c)
		})
	}
}

// edited is the default contract with a change.
func edited(t *testing.T, change func(*contract.Document)) *contract.Contract {
	t.Helper()
	doc := contract.Default().Document()
	change(&doc)
	c, err := contract.New(doc)
	require.NoError(t, err)
	return c
}

// book serves lists and searches from rows, as the default contract says, and keeps what
// was asked.
type book struct {
	p    *wiretest.MobiFone
	rows []field.Row

	mu    sync.Mutex
	asked []field.Request
}

func serve(t *testing.T, c *contract.Contract, rows ...field.Row) *book {
	t.Helper()
	b := &book{p: wiretest.New(t, c), rows: rows}
	slices.SortStableFunc(b.rows, func(x, y field.Row) int { return y.CreatedAt.Compare(x.CreatedAt) })
	for _, op := range []telco.Operation{telco.OpList, telco.OpSearch} {
		b.p.On(op, func(w http.ResponseWriter, _ *http.Request, f field.Request) { b.answer(w, op, f) })
	}
	return b
}

func (b *book) answer(w http.ResponseWriter, op telco.Operation, f field.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, f)
	var in []field.Row
	for _, r := range b.rows {
		switch {
		case r.CreatedAt.Before(f.From), !r.CreatedAt.Before(f.To),
			f.Package != "" && r.Package != f.Package,
			f.Shop != "" && r.Shop != f.Shop,
			f.MSISDN.IsValid() && r.MSISDN != f.MSISDN:
		default:
			in = append(in, r)
		}
	}
	total := len(in)
	lo := min((f.Page-1)*f.Size, total)
	hi := min(lo+f.Size, total)
	pages := (total + f.Size - 1) / f.Size
	b.p.Write(w, op, http.StatusOK, wire.Answer{Code: telco.Success, Data: field.Data{
		Page: f.Page, Size: f.Size, Total: &total, Pages: &pages, HasRows: true, Rows: in[lo:hi],
	}})
}

func (b *book) requests() []field.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

func row(id string, created time.Time, state telco.State) field.Row {
	return field.Row{
		TransID: telco.TransID(id), MSISDN: msisdn, Package: "C120", Amount: 120_000,
		StateSaid: field.StateSaid{State: state}, Shop: "HN01", CreatedAt: created, UpdatedAt: created,
	}
}

// ago is a whole second in the past.
func ago(d time.Duration) time.Time { return time.Now().Add(-d).Truncate(time.Second) }

// absence tells whether an error is an absence, and for when.
func absence(err error) (time.Time, bool) {
	e, ok := errors.AsType[*telco.Error](err)
	if !ok {
		return time.Time{}, false
	}
	return e.AbsentAt, e.Absent
}
